"""What befalls a running agent: killed in each state, its disk full, read-only or taken away, its endpoint slow or silent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.agent.main import open_engine
from gitconfigmgr.agent.settings import read_settings
from gitconfigmgr.client import Config, ConfigError
from gitconfigmgr.errors import GitConfigError
from gitconfigmgr.release import layout
from gitconfigmgr.sync.replica import Due
from gitconfigmgr.sync.schedule import next_poll, reconnect

from .conftest import CHAT, Edge, bundle, eventually
from .liar import Liar, Said, liar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[..., subprocess.Popen[bytes]]

CHAT_API = "acme/assistants/chat-api"
TIMESTAMP = f"/{layout.TIMESTAMP}"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems, or becomes another user")


def ask(edge: Edge) -> dict[str, Any]:
    """The agent's status with the value of `limit`; empty where nobody answers."""
    try:
        with Config(CHAT_API, socket=str(edge.folder / "s"), timeout=30) as client:
            status = dict(client.status())
            return status | {"limit": client.get("limit") if status["state"] != "not-ready" else None}
    except (ConfigError, KeyError):
        return {}


def limit(edge: Edge) -> Any:
    return ask(edge).get("limit")


def state(edge: Edge) -> Any:
    return ask(edge).get("state")


def hup(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGHUP)


# -- killed ----------------------------------------------------------------------------------------------------------


def expire(edge: Edge) -> None:
    """Metadata that ends in a moment: its life began seven days ago, all but a few seconds."""
    from datetime import timedelta

    edge.world.now -= timedelta(days=7, seconds=-3)


@pytest.mark.parametrize("name", ["not-ready", "ready", "stale", "pinned", "expired"])
def test_killed_in_any_state(edge: Edge, start: Start, name: str) -> None:
    tree = edge.world.tree
    if name == "expired":
        expire(edge)
    if name != "not-ready":
        edge.publish(1)
    process = start(stale_after=0.5, interval=0.5) if name == "stale" else start()
    if name == "pinned":
        eventually(lambda: limit(edge) == 1)
        (edge.folder / "state/pin.json").write_text('{"until": 32503680000, "reason": "test"}')
        hup(process)
    if name == "stale":
        eventually(lambda: limit(edge) == 1)
        tree.rename(edge.folder / "away")
    eventually(lambda: state(edge) == name)
    process.kill()
    process.wait()
    start()
    if name == "not-ready":
        eventually(lambda: state(edge) == "not-ready")
    else:
        eventually(lambda: limit(edge) == 1)
        eventually(lambda: state(edge) == name)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_before_any_write_of_a_poll(edge: Edge) -> None:
    """Of python-tuf's memory, of content, of the generation, of the files on the volume."""
    more = {"files": str(edge.folder / "out")}
    edge.publish(1)
    edge.engine(**more).handle(Due())
    edge.publish(2)
    whole = edge.folder / "whole"
    shutil.copytree(edge.folder / "state", whole / "state", symlinks=True)
    shutil.copytree(edge.folder / "out", whole / "out", symlinks=True)
    step, killed, found = 0, True, Counter[int]()
    while killed:
        for name in ("state", "out"):
            shutil.rmtree(edge.folder / name)
            shutil.copytree(whole / name, edge.folder / name, symlinks=True)
        child = os.fork()
        if child == 0:
            _die_at(step, str(edge.folder))
            edge.engine(**more).handle(Due())
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        again = edge.engine(**more)
        number = again.board.documents[CHAT_API].opened["limit"]
        found[number] += 1
        assert f'"limit":{number}' in (edge.folder / "out" / f"{CHAT_API}.json").read_text()
        again.handle(Due())
        assert again.board.documents[CHAT_API].opened["limit"] == 2
        step += 3 if step > 6 else 1
    assert set(found) == {1, 2}
    assert step > 20


def _die_at(step: int, below: str) -> None:
    seen = [0]

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod")
        writes |= event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & os.O_ACCMODE)
        if writes and any(name in str(arguments) for name in (f"{below}/state", f"{below}/out")):
            seen[0] += 1
            if seen[0] > step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


# -- disks -----------------------------------------------------------------------------------------------------------


@contextmanager
def mounted(place: Path, size: str) -> Iterator[None]:
    """A small file system; skipped where nobody may mount one."""
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@as_root
def test_a_full_disk(edge: Edge, start: Start) -> None:
    with mounted(edge.folder / "disk", "400k"):
        edge.publish(1)
        process = start(state=str(edge.folder / "disk/state"))
        eventually(lambda: limit(edge) == 1)
        filler = edge.folder / "disk/filler"
        free = os.statvfs(edge.folder / "disk").f_bavail
        filler.write_bytes(bytes(free * os.statvfs(edge.folder / "disk").f_frsize))
        edge.publish(2)
        hup(process)
        said = eventually(lambda: ask(edge).get("reason"))
        assert "No space left" in said
        assert limit(edge) == 1
        process.kill()
        process.wait()
        process = start(state=str(edge.folder / "disk/state"))
        eventually(lambda: limit(edge) == 1)
        filler.unlink()
        hup(process)
        eventually(lambda: limit(edge) == 2)
        process.kill()
        process.wait()


