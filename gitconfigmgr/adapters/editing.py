"""A person's editor on plaintext that must not stay behind.

The text lies in a folder that only its owner can enter, in memory where there is such a place. It is removed on every
way out; where this process is killed, by a small guard that waits for its end.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator

_GUARD = 'trap "" HUP INT TERM; cat >/dev/null 2>&1; rm -rf -- "$1"'
_ENDING = ("SIGTERM", "SIGHUP")


class Edited(NamedTuple):
    """What the editor left; `failure` says how it ended, where that was not well."""

    text: bytes
    failure: str

    def __repr__(self) -> str:
        return "<edited text>"


def edit(name: str, text: bytes) -> Edited:
    """The text after the editor has ended. Raises OutsideError where it could not begin, or left no file."""
    command = _command()
    with _private_folder() as folder:
        file = folder / Path(name).name
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:  # noqa: PTH123 - the mode
            stream.write(text)
        failure = _run([*command, str(file)])
        try:
            return Edited(file.read_bytes(), failure)
        except OSError as error:
            raise OutsideError(f"the editor left no file: {error.strerror}", "nothing was written") from None


def _command() -> list[str]:
    names = ("SOPS_EDITOR", "VISUAL", "EDITOR")
    given = next((found for name in names if (found := os.environ.get(name, "").strip())), "vi")
    try:
        command = shlex.split(given)
    except ValueError:
        command = []
    if not command or shutil.which(command[0]) is None:
        raise OutsideError(f"there is no editor {given}", "name one: export EDITOR=nano")
    return command


def _run(command: list[str]) -> str:
    """How the editor failed; empty where it ended well. A signal that should end us ends the editor first."""
    ended: list[str] = []
    with subprocess.Popen(command) as process:  # noqa: S603 - the editor that the user names

        def stop(number: int, _: Any) -> None:
            ended.append(signal.Signals(number).name)
            process.terminate()

        with _handling({**dict.fromkeys(_ENDING, stop), "SIGINT": lambda *_: None}):
            status = process.wait()
    if ended:
        return f"was ended by {ended[0]}"
    return f"ended with status {status}" if status else ""


@contextmanager
def _handling(handlers: dict[str, Any]) -> Iterator[None]:
    before = {}
    for name, handler in handlers.items():
        if hasattr(signal, name):
            before[name] = signal.signal(getattr(signal, name), handler)
    try:
        yield
    finally:
        for name, old in before.items():
            signal.signal(getattr(signal, name), old)


@contextmanager
def _private_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gitconfigmgr-edit-", dir=_in_memory()))
    guard = _guard(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if guard is not None:
            guard.communicate()  # it sees the end of its input, and ends


def _guard(folder: Path) -> subprocess.Popen[bytes] | None:
    if os.name != "posix":
        return None
    command = ["/bin/sh", "-c", _GUARD, "sh", str(folder)]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - nothing but our own folder in the arguments
        command, stdin=subprocess.PIPE, stdout=nothing, stderr=nothing, start_new_session=True, cwd="/"
    )


def _in_memory() -> str | None:
    """A folder of the user that no disk holds; None where there is none."""
    for place in (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm"):  # noqa: S108 - a private folder is made in it
        if place and Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK):
            return place
    return None
