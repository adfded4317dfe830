"""The last known good on disk: generations, each one file of verified metadata, and the content that they name.

<folder>/kept/<n>          a generation: metadata, what the signatures do not say (ETag, floors, since when), its content
<folder>/kept/<sha256>     content, shared by the generations that name it
<folder>/tuf               python-tuf's own memory of the newest metadata it has seen

Content is written before the generation that names it, and each file is put in place whole. The newest generation that
opens and verifies is the one that counts: nothing else says which it is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.sync.replica import Pin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gitconfigmgr.adapters.edge.cipher import Cipher

_KEPT = 2
_CONTENT = re.compile(r"[0-9a-f]{64}\Z")


class Generation(NamedTuple):
    """`metadata` by path in the published tree, as text; `content` the digests by path."""

    metadata: Mapping[str, str]
    content: Mapping[str, str]
    note: Mapping[str, Any]


class Store:
    """One agent's folder. Raises OutsideError where it cannot be written."""

    def __init__(self, folder: Path, cipher: Cipher) -> None:
        self.folder = folder
        self._cipher = cipher
        self._kept = folder / "kept"
        self._named: dict[int, frozenset[str]] = {}
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._kept.mkdir(mode=0o700, exist_ok=True)
            self.metadata.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _outside(folder, error, "name another state folder") from None

    @property
    def metadata(self) -> Path:
        return self.folder / "tuf"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One agent at a time. Raises UsageError for a second one."""
        try:  # not for writing: a volume may become read-only, and what it holds can be served
            descriptor = os.open(self.folder / "lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _outside(self.folder, error, "name another state folder") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise UsageError(f"another agent uses {self.folder}", "give each its own state folder") from None
        finally:
            os.close(descriptor)

    def activate(self, generation: Generation, content: Mapping[str, bytes]) -> None:
        """Make this the last known good; `content` by digest. Killed anywhere, the one before stays, or this one is whole."""
        try:
            held, numbers = _names(self._kept), self._numbers()
            for digest in set(generation.content.values()) - held:
                self._write(digest, content[digest])
            number = max(numbers, default=0) + 1
            self._write(str(number), orjson.dumps(generation._asdict()))
            _sync(self._kept)
        except OSError as error:
            raise _outside(self.folder, error, "the last good stays in use") from None
        self._named[number] = frozenset(generation.content.values())
        self._sweep(held, [*numbers, number][-_KEPT:])

    def generations(self) -> list[Generation]:
        """What there is to load, newest first. What does not open is left out."""
        found = []
        for number in reversed(self._numbers()):
            with suppress(OutsideError, ValueError, TypeError, OSError):
                generation = Generation(**orjson.loads(self._read(str(number))))
                self._named[number] = frozenset(generation.content.values())
                found.append(generation)
        return found

    def read(self, generation: Generation, path: str) -> bytes | None:
        """A file of a generation, to be verified; None where it is not there."""
        text = generation.metadata.get(path)
        if text is not None:
            return text.encode()
        digest = generation.content.get(path)
        if digest is None or not _CONTENT.match(digest):
            return None
        try:
            return self._read(digest)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _outside(self.folder, error, "the agent has to be able to read its state") from None

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
        try:
            if pin is None:
                (self.folder / "pin.json").unlink(missing_ok=True)
            else:
                write_atomically(self.folder / "pin.json", orjson.dumps({"until": pin.until, "reason": pin.reason}))
        except OSError as error:
            raise _outside(self.folder, error, "pin as the user that the agent runs as") from None

    def _numbers(self) -> list[int]:
        try:
            return sorted(int(name) for name in _names(self._kept) if name.isdecimal() and len(name) < 20)
        except OSError as error:
            raise _outside(self.folder, error, "the agent has to be able to read its state") from None

    def _read(self, name: str) -> bytes:
        return self._cipher.open(name, (self._kept / name).read_bytes())

    def _write(self, name: str, data: bytes) -> None:
        new = self._kept / f".{name}"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._cipher.seal(name, data))
                file.flush()
                os.fsync(descriptor)
            new.replace(self._kept / name)
        except OSError:
            with suppress(OSError):
                new.unlink()
            raise

    def _sweep(self, before: set[str], kept: list[int]) -> None:
        """Remove what no generation that is kept names. Not knowing what one names keeps all content."""
        if not self._named.keys() >= set(kept):
            return
        needed = {str(number) for number in kept}.union(*(self._named[number] for number in kept))
        for name in before - needed:
            with suppress(OSError):
                (self._kept / name).unlink()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _outside(folder: Path, error: OSError, hint: str) -> OutsideError:
    return OutsideError(f"{folder}: {os.strerror(error.errno or errno.EIO)}", hint)
