"""The loop of a running agent: polls at its moments, sooner where somebody hints or asks, and what is told of it."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.edge.live import Addresses, Reports, Watch, discover
from gitconfigmgr.agent.engine import log
from gitconfigmgr.sync.replica import UNCONDITIONAL, Due, Hinted, Pinned
from gitconfigmgr.sync.schedule import after_hint, next_poll, while_empty

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.adapters.edge.store import Store
    from gitconfigmgr.adapters.edge.transport import Transport
    from gitconfigmgr.agent.engine import Engine
    from gitconfigmgr.agent.proposing import Proposing
    from gitconfigmgr.agent.settings import AgentSettings

_CUT_SECONDS = 0.2  # between two cuts: the next request may just have begun


class Following:
    """`transport` gives connections for what an endpoint does beyond giving files: one to hear, one to tell."""

    def __init__(
        self, engine: Engine, store: Store, settings: AgentSettings, transport: Callable[[], Transport],
        proposing: Proposing,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._store = store
        self._settings = settings
        self._proposing = proposing
        self._telling, self._hearing = transport(), transport()
        self._reports = Reports(self._telling)
        self._addresses: Addresses | None = None
        self._watch: Watch | None = None
        self._loop: asyncio.AbstractEventLoop
        self._hint = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wanted = asyncio.Event()
        self._polled = float("-inf")

    def poll_now(self) -> None:
        """Somebody of this machine asks."""
        self._wanted.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        self._loop = asyncio.get_running_loop()
        try:
            while not stop.is_set():
                await self._round_or(stop)
                now, interval = self._engine.now(), self._settings.interval
                due = min(next_poll(interval, self._settings.instance, now) - now, interval)
                if self._engine.replica.active is None:
                    due = min(due, while_empty(interval, self._settings.instance, self._engine.replica.polls))
                await self._until(stop, due)
        finally:
            if self._watch is not None:
                self._watch.end()

    async def _round_or(self, stop: asyncio.Event) -> None:
        """A round; where the agent is to end meanwhile, what it waits for is cut."""
        work, ended = asyncio.ensure_future(asyncio.to_thread(self._round)), asyncio.ensure_future(stop.wait())
        await asyncio.wait((work, ended), return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        while not work.done():
            self._engine.cut()
            self._telling.cut()
            await asyncio.wait((work,), timeout=_CUT_SECONDS)
        work.result()

    def _round(self) -> None:
        engine = self._engine
        before, polls, failing = engine.board.release, engine.replica.polls, bool(engine.replica.reason)
        hint, self._hint = self._hint, 0
        self._polled = time.monotonic()
        engine.handle(Pinned(self._store.pin()))
        engine.handle(Hinted(hint) if hint else Due())
        if engine.board.release != before:
            log("info", f"release {engine.board.release} is in use")
            gc.collect()
            gc.freeze()  # documents live long: no later collection has to look at them
        back = failing and not engine.replica.reason
        if self._addresses is None or back or polls % UNCONDITIONAL == 0:
            self._find()
        if self._addresses and self._addresses.status and self._settings.report:
            self._reports.tell(self._addresses.status, engine.status())
        if self._addresses and self._addresses.proposals:
            self._proposing.exchange(self._telling, self._addresses.proposals)
        if self._settings.local_overrides:
            engine.renew()

    def _find(self) -> None:
        """What the endpoint offers; from a web server nothing."""
        found = discover(self._telling)
        if found is None:  # asked again at the next poll; the watch tries by itself
            return
        path = found.watch if self._settings.push else ""
        if self._watch is not None and path != (self._addresses or Addresses()).watch:
            self._watch.end()
            self._watch = None
        if path and self._watch is None:
            release = lambda: self._engine.board.release  # noqa: E731 - one value, when it is asked for
            self._watch = Watch(self._hearing, self._settings.instance, self._settings.interval, release)
            self._watch.start(path, self._heard)
        self._addresses = found

    def _heard(self, number: int) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hinted, number)

    def _hinted(self, number: int) -> None:
        active = self._engine.replica.active
        if active is not None and number <= active.number:
            return
        self._hint = max(self._hint, number)
        if self._timer is None:
            wait = after_hint(self._settings.instance, time.monotonic() - self._polled)
            self._timer = self._loop.call_later(wait, self._wanted.set)

    async def _until(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.ensure_future(event.wait()) for event in (stop, self._wanted)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        self._wanted.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
