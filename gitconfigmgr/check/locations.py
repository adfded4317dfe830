"""What a schema is called, and what a `$ref` in it means: files of the repository and packaged files, nothing else.

Inside, every schema file has a URI on a host that cannot exist (RFC 2606), so that both validators resolve relative
references alike and nothing could ever be fetched: `schemas/a.json` is http://repository.invalid/schemas/a.json,
`gcm:llm/a.json` is http://gitconfigmgr.invalid/llm/a.json.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urljoin, urlsplit

REPOSITORY = "http://repository.invalid/"
PACKAGED = "http://gitconfigmgr.invalid/"
SCHEME = "gcm:"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
ALLOWED = (
    "a $ref may point to files of the repository, to packaged gcm: schemas, and to an $id that one of them declares"
)

_METASCHEMAS = "https://json-schema.org/draft/2020-12/"


class OutsideError(Exception):
    """The reference leads out of where schemas may be; the text says how."""


def uri_of(name: str) -> str:
    """The URI of a file as gitconfigmgr.yaml names it. Raises OutsideError."""
    if name.startswith(SCHEME):
        return PACKAGED + _inside("", name[len(SCHEME) :], "the packaged schemas")
    if urlsplit(name).scheme or name.startswith(("/", "\\")):
        raise OutsideError(f"{name} is not a path in the repository")
    return REPOSITORY + _inside("", quote(name), "the repository")


def name_of(uri: str) -> str:
    """The inverse of `uri_of`; any other URI stays as it is."""
    if uri.startswith(PACKAGED):
        return SCHEME + unquote(uri[len(PACKAGED) :])
    return unquote(uri[len(REPOSITORY) :]) if uri.startswith(REPOSITORY) else uri


def is_file(uri: str) -> bool:
    """Whether the URI is that of a file, there or not."""
    return uri.startswith((REPOSITORY, PACKAGED))


def is_metaschema(uri: str) -> bool:
    """Whether both validators bring this schema along."""
    return uri.startswith(_METASCHEMAS)


def resolve(reference: str, base: str) -> tuple[str, str]:
    """The URI and the fragment that a reference means in a schema of this base. Raises OutsideError."""
    try:
        location, _, fragment = reference.partition("#")
        return (_resolve(location, base) if location else base), fragment
    except ValueError as error:
        raise OutsideError(f"{reference} is not a URI: {error}") from error


def _resolve(location: str, base: str) -> str:
    if location.startswith(SCHEME):
        return PACKAGED + _inside("", location[len(SCHEME) :], "the packaged schemas")
    if urlsplit(location).scheme or location.startswith("//"):
        return urljoin(base, location)
    for root, what in ((REPOSITORY, "the repository"), (PACKAGED, "the packaged schemas")):
        if base.startswith(root):
            return root + _inside(base[len(root) :], location, what)
    return urljoin(base, location)


def _inside(base: str, location: str, what: str) -> str:
    """The path of a relative reference, percent-encoded; raises OutsideError where `..` leaves the root."""
    parts = [] if location.startswith("/") else unquote(base).split("/")[:-1]
    for part in unquote(location).split("/"):
        if part == "..":
            if not parts:
                raise OutsideError(f"{location} leads out of {what}")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if parts and location.endswith(("/", "/.", "/..")):
        parts.append("")
    return quote("/".join(parts), safe="/~!$&'()*+,;=:@")
