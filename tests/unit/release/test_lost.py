"""A published tree that is not whole any more: refused, and gone on from where somebody says so."""

from __future__ import annotations

import pytest

from gitconfigmgr.adapters.publishers.directory_tending import resign
from gitconfigmgr.app.release.gate import Gate, RefusedError
from gitconfigmgr.app.verify import verify
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.bundles import Held
from gitconfigmgr.release import layout
from tests.conformance.publishers import client
from tests.conformance.publishers.rigs import Killed
from tests.unit.release.world import CHAT, SEARCH, World, bundle

ALLOWED = {"refusal": "lost", "message": "", "actor": "ada", "reason": "the disk died"}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.two_releases()
    return made


def test_a_lost_timestamp_is_refused_and_nothing_begins_again(world):
    (world.tree / layout.TIMESTAMP).unlink()
    held = world.publisher().held()
    assert "timestamp.json is gone, and metadata of version 2 is there" in held.lost
    before = world.snapshot()
    with pytest.raises(UsageError, match=r"timestamp\.json is gone"):
        world.publish(bundle(CHAT, {"limit": 3}))
    with pytest.raises(UsageError, match=r"timestamp\.json is gone"):
        resign(world.publisher(), force=True)
    assert world.snapshot().keys() - before.keys() == set()


def test_set_aside_the_numbers_go_on_and_readers_that_saw_the_lost_one_follow(world, tmp_path):
    with client.at(world.now):
        world.client(tmp_path / "reader").refresh()
    (world.tree / layout.TIMESTAMP).unlink()
    world.publish(overrides=(ALLOWED,))
    assert (world.publisher().held().number, world.limit()) == (3, 2)
    with client.at(world.now):
        updater = world.client(tmp_path / "reader")
        updater.refresh()
        assert updater._trusted_set.timestamp.version == 3
    world.publish(bundle(CHAT, {"limit": 3}))
    assert world.limit() == 3
    assert verify(world.publisher().read, world.keys.roots()[0], world.now, whole=True).problems == []


def test_what_does_not_verify_is_not_gone_on_from(world):
    (world.tree / layout.TIMESTAMP).unlink()
    world.file("snapshot", 2).write_bytes(world.file("snapshot", 1).read_bytes().replace(b"1", b"7"))
    world.file(layout.role_of(SEARCH), 2).write_bytes(b"{}")
    held = world.publisher().held()
    assert (held.number, set(held.targets)) == (1, {CHAT, SEARCH})


def test_a_first_release_that_was_killed_is_not_lost(tmp_path):
    world = World(tmp_path)
    with pytest.raises(Killed), world.interrupt(30):
        world.publish(bundle(CHAT, {"limit": 1}), bundle(SEARCH, {"limit": 1}))
    assert not (world.tree / layout.TIMESTAMP).exists()
    assert world.publisher().held() == Held()
    world.publish(bundle(CHAT, {"limit": 1}))
    assert world.limit() == 1


def test_the_gate_knows_what_was_published_from_here():
    with pytest.raises(RefusedError, match="is empty, and release 4 was published there from here"):
        Gate().present("directory:x", Held(), 4)
    with pytest.raises(RefusedError, match="holds release 3"):
        Gate().present("directory:x", Held(number=3), 4)
    Gate().present("directory:x", Held(number=4), 4)
    gate = Gate(frozenset({"lost"}), "moved", "ada")
    gate.present("directory:x", Held(), 4)
    assert [item["refusal"] for item in gate.overrides()] == ["lost"]
