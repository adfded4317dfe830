"""Files written so that a reader sees the old content or the new, and a crash leaves one of them."""

from __future__ import annotations

import os
from pathlib import Path

from gitconfigmgr.errors import OutsideError


def write_atomically(path: Path, data: bytes) -> None:
    """Temporary file beside it, fsync, rename. The mode of an existing file is kept. Raises OutsideError.

    What is no file, such as /dev/null or a pipe, is written to as it is.
    """
    import tempfile

    try:
        if path.parent == Path("/dev") or (path.exists() and not path.is_file()):
            path.write_bytes(data)
            return
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask()
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutsideError(f"{path}: {error.strerror}", "nothing was written") from None


def umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
