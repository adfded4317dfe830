"""Bundles by the name of their target, not by digest: negotiated, and as deltas from what the caller has."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.http.answers import problem
from gitconfigmgr.model.names import Target
from gitconfigmgr.release import layout
from gitconfigmgr.server.answers import ProblemError, accepted, as_json, json_object, lines
from gitconfigmgr.server.files import respond

if TYPE_CHECKING:
    from gitconfigmgr.http.messages import Answer
    from gitconfigmgr.server.app import Call, Endpoint
    from gitconfigmgr.server.catalogue import Entry

_BODY = 64 * 1024
_MOST_SUBSCRIPTIONS = 1000
_MOST_BYTES = 32 * 1024 * 1024  # of one answer
_FORMS = (("zstd", ".zst"), ("gzip", ".gz"))


async def answer_bundle(endpoint: Endpoint, call: Call) -> Answer:
    """GET of `/b/<project>/<service>/<env>`: the current bundle; RFC 9842 `dcz` where its dictionary is at hand."""
    entry = _entry(endpoint, call, "/".join(call.rest[:-1]), call.rest[-1] if call.rest else "")
    wanted = accepted(call.request.header("accept-encoding"))
    more = _headers(endpoint, call, entry)
    old = _dictionary(call.request.header("available-dictionary"))
    if old is not None and "dcz" in wanted:
        delta = await endpoint.files.read(call.tenant, layout.delta_file(old, entry.sha256))
        if delta is not None:
            tag = f"{entry.sha256[:32]}-{old[:16]}"
            return respond(endpoint, call, delta, "dcz", "application/json", immutable=False, tag=tag, more=more)
    for coding, suffix in _FORMS:
        if coding in wanted:
            file = await endpoint.files.read(call.tenant, entry.file + suffix)
            if file is not None:
                return respond(endpoint, call, file, coding, "application/json", immutable=False, more=more)
    file = await endpoint.files.read(call.tenant, entry.file)
    if file is None:
        return problem(503, "the bundle is not there yet", "Retry-After: 1\r\n")
    return respond(endpoint, call, file, "", "application/json", immutable=False, more=more)


async def answer_sync(endpoint: Endpoint, call: Call) -> Answer:
    """What has changed since the versions that the caller names: deltas where there are any, as far as `max_size_bytes`.

    {"environment", "namespace", "last_known_version", "max_size_bytes", "subscriptions": [{"namespace",
    "last_known_version"}]}: one namespace, or several.
    """
    asked = json_object(await call.request.body(_BODY))
    environment = asked.get("environment")
    if not isinstance(environment, str):
        raise ProblemError(400, "environment is missing")
    most = _number(asked, "max_size_bytes", _MOST_BYTES)
    changes, left, more = [], min(most, _MOST_BYTES), False
    for namespace, version in _subscriptions(asked):
        entry = _entry(endpoint, call, namespace, environment)
        if version == entry.version:
            continue
        found = await _change(endpoint, call, entry, version)
        size = len(found["delta"])
        if size > left:
            more = True
            found |= {"delta": None, "compression": None, "reason": "larger than max_size_bytes"}
        else:
            left -= size
        changes.append(found)
    known = endpoint.hub.catalogues[call.tenant]
    return as_json({"release": known.release, "timestamp": known.timestamp, "changes": changes, "more": more})


def _subscriptions(asked: Any) -> list[tuple[str, int]]:
    listed = asked.get("subscriptions", [])
    if not isinstance(listed, list) or len(listed) > _MOST_SUBSCRIPTIONS:
        raise ProblemError(400, f"subscriptions is a list of at most {_MOST_SUBSCRIPTIONS}")
    items = [asked] if "namespace" in asked else []
    items += [item if isinstance(item, dict) else {"namespace": item} for item in listed]
    if not items or not all(isinstance(item.get("namespace"), str) for item in items):
        raise ProblemError(400, "namespace or subscriptions is missing")
    return [(item["namespace"], _number(item, "last_known_version", 0)) for item in items]


def _number(item: Any, name: str, otherwise: int) -> int:
    found = item.get(name)
    if found is None:
        return otherwise
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise ProblemError(400, f"{name} is a number")
    return found


async def _change(endpoint: Endpoint, call: Call, entry: Entry, version: int) -> dict[str, Any]:
    """One namespace: a delta from that version, or the whole, as base64."""
    old = await _digest_of(endpoint, call, entry, version) if version else None
    file, form = None, "dcz"
    if old is not None and old != entry.sha256:
        file = await endpoint.files.read(call.tenant, layout.delta_file(old, entry.sha256))
    for coding, suffix in (*_FORMS, ("identity", "")):
        if file is None:
            file, form = await endpoint.files.read(call.tenant, entry.file + suffix), coding
    if file is None:
        raise ProblemError(503, "the bundle is not there yet", "Retry-After: 1\r\n")
    return {
        "namespace": entry.target.namespace,
        "environment": entry.target.environment,
        "new_version": entry.version,
        "digest": f"sha256:{entry.sha256}",
        "length": entry.length,
        "base": f"sha256:{old}" if form == "dcz" else None,
        "compression": form,
        "delta": base64.b64encode(file.data).decode(),
        "path": entry.file,
    }


async def _digest_of(endpoint: Endpoint, call: Call, entry: Entry, version: int) -> str | None:
    """The digest of an earlier version, by the chain of records that the newest one begins."""
    record = entry.custom.get("record")
    for _ in range(layout.DELTAS_KEPT + 2):
        if not isinstance(record, str) or len(record) != 64:
            return None
        file = await endpoint.files.read(call.tenant, f"records/{record}.json")
        if file is None or file.sha256 != record:
            return None
        found = orjson.loads(file.data)
        if found.get("version_number") == version:
            return str(found.get("digest")).removeprefix("sha256:")
        record = found.get("previous")
    return None


def _entry(endpoint: Endpoint, call: Call, namespace: str, environment: str) -> Entry:
    """Raises ProblemError. Whether something may be read is said before whether it is there."""
    if not namespace or not call.grant.may_read(namespace, environment):
        raise ProblemError(403, "the caller may not read this namespace in this environment")
    known = endpoint.hub.catalogues.get(call.tenant)
    entry = known.entries.get(Target(namespace, environment)) if known else None
    if entry is None:
        raise ProblemError(404, "nothing is published for this namespace in this environment")
    return entry


def _dictionary(header: str) -> str | None:
    """The digest of Available-Dictionary, a byte sequence of RFC 9651, in hex."""
    text = header.strip()
    if len(text) < 3 or text[0] != ":" or text[-1] != ":":
        return None
    try:
        found = base64.b64decode(text[1:-1], validate=True)
    except (binascii.Error, ValueError):
        return None
    return found.hex() if len(found) == 32 else None


def _headers(endpoint: Endpoint, call: Call, entry: Entry) -> str:
    known = endpoint.hub.catalogues[call.tenant]
    place = f"/{call.tenant}/v1/b/{entry.target.namespace}/{entry.target.environment}"
    return lines(
        [
            ("X-Gcm-Version", str(entry.version)),
            ("X-Gcm-Release", str(known.release)),
            ("X-Gcm-Digest", f"sha256:{entry.sha256}"),
            ("Use-As-Dictionary", f'match="{place}"'),
        ]
    )
