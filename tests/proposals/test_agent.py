"""An agent that is cut off writes on: what is kept, shown, sent, and taken back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.client import Config, ConfigError
from gitconfigmgr.sync.proposals import State
from tests.edge.conftest import Edge, edge, eventually, start
from tests.fleet.conftest import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[bytes]]

__all__ = ["edge", "start"]

CHAT_API = "acme/assistants/chat-api"


@pytest.fixture
def endpoint(edge: Edge) -> Iterator[Running]:
    """Of the tree that `edge` publishes; the agent has a token."""
    (edge.folder / "e").mkdir()
    made = Running(edge.folder / "e")
    made.tree = edge.world.out
    edge.world.out.mkdir(exist_ok=True)
    (edge.folder / "token").write_text(made.token("read", "status", "propose", name="agents"))
    yield made
    made.stop()


def agent(edge: Edge, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gitconfigmgr", "agent", arguments[0], "-f", str(edge.folder / "agent.toml")]
    return subprocess.run([*command, *arguments[1:]], capture_output=True, text=True, timeout=120, check=False)


def timeout(edge: Edge) -> Any:
    try:
        with Config(CHAT_API, socket=str(edge.folder / "s"), timeout=30) as client:
            return client.get("api.timeout")
    except (ConfigError, KeyError):
        return None


def status(edge: Edge) -> dict[str, Any]:
    with Config(CHAT_API, socket=str(edge.folder / "s"), timeout=30) as client:
        return client.status()


def queue(edge: Edge) -> list[dict[str, Any]]:
    return json.loads(agent(edge, "proposals", "--json").stdout)


def reach(edge: Edge, endpoint: Running) -> dict[str, Any]:
    return {"address": f"http://127.0.0.1:{endpoint.port}/acme", "token": str(edge.folder / "token")}


def test_proposed_while_cut_off_and_sent_on_reconnection(edge: Edge, endpoint: Running, start: Start) -> None:
    edge.publish(1)
    endpoint.start()
    port = endpoint.port
    more = reach(edge, endpoint) | {"interval": 1, "local_overrides": True}
    process = start(**more)
    eventually(lambda: timeout(edge) == 30)
    endpoint.stop()

    done = agent(edge, "propose", CHAT_API, "api.timeout=60", "-m", "the line is slow")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("proposal 1 waits to be sent\n")
    eventually(lambda: timeout(edge) == 60)
    assert status(edge)["overrides"] == {CHAT_API: ["api.timeout"]}
    process.kill()
    process.wait()
    start(**more)
    eventually(lambda: timeout(edge) == 60)
    assert [item["state"] for item in queue(edge)] == ["queued"]

    endpoint.start("--listen", f"127.0.0.1:{port}")
    eventually(lambda: [item["state"] for item in queue(edge)] == ["received"])
    publisher, viewer = endpoint.token("publish"), endpoint.token("fleet")
    eventually(lambda: endpoint.ask("GET", "/acme/v1/proposals", publisher)[0] == 200)
    [entry] = json.loads(endpoint.ask("GET", "/acme/v1/proposals", publisher)[2])["proposals"]
    proposal = entry["proposal"]
    assert (proposal["instance"], proposal["vector"], proposal["reason"]) == (
        "node-1",
        {"node-1": 1},
        "the line is slow",
    )
    assert proposal["patch"] == [{"op": "add", "path": "/api/timeout", "value": 60}]
    assert (proposal["base"]["version"], proposal["base"]["release"]) == (1, 1)
    with Config(CHAT_API, socket=str(edge.folder / "s"), timeout=30) as client:
        assert client.value("limit").version == 1, "what is released has not changed"

    def told() -> list[dict[str, Any]]:
        return json.loads(endpoint.ask("GET", "/acme/v1/fleet", viewer)[2]).get("agents", [])

    eventually(lambda: [item["overrides"] for item in told()] == [{CHAT_API: ["api.timeout"]}])
    refused = {"state": "refused", "outcome": {"reason": "not so"}}
    assert endpoint.ask("POST", f"/acme/v1/proposals/{entry['id']}", publisher, refused)[0] == 200
    eventually(lambda: timeout(edge) == 30)
    assert status(edge)["overrides"] == {}
    assert "(not so)" in agent(edge, "proposals").stdout


def test_what_is_shown_stays_until_the_release_that_has_it(edge: Edge) -> None:
    from gitconfigmgr.agent.main import open_proposing
    from gitconfigmgr.agent.settings import read_settings

    edge.publish(1)
    proposing, engine = prepared(edge)
    assert engine.board.documents[CHAT_API].opened["limit"] == 5
    proposing._outbox.update(proposing.all()[0]._replace(state=str(State.MERGED), id="x1"))
    engine.renew()
    assert engine.board.documents[CHAT_API].opened["limit"] == 5
    edge.publish(5)
    due(engine)
    assert engine.board.documents[CHAT_API].overrides == ()
    assert engine.board.documents[CHAT_API].opened["limit"] == 5
    assert open_proposing(read_settings(edge.folder / "agent.toml")).all()[0].state == "merged"


def due(engine: Any) -> None:
    from gitconfigmgr.sync.replica import Due

    engine.handle(Due())


def prepared(edge: Edge, **more: Any) -> tuple[Any, Any]:
    """An agent with one change that waits: limit = 5."""
    from gitconfigmgr.agent.main import open_proposing
    from gitconfigmgr.agent.settings import read_settings
    from gitconfigmgr.sync.proposals import Operation

    path = edge.settings(local_overrides=True, **more)
    proposing = open_proposing(read_settings(path))
    engine = opened(path)
    due(engine)
    content = engine.stored()
    assert content
    proposing.propose(content, CHAT_API, [Operation(("limit",), 5)], "test")
    engine.renew()
    return proposing, engine


def opened(path: Any) -> Any:
    from gitconfigmgr.agent.main import open_engine
    from gitconfigmgr.agent.settings import read_settings

    engine, _ = open_engine(read_settings(path))
    engine.load()
    return engine


def test_protected_keys_are_never_changed_here(edge: Edge) -> None:
    edge.publish(1)
    _, engine = prepared(edge, protected=["acme/*:limit"])
    assert engine.board.documents[CHAT_API].opened["limit"] == 1
    assert engine.status()["overrides"] == {}


def test_withdrawn(edge: Edge) -> None:
    edge.publish(1)
    proposing, engine = prepared(edge)
    done = agent(edge, "withdraw", "1")
    assert (done.returncode, done.stdout) == (0, "proposal 1 is withdrawn\n")
    engine.renew()
    assert engine.board.documents[CHAT_API].opened["limit"] == 1
    assert agent(edge, "withdraw", "1").returncode == 2
    queued = proposing.all()[0]
    proposing._outbox.update(queued._replace(state="received", id="x1"))
    assert (proposing.all()[0].state, proposing.all()[0].id) == ("withdrawn", "x1"), "also when it was being sent"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_what_root_proposes_belongs_to_the_agent(edge: Edge) -> None:
    edge.publish(1)
    edge.settings()
    assert agent(edge, "init").returncode == 0
    os.chown(edge.folder / "state", 65532, 65533)
    assert agent(edge, "propose", CHAT_API, "limit=3", "-m", "why").returncode == 0
    folder = edge.folder / "state/proposals"
    found = {(path.stat().st_uid, path.stat().st_gid) for path in (folder, *folder.iterdir())}
    assert (found, len(list(folder.iterdir()))) == ({(65532, 65533)}, 3)


def test_encrypted_on_disk_and_counted_for_good(edge: Edge) -> None:
    import base64

    edge.publish(1)
    key = edge.folder / "agent.key"
    key.write_bytes(base64.b64encode(os.urandom(32)))
    key.chmod(0o600)
    edge.settings(key=str(key))
    assert agent(edge, "init").returncode == 0
    for number in (1, 2):
        done = agent(edge, "propose", CHAT_API, "note=a-very-private-thing", "--text", "-m", "why")
        assert done.stdout == f"proposal {number} waits to be sent\n", done.stderr
        assert b"private" not in (edge.folder / f"state/proposals/{number}").read_bytes()
    for number in (1, 2):
        (edge.folder / f"state/proposals/{number}").unlink()
    agent(edge, "propose", CHAT_API, "limit=3", "-m", "why")
    assert [item["data"]["vector"] for item in queue(edge)] == [{"node-1": 3}]
    (edge.folder / "state/proposals/3").write_bytes(b"damaged")
    assert queue(edge) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("acme/none", "a=1"), "not followed"), ((CHAT_API,), "Name what is to change"),
        ((CHAT_API, "limit"), "KEY=VALUE"), ((CHAT_API, "a..b=1"), "no path"), ((CHAT_API, "limit.x=1"), "no map"),
        ((CHAT_API, "limit=${env:X}"), "references"), ((CHAT_API, 'limit={"$force": "x"}'), "no key of a proposal"),
        ((CHAT_API, "--remove", "nothing"), "there is no nothing"), ((CHAT_API, "api=1", "api.timeout=2"), "twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_proposed(followed: Edge, arguments: tuple[str, ...], said: str) -> None:
    from click.testing import CliRunner

    from gitconfigmgr.cli.commands.agent_command import command
    from gitconfigmgr.errors import UsageError

    file = ("-f", str(followed.folder / "agent.toml"))
    done = CliRunner().invoke(command, ["propose", *file, *arguments, "-m", "why"])
    assert done.exit_code != 0
    error = done.exception if isinstance(done.exception, UsageError) else done.output
    assert said in str(error)
    assert not (followed.folder / "state/proposals/1").exists()


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Edge:
    made = Edge(tmp_path_factory.mktemp("followed"))
    made.publish(1)
    made.settings()
    assert agent(made, "init").returncode == 0
    return made


def test_without_leave_nothing_is_shown(edge: Edge, start: Start) -> None:
    edge.publish(1)
    process = start()
    eventually(lambda: timeout(edge) == 30)
    done = agent(edge, "propose", CHAT_API, "api.timeout=60", "-m", "why")
    assert done.stdout == "proposal 1 waits to be sent\n"
    edge.publish(2)
    process.send_signal(signal.SIGHUP)
    eventually(lambda: status(edge)["release"] == 2)
    assert timeout(edge) == 30
