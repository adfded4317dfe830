"""Taking a release in: it is verified as readers verify it, and takes effect as a whole or not at all."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from gitconfigmgr.adapters.endpoint.incoming import open_spool, read_archive
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.http.answers import problem
from gitconfigmgr.release.acceptance import accept
from gitconfigmgr.release.layout import metadata_file
from gitconfigmgr.release.ports import ConflictError
from gitconfigmgr.release.trust import UntrustedError
from gitconfigmgr.server.answers import ProblemError, as_json
from gitconfigmgr.server.telemetry import log
from gitconfigmgr.sync.endpoint import Upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.http.messages import Answer
    from gitconfigmgr.server.app import Call, Endpoint

_CHUNK = 1024 * 1024
_AT_ONCE = 4
_SECONDS = 600.0  # for one upload, however slowly it trickles
_BASE = re.compile(r'"([0-9a-f]{64})"\Z')
_FOLDER = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9._~-]*\Z")


async def answer_release(endpoint: Endpoint, call: Call) -> Answer:
    """POST of an archive, with `If-Match: "<sha256 of timestamp.json>"`, or `If-None-Match: *` for a first release."""
    if endpoint.shelf is None:
        return problem(403, "this endpoint takes no releases")
    base = _base(call)
    if endpoint.uploads >= _AT_ONCE:
        return problem(503, "too many uploads at once", "Retry-After: 5\r\n")
    endpoint.uploads += 1
    try:
        with open_spool(endpoint.state) as spool:
            async with asyncio.timeout(_SECONDS):
                await _receive(call, spool, endpoint.most_upload)
            release = await asyncio.to_thread(_take, endpoint, call.tenant, spool, base)
    except TimeoutError:
        return _refused(endpoint, call, 408, "the upload took too long")
    except ConflictError as error:
        return _refused(endpoint, call, 409, str(error))
    except UntrustedError as error:
        return _refused(endpoint, call, 422, str(error))
    except UsageError as error:
        return _refused(endpoint, call, 422, f"{error}; {error.hint}" if error.hint else str(error))
    except OutsideError as error:
        log("error", f"an upload could not be kept: {error}", tenant=call.tenant)
        return _refused(endpoint, call, 503, "the endpoint cannot write")
    finally:
        endpoint.uploads -= 1
    endpoint.metrics.count("gcm_endpoint_uploads_total", "result", "taken")
    log("info", f"release {release} was taken", tenant=call.tenant, by=call.grant.name)
    await endpoint.hub.look(call.tenant)
    return as_json({"release": release})


async def answer_names(endpoint: Endpoint, call: Call) -> Answer:
    """The names in a folder of the tree, for who publishes."""
    if endpoint.shelf is None or not all(_FOLDER.match(name) for name in call.rest):
        return problem(404)
    names = await asyncio.to_thread(endpoint.shelf.names, call.tenant, "/".join(call.rest))
    return as_json({"names": names})


async def _receive(call: Call, spool: IO[bytes], most: int) -> None:
    waiting, size = [], 0
    held = 0
    async for piece in call.request.chunks():
        size += len(piece)
        held += len(piece)
        if size > most:
            raise ProblemError(413, f"an upload has at most {most} bytes")
        waiting.append(piece)
        if held >= _CHUNK:
            await asyncio.to_thread(spool.write, b"".join(waiting))
            waiting, held = [], 0
    await asyncio.to_thread(spool.write, b"".join(waiting))


def _take(endpoint: Endpoint, tenant: str, spool: IO[bytes], base: str | None) -> int:
    files, removed = read_archive(spool)
    found: list[int] = []

    def decide(read: Callable[[str], bytes | None]) -> Upload:
        root = endpoint.roots.get(tenant) or read(metadata_file("root", 1))
        if root is None:
            raise UsageError(f"no root is known for {tenant}", f"start the endpoint with --root {tenant}=1.root.json")
        now = datetime.now(UTC)
        found.append(accept(read, files, removed, root, base, now))
        return Upload(files, removed, int(now.timestamp()))

    assert endpoint.shelf is not None
    endpoint.shelf.change(tenant, decide)
    return found[0]


def _base(call: Call) -> str | None:
    """What the release is made on. Raises ProblemError."""
    match = _BASE.match(call.request.header("if-match"))
    if match:
        return match[1]
    if call.request.header("if-none-match").strip() == "*":
        return None
    raise ProblemError(428, 'say what it is made on: If-Match: "<sha256 of timestamp.json>", or If-None-Match: *')


def _refused(endpoint: Endpoint, call: Call, status: int, detail: str) -> Answer:
    endpoint.metrics.count("gcm_endpoint_uploads_total", "result", "refused")
    log("warning", f"an upload was refused: {detail}", tenant=call.tenant, by=call.grant.name)
    return problem(status, detail)
