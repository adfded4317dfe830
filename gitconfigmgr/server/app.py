"""The endpoint: which request goes to which handler, and what has to hold before it does.

    /health/live, /health/ready, /metrics, /openapi.json      without a token
    /<tenant>/v1/<name>/...                                   the table ROUTES
    /<tenant>/<path>                                          a file of the published tree

A handler takes a Call and answers, or raises ProblemError. A route is added to ROUTES, with the ability that it takes.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote

from gitconfigmgr.http.answers import matches, problem
from gitconfigmgr.model.names import SEGMENT
from gitconfigmgr.server import bundles, files, fleet, pages, proposals, publish, watch
from gitconfigmgr.server.answers import ProblemError, unauthorized
from gitconfigmgr.server.callers import UnknownError
from gitconfigmgr.server.limits import Limiter
from gitconfigmgr.sync.access import Ability

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from gitconfigmgr.http.messages import Answer, Request, Stream
    from gitconfigmgr.server.callers import Callers
    from gitconfigmgr.server.hub import Hub
    from gitconfigmgr.server.telemetry import Metrics
    from gitconfigmgr.sync.access import Grant
    from gitconfigmgr.sync.endpoint import Shelf, Tree
    from gitconfigmgr.sync.fleet import Fleet
    from gitconfigmgr.sync.proposals import Inbox

_NAME = re.compile(r"(?:\.well-known|[A-Za-z0-9_~][A-Za-z0-9._~@+=-]*)\Z")
_READY_BYTES = 32 * 1024 * 1024


class Route(NamedTuple):
    """`ability` is what the caller's grant has to allow."""

    methods: tuple[bytes, ...]
    ability: Ability
    handle: Callable[[Endpoint, Call], Awaitable[Answer | Stream]]


class Call(NamedTuple):
    """A request of somebody who is known. `rest` are the segments of the path after the route's name."""

    request: Request
    grant: Grant
    rest: tuple[str, ...]
    query: dict[str, str]
    generation: int = 0

    @property
    def tenant(self) -> str:
        return self.grant.tenant


class _Ready(NamedTuple):
    """An answer that can be given again to the same caller, as long as nothing changes."""

    answer: Answer
    unchanged: Answer
    etag: str
    who: str
    route: str
    expires: float


