"""Pruning a published tree: what a reader may still ask for stays, whatever else is there."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitconfigmgr.adapters.publishers.directory_tending import prune, resign
from gitconfigmgr.app.verify import verify
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.publishing import ReleaseSettings
from gitconfigmgr.release import layout
from tests.conformance.publishers import client
from tests.conformance.publishers.rigs import Killed, plaintexts, release
from tests.unit.release.test_tending import only
from tests.unit.release.world import CHAT, SEARCH, World, bundle

TEXT = [f"line {n}" for n in range(100)]


@pytest.fixture
def world(tmp_path):
    """Thirty versions in sixty days."""
    made = World(tmp_path)
    made.publish(bundle(SEARCH, {"limit": 1}))
    for number in range(30):
        made.later(days=2)
        made.publish(bundle(CHAT, {"limit": number, "text": TEXT}, token=f"t{number}"))
    return made


def files(world):
    return {str(path.relative_to(world.tree)) for path in world.tree.rglob("*") if path.is_file()}


def holds(world):
    assert verify(world.publisher().read, world.keys.roots()[0], world.now, whole=True).problems == []


def test_what_goes_and_what_stays(world):
    before = files(world)
    found = prune(world.publisher(), dry_run=True)
    assert files(world) == before
    assert prune(world.publisher(), dry_run=False) == found
    gone = before - files(world)
    assert {path for path in gone if not path.endswith((".gz", ".zst"))} == set(found)
    assert {path.split("/")[0] for path in gone} == {"attest", "tuf"}
    assert not any("root" in path or path.startswith(("records/", "releases/")) for path in gone)
    kept = [path for path in files(world) if path.endswith(".chat-api.production.json")]
    assert 18 <= len(kept) <= 20, "30 days after the end of a life of 7 days"
    holds(world)
    assert world.limit() == 29
    assert prune(world.publisher(), dry_run=True) == []
    world.publish(bundle(CHAT, {"limit": 100, "text": TEXT}))
    holds(world)
    assert world.limit() == 100


def test_a_reader_that_loaded_the_oldest_living_metadata_finds_all_it_names(world):
    """One that was caught between the timestamp and the bundle, for as long as its metadata lives."""
    folder, seen = world.folder / "reader", world.now
    with client.at(seen):
        updater = world.client(folder)
        info = updater.get_targetinfo(layout.path_of(CHAT))
        sealed = updater.get_targetinfo(layout.path_of(CHAT, layout.SEALED))
    for number in range(100, 112):
        world.later(hours=13)
        world.publish(bundle(CHAT, {"limit": number, "text": TEXT}, token=f"t{number}"))
    prune(world.publisher(), dry_run=False)
    with client.at(seen):
        assert json.loads(Path(updater.download_target(info)).read_bytes())["limit"] == 29
        assert updater.download_target(sealed)


def test_a_rollout_keeps_what_the_others_are_given(world):
    role = world.trusted().roles[layout.role_of(CHAT)].signed
    bundle_entry, sealed = (role.targets[layout.path_of(CHAT, suffix)] for suffix in (layout.BUNDLE, layout.SEALED))
    first = {"version": 30, "sha256": bundle_entry.hashes["sha256"], "length": bundle_entry.length}
    rollout = {CHAT: {"rollout": {"percent": 10, "salt": "s", "from": first}}}
    for number in range(100, 112):
        world.publish(bundle(CHAT, {"limit": number}, token=f"t{number}"), custom=rollout)
    world.later(days=40)
    resign(world.publisher(), force=True)
    prune(world.publisher(), dry_run=False)
    for entry in (bundle_entry, sealed):
        assert (world.tree / layout.file_of(entry.path, entry.hashes["sha256"])).is_file()
    holds(world)


def test_what_waits_for_signatures_stays(tmp_path):
    world = World(tmp_path, release_production=2)
    world.two_releases()
    only(world, 0)
    world.publish(bundle(CHAT, {"limit": 3}))
    world.later(days=100)
    resign(world.publisher(), force=True)
    assert not [path for path in prune(world.publisher(), dry_run=False) if path.startswith(layout.TARGETS)]


def test_killed_at_any_removal_readers_lose_nothing(world):
    for step in (0, 1, 7, 40):
        with pytest.raises(Killed), world.interrupt(step):
            prune(world.publisher(), dry_run=False)
        assert world.limit() == 29
    prune(world.publisher(), dry_run=False)
    holds(world)


def test_what_is_not_ours_and_what_is_behind_links_is_left_alone(world, tmp_path):
    aside = tmp_path / "aside"
    (world.tree / "attest").rename(aside)
    (world.tree / "attest").symlink_to(aside)
    (world.tree / "tuf/targets/loop").symlink_to(".")
    (world.tree / "tuf/targets/notes.txt").write_text("mine")
    before = {path.name for path in aside.iterdir()}
    found = prune(world.publisher(), dry_run=False)
    assert {path.name for path in aside.iterdir()} == before
    assert not any("loop" in path or "notes" in path or path.startswith("attest") for path in found)


@pytest.mark.slow
def test_an_endpoint_is_pruned_as_a_folder_is(tmp_path):
    from tests.conformance.publishers.edge import EdgeRig

    rig = EdgeRig(tmp_path)
    try:
        for number in range(3):
            publisher = rig.publisher()
            publisher.publish(release(publisher.held(), bundle(CHAT, {"limit": number})), plaintexts)
        rig.now += timedelta(days=6)
        publisher.resign(force=True)
        rig.now += timedelta(days=3)
        publisher = rig.publisher()
        publisher.context = replace(publisher.context, settings=ReleaseSettings(tenant="acme", keep_days=1))
        found = prune(publisher, dry_run=True)
        assert sum(path.startswith("attest/") for path in found) == 2
        assert prune(publisher, dry_run=False) == found
        assert not any((rig.out / "acme" / path).exists() for path in found)
        assert rig.read(CHAT)["limit"] == 2
    finally:
        rig.close()


def test_a_tree_whose_timestamp_is_gone_is_not_pruned(world):
    (world.tree / layout.TIMESTAMP).unlink()
    with pytest.raises(UsageError, match="is gone"):
        prune(world.publisher(), dry_run=False)
