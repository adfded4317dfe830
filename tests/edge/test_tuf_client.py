"""`agent tuf`, called as the official TUF conformance suite calls a client."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.cli.main import run
from gitconfigmgr.release import layout

from .conftest import CHAT, Edge
from .liar import Liar, Said, liar

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = layout.path_of(CHAT)


class Client:
    def __init__(self, edge: Edge, server: Liar) -> None:
        self.folder, self.targets, self._server = edge.folder / "md", edge.folder / "targets", server
        self.targets.mkdir()
        assert self._run("init", str(edge.root)) == 0

    def refresh(self) -> int:
        return self._run("refresh", url=f"{self._server.address}/{layout.METADATA}")

    def download(self, name: str = TARGET) -> int:
        more = ("--target-name", name, "--target-dir", str(self.targets), "--target-base-url",
                f"{self._server.address}/{layout.TARGETS}")  # fmt: skip
        return self._run("download", more=more, url=f"{self._server.address}/{layout.METADATA}")

    def version(self, role: str) -> int:
        return int(json.loads((self.folder / f"{role}.json").read_bytes())["signed"]["version"])

    def _run(self, *words: str, url: str = "", more: tuple[str, ...] = ()) -> int:
        where = ("--metadata-url", url) if url else ()
        return run(["agent", "tuf", "--metadata-dir", str(self.folder), *where, *more, *words])


@pytest.fixture
def server(edge: Edge) -> Iterator[Liar]:
    with liar(edge.world.tree) as made:
        yield made


@pytest.fixture
def client(edge: Edge, server: Liar) -> Client:
    edge.publish(1)
    return Client(edge, server)


def test_nothing_is_asked_for_until_refresh(client: Client, server: Liar) -> None:
    assert server.asked == []
    assert client.version("root") == 1
    assert client.refresh() == 0
    assert [path.rpartition("/")[2] for path, _ in server.asked] == [
        "2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json",
    ]  # fmt: skip
    assert [client.version(role) for role in ("root", "timestamp", "snapshot", "targets")] == [1, 1, 1, 1]


def test_downloads_once(edge: Edge, client: Client, server: Liar) -> None:
    assert client.download() == 0
    (file,) = client.targets.iterdir()
    assert json.loads(file.read_bytes())["limit"] == 1
    shutil.rmtree(edge.world.tree / layout.TARGETS)
    assert client.download() == 0, "what is there and matches is not asked for"
    edge.publish(2)
    assert client.download() == 0
    assert json.loads(file.read_bytes())["limit"] == 2
    assert list(client.targets.iterdir()) == [file]


def test_no_such_target(client: Client) -> None:
    assert client.download("nothing/there.json") == 1


def test_another_target_than_signed(edge: Edge, client: Client) -> None:
    for path in (edge.world.tree / layout.TARGETS).rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(b'"limit":1', b'"limit":9'))
    for path in edge.world.tree.rglob("*.gz"):
        path.unlink()
    assert client.download() == 1
    assert list(client.targets.iterdir()) == []


def test_rollback(edge: Edge, client: Client) -> None:
    old = edge.world.copy(edge.folder / "old")
    edge.publish(2)
    assert client.refresh() == 0
    shutil.rmtree(edge.world.tree)
    shutil.copytree(old, edge.world.tree)
    assert client.refresh() == 1
    assert [client.version(role) for role in ("timestamp", "snapshot")] == [2, 2]


def test_expired(edge: Edge, server: Liar) -> None:
    edge.world.now -= timedelta(days=30)
    edge.publish(1)
    client = Client(edge, server)
    assert client.refresh() == 1
    assert not (client.folder / "snapshot.json").exists()


def test_keys_of_somebody_else(edge: Edge, client: Client) -> None:
    assert client.refresh() == 0
    (edge.folder / "other").mkdir()
    other = Edge(edge.folder / "other")
    other.publish(9)
    other.publish(10)
    shutil.rmtree(edge.world.tree)
    shutil.copytree(other.world.tree, edge.world.tree)
    assert client.refresh() == 1
    assert client.version("timestamp") == 1


@pytest.mark.parametrize("status", [403, 404])
def test_no_newer_root(client: Client, server: Liar, status: int) -> None:
    server.lie = lambda path, _, truth: Said(status) if "root" in path else truth
    assert client.refresh() == 0


@pytest.mark.parametrize("role", ["timestamp", "1.snapshot", "1.targets"])
def test_what_does_not_come(client: Client, server: Liar, role: str) -> None:
    server.lie = lambda path, _, truth: Said(500) if path.endswith(f"{role}.json") else truth
    assert client.refresh() == 1


def test_endless(client: Client, server: Liar) -> None:
    server.lie = lambda path, _, truth: Said(200, b"{" * 9_000_000) if path.endswith("targets.json") else truth
    assert client.refresh() == 1
