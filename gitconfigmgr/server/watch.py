"""Telling who waits that there is a release: server-sent events, or one answer that is held back. Never content."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.http.answers import NO_STORE, problem
from gitconfigmgr.http.messages import Answer, Stream
from gitconfigmgr.server.answers import as_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gitconfigmgr.server.app import Call, Endpoint

HEARTBEAT = 15.0
_LONGEST = 60.0
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4})")


async def answer_watch(endpoint: Endpoint, call: Call) -> Answer | Stream:
    """Events, unless `after` or `Prefer: wait` asks for one answer."""
    prefer = _WAIT.search(call.request.header("prefer"))
    if endpoint.watchers >= endpoint.most_watchers:
        return problem(503, "too many clients wait here", "Retry-After: 15\r\n")
    if prefer or "after" in call.query:
        return await _once(endpoint, call, min(float(prefer[1]) if prefer else 0.0, _LONGEST))
    return Stream(_events(endpoint, call))


async def _events(endpoint: Endpoint, call: Call) -> AsyncIterator[bytes]:
    """What is published now, and each release after it. One that comes while another is being sent may be passed over."""
    told: bytes | None = None
    endpoint.watchers += 1
    try:
        yield b"retry: 3000\n\n"
        while endpoint.callers.counts(call.grant):
            event = _event(endpoint, call)
            yield b": \n\n" if event == told else event
            told = event
            if event == _event(endpoint, call):
                await endpoint.hub.next(call.tenant, HEARTBEAT)
    finally:
        endpoint.watchers -= 1


async def _once(endpoint: Endpoint, call: Call, seconds: float) -> Answer:
    """The state, once its release is another than `after`; 204 when that did not come in time."""
    ends = time.monotonic() + seconds
    after = call.query.get("after", "")
    endpoint.watchers += 1
    try:
        while True:
            found = _state(endpoint, call)
            if str(found["release"]) != after:
                return as_json(found)
            left = ends - time.monotonic()
            if left <= 0 or not endpoint.callers.counts(call.grant):
                return Answer(204, headers=NO_STORE)
            await endpoint.hub.next(call.tenant, left)
    finally:
        endpoint.watchers -= 1


def _event(endpoint: Endpoint, call: Call) -> bytes:
    """Made once for all who may read the same."""
    known = endpoint.hub.catalogues.get(call.tenant)
    grant = call.grant
    key = (call.tenant, grant.environments, grant.namespaces)
    kept = endpoint.events.get(key)
    if kept is None or kept[0] is not known:
        data = orjson.dumps(_state(endpoint, call)).decode()
        number = known.timestamp if known else 0
        kept = endpoint.events[key] = (known, f"event: release\nid: {number}\ndata: {data}\n\n".encode())
    return kept[1]


def _state(endpoint: Endpoint, call: Call) -> dict[str, Any]:
    known = endpoint.hub.catalogues.get(call.tenant)
    if known is None:
        return {"release": 0, "timestamp": 0, "targets": {}}
    targets = {
        f"{entry.target.namespace}.{entry.target.environment}": entry.version for entry in known.visible(call.grant)
    }
    return {"release": known.release, "timestamp": known.timestamp, "targets": targets}
