"""AWS AppConfig: what its agent answers on localhost:2772, and the data plane of the SDKs.

GET /applications/<application>/environments/<environment>/configurations/<configuration>[?flag=<key>&flag=...]
POST /configurationsessions, GET /configuration?configuration_token=...
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from gitconfigmgr.agent.protocols.protocol import Answer, Protocol, Refusal

if TYPE_CHECKING:
    from gitconfigmgr.agent.protocols.protocol import Item, View
    from gitconfigmgr.agent.server import Request

_BODY_BYTES = 16 * 1024
_POLL_SECONDS = 60
_SESSION = ("ApplicationIdentifier", "EnvironmentIdentifier", "ConfigurationProfileIdentifier")


def answer(view: View, request: Request) -> Answer:
    """The namespace is `<application>/<configuration>`; a slash in either is written %2F."""
    reading = request.method != "POST"
    match request.parts:
        case ("applications", application, "environments", environment, "configurations", configuration) if reading:
            item = _item(view, application, environment, configuration)
            flags = parse_qs(request.target.partition("?")[2]).get("flag", [])
            return Answer(orjson.dumps(_flags(item.value, flags)), headers=_headers(view, item))
        case ("configurationsessions",) if not reading:
            return _session(view, request.body)
        case ("configuration",) if reading:
            return _latest(view, request.query.get("configuration_token", ""))
    raise Refusal(404, "see /applications/{a}/environments/{e}/configurations/{c}")


def _item(view: View, application: str, environment: str, configuration: str) -> Item:
    if environment != view.environment:
        raise Refusal(404, f"this agent has the environment {view.environment}")
    return view.item(f"{application}/{configuration}".strip("/"))


def _flags(document: dict[str, Any], wanted: list[str]) -> Any:
    """All, or the one that is asked for, or a map of those that are."""
    missing = [flag for flag in wanted if flag not in document]
    if missing:
        raise Refusal(404, "there is no such flag")
    if len(wanted) == 1:
        return document[wanted[0]]
    return {flag: document[flag] for flag in wanted} if wanted else document


def _headers(view: View, item: Item) -> tuple[tuple[str, str], ...]:
    return ("Configuration-Version", str(item.version)), ("Version-Label", f"release-{view.release}")


# -- the data plane: a token says what was asked for, and what was given last; nothing is kept here ---------------------


def _session(view: View, body: bytes) -> Answer:
    try:
        found = orjson.loads(body)
        asked = [found[name] for name in _SESSION]
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, f"a session names {', '.join(_SESSION)}") from None
    if not all(isinstance(name, str) for name in asked):
        raise Refusal(400, "identifiers are text")
    _item(view, *asked)
    return Answer(orjson.dumps({"InitialConfigurationToken": _token([*asked, ""])}), status=201)


def _latest(view: View, token: str) -> Answer:
    try:
        application, environment, configuration, seen = orjson.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, TypeError):
        raise Refusal(400, "this is no token of a session") from None
    asked = [application, environment, configuration]
    if not all(isinstance(name, str) for name in asked):
        raise Refusal(400, "this is no token of a session")
    item = _item(view, *asked)
    body = orjson.dumps(item.value)
    now = hashlib.sha256(body).hexdigest()
    headers = (
        ("Next-Poll-Configuration-Token", _token([*asked, now])),
        ("Next-Poll-Interval-In-Seconds", str(_POLL_SECONDS)),
        *_headers(view, item)[1:],
    )
    return Answer(b"" if seen == now else body, headers=headers)


def _token(values: list[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode("ascii")


def error(refusal: Refusal, request: Request) -> Answer:  # noqa: ARG001 - a protocol's signature
    """As the SDKs understand it: the kind in a header, the message in the body."""
    kinds = {400: "BadRequestException", 401: "AccessDeniedException", 404: "ResourceNotFoundException"}
    headers = (("x-amzn-ErrorType", kinds.get(refusal.status, "InternalServerException")),)
    return Answer(orjson.dumps({"Message": refusal.detail}), status=refusal.status, headers=headers)


PROTOCOL = Protocol(answer, error, methods=("GET", "HEAD", "POST"), body_bytes=_BODY_BYTES)
