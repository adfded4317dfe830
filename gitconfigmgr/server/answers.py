"""Answers that several handlers make: refusals, JSON, files with encodings."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.http.answers import NO_STORE, problem
from gitconfigmgr.http.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NO_CACHE = "Cache-Control: no-cache\r\n"


class ProblemError(Exception):
    """Ends a request with a problem document."""

    def __init__(self, status: int, detail: str = "", headers: str = "", **more: Any) -> None:
        super().__init__(detail)
        self.answer = problem(status, detail, headers, **more)


def unauthorized(detail: str) -> Answer:
    return problem(401, detail, 'WWW-Authenticate: Bearer realm="gitconfigmgr"\r\n')


def as_json(value: Any, status: int = 200, headers: str = NO_STORE) -> Answer:
    """A JSON document that is made for this caller."""
    return Answer(status, orjson.dumps(value), headers=headers)


@lru_cache(maxsize=256)
def accepted(header: str) -> frozenset[str]:
    """The content codings of an Accept-Encoding that are not refused; `*` is not taken for consent to rare ones."""
    found = set()
    for item in header.lower().split(","):
        coding, _, parameters = item.partition(";")
        quality = parameters.strip().removeprefix("q=").strip()
        if coding.strip() and quality not in ("0", "0.0", "0.00", "0.000"):
            found.add(coding.strip())
    return frozenset(found)


def json_object(data: bytes) -> Mapping[str, Any]:
    """The object of a request's body. Raises ProblemError."""
    try:
        found = orjson.loads(data)
    except ValueError:
        raise ProblemError(400, "the body is no JSON") from None
    if not isinstance(found, dict):
        raise ProblemError(400, "the body is a JSON object")
    return found


def lines(headers: Iterable[tuple[str, str]]) -> str:
    """Header lines. Raises ValueError for what would break out of them."""
    found = []
    for name, value in headers:
        if any(char in value for char in "\r\n\0"):
            raise ValueError(name)
        found.append(f"{name}: {value}\r\n")
    return "".join(found)
