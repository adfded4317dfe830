"""Where an encrypted text is kept that could not be saved in its file."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.errors import OutsideError


def keep(state: Path, name: str, data: bytes) -> str:
    """Write an encrypted text below the state folder, else in the system's temporary folder; where it is."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    base = f"{Path(name).name}-{stamp}.sops"
    for folder in (state / "unsaved", Path(tempfile.gettempdir()), Path("/dev/shm")):  # noqa: S108 - the text is encrypted
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / base, data)
        except (OSError, OutsideError):
            continue
        return str(folder / base)
    raise OutsideError("the text cannot be kept: no folder can be written", "make room on the disk, and try again")
