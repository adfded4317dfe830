"""The agent: reads over its unix socket at a fixed rate, and what one changed value costs on the wire and in time.

    python benchmarks/agent.py -o benchmarks/results/agent.md

Reads come from a process of their own (this one), each due at its time: waiting counts from then, so that a slow answer is
not left out. Bytes are counted between the agent and a server, heads and all, both ways.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

CONNECTIONS, SERVICES, ROUNDS = 8, 20, 15
PROGRAM = [sys.executable, "-m", "gitconfigmgr"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    lines = ["# The agent", "", *reads(arguments.rate, arguments.seconds), "", *follows(), "", conditions()]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text)


def conditions() -> str:
    load = os.getloadavg()[0]
    return f"Measured {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores, load {load:.1f} from others and from this."


# -- reads -----------------------------------------------------------------------------------------------------------


def reads(rate: int, seconds: float) -> list[str]:
    """Of a document of 2 kB. The best and the median of five runs: on a machine that others use, their turns count too."""
    from tests.edge.conftest import CHAT, Edge, bundle

    with tempfile.TemporaryDirectory() as folder:
        edge = Edge(Path(folder))
        edge.world.publish(bundle(CHAT, {"limit": 1, "text": "x" * 2000}))
        began = time.perf_counter()
        process = subprocess.Popen([*PROGRAM, "agent", "run", "-f", str(edge.settings())], stderr=subprocess.DEVNULL)
        try:
            connections = [connect(edge.folder / "s") for _ in range(CONNECTIONS)]
            while b" 200 OK" not in ask(connections[0]):
                time.sleep(0.002)
            started = time.perf_counter() - began
            before = cpu(process.pid)
            runs = [load(connections, rate, seconds / 5) for _ in range(5)]
            spent = (cpu(process.pid) - before) / (rate * seconds) * 1e6
            memory = Path(f"/proc/{process.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
        finally:
            process.terminate()
            process.wait()
    p50, p99 = ([run[len(run) * part // 100] * 1000 for run in runs] for part in (50, 99))
    return [
        f"{rate} reads of 2 kB a second over the unix socket, {CONNECTIONS} connections; five runs.",
        "",
        "| | best | median |", "|---|---|---|",
        f"| p50, ms | {min(p50):.2f} | {statistics.median(p50):.2f} |",
        f"| p99, ms | {min(p99):.2f} | {statistics.median(p99):.2f} |",
        f"| CPU of the agent for a read, µs | | {spent:.0f} |",
        f"| start to the first answer, s | | {started:.2f} |",
        f"| most memory, MiB | | {int(memory) // 1024} |",
    ]  # fmt: skip


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(path: Path) -> socket.socket:
    while True:
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(str(path))
        except OSError:
            made.close()
            time.sleep(0.002)
        else:
            return made


def ask(connection: socket.socket) -> bytes:
    connection.sendall(b"GET /config/acme/assistants/chat-api HTTP/1.1\r\nHost: localhost\r\n\r\n")
    data = connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head


def load(connections: list[socket.socket], rate: int, seconds: float) -> list[float]:
    waits, begins = [], time.perf_counter()
    for number in range(int(rate * seconds)):
        due = begins + number / rate
        while (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        ask(connections[number % len(connections)])
        waits.append(time.perf_counter() - due)
    return sorted(waits)


# -- following -------------------------------------------------------------------------------------------------------


def follows() -> list[str]:
    """One changed value in a bundle of 300 kB, for an agent that follows one of the services of a project."""
    rows = [
        "One changed value in a bundle of 300 kB; the project has 20 services, the agent follows one. Bytes both ways.",
        "",
        "| server | poll, nothing new | changed: sent | received | together | poll, ms | CPU, ms | of it metadata | of it apply |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    servers = {"endpoint": endpoint, "nginx": nginx}
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        del servers["nginx"]
    for name, start in servers.items():
        rows.append(f"| {name} | " + " | ".join(followed(start)) + " |")
    rows += ["", "Apply: the delta, digests, reading the document, last checks, the state on disk (fsync), the switch."]
    return rows


def followed(start: Any) -> list[str]:
    from gitconfigmgr.adapters.edge.follower import Follower
    from gitconfigmgr.agent.engine import Engine
    from gitconfigmgr.agent.main import easy_on_readers
    from gitconfigmgr.sync.replica import Due
    from tests.edge.conftest import CHAT, Edge, bundle

    easy_on_readers()
    draw = random.Random(1)
    document = {f"key{number}": {"name": f"{draw.random()}", "value": draw.random()} for number in range(5000)}
    others = [type(CHAT)(f"acme/assistants/s{number}", "production") for number in range(SERVICES - 1)]
    with tempfile.TemporaryDirectory() as folder:
        edge = Edge(Path(folder))
        edge.world.publish(bundle(CHAT, document), *(bundle(other, {"n": 1}) for other in others))
        process, port, prefix, more = start(edge)
        try:
            relay = Relay(port)
            edge.address = f"http://127.0.0.1:{relay.port}{prefix}"
            engine = edge.engine(namespaces=[CHAT.namespace], **more)
            engine.handle(Due())
            assert engine.board.release == 1, engine.replica.reason
            same = measured(relay, engine)
            metadata, applied = timed(Follower, "_refreshed"), timed(Engine, "_activate")
            content = timed(sys.modules["gitconfigmgr.adapters.edge.follower"], "read_content")
            found = []
            for number in range(ROUNDS):
                document["key77"] = {"name": f"{draw.random()}", "value": number}
                edge.world.publish(bundle(CHAT, document))
                time.sleep(0.5)  # the endpoint looks at its tree a few times a second
                item = measured(relay, engine)
                assert engine.board.release == number + 2, engine.replica.reason
                found.append((*item, metadata.pop(), content.pop() + applied.pop()))
        finally:
            process.terminate()
            process.wait()
    sent, received, *times = (statistics.median(column) for column in zip(*found, strict=True))
    return [
        f"{same[0] + same[1]:,}", f"{sent:,.0f}", f"{received:,.0f}", f"**{sent + received:,.0f}**",
        *(f"{value * 1000:.1f}" for value in times),
    ]  # fmt: skip


def measured(relay: Relay, engine: Any) -> tuple[int, int, float, float]:
    """Bytes sent and received, seconds and those of CPU."""
    from gitconfigmgr.sync.replica import Due

    relay.sent = relay.received = 0
    began, worked = time.perf_counter(), time.thread_time()
    engine.handle(Due())
    return relay.sent, relay.received, time.perf_counter() - began, time.thread_time() - worked


def timed(place: Any, name: str) -> list[float]:
    """The seconds of CPU of each call of a function, from now on."""
    inner, spent = getattr(place, name), []

    def outer(*arguments: Any, **more: Any) -> Any:
        began = time.thread_time()
        try:
            return inner(*arguments, **more)
        finally:
            spent.append(time.thread_time() - began)

    setattr(place, name, outer)
    return spent


class Relay:
    """Passes bytes on, and counts them."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.sent = self.received = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near = self._listener.accept()[0]
            far = socket.create_connection(("127.0.0.1", self._to))
            for one, other, name in ((near, far, "sent"), (far, near, "received")):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pass, args=(one, other, name), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, name: str) -> None:
        with suppress(OSError):  # the other direction has ended
            while data := one.recv(65536):
                setattr(self, name, getattr(self, name) + len(data))
                other.sendall(data)
        other.close()


