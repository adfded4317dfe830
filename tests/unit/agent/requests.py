"""Requests as the HTTP server hands them over, without a connection."""

from __future__ import annotations

from typing import Any

from gitconfigmgr.http.messages import Request


class NoChannel:
    address = "local"
    certificate: dict[str, Any] | None = None

    def proceed(self) -> None: ...

    def resume_reading(self) -> None: ...


def request(target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Request:
    """`if_none_match` is If-None-Match."""
    made = Request(NoChannel())
    made.target, made.method = target.encode(), method.encode()
    made.headers = {
        name.lower().replace("_", "-").encode("latin-1"): text.encode("latin-1") for name, text in headers.items()
    }
    if body:
        made.headers[b"content-length"] = b"%d" % len(body)
        made.expect_body()
        made.feed(body)
        made.end()
    return made
