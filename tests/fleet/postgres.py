"""A PostgreSQL server of our own, in memory where there is some, and a database for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOBODY = 65534  # the server refuses to run as root


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).resolve().parent if named else None


@contextmanager
def server(bin_: Path) -> Iterator[str]:
    """Runs it; gives the URL of a database, which ends in its name."""
    import psycopg

    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        os.chown(folder, _NOBODY, _NOBODY)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    data = folder / "data"
    command = [bin_ / "initdb", "-D", data, "-U", "gcm", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
    subprocess.run(command, check=True, cwd=folder, env={"PATH": "/usr/bin:/bin"}, **quiet, **user)  # type: ignore[call-overload]
    options = ["-k", folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50"]
    process = subprocess.Popen([bin_ / "postgres", "-D", data, *options], cwd=folder, **quiet, **user)  # type: ignore[call-overload]
    url = f"postgresql://gcm@/postgres?host={quote(str(folder), safe='')}"
    try:
        ends = time.monotonic() + 60
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=5):
                break
            assert process.poll() is None
            assert time.monotonic() < ends
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(url: str) -> Iterator[str]:
    """An empty database of its own."""
    import psycopg

    name = f"t{time.monotonic_ns()}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    yield url.replace("/postgres?", f"/{name}?")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")
