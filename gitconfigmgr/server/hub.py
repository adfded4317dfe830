"""What is published now, and who waits for the next release."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.server.catalogue import Catalogue, DamagedError, read_catalogue
from gitconfigmgr.server.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.sync.endpoint import Tree


class Hub:
    """Catalogues by tenant. `changed` is called after each look that found something new."""

    def __init__(self, tree: Tree, changed: Callable[[], None]) -> None:
        self.tree = tree
        self.catalogues: dict[str, Catalogue] = {}
        self.trouble: str | None = None
        self.looked = 0.0
        self._changed = changed
        self._stamps: dict[str, object] = {}
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self._look = asyncio.Lock()

    async def look(self, only: str | None = None) -> None:
        """See what has changed in the tree, and wake those who wait for it."""
        async with self._look:
            try:
                tenants = [only] if only else await asyncio.to_thread(self.tree.tenants)
                for tenant in {*tenants, *(() if only else self._stamps)}:
                    await self._look_at(tenant)
                self.trouble = None
            except (OutsideError, DamagedError) as error:
                self._failed(error)
            self.looked = time.monotonic()

    def _failed(self, error: Exception) -> None:
        if self.trouble != str(error):
            log("error", f"the tree cannot be read: {error}")
        self.trouble = str(error)

    async def quick_look(self) -> None:
        """Whether the tenants that are known have changed: one cheap question each."""
        try:
            stamps = await asyncio.to_thread(lambda: {tenant: self.tree.stamp(tenant) for tenant in list(self._stamps)})
        except OutsideError as error:
            self._failed(error)
            return
        for tenant, stamp in stamps.items():
            if stamp != self._stamps.get(tenant):
                await self.look(tenant)

    async def _look_at(self, tenant: str) -> None:
        stamp = await asyncio.to_thread(self.tree.stamp, tenant)
        if tenant in self._stamps and self._stamps[tenant] == stamp:
            return
        before = self.catalogues.get(tenant)
        found = await asyncio.to_thread(read_catalogue, partial(self.tree.read, tenant), before)
        self._stamps[tenant] = stamp
        if found is None:
            self.catalogues.pop(tenant, None)
        else:
            self.catalogues[tenant] = found
        self._changed()
        if found is not None and (before is None or before.timestamp != found.timestamp):
            log("info", f"{tenant} is at release {found.release}", tenant=tenant, release=found.release)
        for waiting in self._waiting.pop(tenant, ()):
            _wake(waiting)

    async def next(self, tenant: str, seconds: float) -> None:
        """Until the tenant's tree has changed, or the time is over."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        known = self._waiting.setdefault(tenant, set())  # one future each: a shared one would be searched through
        known.add(waiting)
        timer = loop.call_later(seconds, _wake, waiting)
        try:
            await waiting
        finally:
            timer.cancel()
            known.discard(waiting)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