class Endpoint:
    """One instance. `state` is the folder of what it keeps itself."""

    def __init__(self, tree: Tree, callers: Callers, hub: Hub, metrics: Metrics, state: Path) -> None:
        self.tree = tree
        self.callers = callers
        self.hub = hub
        self.metrics = metrics
        self.state = state
        self.files = files.Files(tree)
        self.fleet: Fleet | None = None
        self.inbox: Inbox | None = None
        self.shelf: Shelf | None = None
        self.roots: dict[str, bytes] = {}
        self.uploads = 0
        self.most_upload = 64 * 1024 * 1024
        self.watchers = 0
        self.most_watchers = 16_000
        self.events: dict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[object, bytes]] = {}
        self.connections: Callable[[], int] = lambda: 0
        self.crowded: Callable[[], bool] = lambda: False
        self.by_token = Limiter(0, 0)
        self.by_address = Limiter(0, 0)
        self._ready: dict[tuple[bytes, ...], _Ready] = {}
        self._ready_bytes = 0
        self._generation = 0

    def forget(self) -> None:
        """Something has changed: what was ready is no longer."""
        self._ready.clear()
        self._ready_bytes = 0
        self._generation += 1
        self.events.clear()
        self.files.forget()

    def addresses(self) -> dict[str, str]:
        """What the discovery document says beside what is in the tree."""
        return {name: f"v1/{name}" for name in ("watch", "status", "proposals") if name in ROUTES}

    # -- one request -------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Answer | Awaitable[Answer | Stream]:
        """An answer at once where it is ready."""
        headers = request.headers
        ready = self._ready.get(
            (headers.get(b"authorization", b""), request.target, headers.get(b"accept-encoding", b""))
        )
        if request.certificate is None and self.callers.asks_certificate:
            return self._route(request)
        if ready is None or request.method not in (b"GET", b"HEAD") or b"available-dictionary" in headers:
            return self._route(request)
        now = time.time()
        if ready.expires <= now:
            return self._route(request)
        request.route = ready.route
        wait = self.by_token.wait(ready.who, now)
        if wait:
            return self._too_many("token", wait)
        tags = headers.get(b"if-none-match")
        if tags is not None and matches(tags.decode("latin-1"), ready.etag):
            return ready.unchanged
        return ready.answer

    def done(self, request: Request, status: int) -> None:
        """Told of each response."""
        self.metrics.request(request.route or "other", status, time.perf_counter() - request.begun)

    async def _route(self, request: Request) -> Answer | Stream:
        try:
            path, _, query = request.target.partition(b"?")
            segments = _segments(path)
            page = pages.PAGES.get("/".join(segments))
            if page is not None:
                request.route = "/" + "/".join(segments)
                return await page(self, request) if request.method in (b"GET", b"HEAD") else _not_allowed(("GET",))
            if self.crowded():
                return problem(503, "there are too many connections", "Retry-After: 5\r\n")
            tenant, rest = segments[0], segments[1:]
            if not SEGMENT.match(tenant) or not rest:
                return problem(404)
            found = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=50))
            return await self._for_tenant(request, tenant, rest, found)
        except ProblemError as error:
            return error.answer
        except ValueError:
            return problem(400, "the address is not understood")

    async def _for_tenant(
        self, request: Request, tenant: str, rest: tuple[str, ...], query: dict[str, str]
    ) -> Answer | Stream:
        route = ROUTES.get(rest[1]) if rest[0] == "v1" and len(rest) > 1 else None
        request.route = f"/v1/{rest[1]}" if route else "/v1" if rest[0] == "v1" else "/" + rest[0]
        if request.route not in _KNOWN_ROUTES:
            request.route = "other"
        now = time.time()
        wait = self.by_address.over(request.address, now)
        if wait and not self.callers.knows(request):  # others behind the same proxy are not to suffer
            return self._too_many("address", wait)
        try:
            grant = await self.callers.grant(request, tenant)
        except UnknownError as error:
            self.by_address.wait(request.address, now)
            self.metrics.count("gcm_endpoint_denied_total", "reason", "unknown")
            return unauthorized(str(error))
        wait = self.by_token.wait(grant.key, now) if grant.key else self.by_address.wait(request.address, now)
        if wait:
            return self._too_many("token" if grant.key else "address", wait)
        ability = route.ability if route else Ability.READ
        if grant.tenant != tenant or not grant.abilities & {ability, _IMPLIED.get(ability, ability)}:
            self.by_address.wait(request.address, now)
            self.metrics.count("gcm_endpoint_denied_total", "reason", "not allowed")
            return problem(403, f"the caller is not allowed to {ability} here")
        methods = route.methods if route else (b"GET", b"HEAD")
        if request.method not in methods:
            return _not_allowed(tuple(method.decode() for method in methods))
        if rest[0] == "v1" and not route:
            return problem(404)
        call = Call(request, grant, rest[2:] if route else rest, query, self._generation)
        return await (route.handle(self, call) if route else files.answer_file(self, call))

    def _too_many(self, what: str, wait: float) -> Answer:
        self.metrics.count("gcm_endpoint_denied_total", "reason", f"rate of {what}")
        seconds = max(1, int(wait + 0.999))
        return problem(429, f"too many requests of one {what}", f"Retry-After: {seconds}\r\n")

    def keep_ready(self, call: Call, answer: Answer, unchanged: Answer, etag: str) -> None:
        """Give this answer to the same question, until something changes."""
        request, grant = call.request, call.grant
        if call.generation != self._generation:
            return
        if not grant.key.startswith(("token:", "jwt:")) or len(answer.body) > 256 * 1024:
            return
        self._ready_bytes += len(answer.body) + 1024
        if self._ready_bytes > _READY_BYTES:
            self._ready.clear()
            self._ready_bytes = len(answer.body) + 1024
        headers = request.headers
        key = (headers.get(b"authorization", b""), request.target, headers.get(b"accept-encoding", b""))
        expires = grant.expires if grant.expires is not None else float("inf")
        self._ready[key] = _Ready(answer, unchanged, etag, grant.key, request.route, expires)


def _segments(path: bytes) -> tuple[str, ...]:
    """The names of a path, each decoded by itself. Raises ProblemError for what is no name of ours."""
    if not path.startswith(b"/"):
        raise ProblemError(400, "the address begins with /")
    found = tuple(unquote(part, errors="strict") for part in path[1:].decode("ascii").split("/"))
    if not all(_NAME.match(name) for name in found):
        raise ProblemError(404)
    return found


def _not_allowed(methods: tuple[str, ...]) -> Answer:
    return problem(405, "", f"Allow: {', '.join(methods)}\r\n")


GET = (b"GET", b"HEAD")
ROUTES: dict[str, Route] = {
    "b": Route(GET, Ability.READ, bundles.answer_bundle),
    "sync": Route((b"POST",), Ability.READ, bundles.answer_sync),
    "watch": Route((b"GET",), Ability.READ, watch.answer_watch),
    "releases": Route((b"POST",), Ability.PUBLISH, publish.answer_release),
    "names": Route((b"GET",), Ability.PUBLISH, publish.answer_names),
    "status": Route((b"POST",), Ability.STATUS, fleet.answer_status),
    "fleet": Route(GET, Ability.FLEET, fleet.answer_fleet),
    "proposals": Route((b"GET", b"POST"), Ability.PROPOSE, proposals.answer_proposals),
}
# who publishes reads what is there, and says what has become of proposals
_IMPLIED = {Ability.READ: Ability.PUBLISH, Ability.PROPOSE: Ability.PUBLISH}
_KNOWN_ROUTES = {*(f"/v1/{name}" for name in ROUTES), "/tuf", "/delta", "/attest", "/records", "/provenance"} | {
    "/releases", "/.well-known", "/staged",
}  # fmt: skip
