"""Files of the published tree, with entity tags by digest and the compressed forms that stand beside them."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import orjson

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.http.answers import matches, problem
from gitconfigmgr.http.messages import Answer
from gitconfigmgr.release import layout
from gitconfigmgr.server.answers import NO_CACHE, ProblemError, accepted
from gitconfigmgr.server.catalogue import may_read
from gitconfigmgr.sync.access import Ability

if TYPE_CHECKING:
    from gitconfigmgr.server.app import Call, Endpoint
    from gitconfigmgr.sync.endpoint import Tree

_KEPT_BYTES = 64 * 1024 * 1024
_KEPT_FILE = 1024 * 1024
_FOREVER = "Cache-Control: private, max-age=31536000, immutable\r\n"
_FORMS = (("zstd", ".zst"), ("gzip", ".gz"))  # the ones a client may ask for, best first
_KINDS = {".json": "application/json", ".dcz": "application/octet-stream", ".sealed": "application/octet-stream"}


class File(NamedTuple):
    data: bytes
    sha256: str


class Files:
    """Files that were read lately, up to a bound: all but mutable ones, until `forget`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._kept: dict[tuple[str, str], File] = {}
        self._size = 0
        self._generation = 0

    def forget(self) -> None:
        """The tree has changed; a killed publisher's files may have been replaced, too."""
        self._kept.clear()
        self._size = 0
        self._generation += 1

    async def read(self, tenant: str, path: str) -> File | None:
        """Raises ProblemError where it cannot be told."""
        key = (tenant, path)
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        generation = self._generation
        try:
            data = await asyncio.to_thread(partial(self._tree.read, tenant, path))
        except OutsideError:
            raise ProblemError(503, "the tree cannot be read", "Retry-After: 5\r\n") from None
        if data is None:
            return None
        found = File(data, hashlib.sha256(data).hexdigest())
        if len(data) <= _KEPT_FILE and _immutable(path) and generation == self._generation:
            self._size += len(data)
            if self._size > _KEPT_BYTES:
                self._kept.clear()
                self._size = len(data)
            self._kept[key] = found
        return found


def _immutable(path: str) -> bool:
    return path not in (layout.TIMESTAMP, layout.DISCOVERY) and not path.startswith(f"{layout.STAGED}/")


async def answer_file(endpoint: Endpoint, call: Call) -> Answer:
    """GET of a file of the tree."""
    path = "/".join(call.rest)
    stem = path
    for _, suffix in _FORMS:
        stem = stem.removesuffix(suffix)
    publishes = Ability.PUBLISH in call.grant.abilities
    if not publishes:
        known = endpoint.hub.catalogues.get(call.tenant)
        if path.startswith(f"{layout.STAGED}/") or not may_read(call.grant, stem, known):
            return problem(403, "the caller may not read this file")
    if path == layout.DISCOVERY:
        return await _discovery(endpoint, call)
    file, coding = await _in_form(endpoint, call, path)
    if file is None:
        return problem(404)
    kind = _KINDS.get(path[path.rfind(".") :], "application/octet-stream")
    return respond(endpoint, call, file, coding, kind, immutable=_immutable(path))


async def _in_form(endpoint: Endpoint, call: Call, path: str) -> tuple[File | None, str]:
    """A file, in the best form that the caller takes; and the name of that form."""
    wanted = accepted(call.request.header("accept-encoding"))
    for coding, suffix in _FORMS:
        if coding in wanted and path.endswith((".json", ".sealed")):
            found = await endpoint.files.read(call.tenant, path + suffix)
            if found is not None:
                return found, coding
    return await endpoint.files.read(call.tenant, path), ""


def respond(
    endpoint: Endpoint,
    call: Call,
    file: File,
    coding: str,
    kind: str,
    *,
    immutable: bool,
    tag: str = "",
    more: str = "",
) -> Answer:
    """200 or 304. The entity tag is the digest of what is sent: no two forms share one."""
    etag = f'"{tag or file.sha256[:32]}"'
    varies = "Accept-Encoding" if immutable else "Accept-Encoding, Authorization"  # what is private has one caller
    headers = f"ETag: {etag}\r\nVary: {varies}{', Available-Dictionary' if more else ''}\r\n"
    headers += (_FOREVER if immutable else NO_CACHE) + more
    unchanged = Answer(304, headers=headers)
    answer = Answer(200, file.data, kind, headers + (f"Content-Encoding: {coding}\r\n" if coding else ""))
    if coding != "dcz":
        endpoint.keep_ready(call, answer, unchanged, etag)
    tags = call.request.header("if-none-match")
    return unchanged if tags and matches(tags, etag) else answer


async def _discovery(endpoint: Endpoint, call: Call) -> Answer:
    """What the tree says, and which addresses this endpoint has beside it."""
    file = await endpoint.files.read(call.tenant, layout.DISCOVERY)
    if file is None:
        return problem(404)
    try:
        known = orjson.loads(file.data)
    except ValueError:
        return problem(503, "the discovery document of the tree is damaged")
    data = orjson.dumps(known | endpoint.addresses(), option=orjson.OPT_SORT_KEYS)
    own = File(data, hashlib.sha256(data).hexdigest())
    return respond(endpoint, call, own, "", "application/json", immutable=False)
