"""A release on its way in: an archive that is kept in a file without a name, so that nothing stays of one that ends early."""

from __future__ import annotations

import tarfile
import tempfile
from typing import IO, TYPE_CHECKING

import orjson

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

REMOVED = ".removed.json"  # the member that lists what is to be removed
_MOST_FILES = 100_000


def open_spool(folder: Path) -> IO[bytes]:
    """A file without a name: it is gone with the process, however that ends. Raises OutsideError."""
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise OutsideError(f"{folder}: {error.strerror}", "see whether the disk is full") from None


def read_archive(spool: IO[bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Files by path, and what is to be removed. Raises UsageError for anything but an archive of plain files."""
    files: dict[str, bytes] = {}
    spool.seek(0)
    try:
        with tarfile.open(fileobj=spool, mode="r:") as archive:
            for member in archive:
                if not member.isreg() or member.issparse() or member.name in files or len(files) >= _MOST_FILES:
                    raise UsageError(f"{member.name[:200]} is no plain file, or there twice", "send regular files only")
                opened = archive.extractfile(member)
                assert opened is not None
                files[member.name] = opened.read()
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise UsageError(f"this is no archive ({type(error).__name__})", "a POSIX tar, not compressed") from None
    return files, _removed(files.pop(REMOVED, b"[]"))


def _removed(data: bytes) -> list[str]:
    try:
        found = orjson.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
        raise UsageError(f"{REMOVED} is no list of paths")
    return found