@as_root
def test_a_volume_that_becomes_read_only(edge: Edge, start: Start) -> None:
    with mounted(edge.folder / "disk", "4m"):
        edge.publish(1)
        process = start(state=str(edge.folder / "disk/state"))
        eventually(lambda: limit(edge) == 1)
        subprocess.run(["mount", "-o", "remount,ro", edge.folder / "disk"], check=True)
        edge.publish(2)
        hup(process)
        said = eventually(lambda: ask(edge).get("reason"))
        assert "Read-only" in said
        assert limit(edge) == 1
        process.kill()
        process.wait()
        process = start(state=str(edge.folder / "disk/state"))
        eventually(lambda: limit(edge) == 1)
        subprocess.run(["mount", "-o", "remount,rw", edge.folder / "disk"], check=True)
        hup(process)
        eventually(lambda: limit(edge) == 2)
        process.kill()
        process.wait()


@as_root
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_permission_lost(edge: Edge, server: Liar) -> None:
    """The process is that of another user all at once; and one starts as a user who may not read the state."""
    assert server.asked == []
    edge.publish(1)
    engine = edge.engine()
    engine.handle(Due())
    edge.publish(2)

    settings = read_settings(edge.settings())

    def poll() -> str:
        engine.handle(Due())
        return f"{engine.board.documents[CHAT_API].opened['limit']} {engine.replica.reason}"

    def begin() -> str:
        with pytest.raises(GitConfigError) as caught:
            open_engine(settings)
        return str(caught.value)

    assert as_another_user(poll) == f"1 {edge.folder}/state/tuf: Permission denied"
    assert as_another_user(begin) == f"{edge.root}: Permission denied"


