"""Changes that this machine proposes, on disk until it is known what has become of them.

<folder>/proposals/<number>    one each, encrypted as the rest of the state; replaced as a whole
<folder>/proposals/counter     the highest number there ever was: it counts in version vectors, and never goes back
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gitconfigmgr.adapters.edge.cipher import Cipher

_MOST, _KEPT = 1000, 100
QUEUED, WITHDRAWN = "queued", "withdrawn"
SETTLED = ("merged", "lost", "refused", WITHDRAWN)


class Queued(NamedTuple):
    """`state` is QUEUED until it was sent, then as the endpoint says; `id` is the endpoint's; `data` is what is sent."""

    number: int
    data: Mapping[str, Any]
    state: str = QUEUED
    id: str = ""
    outcome: Mapping[str, Any] = {}


class Outbox:
    """Below an agent's state. The command that adds and the agent that sends may be two processes."""

    def __init__(self, state: Path, cipher: Cipher) -> None:
        self._folder = state / "proposals"
        self._cipher = cipher

    def add(self, make: Callable[[int], Mapping[str, Any]]) -> Queued:
        """Keep what `make` gives for the next number. Raises UsageError, OutsideError."""
        with self._locked():
            numbers = self._numbers()
            if len(numbers) >= _MOST:
                raise UsageError(f"{_MOST} proposals wait already", "see gitconfigmgr agent proposals")
            number = max([*numbers, self._counter()], default=0) + 1
            queued = Queued(number, make(number))
            write_atomically(self._folder / "counter", str(number).encode())
            self._hand_over(self._folder / "counter")
            self._write(queued)
        return queued

    def all(self) -> list[Queued]:
        """In the order they were made. What does not open is left out."""
        found = []
        for number in self._numbers():
            with suppress(OutsideError, ValueError, TypeError, OSError):
                data = self._cipher.open(_name(number), (self._folder / str(number)).read_bytes())
                found.append(Queued(**orjson.loads(data)))
        return found

    def update(self, queued: Queued) -> None:
        """Keep what has become of one. Raises OutsideError. One that was withdrawn meanwhile stays so, with its id."""
        with self._locked():
            now = {item.number: item for item in self.all()}
            if now.get(queued.number, queued).state == WITHDRAWN:
                queued = queued._replace(state=WITHDRAWN)
            self._write(queued)
            settled = [item.number for item in now.values() if item.state in SETTLED]
            for number in settled[:-_KEPT]:
                (self._folder / str(number)).unlink(missing_ok=True)

    def _write(self, queued: Queued) -> None:
        data = orjson.dumps(queued._asdict())
        write_atomically(self._folder / str(queued.number), self._cipher.seal(_name(queued.number), data))
        self._hand_over(self._folder / str(queued.number))

    def _hand_over(self, path: Path) -> None:
        """What root writes for an agent that is somebody else is the agent's."""
        if os.geteuid() == 0:
            owner = self._folder.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid)

    def _numbers(self) -> list[int]:
        try:
            return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdecimal())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutsideError(f"{self._folder}: {error.strerror}") from None

    def _counter(self) -> int:
        with suppress(OSError, ValueError):
            return int((self._folder / "counter").read_bytes())
        return 0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._hand_over(self._folder)
            self._hand_over(self._folder / "lock")
        except OSError as error:
            raise OutsideError(f"{self._folder}: {error.strerror}", "run it as the agent's user") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _name(number: int) -> str:
    return f"proposals/{number}"
