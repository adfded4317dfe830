"""Attacks on a published tree: what an attacker can write there is refused by our reader and by python-tuf alike."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import timedelta

import pytest
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.api.metadata import Metadata

from gitconfigmgr.app.verify import verify
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.release import delta, layout, metadata
from gitconfigmgr.release.trust import UntrustedError, custom_of
from tests.conformance.publishers import client
from tests.unit.release.world import CHAT, SEARCH, World, bundle


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.two_releases()
    assert made.limit() == 2
    return made


def refused(world, role, words):
    """Neither reader takes the tree, and a publisher signs nothing on top of it."""
    with pytest.raises(UntrustedError, match=words) as caught:
        world.trusted()
    assert caught.value.role == role
    with pytest.raises((RepositoryError, ValueError)):
        world.limit()


def role_of(world):
    return layout.role_of(CHAT)


def resigned(path, change, *signers):
    """A metadata file changed, and signed by somebody."""
    found = Metadata.from_bytes(path.read_bytes())
    change(found.signed)
    found.signatures.clear()
    path.write_bytes(metadata.sign(found, signers))


def test_old_timestamp_replayed_to_a_client_that_has_seen_the_new_one(world, tmp_path):
    folder = tmp_path / "client"
    old = Metadata.from_bytes(world.file("timestamp", 0).read_bytes())
    with client.at(world.now):
        world.client(folder).refresh()
        old.signed.version -= 1
        old.signatures.clear()
        world.file("timestamp", 0).write_bytes(metadata.sign(old, world.keys.signers("online")))
        with pytest.raises(RepositoryError, match="version 1 must be"):
            world.client(folder).refresh()


def test_old_snapshot_under_the_new_timestamp(world):
    shutil.copy(world.file("snapshot", 1), world.file("snapshot", 2))
    refused(world, "snapshot", "length|digest")


def test_metadata_that_has_ended(world):
    world.later(days=8)
    refused(world, "timestamp", "expired")


def test_a_target_of_another_tenant(world, tmp_path):
    theirs = World(tmp_path / "theirs")
    theirs.publish(bundle(CHAT, {"limit": 666}))
    role = role_of(world)
    for place in (theirs.tree / "tuf/targets/acme/assistants").iterdir():
        shutil.copy(place, world.tree / "tuf/targets/acme/assistants" / place.name)
    shutil.copy(theirs.file(role, 1), world.file(role, 2))
    refused(world, role, "0 of the 1 keys")


def test_one_signature_where_two_are_asked(tmp_path):
    world = World(tmp_path, release_production=2)
    world.two_releases()
    role = role_of(world)
    one = world.keys.signers("release", "production")[:1]
    resigned(world.file(role, 2), lambda signed: signed.targets.clear(), *one)
    refused(world, role, "1 of the 2 keys")


def test_one_key_twice_counts_once(tmp_path):
    world = World(tmp_path, release_production=2)
    world.two_releases()
    role = role_of(world)
    place = world.file(role, 2)
    found = json.loads(place.read_bytes())
    found["signatures"] = [found["signatures"][0]] * 2
    place.write_bytes(json.dumps(found).encode())
    refused(world, role, "no TUF metadata")


def test_a_role_that_names_a_target_of_another(world):
    role, place = role_of(world), world.file(role_of(world), 2)

    def steal(signed):
        entry = next(iter(signed.targets.values()))
        entry.path = "globex/billing.staging.json"
        signed.targets[entry.path] = entry

    resigned(place, steal, *world.keys.signers("release", "production"))
    with pytest.raises(UntrustedError, match="not its own"):
        world.trusted()
    assert client.download(world.tree, world.keys.roots()[0], "globex/billing.staging.json", world.now) is None
    with pytest.raises(UntrustedError):
        world.publish(bundle(CHAT, {"limit": 3}))
    assert role in str(place)


def test_a_bundle_that_was_changed(world):
    entry = world.trusted().entries()[CHAT]
    place = world.tree / layout.file_of(entry.path, entry.hashes["sha256"])
    place.write_bytes(place.read_bytes().replace(b"2", b"9"))
    with pytest.raises((RepositoryError, ValueError)):
        world.limit()
    found = verify(world.publisher().read, world.keys.roots()[0], world.now)
    assert [item.message for item in found.problems] == ["is not what was signed: its digest differs"]


def test_a_bundle_longer_than_signed(world):
    entry = world.trusted().entries()[CHAT]
    place = world.tree / layout.file_of(entry.path, entry.hashes["sha256"])
    place.write_bytes(place.read_bytes() + b" " * 100_000)
    with pytest.raises(DownloadError):
        world.limit()


def test_a_mixture_of_two_releases(world):
    role = role_of(world)
    shutil.copy(world.file(role, 1), world.file(role, 2))
    refused(world, role, "is version 1, the snapshot says 2")


def test_a_root_that_nobody_trusted_has_signed(world, tmp_path):
    theirs = World(tmp_path / "theirs")
    root = Metadata.from_bytes(theirs.keys.roots()[0])
    root.signed.version = 2
    root.signatures.clear()
    world.file("root", 2).write_bytes(metadata.sign(root, theirs.keys.signers("root")))
    refused(world, "root", "0 of the 1 keys")


def test_the_attestation_of_another_bundle(world):
    entries = world.trusted().entries()
    theirs = custom_of(entries[SEARCH])["attestation"]

    def swap(signed):
        path = layout.path_of(CHAT)
        custom = dict(custom_of(signed.targets[path]))
        signed.targets[path].unrecognized_fields["custom"] = custom | {"attestation": theirs}

    resigned(world.file(role_of(world), 2), swap, *world.keys.signers("release", "production"))
    found = verify(world.publisher().read, world.keys.roots()[0], world.now)
    assert any("is about something else" in item.message for item in found.problems)


def test_an_attestation_signed_by_a_stranger(world, tmp_path):
    theirs = World(tmp_path / "theirs")
    theirs.two_releases()
    digest = custom_of(theirs.trusted().entries()[CHAT])["attestation"]
    place = layout.attestation_file(digest)
    shutil.copy(theirs.tree / place, world.tree / place)

    def swap(signed):
        path = layout.path_of(CHAT)
        custom = dict(custom_of(signed.targets[path]))
        signed.targets[path].unrecognized_fields["custom"] = custom | {"attestation": digest}

    resigned(world.file(role_of(world), 2), swap, *world.keys.signers("release", "production"))
    found = verify(world.publisher().read, world.keys.roots()[0], world.now)
    assert [item.message for item in found.problems] == ["none of the keys of its role has signed it"]


def test_compressed_siblings_that_hold_something_else(world):
    big = bundle(CHAT, {"text": "word " * 200})
    world.later(hours=1)
    world.publish(big)
    entry = world.trusted().entries()[CHAT]
    place = world.tree / f"{layout.file_of(entry.path, entry.hashes['sha256'])}.gz"
    assert gzip.decompress(place.read_bytes()) == big.document
    place.write_bytes(gzip.compress(b"other"))
    found = verify(world.publisher().read, world.keys.roots()[0], world.now, whole=True)
    assert [item.message for item in found.problems] == ["holds something else than the file it stands beside"]


def test_the_clock_of_the_publisher_goes_backwards(world):
    before = world.snapshot()
    world.later(hours=-2)
    with pytest.raises(OutsideError, match="the clock says"):
        world.publish(bundle(CHAT, {"limit": 3}))
    world.later(hours=2)
    assert {place: item for place, item in world.snapshot().items() if ".gcm-" not in place} == {
        place: item for place, item in before.items() if ".gcm-" not in place
    }


@pytest.mark.parametrize("missing", ["online", "release"])
def test_a_key_that_is_missing_is_named_before_anything_is_written(world, missing):
    others = {"online", "release", "targets"} - {missing}
    world.keys.here = {signer.public_key.keyid for name in others for signer in world.keys.signers_of[name]}
    before = world.snapshot()
    with pytest.raises(UsageError, match=f"sign for {missing}.* are not here"):
        world.publish(bundle(CHAT, {"limit": 3}))
    assert world.snapshot() == before


def test_links_inside_the_tree_lead_nowhere(world, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (world.tree / "attest").rename(tmp_path / "aside")
    (world.tree / "attest").symlink_to(outside)
    with pytest.raises(OutsideError.__mro__[1], match="is a link"):
        world.publish(bundle(CHAT, {"limit": 3}))
    assert not list(outside.iterdir())


def test_a_mutable_file_has_another_time_in_whole_seconds_at_each_change(world):
    stamps = set()
    for limit in range(3, 7):
        world.publish(bundle(CHAT, {"limit": limit}))
        stamp = (world.tree / layout.TIMESTAMP).stat().st_mtime
        assert stamp == int(stamp)
        stamps.add(stamp)
    assert len(stamps) == 4


def test_readers_outside_the_cohort_find_the_secrets_of_what_they_keep(tmp_path):
    world = World(tmp_path)
    world.publish(bundle(CHAT, {"limit": 1}, token="t1"))
    role = world.trusted().roles[layout.role_of(CHAT)].signed
    sealed = role.targets[layout.path_of(CHAT, layout.SEALED)]
    first = {"version": 1, "sha256": world.trusted().entries()[CHAT].hashes["sha256"], "length": 1}
    for number, percent in ((2, 10), (3, 20)):
        rollout = {"rollout": {"percent": percent, "salt": "s", "from": first}}
        world.publish(bundle(CHAT, {"limit": number}, token=f"t{number}"), custom={CHAT: rollout})
        kept = custom_of(world.trusted().entries()[CHAT])["from_sealed"]
        assert kept == {"sha256": sealed.hashes["sha256"], "length": sealed.length}
    assert (world.tree / layout.file_of(sealed.path, kept["sha256"])).is_file()


# -- deltas ------------------------------------------------------------------------------------------------------------


def offered(world, target=CHAT):
    entry = world.trusted().entries()[target]
    custom = custom_of(entry)
    return entry, custom["previous"], world.tree / layout.delta_file(custom["previous"], entry.hashes["sha256"])


def test_a_delta_turns_the_version_before_into_this_one(tmp_path):
    world = World(tmp_path)
    for number in range(12):
        world.publish(bundle(CHAT, {"limit": number, "text": [f"line {n}" for n in range(100)]}))
    entry, previous, place = offered(world)
    old = (world.tree / layout.file_of(entry.path, previous)).read_bytes()
    new = delta.apply(old, place.read_bytes(), entry.length, entry.hashes["sha256"])
    assert json.loads(new)["limit"] == 11
    assert len(place.read_bytes()) < 100
    assert len(custom_of(entry)["deltas"]) == layout.DELTAS_KEPT
    found = verify(world.publisher().read, world.keys.roots()[0], world.now, whole=True)
    assert found.problems == []
    kept = [path for path in (world.tree / "delta").rglob("*.dcz") if "." not in path.parent.name]
    assert len(kept) <= 2 * layout.DELTAS_KEPT, "old deltas are removed"


@pytest.mark.parametrize("attack", ["wrong dictionary", "bomb", "truncated", "no delta", "another result"])
def test_attacks_on_a_delta(tmp_path, attack):
    world = World(tmp_path)
    for number in range(2):
        world.publish(bundle(CHAT, {"limit": number, "text": [f"line {n}" for n in range(100)]}))
    entry, previous, place = offered(world)
    old = (world.tree / layout.file_of(entry.path, previous)).read_bytes()
    data = place.read_bytes()
    made = {
        "wrong dictionary": data,
        "bomb": delta.make(old, b"0" * 50_000_000),
        "truncated": data[:-5],
        "no delta": gzip.compress(old),
        "another result": delta.make(old, b"x" * entry.length),
    }[attack]
    if attack == "wrong dictionary":
        old = old.replace(b"line", b"lime")
    with pytest.raises(delta.DeltaError):
        delta.apply(old, made, entry.length, entry.hashes["sha256"])


def test_metadata_that_lives_too_long_is_not_made(world):
    trusted = world.trusted()
    assert trusted.timestamp.signed.expires - world.now <= timedelta(days=7)
    assert trusted.snapshot.signed.expires - world.now <= timedelta(days=7)
