"""A published tree that is fresh, an agent's settings for it, and the process itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.agent.main import open_engine
from gitconfigmgr.agent.settings import read_settings
from tests.unit.release.world import CHAT, SEARCH, World, bundle
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gitconfigmgr.agent.engine import Engine

__all__ = ["CHAT", "SEARCH", "Edge", "bundle", "eventually"]


class Edge:
    """A tree below `world.tree` and one agent that follows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(folder)
        self.world.now = datetime.now(UTC).replace(microsecond=0)
        self.world.keys = type(self.world.keys)(self.world.now)
        self.root = folder / "1.root.json"
        self.root.write_bytes(self.world.keys.roots()[0])
        self.address = f"file://{self.world.tree}"
        self.ahead = 0.0  # of the engine's clock

    def publish(self, limit: int, **more: Any) -> None:
        self.world.publish(bundle(CHAT, {"limit": limit, "api": {"timeout": 30}}), **more)

    def settings(self, **more: Any) -> Path:
        values = {
            "address": self.address, "root": str(self.root), "environment": "production", "namespaces": ["acme/*"],
            "state": str(self.folder / "state"), "socket": str(self.folder / "s"), "instance": "node-1", "interval": 3600,
        } | more  # fmt: skip
        path = self.folder / "agent.toml"
        tables = {name: value for name, value in values.items() if isinstance(value, dict)}
        lines = [f"{name} = {_toml(value)}" for name, value in values.items() if name not in tables]
        for name, table in tables.items():
            lines += [f"[{name}]", *(f'"{key}" = {_toml(value)}' for key, value in table.items())]
        path.write_text("\n".join(lines))
        return path

    def engine(self, **more: Any) -> Engine:
        """A new one on the same state, loaded."""
        engine, _ = open_engine(read_settings(self.settings(**more)))
        engine.now = lambda: time.time() + self.ahead
        engine.load()
        return engine


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


@pytest.fixture
def start(edge: Edge) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts `agent run` as a process; ended with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(**more: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "gitconfigmgr", "agent", "run", "-f", str(edge.settings(**more))],
            stderr=subprocess.PIPE, env={**os.environ},
        )  # fmt: skip
        running.append(process)
        return process

    yield begin
    for process in running:
        process.send_signal(signal.SIGKILL)
        process.communicate()
