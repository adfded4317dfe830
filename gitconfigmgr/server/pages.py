"""What is answered without a token."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

from gitconfigmgr.http.answers import NO_STORE, problem
from gitconfigmgr.http.messages import Answer
from gitconfigmgr.server import fleet
from gitconfigmgr.server.answers import as_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gitconfigmgr.http.messages import Request
    from gitconfigmgr.server.app import Endpoint

_LATE = 30.0  # seconds without a look at the tree


async def live(endpoint: Endpoint, request: Request) -> Answer:  # noqa: ARG001 - as all pages
    return as_json({"status": "live"})


async def ready(endpoint: Endpoint, request: Request) -> Answer:  # noqa: ARG001 - as all pages
    """503 while the tree cannot be read: a balancer then asks another instance."""
    hub = endpoint.hub
    if hub.trouble is not None:
        return problem(503, "the tree cannot be read")
    if time.monotonic() - hub.looked > _LATE:
        return problem(503, "the tree was not looked at lately")
    return as_json({"status": "ready"})


async def metrics(endpoint: Endpoint, request: Request) -> Answer:  # noqa: ARG001 - as all pages
    gauges = endpoint.metrics.gauges
    gauges["gcm_endpoint_connections", "", ""] = endpoint.connections()
    gauges["gcm_endpoint_watchers", "", ""] = endpoint.watchers
    gauges["gcm_endpoint_metadata_age_seconds", "", ""] = time.monotonic() - endpoint.hub.looked
    return Answer(200, endpoint.metrics.page(), "text/plain; version=0.0.4; charset=utf-8", NO_STORE)


async def openapi(endpoint: Endpoint, request: Request) -> Answer:  # noqa: ARG001 - as all pages
    return _openapi()


@cache
def _openapi() -> Answer:
    from gitconfigmgr.server.openapi import document

    return as_json(document(), headers="Cache-Control: max-age=3600\r\n")


PAGES: dict[str, Callable[[Endpoint, Request], Awaitable[Answer]]] = {
    "fleet": fleet.page,
    "health/live": live,
    "health/ready": ready,
    "metrics": metrics,
    "openapi.json": openapi,
}
