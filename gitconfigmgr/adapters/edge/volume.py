"""Files on a shared volume, all of them exchanged at once, as Kubernetes does it.

<folder>/..<n>/acme/chat.json     a generation
<folder>/..data -> ..<n>          flipped
<folder>/acme -> ..data/acme      what applications open
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from pathlib import Path

_DATA = "..data"


class File(NamedTuple):
    """`owner` is `user`, `user:group` or empty for that of the agent."""

    data: bytes
    mode: int = 0o644
    owner: str = ""


class Volume:
    """A folder that belongs to the agent. Raises OutsideError; then readers see what they saw before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._staged: Path | None = None
        self._names: set[str] = set()

    def stage(self, files: dict[str, File]) -> None:
        """Write a new generation beside the one in use."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            number = max((int(path.name[2:]) for path in self._generations()), default=0) + 1
            self._staged = self._folder / f"..{number}"
            self._staged.mkdir()
            for name, file in files.items():
                _write(self._staged / name, file)
        except (OSError, LookupError) as error:
            self.discard()
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise OutsideError(f"{self._folder}: {reason}", "the files before stay in use") from None
        self._names = {name.partition("/")[0] for name in files}

    def flip(self) -> None:
        """Make what was staged what readers see."""
        assert self._staged is not None
        try:
            self._link(_DATA, self._staged.name)
            for name in self._names:
                if not (self._folder / name).is_symlink():
                    self._link(name, f"{_DATA}/{name}")
            for path in self._folder.iterdir():
                if path.is_symlink() and path.name != _DATA and path.name not in self._names:
                    path.unlink()
        except OSError as error:
            raise OutsideError(f"{self._folder}: {error.strerror}") from None
        for path in self._generations():
            if path != self._staged:
                shutil.rmtree(path, ignore_errors=True)
        self._staged = None

    def discard(self) -> None:
        """Take back what was staged."""
        if self._staged is not None:
            shutil.rmtree(self._staged, ignore_errors=True)
            self._staged = None

    def _link(self, name: str, to: str) -> None:
        new = self._folder / f"{_DATA}_tmp"
        new.unlink(missing_ok=True)
        new.symlink_to(to)
        new.replace(self._folder / name)

    def _generations(self) -> list[Path]:
        return [path for path in self._folder.glob("..*") if path.name[2:].isdecimal()]


def _write(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(file.data)
        opened.flush()
        os.fchmod(descriptor, file.mode)
        if file.owner:
            user, _, group = file.owner.partition(":")
            shutil.chown(path, user, group or None)
        os.fsync(descriptor)
