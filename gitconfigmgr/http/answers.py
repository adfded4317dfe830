"""Answers that every face makes: problem documents, and whether what the client has is still the same."""

from __future__ import annotations

import re
from typing import Any

import orjson

from gitconfigmgr.http.messages import Answer, title

NO_STORE = "Cache-Control: no-store\r\n"
_TAG = re.compile(r'(?:W/)?("[^"]*")')


def problem(status: int, detail: str = "", headers: str = "", **more: Any) -> Answer:
    """An RFC 9457 problem document."""
    body: dict[str, Any] = {"type": "about:blank", "title": title(status), "status": status}
    if detail:
        body["detail"] = detail
    return Answer(status, orjson.dumps(body | more), "application/problem+json", NO_STORE + headers)


def matches(tags: str, etag: str) -> bool:
    """Whether If-None-Match names an entity tag; weakly compared, as RFC 9110 asks."""
    return tags.strip() == "*" or etag in _TAG.findall(tags)
