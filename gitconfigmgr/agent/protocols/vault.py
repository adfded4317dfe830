"""HashiCorp Vault and OpenBao, KV version 2, reading: one secret for each namespace, its top-level keys the fields."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.agent.protocols.protocol import Answer, Protocol, Refusal

if TYPE_CHECKING:
    from gitconfigmgr.agent.protocols.protocol import Item, View
    from gitconfigmgr.agent.server import Request

_VERSION = "1.15.0"  # of the interface that clients are told
_HEALTH = (("v1", "sys", "health"), ("v1", "sys", "seal-status"))


def answer(view: View, request: Request) -> Answer:
    """What `vault kv get`, its SDKs and their health checks ask."""
    mount = view.options["mount"].strip("/")
    match request.parts:
        case ("v1", "sys", "health" | "seal-status" as what):
            return _health(view, sealed_status=503 if what == "health" else 200)
        case ("v1", "auth", "token", "lookup-self"):
            token = {
                "display_name": "gitconfigmgr",
                "policies": ["read"],
                "ttl": 0,
                "renewable": False,
                "type": "service",
            }
            return _wrapped(token)
        case ("v1", "sys", "internal", "ui", "mounts", *path) if f"{'/'.join(path)}/".startswith(f"{mount}/"):
            return _wrapped({"options": {"version": "2"}, "path": f"{mount}/", "type": "kv", "description": ""})
        case ("v1", *path) if "/".join(path).startswith(f"{mount}/"):
            kind, _, name = "/".join(path).removeprefix(f"{mount}/").partition("/")
            if kind == "data" and request.method != "LIST":
                return _data(view, name, request.query.get("version", "0"))
            if kind == "metadata":
                listed = request.method == "LIST" or request.query.get("list", "").lower() in ("true", "1")
                return (_listed if listed else _metadata)(view, name)
    raise Refusal(404, f"no handler for route: this agent has {mount}/data/ and {mount}/metadata/")


def _data(view: View, name: str, version: str) -> Answer:
    item = view.item(name)
    if version not in ("0", "", str(item.version)):
        raise Refusal(404, f"this agent has version {item.version} alone")
    return _wrapped({"data": item.value, "metadata": {**_times(view, item), "version": item.version}})


def _metadata(view: View, name: str) -> Answer:
    item = view.item(name)
    times = _times(view, item)
    held = {name: times[name] for name in ("created_time", "deletion_time", "destroyed")}
    return _wrapped(
        {
            "cas_required": True, "created_time": times["created_time"], "updated_time": times["created_time"],
            "current_version": item.version, "oldest_version": item.version, "max_versions": 1,
            "delete_version_after": "0s", "custom_metadata": times["custom_metadata"],
            "versions": {str(item.version): held},
        }
    )  # fmt: skip


def _times(view: View, item: Item) -> dict[str, Any]:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(view.since))
    about = {"namespace": item.namespace, "release": str(view.release), "commit": view.commit, "sha256": item.sha256}
    return {"created_time": since, "deletion_time": "", "destroyed": False, "custom_metadata": about}


def _listed(view: View, folder: str) -> Answer:
    prefix = f"{folder}/" if folder else ""
    below = [name.removeprefix(prefix) for name in view.names() if name.startswith(prefix) and name != folder]
    keys = sorted({name if "/" not in name else name.partition("/")[0] + "/" for name in below})
    if not keys:
        raise Refusal(404, "")
    return _wrapped({"keys": keys})


def _health(view: View, sealed_status: int) -> Answer:
    """Sealed until something verified is here: what Vault's clients wait for."""
    body = {
        "initialized": True, "sealed": not view.ready, "standby": False, "performance_standby": False,
        "server_time_utc": int(time.time()), "version": _VERSION, "cluster_name": "gitconfigmgr", "type": "shamir",
        "t": 1, "n": 1, "progress": 0, "storage_type": "file",
    }  # fmt: skip
    return Answer(orjson.dumps(body), status=200 if view.ready else sealed_status)


def _wrapped(data: dict[str, Any]) -> Answer:
    body = {
        "request_id": str(uuid.uuid4()), "lease_id": "", "renewable": False, "lease_duration": 0, "data": data,
        "wrap_info": None, "warnings": None, "auth": None,
    }  # fmt: skip
    return Answer(orjson.dumps(body))


def error(refusal: Refusal, request: Request) -> Answer:  # noqa: ARG001 - a protocol's signature
    """A list of errors; Vault says 403 where there is no token, and nothing of what is not there."""
    denied = refusal.status == 401
    errors = ["permission denied"] if denied else [refusal.detail] if refusal.detail else []
    return Answer(orjson.dumps({"errors": errors}), status=403 if denied else refusal.status)


PROTOCOL = Protocol(
    answer, error, methods=("GET", "HEAD", "LIST"), options={"mount": "secret"}, credential="x-vault-token",
    open=lambda request: request.parts in _HEALTH, needs_token=True,
)  # fmt: skip
