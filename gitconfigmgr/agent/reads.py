"""What readers can ask: values, documents, state, and to be told of changes."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.http.answers import NO_STORE, matches, problem
from gitconfigmgr.http.messages import Answer, Stream
from gitconfigmgr.sync.reading import Board, Served, find, locate, origin, servable, token, visible
from gitconfigmgr.sync.replica import Phase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gitconfigmgr.agent.engine import Engine
    from gitconfigmgr.agent.server import Request

_CACHED = 4096
_LONGEST_WAIT, _HEARTBEAT = 60.0, 15.0


class _Body(NamedTuple):
    """`rest` is what its path has behind the namespace."""

    served: Served
    rest: tuple[str, ...]
    data: bytes
    etag: str


class Reads:
    """Answers from the engine's board. Bodies are kept until the board changes. `provenance` fetches by digest."""

    def __init__(self, engine: Engine, provenance: Callable[[str], Any]) -> None:
        self._engine = engine
        self._provenance = provenance
        self._bodies: dict[tuple[str, bool], _Body] = {}
        self._board = engine.board
        self.changed = asyncio.Event()

    def wake(self) -> None:
        """The board has changed: tell those who wait."""
        self.changed.set()
        self.changed = asyncio.Event()

    def handle(self, request: Request) -> Answer | Stream | Awaitable[Answer]:
        """One request."""
        match request.parts:
            case ("config", *rest) if rest:
                return self._config(request, rest)
            case ("config",):
                return _json({"namespaces": sorted(self._engine.board.documents)}, self._lines())
            case ("status",):
                return _json(self._engine.status())
            case ("watch",):
                return self._watch(request)
            case ("health", "live"):
                return _json({"status": "live"})
            case ("health", "ready"):
                return self._ready()
            case ("metrics",):
                return self._metrics()
            case _:
                return problem(404, "see /config, /watch, /status, /health/live, /health/ready and /metrics")

    # -- values ------------------------------------------------------------------------------------------------------

    def _config(self, request: Request, parts: list[str]) -> Answer | Awaitable[Answer]:
        engine, phase = self._engine, self._engine.phase
        board = engine.board
        if board is not self._board:
            self._bodies, self._board = {}, board
        closed = phase is Phase.EXPIRED
        cached = self._bodies.get((request.target, closed))
        if cached is None:
            made = self._made(parts, board, phase)
            if isinstance(made, Answer):
                return made
            cached = made
            if len(self._bodies) < _CACHED:
                self._bodies[request.target, closed] = cached
        served, rest, body, etag = cached
        lines = f"{self._lines(phase)}X-Gcm-Version: {served.version}\r\n"
        if served.overrides:
            lines += f"X-Gcm-Overrides: {len(served.overrides)}\r\n"
        if "envelope" in request.query or "provenance" in request.query:
            age = {"version": served.version, "sha256": served.sha256, "age": round(engine.age, 3), "state": phase}
            envelope = {"namespace": served.namespace, **age, "value": orjson.Fragment(body)}
            if served.overrides:
                envelope["overrides"] = list(served.overrides)
            if "provenance" in request.query:
                return self._explained(served, rest, envelope, lines)
            return _json(envelope, lines)
        lines += f"{NO_STORE}ETag: {etag}\r\n"
        if matches(request.header("if-none-match"), etag):
            return Answer(304, headers=lines)
        return Answer(200, body, headers=lines)

    def _made(self, parts: list[str], board: Board, phase: Phase) -> _Body | Answer:
        if phase is Phase.NOT_READY or (phase is Phase.FATAL and not board.documents):
            return problem(503, self._engine.replica.reason or "nothing verified is here yet", self._lines(phase))
        found = locate(board, parts)
        if found is None:
            return problem(404, f"no namespace that is followed: {'/'.join(parts)}", self._lines(phase))
        served, rest = found
        given, document = visible(served, phase)
        if not given:
            return problem(503, f"{served.namespace}: its metadata has expired", self._lines(phase))
        try:
            body = orjson.dumps(find(document, ".".join(rest)))
        except KeyError:
            return problem(404, f"{served.namespace} has no key {'.'.join(rest)}", self._lines(phase))
        return _Body(served, rest, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    async def _explained(self, served: Served, rest: tuple[str, ...], envelope: dict[str, Any], lines: str) -> Answer:
        """Fetched by the first reader who asks."""
        if not served.provenance:
            return problem(404, "nothing is known of where this version comes from", lines)
        name = ".".join(rest)
        here = [key for key in served.overrides if not name or _related(key, name)]
        known: dict[str, Any] = {"commit": served.commit} | ({"overridden": here} if here else {})
        try:
            known |= origin(await asyncio.to_thread(self._provenance, served.provenance), name)
        except OutsideError as error:
            return problem(503, f"where it comes from could not be fetched: {error}", lines)
        except (KeyError, IndexError, TypeError):
            return problem(503, "where it comes from is not recorded", lines)
        return _json({**envelope, "provenance": known}, lines)

    def _lines(self, phase: Phase | None = None) -> str:
        engine = self._engine
        return (
            f"X-Gcm-State: {phase or engine.phase}\r\nX-Gcm-Age: {engine.age:.3f}\r\n"
            f"X-Gcm-Release: {engine.board.release}\r\n"
        )

    # -- state -------------------------------------------------------------------------------------------------------

    def _ready(self) -> Answer:
        phase = self._engine.phase
        ready = servable(self._engine.board, phase)
        body = {"ready": ready, "state": phase, "age": round(self._engine.age, 3)}
        if self._engine.replica.reason:
            body["reason"] = self._engine.replica.reason
        return _json(body, status=200 if ready else 503)

    def _metrics(self) -> Answer:
        status = self._engine.status()
        lines = [
            *(f'gitconfigmgr_agent_state{{state="{phase}"}} {int(phase == status["state"])}' for phase in Phase),
            f"gitconfigmgr_agent_age_seconds {status['age']}",
            f"gitconfigmgr_agent_release {status['release']}",
            f"gitconfigmgr_agent_polls_total {self._engine.replica.polls}",
        ]
        if status["expires_in"] is not None:
            lines.append(f"gitconfigmgr_agent_expires_in_seconds {status['expires_in']}")
        for name, version in status["namespaces"].items():
            lines.append(f'gitconfigmgr_agent_version{{namespace="{name}"}} {version}')
        return Answer(200, "\n".join([*lines, ""]).encode(), "text/plain; version=0.0.4")

    # -- changes -----------------------------------------------------------------------------------------------------

    def _watch(self, request: Request) -> Stream | Awaitable[Answer]:
        if "text/event-stream" in request.header("accept"):
            return Stream(self._events(request.header("last-event-id")))
        wait = request.header("prefer").partition("wait=")[2]
        seconds = min(float(wait), _LONGEST_WAIT) if wait.isdecimal() else 30.0
        return self._long_poll(request.query.get("after", ""), seconds)

    async def _events(self, seen: str) -> AsyncIterator[bytes]:
        """Versions, never content; a comment now and then, so that both sides notice a lost connection."""
        yield b": gitconfigmgr\n\n"
        while True:
            event, now = self.changed, token(self._engine.board)
            if now != seen:
                seen = now
                yield f"id: {now}\nevent: change\ndata: {orjson.dumps(self._versions(now)).decode()}\n\n".encode()
            try:
                await asyncio.wait_for(event.wait(), _HEARTBEAT)
            except TimeoutError:
                yield b":\n\n"

    async def _long_poll(self, seen: str, seconds: float) -> Answer:
        event = self.changed
        if token(self._engine.board) == seen:
            try:
                await asyncio.wait_for(event.wait(), seconds)
            except TimeoutError:
                return Answer(204, headers=NO_STORE + self._lines())
        return _json(self._versions(token(self._engine.board)), self._lines())

    def _versions(self, now: str) -> dict[str, Any]:
        board = self._engine.board
        items = sorted(board.documents.items())
        versions = {name: item.version for name, item in items}
        found = {"after": now, "release": board.release, "namespaces": versions}
        marks = {
            name: hashlib.sha256(repr(item.closed).encode()).hexdigest()[:16] for name, item in items if item.overrides
        }
        return found | ({"overridden": marks} if marks else {})


def _related(one: str, other: str) -> bool:
    """Whether one dotted path is the other, or above it."""
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def _json(value: Any, lines: str = "", status: int = 200) -> Answer:
    return Answer(status, orjson.dumps(value), headers=NO_STORE + lines)
