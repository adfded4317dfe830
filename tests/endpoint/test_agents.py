"""The same agent follows the same tree from an endpoint and from nginx."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.client import Config, ConfigError
from tests.endpoint.authority import Authority
from tests.endpoint.conftest import CHAT, Served, eventually
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NGINX = """
daemon off; user root; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid; events {{ }}
http {{
  access_log off; types {{ application/json json; }} client_body_temp_path {folder}/1; proxy_temp_path {folder}/2;
  fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port}; root {tree}; gzip_static on;
    location ~ /(timestamp\\.json|gitconfigmgr\\.json)$ {{ gzip_static off; add_header Cache-Control "no-cache"; }}
  }}
}}
"""


@pytest.fixture
def nginx(served: Served, tmp_path: Path) -> Iterator[str]:
    found = program("nginx")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "nginx"
    folder.mkdir()
    config = NGINX.format(folder=folder, port=port, tree=served.tree)
    if os.getuid():
        config = config.replace("user root;", "")
    (folder / "nginx.conf").write_text(config)
    process = subprocess.Popen([found, "-e", "stderr", "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(60)


@pytest.fixture
def follow(served: Served) -> Iterator[object]:
    running = []

    def begin(address: str, **more: object) -> str:
        path = served.edge.settings(address=address, **more)
        command = [sys.executable, "-m", "gitconfigmgr", "agent", "run", "-f", str(path)]
        running.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        return str(served.edge.folder / "s")

    yield begin
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def limit(place: str) -> object:
    try:
        with Config(CHAT.namespace, socket=place) as config:
            return config.get("limit", int)
    except (ConfigError, OSError):
        return None


def test_from_nginx(served, nginx, follow):
    agent = follow(f"{nginx}/acme", interval=1)
    eventually(lambda: limit(agent) == 2)
    served.edge.publish(3)
    eventually(lambda: limit(agent) == 3)


def test_from_an_endpoint_which_tells_it_of_releases(served, tmp_path, follow):
    served.start()
    token = tmp_path / "token"
    token.write_text(served.token("read", "status"))
    agent = follow(f"{served.address}/acme", interval=3600, token=str(token))
    eventually(lambda: limit(agent) == 2)
    eventually(lambda: b"gcm_endpoint_watchers 1" in served.ask("/metrics").body)
    served.edge.publish(3)
    eventually(lambda: limit(agent) == 3)


def test_from_an_endpoint_over_tls(served, tmp_path, follow):
    authority = Authority(tmp_path)
    certificate, key = authority.server()
    served.start("--tls-cert", str(certificate), "--tls-key", str(key))
    served.tls = authority.client()
    token = tmp_path / "token"
    token.write_text(served.token("read"))
    agent = follow(f"{served.address}/acme", interval=3600, token=str(token), ca=str(authority.file))
    eventually(lambda: limit(agent) == 2)
