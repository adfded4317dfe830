"""A folder that is made with all of its files, or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class NewFolder:
    """A folder that is not there yet, or empty. Raises UsageError for any other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        hint = "name a new or an empty folder; nothing is replaced"
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise UsageError(f"{folder} is no folder", hint)
        inside = sorted(path.name for path in self.folder.iterdir()) if self.folder.is_dir() else []
        if inside:
            raise UsageError(f"{folder} is not empty, it holds {inside[0]}", hint)

    def create(self, files: Mapping[str, bytes]) -> None:
        """Write the files beside the folder, then put them in its place in one step. Raises OutsideError."""
        made: str | None = None
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            made = tempfile.mkdtemp(prefix=f".{self.folder.name}.", dir=self.folder.parent)
            for path, data in files.items():
                place = Path(made) / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
            Path(made).chmod(self.folder.stat().st_mode & 0o777 if self.folder.exists() else _folder_mode(made))
            if self.folder.exists():
                self.folder.rmdir()  # fails where something has come into it
            Path(made).rename(self.folder)
        except OSError as error:
            raise OutsideError(f"{self.folder}: {error.strerror}", "nothing was written") from None
        finally:
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)


def _folder_mode(made: str) -> int:
    """The mode that a folder made here gets."""
    probe = Path(made) / ".mode"
    probe.mkdir()
    mode = probe.stat().st_mode & 0o777
    probe.rmdir()
    return mode
