"""The secrets of a target, and what is wrong inside those that somebody has opened.

    collect(root, marks) -> [Secret(...)]        what to open, by token; no key, no plaintext
    judge(secrets, value_of, today) -> findings  `value_of` gives the plaintext of a token, KeyError where it is closed

A secret is what a service gets at one place: a token, text with tokens in it, or a whole map of which a schema says the
kind, such as user and password.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.check.hygiene import kinds
from gitconfigmgr.check.hygiene.judging import is_random
from gitconfigmgr.model.diagnostics import Diagnostic, Position, Related, position_of
from gitconfigmgr.model.names import show_path
from gitconfigmgr.model.values import SEALED, Node, Sealed, Segments, scalar_text

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence
    from datetime import date

    from gitconfigmgr.check.hygiene.marked import Marks
    from gitconfigmgr.model.names import KeyPath

_CERTIFICATE, _PRIVATE = "-----BEGIN CERTIFICATE-----", "PRIVATE KEY-----"
_AUTHORITY = re.compile(
    r"(?:^|[_-])(?:ca|roots?|trust(?:ed|store)?|bundle|chain|issuer|intermediates?)(?:[_-]|$)", re.IGNORECASE
)
_LEAST_COMPARED = 16  # characters of a secret without a kind
_DATED = frozenset(("api_key", "admin_key", "certificate", "oauth_token", "cloud_credentials"))
_ADDRESSES = ("base_url", "api_base", "endpoint", "url")


class Token(NamedTuple):
    """An encrypted value, and the file where it is looked for first."""

    text: str
    path: str

    def __repr__(self) -> str:
        return "<secret>"


class Secret(NamedTuple):
    """`shape` is a token, a tuple of the parts of a text, or a map of such; `inside` the map it stands in.

    `provider` is who issued it, as the value beside it says.
    """

    shape: Any
    kind: str | None
    path: KeyPath
    position: Position
    related: tuple[Position, ...] = ()
    provider: str | None = None

    @property
    def inside(self) -> KeyPath:
        return self.path[:-1]

    def tokens(self) -> Iterator[Token]:
        """The tokens in it; none for the plain text of a certificate beside a secret."""
        yield from _tokens(self.shape)


def _tokens(shape: Any) -> Iterator[Token]:
    if isinstance(shape, Token):
        if shape.text:  # without one it is where a reference could not be resolved
            yield shape
    elif isinstance(shape, (dict, list, tuple)):
        for each in shape.values() if isinstance(shape, dict) else shape:
            yield from _tokens(each)


def collect(root: Node, marks: Marks | None) -> list[Secret]:
    """The secrets of a resolved document, and the certificates that stand in plaintext beside one."""
    return list(_collected(root, (), None, marks))


def _collected(node: Node, path: KeyPath, kind: str | None, marks: Marks | None) -> Iterator[Secret]:
    if not node.flags & SEALED:
        return
    if marks is not None and path:
        kind = marks.kind(path) or kind
    value = node.value
    if isinstance(value, dict):
        if kind is not None and kinds.is_object(kind, value):
            yield _secret(node, path, kind, _first_sealed(node))
            return
        plain = {key: child.value for key, child in value.items() if isinstance(child.value, str)}
        for key, child in value.items():
            for found in _collected(child, (*path, key), kind, marks):
                yield found._replace(provider=_provider(plain)) if len(found.path) == len(path) + 1 else found
            if _CERTIFICATE in plain.get(key, ""):
                yield _secret(child, (*path, key), None, child)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _collected(child, (*path, index), kind, marks)
    else:
        yield _secret(node, path, kind, node)


def _secret(node: Node, path: KeyPath, kind: str | None, place: Node) -> Secret:
    return Secret(_shape(node), kind, path, position_of(place), tuple(position_of(step) for step in place.via[:4]))


def _shape(node: Node) -> Any:
    value = node.value
    if isinstance(value, Sealed):
        return Token(value.token, node.document.path)
    if isinstance(value, Segments):
        return tuple(part if isinstance(part, str) else Token(part.token, node.document.path) for part in value.parts)
    if isinstance(value, list):
        return [_shape(child) for child in value]
    return {key: _shape(child) for key, child in value.items()} if isinstance(value, dict) else value


def _first_sealed(node: Node) -> Node:
    value = node.value
    if isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            if child.flags & SEALED:
                return _first_sealed(child)
    return node


def _provider(plain: dict[str, str]) -> str | None:
    """The provider that a map names, unless its requests go to somebody else's address."""
    name = plain.get("provider", "").lower()
    address = next((plain[key] for key in _ADDRESSES if key in plain), "")
    return None if not name or (address and name.split("_")[0] not in address) else name


