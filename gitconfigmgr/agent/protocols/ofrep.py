"""OpenFeature Remote Evaluation Protocol 0.3: each value of a document is a flag.

POST /ofrep/v1/evaluate/flags/<key>, POST /ofrep/v1/evaluate/flags
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.agent.protocols.flags import EvaluationError, evaluate, is_definition, is_feature
from gitconfigmgr.agent.protocols.protocol import Answer, Protocol, Refusal
from gitconfigmgr.sync.reading import find

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitconfigmgr.agent.protocols.protocol import Item, View
    from gitconfigmgr.agent.server import Request

_BODY_BYTES = 64 * 1024


def answer(view: View, request: Request) -> Answer:
    """One flag, or all of them with an ETag, for the context in the body."""
    match request.parts:
        case ("ofrep", "v1", "evaluate", "flags", *key):
            context = _context(request.body)
        case _:
            raise Refusal(404, "see /ofrep/v1/evaluate/flags")
    if not key:
        flags = [flag for name in view.names() for flag in _flags(view.item(name), name, context)]
        return Answer(orjson.dumps({"flags": flags, "metadata": {"release": view.release}}), tagged=True)
    item, name = view.locate(tuple(key))
    try:
        flag = evaluate(name, find(item.value, name), context)
    except KeyError:
        raise Refusal(404, f"there is no flag {name}") from None
    except EvaluationError as problem:
        raise Refusal(400, f"{problem.code}: {problem}") from None
    return Answer(orjson.dumps({"key": "/".join(key), **flag, "metadata": _metadata(item)}))


def _flags(item: Item, name: str, context: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, value in _values(item.value, ""):
        key = f"{name}/{path}" if name else path
        try:
            yield {"key": key, **evaluate(path, value, context), "metadata": _metadata(item)}
        except EvaluationError as problem:
            yield {"key": key, "errorCode": problem.code, "errorDetails": str(problem)}


def _values(value: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Flags, and maps with what is in them: all that a single evaluation is likely to ask for."""
    for key, below in value.items():
        place = f"{path}.{key}" if path else key
        yield place, below
        if isinstance(below, dict) and not is_definition(below) and not is_feature(below):
            yield from _values(below, place)


def _metadata(item: Item) -> dict[str, Any]:
    return {"namespace": item.namespace, "version": item.version}


def _context(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body or b"{}")
    except ValueError:
        raise Refusal(400, "PARSE_ERROR: the body is not JSON") from None
    context = found.get("context", {}) if isinstance(found, dict) else None
    if not isinstance(context, dict):
        raise Refusal(400, "INVALID_CONTEXT: the context is a map")
    return context


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
