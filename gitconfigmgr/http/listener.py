"""What the connections of one server share: who answers, bounds, the date, and who is let go."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.http.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gitconfigmgr.http.messages import Answer, Request, Stream


class Bounds(NamedTuple):
    """Of one listener. `reserve` is how many connections beyond `connections` get an answer, so that health checks do.

    A new connection has `first_seconds` for its first request, one that was used is closed after `idle_seconds`.
    """

    connections: int
    reserve: int = 64
    head_bytes: int = 32 * 1024
    first_seconds: float = 10.0
    idle_seconds: float = 75.0


class Listener:
    """What the connections of one server share; called, it makes one: a protocol factory for asyncio.

    `handle` answers at once or later; `done` is told of each response; `problem` says what is no request. With `lists`
    the method LIST is known, which HTTP has not.
    """

    def __init__(
        self,
        handle: Callable[[Request], Answer | Stream | Awaitable[Answer | Stream]],
        problem: Callable[[int, str], Answer],
        bounds: Bounds,
        done: Callable[[Request, int], None] = lambda request, status: None,  # noqa: ARG005 - nobody is told
        *,
        lists: bool = False,
    ) -> None:
        self.handle = handle
        self.problem = problem
        self.bounds = bounds
        self.done = done
        self.lists = lists
        self.connections: dict[Connection, None] = {}  # by last use
        self._next: asyncio.TimerHandle | None = None
        self.now = 0.0
        self.tail = b""

    def __call__(self) -> Connection:
        return Connection(self)

    def enter(self, connection: Connection) -> None:
        """A connection is there. Where there are too many, the one that was idle for longest makes room."""
        if self._next is None:
            self._every_second()
        self.connections[connection] = None
        if len(self.connections) > self.bounds.connections + self.bounds.reserve:
            next((other for other in self.connections if other.idle), connection).drop()

    def used(self, connection: Connection) -> None:
        """It has sent a request."""
        if self.connections.pop(connection, self) is None:
            self.connections[connection] = None

    def leave(self, connection: Connection) -> None:
        self.connections.pop(connection, None)

    def tick(self) -> None:
        """The date, and whose time is over."""
        self.now = time.monotonic()
        self.tail = time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n\r\n", time.gmtime()).encode()
        for connection in [item for item in self.connections if item.ends < self.now]:
            connection.expire()

    def _every_second(self) -> None:
        """As long as there are connections."""
        self.tick()
        loop = asyncio.get_running_loop()
        # at the turn of the second, so that the date is never an old one
        self._next = loop.call_later(1 - time.time() % 1, self._again)

    def _again(self) -> None:
        self._next = None
        if self.connections:
            self._every_second()

    @property
    def crowded(self) -> bool:
        """Whether there are more connections than there should be."""
        return len(self.connections) > self.bounds.connections

    @property
    def busy(self) -> bool:
        return any(connection.busy for connection in self.connections)

    def close(self) -> None:
        """Close what is idle; others end with what they are answering."""
        for connection in list(self.connections):
            connection.finish()