# -- opened ------------------------------------------------------------------------------------------------------------


class _Open(NamedTuple):
    """A secret with its plaintext."""

    secret: Secret
    text: str

    def __repr__(self) -> str:
        return "<secret>"


def judge(secrets: Iterable[Secret], value_of: Callable[[Token], Any], today: date | None) -> list[Diagnostic]:
    """The findings about the secrets of one target. `value_of` raises KeyError for a token that is not open."""
    opened = [_Open(secret, text) for secret in secrets if (text := _text(secret.shape, value_of)) is not None]
    findings = []
    for secret, text in opened:
        if secret.kind is not None:
            for code, message, help_ in kinds.check_kind(secret.kind, text, today, provider=secret.provider):
                findings.append(_finding(secret, code, message, help_))
    findings += _pairs(opened)
    dated = next((secret for secret, _ in opened if secret.kind in _DATED), None)
    if today is None and dated is not None:
        message = "whether what is inside has expired cannot be told: there is no date to compare"
        findings.append(_finding(dated, "GCM214", message, "pass --now DATE"))
    return findings


class Held(NamedTuple):
    """A secret and the document that holds it."""

    secret: Secret
    namespace: str
    environment: str


def shared(
    held: Iterable[Held], value_of: Callable[[Token], Any], order: Sequence[str], protected: Container[str]
) -> list[Diagnostic]:
    """Secrets that documents of two environments hold, of whatever namespaces and however encrypted; `order` is that of
    the environments, and the later one has the finding."""
    first: dict[str, Held] = {}
    findings: dict[Position, Diagnostic] = {}
    for each in sorted(held, key=lambda item: (order.index(item.environment), item.secret.position)):
        text = _text(each.secret.shape, value_of)
        if text is None or not _worth_comparing(each.secret, text):
            continue
        other = first.setdefault(text, each)
        if other.environment != each.environment:
            severe = other.environment in protected or each.environment in protected
            findings[each.secret.position] = Diagnostic(
                "GCM705",
                f"the secret is the one of {other.namespace} in {other.environment}",
                each.secret.position,
                severity="error" if severe else "warning",
                related=(Related(other.secret.position, "also held here"),),
                key=show_path(each.secret.path),
                hidden=True,
            )
    return list(findings.values())


def _worth_comparing(secret: Secret, text: str) -> bool:
    """Whether equality is no accident, as with the names of users."""
    if secret.kind in (None, "generic", "certificate"):
        return len(text) >= _LEAST_COMPARED and is_random(text.encode())
    return True


def _finding(secret: Secret, code: str, message: str, help_: str, *related: Related) -> Diagnostic:
    via = tuple(Related(place, "the value comes from here") for place in secret.related)
    key = show_path(secret.path)
    return Diagnostic(code, message, secret.position, related=related + via, help=help_, key=key, hidden=True)


def _text(shape: Any, value_of: Callable[[Token], Any]) -> str | None:
    """The plaintext of a whole secret, a map as JSON; None where a token of it is closed."""
    try:
        value = _value(shape, value_of)
    except LookupError:
        return None
    return json.dumps(value, default=str) if isinstance(value, (dict, list)) else scalar_text(value)


def _value(shape: Any, value_of: Callable[[Token], Any]) -> Any:
    if isinstance(shape, Token):
        value = value_of(shape)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if isinstance(shape, tuple):
        return "".join(scalar_text(_value(part, value_of)) for part in shape)
    if isinstance(shape, list):
        return [_value(each, value_of) for each in shape]
    if isinstance(shape, dict):
        return {key: _value(each, value_of) for key, each in shape.items()}
    return shape


def _pairs(opened: list[_Open]) -> Iterator[Diagnostic]:
    """Private keys that belong to none of the certificates in their map."""
    by_map: defaultdict[KeyPath, list[_Open]] = defaultdict(list)
    for each in opened:
        by_map[each.secret.inside].append(each)
    for together in by_map.values():
        certificates = [each for each in together if _CERTIFICATE in each.text and not _is_authority(each)]
        for secret, text in together:
            if _PRIVATE not in text or _CERTIFICATE in text or secret.kind not in (None, "generic", "certificate"):
                continue
            found = [(kinds.check_pair(each.text, text), each.secret) for each in certificates]
            if found and all(mismatch for mismatch, _ in found):
                (code, message, help_), other = found[0][0][0], found[0][1]
                yield _finding(secret, code, message, help_, Related(other.position, "the certificate"))


def _is_authority(each: _Open) -> bool:
    return bool(_AUTHORITY.search(str(each.secret.path[-1])))