def as_another_user(do: Callable[[], str]) -> str:
    """What it says in a child process that is nobody's."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            os.write(writer, do().encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as file:
        return file.read()


# -- the endpoint ----------------------------------------------------------------------------------------------------


@pytest.fixture
def server(edge: Edge) -> Iterator[Liar]:
    with liar(edge.world.tree) as made:
        made.push = True
        edge.address = made.address
        yield made


def test_a_slow_loris_holds_up_nobody_who_reads(edge: Edge, server: Liar, start: Start) -> None:
    edge.publish(1)
    process = start()
    eventually(lambda: limit(edge) == 1)
    asked, go = threading.Event(), threading.Event()

    def slow(path: str, _headers: Any, truth: Said) -> Said:
        if path == TIMESTAMP:
            asked.set()
            go.wait(60)
        return truth

    server.lie = slow
    edge.publish(2)
    hup(process)
    assert asked.wait(60)
    for _ in range(5):
        assert limit(edge) == 1
    go.set()
    eventually(lambda: limit(edge) == 2)


def test_it_ends_while_a_poll_hangs(edge: Edge, server: Liar, start: Start) -> None:
    edge.publish(1)
    process = start()
    eventually(lambda: limit(edge) == 1)
    asked, go = threading.Event(), threading.Event()

    def never(path: str, _headers: Any, truth: Said) -> Said:
        if path == TIMESTAMP:
            asked.set()
            go.wait(60)
        return truth

    server.lie = never
    hup(process)
    assert asked.wait(60)
    began = time.monotonic()
    process.terminate()
    assert process.wait(60) == 0
    assert time.monotonic() - began < 12, "a read that hangs is given up after 15 s otherwise"
    go.set()


def test_a_hint_is_followed_at_once_and_what_happens_is_told(edge: Edge, server: Liar, start: Start) -> None:
    edge.publish(1)
    start()
    eventually(lambda: limit(edge) == 1 and server.watching)
    edge.publish(2)
    server.hint(release=2, timestamp=2)
    eventually(lambda: limit(edge) == 2)
    told = eventually(lambda: [said for path, said in server.posted if path == "/v1/status" and said["release"] == 2])
    assert told[-1]["instance"] == "node-1"
    assert told[-1]["state"] == "ready"
    asked = [path for path, _ in server.asked].count(TIMESTAMP)
    for data in ({"timestamp": 2}, {"timestamp": 1}, {"timestamp": -5}, {"release": 9}):
        server.hint(**data)
    server.hint(release=3, timestamp=3)  # it lies, and is looked after: by then the others were heard
    eventually(lambda: [path for path, _ in server.asked].count(TIMESTAMP) > asked)
    assert [path for path, _ in server.asked].count(TIMESTAMP) == asked + 1
    assert limit(edge) == 2


def test_push_begins_when_an_endpoint_that_was_away_comes(edge: Edge, server: Liar, start: Start) -> None:
    edge.publish(1)
    server.lie = lambda *_: Said(503)
    server.push = False  # a document that the lie can hold back
    process = start()
    eventually(lambda: any(path.endswith("gitconfigmgr.json") for path, _ in server.asked))
    server.push, server.lie = True, lambda _path, _headers, truth: truth
    hup(process)
    eventually(lambda: limit(edge) == 1 and server.watching)


def test_push_that_is_silently_lost(edge: Edge, server: Liar, start: Start) -> None:
    edge.publish(1)
    start(interval=1)
    eventually(lambda: limit(edge) == 1 and server.watching)
    edge.publish(2)
    eventually(lambda: limit(edge) == 2)
    assert server.hints == []


def test_an_endpoint_that_is_away_and_comes_back(edge: Edge, start: Start) -> None:
    edge.publish(1)
    with liar(edge.world.tree) as first:
        first.push = True
        edge.address = first.address
        process = start(interval=1, stale_after=2)
        eventually(lambda: limit(edge) == 1 and first.watching)
    eventually(lambda: state(edge) == "stale")
    assert limit(edge) == 1
    assert ask(edge)["reason"]
    process.terminate()
    assert process.wait(60) == 0
    with liar(edge.world.tree) as second:
        edge.address = second.address
        edge.publish(2)
        start(interval=1, stale_after=2)
        eventually(lambda: limit(edge) == 2 and state(edge) == "ready")


def test_a_thousand_agents_come_back() -> None:
    """They lost their endpoint in the same moment, and find it again an hour later: nobody is lost, and no second is crowded."""
    interval, lost, back = 60.0, 1_000_000.0, 1_003_600.0
    watches, polls = Counter[int](), Counter[int]()
    for number in range(1000):
        instance = f"node-{number}"
        now, attempt = lost, 0
        while now < back:
            now += reconnect(instance, attempt, interval)
            attempt += 1
        watches[int(now - back)] += 1
        polls[int(next_poll(interval, instance, back) - back)] += 1
    for seen in (watches, polls):
        assert seen.total() == 1000
        assert max(seen) <= interval
        assert max(seen.values()) < 60, "of a thousand in a minute, 17 each second"


def test_growth_beyond_the_budget_and_documents_that_are_not_valid(edge: Edge) -> None:
    schema = edge.folder / "chat.json"
    schema.write_text('{"properties": {"limit": {"maximum": 10}, "key": {"type": "string"}}}')
    edge.publish(1)
    engine = edge.engine(budget={"growth": 2.0, "depth": 4}, schemas={"acme/*": str(schema)})
    for document, reason in (
        ({"limit": 1, "text": "x" * 9000}, "the budget is a factor of 2"),
        ({"limit": 1, "a": {"b": {"c": {"d": {"e": 1}}}}}, "levels deep"),
        ({"limit": 77}, f"{CHAT_API}: limit is not valid by chat.json (maximum)"),
    ):
        engine.handle(Due())
        assert engine.board.documents[CHAT_API].opened["limit"] == 1
        edge.world.publish(bundle(CHAT, document))
        engine.handle(Due())
        assert reason in engine.replica.reason
        assert "77" not in engine.replica.reason
        assert engine.board.documents[CHAT_API].version == 1
    edge.publish(5)
    engine.handle(Due())
    assert engine.board.documents[CHAT_API].opened["limit"] == 5
    allowed = {"refusal": "budget", "message": "it grows", "actor": "ada", "reason": "meant"}
    edge.world.publish(bundle(CHAT, {"limit": 6, "text": "x" * 9000}), overrides=(allowed,))
    engine.handle(Due())
    assert engine.board.documents[CHAT_API].opened["limit"] == 6, (
        "the release says under its signature that it is meant"
    )


def test_time_between_hints(edge: Edge, server: Liar, start: Start) -> None:
    """An endpoint that hints without end is polled once a second."""
    edge.publish(1)
    start()
    eventually(lambda: limit(edge) == 1 and server.watching)
    before, began = [path for path, _ in server.asked].count(TIMESTAMP), time.monotonic()
    for number in range(2, 200):
        server.hint(timestamp=number)
        time.sleep(0.01)
    asked = [path for path, _ in server.asked].count(TIMESTAMP) - before
    assert asked <= time.monotonic() - began + 2