def endpoint(edge: Any) -> tuple[subprocess.Popen[bytes], int, str, dict[str, str]]:
    from tests.endpoint.conftest import Served

    served = object.__new__(Served)
    served.edge, served.state, served.tree = edge, edge.folder / "endpoint", edge.world.out
    (edge.folder / "token").write_text(served.token())
    served.start()
    assert served.process
    return served.process, served.place[1], "/acme", {"token": str(edge.folder / "token")}


def nginx(edge: Any) -> tuple[subprocess.Popen[bytes], int, str, dict[str, str]]:
    from tests.conformance.keys.services import free_port

    port, folder = free_port(), edge.folder / "nginx"
    folder.mkdir()
    (folder / "conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr crit; user root; worker_processes 1; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path\n"
        f"{folder}/3; uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; gzip on; gzip_types application/json;\n"
        "gzip_min_length 0; server_tokens off; types { application/json json; }\n"
        f"server {{ listen 127.0.0.1:{port}; root {edge.world.tree}; gzip_static on; }} }}\n"
    )
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    process = subprocess.Popen(
        [str(program), "-p", str(folder), "-c", str(folder / "conf")], stdout=subprocess.DEVNULL, stderr=None
    )
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return process, port, "", {}
    raise SystemExit("nginx does not start")


if __name__ == "__main__":
    main()
