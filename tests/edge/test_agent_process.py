"""`gitconfigmgr agent` as a process: nginx in front of the tree, applications on its socket."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.client import Config, ConfigError

from .conftest import Edge, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHAT_API = "acme/assistants/chat-api"


def config(edge: Edge) -> Config:
    return Config(CHAT_API, socket=str(edge.folder / "s"), timeout=30)


def state(edge: Edge) -> str | None:
    try:
        with config(edge) as client:
            return str(client.status()["state"])
    except ConfigError:
        return None


def limit(edge: Edge) -> Any:
    try:
        with config(edge) as client:
            return client.get("limit")
    except (ConfigError, KeyError):
        return None


def agent(edge: Edge, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    path = edge.settings(**more)
    command = [sys.executable, "-m", "gitconfigmgr", "agent", arguments[0], "-f", str(path), *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def nginx(edge: Edge) -> Iterator[Callable[[], None]]:
    """Serves the tree on a port of its own; called, it is killed."""
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = edge.folder / "nginx"
    folder.mkdir()
    (folder / "conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr crit; user root; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log {folder}/access; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2;\n"
        f"fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; etag on;\n"
        f"server {{ listen 127.0.0.1:{port}; root {edge.world.tree}; gzip_static on; }} }}\n"
    )
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "conf")], stderr=subprocess.DEVNULL)
    edge.address = f"http://127.0.0.1:{port}"

    def kill() -> None:
        process.terminate()
        process.wait()

    def answers() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return False
        return True

    eventually(answers)
    yield kill
    kill()


def test_follows_nginx_and_serves_without_it(
    edge: Edge, nginx: Callable[[], None], start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    edge.publish(1)
    process = start(stale_after=1, interval=1)
    eventually(lambda: limit(edge) == 1)
    told = threading.Event()
    client = config(edge)
    client.on_change(told.set)
    edge.publish(2)
    assert told.wait(60)
    value = client.value("limit")
    assert (value.value, value.version, value.state) == (2, 2, "ready")
    assert client.get("api.timeout", float) == 30.0
    assert client.get("nothing", int, 7) == 7
    with pytest.raises(TypeError):
        client.get("limit", str)
    client.close()

    nginx()
    eventually(lambda: state(edge) == "stale")
    process.kill()
    process.wait()
    start(stale_after=1)
    eventually(lambda: limit(edge) == 2)
    with config(edge) as client:
        assert client.value("limit").stale


def test_nginx_is_asked_conditionally_and_compressed(edge: Edge, nginx: object) -> None:
    from gitconfigmgr.sync.replica import Due

    edge.publish(1)
    engine = edge.engine()
    for _ in range(3):
        engine.handle(Due())
    asked = [line.split('"')[1:3] for line in (edge.folder / "nginx/access").read_text().splitlines()]
    codes = [answer.split()[0] for request, answer in asked if "timestamp" in request]
    assert codes == ["200", "304", "304"]


def test_hup_polls_at_once_and_term_ends_it(edge: Edge, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    edge.publish(1)
    process = start()
    eventually(lambda: limit(edge) == 1)
    assert (edge.folder / "s").stat().st_mode & 0o777 == 0o600
    edge.publish(2)
    process.send_signal(signal.SIGHUP)
    eventually(lambda: limit(edge) == 2)
    process.terminate()
    assert process.wait(60) == 0
    assert not (edge.folder / "s").exists()


def test_is_light_and_has_nothing_of_the_compiler(edge: Edge) -> None:
    edge.publish(1)
    edge.settings()
    program = (
        "import sys, time; began = time.process_time()\n"
        "from gitconfigmgr.cli.main import run\n"
        "status = run(['agent', 'init', '-f', sys.argv[1]])\n"
        "memory = open('/proc/self/status').read().partition('VmHWM:')[2].split()[0]\n"
        "print(status, memory, time.process_time() - began)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(edge.folder / "agent.toml")], capture_output=True, text=True, check=True
    )
    said, numbers, modules = done.stdout.splitlines()
    assert said == "ready: release 1, 1 namespace"
    status, memory, seconds = numbers.split()
    assert status == "0"
    assert int(memory) < 100 * 1024
    assert float(seconds) < 5, "of CPU; a second on a machine that is idle"
    heavy = {"pygit2", "yaml", "ruamel", "jsonschema", "jsonschema_rs", "boto3", "azure", "hvac", "jinja2"}
    compiler = {
        f"gitconfigmgr.{name}" for name in ("source", "resolve", "check", "pipeline", "app", "wiring", "secrets")
    }
    assert not (heavy | compiler) & {*modules.split(), *(name.partition(".")[0] for name in modules.split())}


def test_init_fails_where_the_root_is_of_no_use(edge: Edge) -> None:
    edge.publish(1)
    edge.root.write_text("no metadata")
    found = agent(edge, "init", "--wait", "30")
    assert (found.returncode, found.stdout) == (3, "")
    assert "the trusted root is of no use" in found.stderr


def test_commands(edge: Edge) -> None:
    edge.publish(1)
    found = agent(edge, "exec", "-e", f"LIMIT={CHAT_API}:limit", "--", "sh", "-c", "echo $LIMIT")
    assert (found.stdout, found.stderr) == ("1\n", "")
    missing = agent(edge, "exec", "-e", f"LIMIT={CHAT_API}:nothing", "--", "true")
    assert (missing.returncode, "has no key nothing" in missing.stderr) == (2, True)
    assert agent(edge, "status").returncode == 3
    wrong = agent(edge, "run", intervall=5)
    assert (wrong.returncode, "did you mean interval?" in wrong.stderr) == (2, True)


def test_a_pin_reaches_the_running_agent(edge: Edge, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    edge.publish(1)
    process = start()
    eventually(lambda: limit(edge) == 1)
    assert agent(edge, "pin", "--until", "2999-01-01", "-m", "incident").returncode == 0
    edge.publish(2)
    process.send_signal(signal.SIGHUP)
    eventually(lambda: state(edge) == "pinned" and limit(edge) == 1)
    shown = agent(edge, "status", "--json")
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["namespaces"] == {CHAT_API: 1}
    assert agent(edge, "unpin").returncode == 0
    process.send_signal(signal.SIGHUP)
    eventually(lambda: limit(edge) == 2)


def ask(edge: Edge, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(30)
        made.connect(str(edge.folder / "s"))
        made.sendall(data)
        found = b""
        while chunk := made.recv(65536):
            found += chunk
        return found


def test_the_socket_speaks_http(edge: Edge, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    edge.publish(1)
    start(listen="127.0.0.1:0")
    eventually(lambda: limit(edge) == 1)
    whole = ask(edge, b"GET /config/%s HTTP/1.1\r\nConnection: close\r\n\r\n" % CHAT_API.encode())
    assert whole.startswith(b"HTTP/1.1 200 OK\r\nX-Gcm-State: ready\r\n")
    assert json.loads(whole.partition(b"\r\n\r\n")[2]) == {"limit": 1, "api": {"timeout": 30}}
    etag = whole.partition(b'ETag: "')[2].partition(b'"')[0]
    end = b"Connection: close\r\n\r\n"
    again = ask(edge, b'GET /config/%s HTTP/1.1\r\nIf-None-Match: "%s"\r\n%s' % (CHAT_API.encode(), etag, end))
    assert again.startswith(b"HTTP/1.1 304 ")
    envelope = ask(edge, b"GET /config/%s/api.timeout?envelope=1 HTTP/1.1\r\n%s" % (CHAT_API.encode(), end))
    found = json.loads(envelope.partition(b"\r\n\r\n")[2])
    assert (found["value"], found["version"], found["state"]) == (30, 1, "ready")
    for request, status in (
        (b"GET /config/acme/nothing HTTP/1.1\r\n" + end, b"404"),
        (b"GET /config/acme/assistants/chat-api/x.y HTTP/1.1\r\n" + end, b"404"),
        (b"POST /config HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", b"405"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 20_000, b"414"),
        (b"GET /health/ready HTTP/1.1\r\n" + end, b"200"),
        (b"GET /metrics HTTP/1.1\r\n" + end, b"200"),
    ):
        assert ask(edge, request)[9:12] == status, request[:60]
    two = ask(edge, b"GET /health/live HTTP/1.1\r\n\r\nGET /config HTTP/1.1\r\n" + end)
    assert two.count(b"HTTP/1.1 200 OK") == 2


def test_readers_see_one_version_or_the_next(edge: Edge, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    """Files on the volume are read through the links while they flip."""
    edge.publish(1)
    process = start(files=str(edge.folder / "out"))
    place = edge.folder / "out" / f"{CHAT_API}.json"
    eventually(place.exists)
    for number in range(2, 6):
        edge.publish(number)
        process.send_signal(signal.SIGHUP)
        seen = set()
        ends = time.monotonic() + 60
        while number not in seen:
            assert time.monotonic() < ends
            try:
                seen.add(json.loads(place.read_bytes())["limit"])
            except FileNotFoundError:  # the path was resolved before the flip: Kubernetes' readers try again too
                continue
        assert seen <= {number - 1, number}


def test_killed_while_it_follows(edge: Edge, start: Callable[..., subprocess.Popen[bytes]]) -> None:
    edge.publish(1)
    last = 1
    for number in range(2, 5):
        process = start()
        eventually(lambda: limit(edge) is not None)
        edge.publish(number)
        os.kill(process.pid, signal.SIGHUP)
        process.kill()
        process.wait()
        held = edge.engine().board.documents[CHAT_API].opened["limit"]
        assert last <= held <= number
        last = held
