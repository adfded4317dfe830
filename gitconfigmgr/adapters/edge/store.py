"""The last known good on disk: generations, each a small published tree of its own, and a link to the one in use.

<folder>/generations/<n>/note.json      what the signatures do not say: ETag, floors, since when
<folder>/generations/<n>/tuf/..., ...   verified metadata and content, where the published tree has them
<folder>/current -> generations/<n>     replaced as a whole, after everything above it is on disk
<folder>/tuf                            python-tuf's own memory of the newest metadata it has seen
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.sync.replica import Pin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from gitconfigmgr.adapters.edge.cipher import Cipher

NOTE = "note.json"
_KEPT = 2


class Store:
    """One agent's folder. Raises OutsideError where it cannot be written."""

    def __init__(self, folder: Path, cipher: Cipher) -> None:
        self.folder = folder
        self._cipher = cipher
        self._generations = folder / "generations"
        try:
            self._generations.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.metadata.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise OutsideError(f"{folder}: {error.strerror}", "name another state folder") from None

    @property
    def metadata(self) -> Path:
        return self.folder / "tuf"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One agent at a time. Raises UsageError for a second one."""
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise UsageError(f"another agent uses {self.folder}", "give each its own state folder") from None
        finally:
            os.close(descriptor)

    def activate(self, files: Mapping[str, bytes], note: Mapping[str, Any]) -> None:
        """Make these files the last known good. Killed anywhere, the one before stays, or this one is whole."""
        numbers = self._numbers()
        new = self._generations / f".new-{os.getpid()}"
        try:
            for left in self._generations.glob(".new-*"):
                shutil.rmtree(left)
            for path, data in {**files, NOTE: orjson.dumps(note)}.items():
                _write(new / path, self._cipher.seal(path, data))
            for at, _, _ in os.walk(new, topdown=False):
                _sync(at)
            number = max(numbers, default=0) + 1
            new.rename(self._generations / str(number))
            _sync(self._generations)
            link = self.folder / "current.new"
            link.unlink(missing_ok=True)
            link.symlink_to(f"generations/{number}")
            link.replace(self.folder / "current")
            _sync(self.folder)
        except OSError as error:
            shutil.rmtree(new, ignore_errors=True)
            raise OutsideError(f"{self.folder}: {error.strerror}", "the last good stays in use") from None
        for old in [*numbers, number][:-_KEPT]:
            shutil.rmtree(self._generations / str(old), ignore_errors=True)

    def generations(self) -> list[tuple[Callable[[str], bytes | None], dict[str, Any]]]:
        """What there is to load, best first: a reader of files and the note. What does not open is left out."""
        current = None
        with suppress(OSError, ValueError):
            current = int((self.folder / "current").readlink().name)
        found = []
        for number in sorted(self._numbers(), key=lambda number: (number == current, number), reverse=True):
            read = self._reader(self._generations / str(number))
            with suppress(OutsideError, ValueError, OSError):
                note = orjson.loads(read(NOTE) or b"")
                if isinstance(note, dict):
                    found.append((read, note))
        return found

    def empty(self) -> bool:
        """Whether nothing was ever activated."""
        return not self._numbers()

    def pin(self) -> Pin | None:
        """What an operator has set. A damaged file counts as none."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = orjson.loads((self.folder / "pin.json").read_bytes())
            return Pin(float(found["until"]), str(found["reason"]))
        return None

    def set_pin(self, pin: Pin | None) -> None:
        if pin is None:
            (self.folder / "pin.json").unlink(missing_ok=True)
        else:
            write_atomically(self.folder / "pin.json", orjson.dumps({"until": pin.until, "reason": pin.reason}))

    def _numbers(self) -> list[int]:
        return sorted(int(path.name) for path in self._generations.iterdir() if path.name.isdecimal())

    def _reader(self, folder: Path) -> Callable[[str], bytes | None]:
        def read(path: str) -> bytes | None:
            try:
                return self._cipher.open(path, (folder / path).read_bytes())
            except FileNotFoundError:
                return None

        return read


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync(folder: str | Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
