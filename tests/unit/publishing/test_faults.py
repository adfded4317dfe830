"""`release` as a process that is killed by -9 at any write to a service, and two of them at once: real servers, a proxy between."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.conformance.publishers.oci import OciRig
from tests.conformance.publishers.rigs import CHAT, SEARCH
from tests.conformance.publishers.vault import WRITES, VaultRig
from tests.unit.repositories import commit, git, write_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
SETTINGS = {
    "vault": """\
version: 1
environments: {{production: {{}}}}
key_services: {{vault: ["http://{host}"]}}
release: {{tenant: acme, to: [{{to: "vault:http://{host}", mount: {place}}}]}}
""",
    "oci": """\
version: 1
environments: {{production: {{}}}}
release: {{tenant: acme, to: [{{to: "oci:{host}/{place}:live", insecure: true}}]}}
""",
}


class Between:
    """Hands every request on to a server; calls `act` with its number before each one that writes."""

    def __init__(self, host: str) -> None:
        self.act: Callable[[int], bool] = lambda _: True
        self.writes = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.command.lower() in WRITES:
                    number, outer.writes = outer.writes, outer.writes + 1
                    if not outer.act(number):
                        self.close_connection = True
                        return
                upstream = http.client.HTTPConnection(host, timeout=60)
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                data = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") or "0" if self.command == "HEAD" else str(len(data))
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(data)
                upstream.close()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - the library's names

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # who asked was killed
                    super().handle()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Place:
    """A repository that is released to one service."""

    def __init__(self, folder: Path, rig: Any, kind: str) -> None:
        self.rig = rig
        self.between = Between(rig.address.removeprefix("http://") if kind == "vault" else rig.host)
        self.folder = folder / "repository"
        self.folder.mkdir()
        place = rig.mount if kind == "vault" else rig.repository
        write_files(self.folder, {"gitconfigmgr.yaml": SETTINGS[kind].format(host=self.between.host, place=place)})
        git(self.folder, "init", "-q")

    def edit(self, limit: int) -> None:
        """One change of both targets."""
        write_files(
            self.folder,
            {f"configs/{target.namespace}/{target.environment}.yaml": f"limit: {limit}\n" for target in (CHAT, SEARCH)},
        )
        commit(self.folder)

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "gitconfigmgr", "release"]
        environment = os.environ | {"VAULT_TOKEN": "root", "HOME": str(self.folder.parent)}
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def release(self) -> None:
        process = self.start()
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err

    def killed_at(self, step: int) -> None:
        """Release, and end the process by -9 when it asks for that write, which never arrives."""
        started = threading.Event()
        processes: list[subprocess.Popen[str]] = []

        def kill(number: int) -> bool:
            if number < step:
                return True
            started.wait(60)
            processes[0].kill()
            return False

        self.between.writes, self.between.act = 0, kill
        processes.append(self.start())
        started.set()
        processes[0].communicate(timeout=300)
        assert processes[0].returncode == -9
        self.between.act = lambda _: True

    def limits(self) -> set[int]:
        """What a reader of the service finds."""
        return {self.rig.read(target)["limit"] for target in (CHAT, SEARCH)}


@pytest.fixture(params=list(SETTINGS))
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    rig = (VaultRig if request.param == "vault" else OciRig)(tmp_path)
    made = Place(tmp_path, rig, request.param)
    yield made
    made.between.close()
    rig.close()


def test_killed_at_a_write_readers_find_one_release_and_the_next_run_completes(place: Place) -> None:
    place.edit(0)
    place.release()
    assert place.limits() == {0}
    last = place.between.writes - 1
    for limit, step in enumerate((1, last), 1):
        place.edit(limit)
        place.killed_at(step)
        assert place.limits() == {limit - 1}
        place.release()
        assert place.limits() == {limit}
    before = place.rig.snapshot()
    place.release()
    assert place.rig.snapshot() == before


def test_two_at_once_leave_one_release(place: Place) -> None:
    place.edit(0)
    place.release()
    place.edit(1)
    both = [place.start() for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=300)
        assert process.returncode in (0, 3), out + err
        assert process.returncode == 0 or "run" in err, "what to do is said"
    place.release()
    assert place.limits() == {1}
    assert place.rig.publisher().held().commit == git(place.folder, "rev-parse", "HEAD").strip()
