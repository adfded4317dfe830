"""Reads over the agent's unix socket at a fixed rate: what an application waits for a 2 kB document.

Prints p50 and p99 in milliseconds, the memory of the agent and how long it took to start. `--rate`, `--seconds`.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

CONNECTIONS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    from tests.edge.conftest import CHAT, Edge, bundle

    with tempfile.TemporaryDirectory() as folder:
        edge = Edge(Path(folder))
        edge.world.publish(bundle(CHAT, {"limit": 1, "text": "x" * 2000}))
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "gitconfigmgr", "agent", "run", "-f", str(edge.settings())],
            stderr=subprocess.DEVNULL,
        )
        try:
            connections = [connect(edge.folder / "s") for _ in range(CONNECTIONS)]
            while b" 200 OK" not in ask(connections[0]):
                time.sleep(0.002)
            started = time.perf_counter() - began
            waits = load(connections, arguments.rate, arguments.seconds)
            memory = Path(f"/proc/{process.pid}/status").read_text().partition("VmRSS:")[2].split()[0]
        finally:
            process.terminate()
            process.wait()
    waits.sort()
    p50, p99 = waits[len(waits) // 2] * 1000, waits[len(waits) * 99 // 100] * 1000
    print(f"{len(waits) / arguments.seconds:.0f} requests/s  p50 {p50:.3f} ms  p99 {p99:.3f} ms")
    print(f"start to first answer {started:.2f} s  memory {int(memory) // 1024} MiB")


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
    """Each request is due at its time; waiting counts from then, so that a slow answer is not left out."""
    waits, begins = [], time.perf_counter()
    for number in range(int(rate * seconds)):
        due = begins + number / rate
        while (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        ask(connections[number % len(connections)])
        waits.append(time.perf_counter() - due)
    return waits


if __name__ == "__main__":
    main()
