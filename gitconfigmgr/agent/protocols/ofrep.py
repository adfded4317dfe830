"""OpenFeature Remote Evaluation Protocol 0.3: each value of a document is a flag; flagd's definitions are evaluated.

POST /ofrep/v1/evaluate/flags/<key>, POST /ofrep/v1/evaluate/flags
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.agent.protocols.protocol import Answer, Protocol, Refusal
from gitconfigmgr.sync.reading import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.agent.protocols.protocol import Item, View
    from gitconfigmgr.agent.server import Request

_BODY_BYTES = 64 * 1024


class _EvaluationError(Exception):
    """The flag is here, and cannot be evaluated."""


def answer(view: View, request: Request) -> Answer:
    """One flag, or all of them with an ETag."""
    match request.parts:
        case ("ofrep", "v1", "evaluate", "flags", *key):
            _context(request.body)
        case _:
            raise Refusal(404, "see /ofrep/v1/evaluate/flags")
    if not key:
        flags = [flag for name in view.names() for flag in _flags(view, name)]
        return Answer(orjson.dumps({"flags": flags, "metadata": {"release": view.release}}), tagged=True)
    item, name = view.locate(tuple(key))
    try:
        value = find(item.value, name)
        return Answer(orjson.dumps({"key": "/".join(key), **_evaluated(value), "metadata": _metadata(item)}))
    except KeyError:
        raise Refusal(404, f"there is no flag {name}") from None
    except _EvaluationError as problem:
        raise Refusal(400, str(problem)) from None


def _flags(view: View, name: str) -> Iterator[dict[str, Any]]:
    item = view.item(name)
    for path, value in _values(item.value, ""):
        key = f"{name}/{path}" if name else path
        try:
            yield {"key": key, **_evaluated(value), "metadata": _metadata(item)}
        except _EvaluationError as problem:
            yield {"key": key, "errorCode": "GENERAL", "errorDetails": str(problem)}


def _values(value: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """All that a single evaluation could ask for: maps, and what is in them."""
    for key, below in value.items():
        place = f"{path}.{key}" if path else key
        yield place, below
        if isinstance(below, dict) and not _is_definition(below):
            yield from _values(below, place)


def _evaluated(value: Any) -> dict[str, Any]:
    """Without `value`, the application takes its own default."""
    if not _is_definition(value):
        return {"reason": "STATIC", "variant": "default"} | ({} if value is None else {"value": value})
    if value.get("state") == "DISABLED":
        return {"reason": "DISABLED", "variant": "disabled"}
    if value.get("targeting"):
        raise _EvaluationError("targeting is evaluated by flagd, which can follow the agent's files")
    variant = value["defaultVariant"]
    try:
        return {"reason": "STATIC", "variant": variant, "value": value["variants"][variant]}
    except (KeyError, TypeError):
        raise _EvaluationError("its defaultVariant is none of its variants") from None


def _is_definition(value: Any) -> bool:
    return isinstance(value, dict) and "defaultVariant" in value and isinstance(value.get("variants"), dict)


def _metadata(item: Item) -> dict[str, Any]:
    return {"namespace": item.namespace, "version": item.version}


def _context(body: bytes) -> None:
    """Values do not depend on it; what is no context is refused all the same, as a mistake of the caller."""
    try:
        found = orjson.loads(body or b"{}")
    except ValueError:
        raise Refusal(400, "PARSE_ERROR: the body is not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("context", {}), dict):
        raise Refusal(400, "INVALID_CONTEXT: the context is a map")


def error(refusal: Refusal, request: Request) -> Answer:
    """Failures of evaluation have the flag's key and a code; others details alone."""
    if refusal.status not in (400, 404) or request.parts[:4] != ("ofrep", "v1", "evaluate", "flags"):
        return Answer(orjson.dumps({"errorDetails": refusal.detail}), status=refusal.status)
    code, colon, detail = refusal.detail.partition(": ")
    if not colon or not code.isupper():
        code, detail = "FLAG_NOT_FOUND" if refusal.status == 404 else "GENERAL", refusal.detail
    key = "/".join(request.parts[4:])
    body = ({"key": key} if key else {}) | {"errorCode": code, "errorDetails": detail}
    return Answer(orjson.dumps(body), status=refusal.status)


PROTOCOL = Protocol(answer, error, methods=("POST",), body_bytes=_BODY_BYTES, credential="x-api-key")
