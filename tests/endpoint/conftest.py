"""An endpoint over a tree that is published."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.edge.conftest import CHAT, SEARCH, Edge, bundle
from tests.endpoint.server import Reply, Server
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["CHAT", "SEARCH", "Reply", "Served", "bundle", "eventually"]


class Served(Server):
    """With an `edge` that publishes into the tree."""

    def __init__(self, folder: Path) -> None:
        self.edge = Edge(folder)
        super().__init__(self.edge.world.out, folder / "endpoint")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Two releases are published; the process is started by the test."""
    made = Served(tmp_path)
    made.edge.world.publish(
        bundle(CHAT, {"limit": 1, "text": "words " * 100}), bundle(SEARCH, {"limit": 1, "text": "other words " * 100})
    )
    made.edge.world.publish(bundle(CHAT, {"limit": 2, "text": "words " * 100}))
    yield made
    made.close()


@pytest.fixture
def running(served: Served) -> Served:
    return served.start()


@pytest.fixture
def watching() -> Iterator[Callable[[Served, str], list[dict[str, Any]]]]:
    """Collects the events of a watcher, in a thread that ends with the process."""

    def watch(served: Served, token: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        connection = socket.create_connection(served.place, timeout=120)
        connection.sendall(f"GET /acme/v1/watch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())

        def collect() -> None:
            with connection, connection.makefile("rb") as lines:
                found.extend(json.loads(line[5:]) for line in lines if line.startswith(b"data:"))

        threading.Thread(target=collect, daemon=True).start()
        return found

    return watch
