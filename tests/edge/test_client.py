"""`gitconfigmgr.client` against a running agent, as an application uses it: threads, forks, asyncio, changes, failures."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.client import Config, ConfigError

from .conftest import CHAT, Edge, bundle, eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[bytes]]

CHAT_API = "acme/assistants/chat-api"


@dataclass
class Api:
    timeout: float


@dataclass
class Settings:
    limit: int
    api: Api


class Running:
    def __init__(self, edge: Edge, process: subprocess.Popen[bytes]) -> None:
        self.edge = edge
        self.process = process

    def publish(self, limit: int, **more: Any) -> None:
        self.edge.publish(limit, **more)
        self.process.send_signal(signal.SIGHUP)


@pytest.fixture
def running(edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch) -> Running:
    """At limit 1, its socket named by the environment."""
    edge.publish(1)
    process = start()
    monkeypatch.setenv("GITCONFIGMGR_SOCKET", str(edge.folder / "s"))

    def there() -> bool:
        try:
            with Config(CHAT_API, timeout=30) as config:
                return config.ready()
        except ConfigError:
            return False

    eventually(there)
    return Running(edge, process)


@pytest.fixture
def config(running: Running) -> Iterator[Config]:
    with Config(CHAT_API, timeout=30) as made:
        yield made


def test_a_dataclass_follows_releases(running: Running, config: Config) -> None:
    settings = config.follow(Settings)
    assert settings.current == Settings(1, Api(30.0))
    running.publish(2)
    eventually(lambda: settings.current.limit == 2)


def test_what_does_not_fit_is_logged_and_the_last_one_stays(
    running: Running, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    settings = config.follow(Settings)
    told: list[int] = []
    config.on_change(lambda: told.append(1))
    running.publish("hunter2")  # type: ignore[arg-type]
    eventually(lambda: told)
    assert settings.current.limit == 1
    assert "limit is str, not int" in caplog.text
    assert "hunter2" not in caplog.text
    running.publish(3)
    eventually(lambda: settings.current.limit == 3)


def test_a_change_between_reading_and_watching_is_told(running: Running, config: Config) -> None:
    assert config.get("limit") == 1
    running.publish(2)
    with Config(CHAT_API, timeout=30) as other:
        eventually(lambda: other.get("limit") == 2)
    told = threading.Event()
    config.on_change(told.set)
    assert told.wait(60)


def test_the_watch_outlives_the_agent(running: Running, config: Config, start: Start) -> None:
    told = threading.Event()
    config.on_change(told.set)
    running.process.kill()
    running.process.wait()
    with pytest.raises(ConfigError):
        config.get("limit")
    running.edge.publish(2)
    start()
    assert told.wait(60)
    eventually(lambda: config.get("limit") == 2)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_threads_and_children_read_what_they_asked_for(config: Config) -> None:
    """A connection that two used would give one the answer of the other."""

    def read(number: int) -> bool:
        key, expected = ("limit", 1) if number % 2 else ("api.timeout", 30)
        return bool(config.get(key) == expected)

    with ThreadPoolExecutor(32) as threads:
        assert all(threads.map(read, range(2000)))
    config.on_change(lambda: None)
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            good = all(map(read, range(200)))
            config.close()
            os._exit(0 if good else 1)
        children.append(child)
    assert all(map(read, range(500)))
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert all(map(read, range(10))), "what a child closed was its own"


def test_asyncio_is_not_held_up(running: Running, config: Config) -> None:
    async def application() -> tuple[int, int]:
        settings = await asyncio.to_thread(config.follow, Settings)
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        await asyncio.to_thread(config.on_change, lambda: loop.call_soon_threadsafe(changed.set))
        before = settings.current.limit
        running.publish(2)
        await asyncio.wait_for(changed.wait(), 60)
        return before, settings.current.limit

    assert asyncio.run(application()) == (1, 2)


def test_the_examples_of_the_page_run(edge: Edge, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    place = {"path": "configs/acme/base.yaml"}
    known = {"documents": [place], "values": {"at": [0, 1, 1], "keys": {"limit": [0, 3, 8]}}}
    made = bundle(CHAT, {"limit": 1, "api": {"timeout": 3, "hosts": ["a"]}})
    edge.world.publish(replace(made, provenance=json.dumps(known).encode()))
    start()
    monkeypatch.setenv("GITCONFIGMGR_SOCKET", str(edge.folder / "s"))
    page = (Path(__file__).parents[2] / "docs" / "agent.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(examples) == 2

    def there() -> bool:
        try:
            with Config(CHAT_API, timeout=30) as config:
                return config.ready()
        except ConfigError:
            return False

    eventually(there)
    first = run_example(examples[0].replace("/run/gitconfigmgr/agent.sock", str(edge.folder / "s")))
    assert (first["timeout"], first["hosts"], first["value"].value) == (3.0, ["a"], 1)
    second = run_example(examples[1])
    assert asyncio.run(second["handle"](None)) is None
    assert second["settings"].current.api.timeout == 3.0
    second["config"].close()


def run_example(text: str) -> dict[str, Any]:
    """In a module of its own: dataclasses look their annotations up there."""
    module = types.ModuleType("example")
    sys.modules["example"] = module
    exec(compile(text, "docs/agent.md", "exec"), module.__dict__)
    return module.__dict__


def test_it_is_told_where_the_agent_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITCONFIGMGR_SOCKET", raising=False)
    with pytest.raises(ValueError, match="socket, or its url"):
        Config(CHAT_API)
    monkeypatch.setenv("GITCONFIGMGR_URL", "http://127.0.0.1:1")
    with pytest.raises(ConfigError, match="does not answer"):
        Config(CHAT_API).get("limit")
