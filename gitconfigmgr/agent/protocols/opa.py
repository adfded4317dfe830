"""Open Policy Agent: documents as bundles of data. GET /bundles/<namespace or folder>.tar.gz"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import orjson

from gitconfigmgr.agent.protocols.protocol import Answer, Protocol, Refusal

if TYPE_CHECKING:
    from gitconfigmgr.agent.protocols.protocol import Item, View
    from gitconfigmgr.agent.server import Request

_SUFFIX = ".tar.gz"
_PLAIN, _LONG = "application/gzip", "application/vnd.openpolicyagent.bundles"  # the latter: that we can wait
_LONGEST_WAIT = 60.0


def answer(view: View, request: Request) -> Answer:
    """A bundle. `Prefer: wait=30` waits for another one than the reader has."""
    match request.parts:
        case ("bundles", *names) if names[-1:] and names[-1].endswith(_SUFFIX):
            name = "/".join(names).removesuffix(_SUFFIX)
        case _:
            raise Refusal(404, "see /bundles/<namespace>.tar.gz")
    if name not in view.cache:
        view.cache[name] = _bundle(view, name)
    wait = _wait(request.header("prefer"))
    return Answer(view.cache[name], _LONG if wait else _PLAIN, tagged=True, wait=wait)


def _bundle(view: View, name: str) -> bytes:
    """One `data.json` for each namespace, at its path; the bundle owns the tree below the name that was asked for."""
    names = [known for known in view.names() if known == name or known.startswith(f"{name}/")]
    if not names:
        raise Refusal(404, "there is no such namespace or folder here")
    items: dict[str, Item] = {item.namespace: item for item in map(view.item, names)}
    base = view.settings.base
    root = f"{base}/{name}" if base else name
    data = {f"/{namespace}/data.json": orjson.dumps(item.value) for namespace, item in items.items()}
    manifest = {
        "revision": hashlib.sha256(b"\n".join(data.values())).hexdigest()[:16],
        "roots": [root],
        "metadata": {"versions": {namespace: item.version for namespace, item in items.items()}},
    }
    return _packed({"/.manifest": orjson.dumps(manifest), **data})


def _packed(files: dict[str, bytes]) -> bytes:
    """The same files give the same bytes."""
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _wait(prefer: str) -> float:
    for part in prefer.replace(";", ",").split(","):
        name, _, value = part.strip().partition("=")
        if name == "wait" and value.isascii() and value.isdecimal():
            return min(float(value), _LONGEST_WAIT)
    return 0


def error(refusal: Refusal, request: Request) -> Answer:  # noqa: ARG001 - a protocol's signature
    """As OPA's own server says it."""
    codes = {401: "unauthorized", 404: "resource_not_found"}
    body = {"code": codes.get(refusal.status, "internal_error"), "message": refusal.detail}
    return Answer(orjson.dumps(body), status=refusal.status)


PROTOCOL = Protocol(answer, error)
