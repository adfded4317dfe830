"""Where values come from: documents of the published tree that are fetched when somebody asks, named by signed digests."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.release import layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.adapters.edge.transport import Transport

_MOST_BYTES = 16 * 1024 * 1024
_KEPT = 16
_RETRY_SECONDS = 5.0  # readers that ask again do not make the publisher be asked again


class Provenances:
    """The last ones that were asked for. From any thread; one is fetched at a time."""

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock
        self._held: dict[str, Any] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def get(self, sha256: str) -> Any:
        """Raises OutsideError: unreachable, or not what was signed."""
        with self._lock:
            if sha256 not in self._held:
                self._held[sha256] = self._fetched(sha256)
                while len(self._held) > _KEPT:
                    del self._held[next(iter(self._held))]
            return self._held[sha256]

    def _fetched(self, sha256: str) -> Any:
        until, reason = self._failed.get(sha256, (0.0, ""))
        if self._clock() < until:
            raise OutsideError(reason)
        try:
            data = self._transport.get(layout.provenance_file(sha256), _MOST_BYTES).data or b""
            _require(hashlib.sha256(data).hexdigest() == sha256)
            return orjson.loads(data)
        except (OutsideError, ValueError) as error:
            self._failed = {sha256: (self._clock() + _RETRY_SECONDS, str(error))}
            raise OutsideError(str(error)) from None


def _require(signed: bool) -> None:  # noqa: FBT001 - an assertion, and named by its argument
    if not signed:
        raise OutsideError("it is not what was signed")
