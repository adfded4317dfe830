"""What python-tuf fetches metadata by: our transport, and of what is published the fewest bytes.

Nothing that is saved here is trusted: python-tuf verifies what comes, and what it refuses is fetched again as a whole.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import orjson
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.release import delta, layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitconfigmgr.adapters.edge.transport import Transport

_MOST_BYTES = 5_000_000  # of one file of metadata, as python-tuf bounds it


class Fetcher(FetcherInterface):
    """Of metadata below the transport's base.

    `timestamp` is one that is at hand already. Thrifty, deltas are tried from what python-tuf keeps in `folder`, and no
    root is asked for after number `last_root`, which is what the timestamp says of roots.
    """

    def __init__(self, transport: Transport, folder: Path) -> None:
        self._transport = transport
        self._folder = folder
        self.base = f"{transport.base}{layout.METADATA}/"
        self.timestamp = b""
        self.last_root: int | None = None
        self.thrifty = False

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.removeprefix(self.base)
        if name == "timestamp.json":
            return iter([self.timestamp])
        number, _, role = unquote(name.removesuffix(".json")).partition(".")
        found = None
        if self.thrifty and role == "root" and self.last_root is not None and int(number) > self.last_root:
            raise DownloadHTTPError("not published, says the timestamp", 404)
        if self.thrifty and role != "root" and number.isdecimal():
            found = self._by_delta(int(number), role)
        return self._transport.stream(url) if found is None else iter([found])

    def _by_delta(self, number: int, role: str) -> bytes | None:
        """From the version that is here; None where that is too old or the delta does not fit."""
        with suppress(OSError, ValueError, KeyError, TypeError, OutsideError):  # DeltaError is a ValueError
            before = (self._folder / f"{quote(role, '')}.json").read_bytes()
            held = int(orjson.loads(before)["signed"]["version"])
            if 0 < number - held <= layout.DELTAS_KEPT:
                path = layout.delta_file(f"{held}.{role}", f"{number}.{role}")
                packed = self._transport.get(path, _MOST_BYTES).data or b""
                return delta.expand(before, packed, _MOST_BYTES)
        return None
