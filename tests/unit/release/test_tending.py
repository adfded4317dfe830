"""Between releases: renewal, rotation of every key, and releases that wait for a second person."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from securesystemslib.signer import CryptoSigner

from gitconfigmgr.adapters.publishers import directory_staging as staging
from gitconfigmgr.adapters.publishers.directory_tending import resign, sign
from gitconfigmgr.app.release.contents import sealed_for, waiting
from gitconfigmgr.app.verify import verify
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.release import attestation, layout, metadata
from gitconfigmgr.release.trust import custom_of
from tests.conformance.publishers.rigs import plaintexts, release
from tests.unit.release.world import CHAT, SEARCH, World, bundle


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.two_releases()
    return made


def holds(world):
    found = verify(world.publisher().read, world.keys.roots()[0], world.now, whole=True)
    assert found.problems == []
    return found


def test_nothing_is_renewed_before_half_of_its_life(world):
    before = world.snapshot()
    assert resign(world.publisher(), force=False).roles == ()
    assert world.snapshot() == before


def test_short_lived_metadata_is_renewed_at_half_of_its_life(world):
    world.later(days=4)
    assert [item.place for item in holds(world).warnings] == ["timestamp", "snapshot"]
    assert resign(world.publisher(), force=False).roles == ("snapshot", "timestamp")
    assert holds(world).warnings == []
    assert world.publisher().held().number == 2
    assert world.limit() == 2


def test_a_tree_that_has_ended_is_renewed(world):
    world.later(days=20)
    resign(world.publisher(), force=False)
    assert world.limit() == 2


def test_roles_are_renewed_at_half_of_theirs_where_their_keys_are(world):
    world.later(days=50)
    world.keys.here = {signer.public_key.keyid for signer in world.keys.signers("online")}
    found = resign(world.publisher(), force=False)
    assert found.roles == ("snapshot", "timestamp")
    assert found.left == ("acme~assistants~production",)
    world.keys.here = None
    assert "acme~assistants~production" in resign(world.publisher(), force=False).roles
    assert holds(world).warnings == []


@pytest.mark.parametrize("role", ["online", "targets", "root", "release"])
def test_rotated_keys_come_into_force_and_clients_follow(world, tmp_path, role):
    from tests.conformance.publishers import client

    folder = tmp_path / "client"
    with client.at(world.now):
        world.client(folder).refresh()
    old = world.keys.signers_of[role]
    rotate(world, role)
    world.later(hours=1)
    assert world.trusted() is not None
    resign(world.publisher(), force=False)
    assert world.limit() == 2
    holds(world)
    with client.at(world.now):
        world.client(folder).refresh()
    world.publish(bundle(CHAT, {"limit": 3}))
    assert world.limit() == 3
    assert old != world.keys.signers_of[role]


@pytest.mark.parametrize("role", ["online", "targets", "root", "release"])
def test_a_release_right_after_a_rotation_publishes_it_too(world, role):
    rotate(world, role)
    world.publish(bundle(CHAT, {"limit": 3}))
    assert world.limit() == 3
    assert world.limit(SEARCH) == 1
    holds(world)


def test_killed_at_any_write_of_a_rotation_the_next_run_completes(world):
    from tests.conformance.publishers.rigs import Killed

    rotate(world, "online")
    rotate(world, "release")
    world.later(hours=1)
    for step in range(200):
        try:
            with world.interrupt(step):
                resign(world.publisher(), force=True)
        except Killed:
            assert world.publisher().held().number == 2, "a publisher can go on"
            continue
        break
    else:
        pytest.fail("no run was long enough to end")
    assert world.limit() == 2
    holds(world)


def rotate(world, role):
    old = world.keys.signers_of["root"]
    world.keys.signers_of[role] = [CryptoSigner.generate_ed25519()]
    if role == "release":
        return
    version = len(world.keys.roots()) + 1
    roles = {
        name: world.keys.public("online" if name in ("snapshot", "timestamp") else name) for name in metadata.ROLES
    }
    signers = [*old, *(world.keys.signers_of["root"] if role == "root" else [])]
    world.keys.roots().append(metadata.sign(metadata.new_root(version, roles, world.now), signers))


def test_what_is_past_half_of_its_life_is_told_to_who_releases(world):
    assert world.publisher().held().ending == {}
    world.later(days=4)
    assert set(world.publisher().held().ending) == {"timestamp", "snapshot"}
    world.later(days=42)
    found = world.publisher().held().ending
    assert set(found) == {"timestamp", "snapshot", "acme~assistants~production"}
    assert found["timestamp"].startswith("ended at ")
    assert "`gitconfigmgr resign`" in found["acme~assistants~production"]


def test_the_attestation_tells_whether_the_check_passed(world):
    def said():
        digest = custom_of(world.trusted().entries()[CHAT])["attestation"]
        payload = attestation.payload_of((world.tree / layout.attestation_file(digest)).read_bytes())
        return json.loads(payload)["predicate"]["buildDefinition"]["internalParameters"]["check"]

    assert said() == "passed"
    world.publish(bundle(CHAT, {"limit": 3}), overrides=({"refusal": "findings"},))
    assert said() == "set aside"
    publisher = world.publisher()
    again = replace(release(publisher.held(), bundle(CHAT, {"limit": 2})), commit="c" * 40)
    publisher.publish(again, plaintexts)
    assert said() == "not run"


def test_versions_are_told_by_the_signed_chain_of_records(world):
    from gitconfigmgr.app.release.tending import versions

    for limit in range(3, 16):
        world.publish(bundle(CHAT, {"limit": limit}))
    found = list(versions(world.publisher(), CHAT))
    assert [item.number for item in found] == list(range(15, 0, -1))
    receipts = world.tree / "releases"
    for place in receipts.iterdir():
        place.write_bytes(b"{}")
    assert list(versions(world.publisher(), CHAT)) == found, "receipts have no say"
    digest = world.trusted().entries()[CHAT].unrecognized_fields["custom"]["record"]
    place = world.tree / f"records/{digest}.json"
    place.write_bytes(place.read_bytes().replace(b"cccc", b"dddd"))
    assert list(versions(world.publisher(), CHAT)) == []


# -- two persons -------------------------------------------------------------------------------------------------------


@pytest.fixture
def guarded(tmp_path):
    """Two of three keys sign for production; the job that releases has the first."""
    made = World(tmp_path, release_production=2)
    made.publish(bundle(CHAT, {"limit": 1}))
    return made


def only(world, *numbers, others=True):
    ids = {world.keys.signers_of["release_production"][number].public_key.keyid for number in numbers}
    if others:
        ids |= {
            signer.public_key.keyid
            for name in ("online", "targets", "release")
            for signer in world.keys.signers_of[name]
        }
    world.keys.here = ids


def test_a_release_waits_for_the_second_signature(guarded):
    only(guarded, 0)
    publication = guarded.publish(bundle(CHAT, {"limit": 2}))
    assert publication.waiting == {"acme~assistants~production": 1}
    assert not publication.targets[CHAT].changed
    assert guarded.limit() == 1
    assert guarded.publisher().held().number == 1
    only(guarded, 1, others=False)
    found = sign(guarded.publisher())
    assert found.missing == {"online": 1}, "the second person has no online key"
    assert guarded.limit() == 1
    only(guarded, 0)
    assert sign(guarded.publisher()).missing == {}
    assert guarded.limit() == 2
    assert guarded.publisher().held().number == 2
    holds(guarded)
    assert sign(guarded.publisher()).number is None


def test_who_signs_is_shown_what_the_metadata_says_and_nothing_else(guarded):
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}), bundle(SEARCH, {"limit": 9}, token="t1"))
    index = guarded.tree / "staged/release.json"
    index.write_bytes(index.read_bytes().replace(b"update", b"delete").replace(b'"search"', b'"harmless"'))
    shown = guarded.publisher().waiting()["targets"]
    said = [(item["target"], custom_of(item["after"])["version"]) for item in shown]
    assert said == [(CHAT, 2), (SEARCH, 1)]
    assert shown[0]["sealed"] is None
    assert sealed_for(guarded.publisher().read, shown[1]["sealed"]) == ["test"]
    assert all(custom_of(item["after"])["commit"] == "c" * 40 for item in shown)
    chat, search = waiting(guarded.publisher(), shown).targets
    assert [(item.key, item.from_value, item.to_value) for item in chat.changes] == [("limit", 1, 2)]
    assert (search.change_type, [item.key for item in search.changes]) == ("create", ["api", "limit"])


def test_who_signs_is_shown_secrets_that_alone_are_sealed_anew(guarded):
    guarded.publish(bundle(CHAT, {"limit": 1}, token="t1"))
    only(guarded, 0)
    guarded.publish(bundle(SEARCH, {"limit": 2}))
    place = guarded.tree / "staged/acme~assistants~production.json"
    staged = json.loads(place.read_bytes())
    path = layout.path_of(CHAT, layout.SEALED)
    staged["signed"]["targets"][path]["hashes"]["sha256"] = "0" * 64
    place.write_bytes(json.dumps(staged).encode())
    shown = {item["target"]: item for item in guarded.publisher().waiting()["targets"]}
    assert shown[CHAT]["sealed"].hashes["sha256"] == "0" * 64


def test_who_signs_is_shown_nothing_where_bytes_are_not_those_of_the_metadata(guarded):
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}))
    shown = guarded.publisher().waiting()["targets"]
    after = shown[0]["after"]
    (guarded.tree / layout.file_of(after.path, after.hashes["sha256"])).write_bytes(b'{"limit":1}')
    with pytest.raises(OutsideError, match="is not what was signed"):
        waiting(guarded.publisher(), shown)


def test_a_secret_with_another_ciphertext_is_shown_as_one(guarded):
    guarded.publish(bundle(CHAT, {"limit": 1}, token="t1"))
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 1}, token="t2"))
    [found] = waiting(guarded.publisher(), guarded.publisher().waiting()["targets"]).targets
    assert [(item.key, item.secret) for item in found.changes] == [("api.key", True)]


def test_what_changed_since_it_was_shown_gets_no_signature(guarded):
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}))
    shown = guarded.publisher().waiting()["seen"]
    guarded.publish(bundle(CHAT, {"limit": 3}))
    with pytest.raises(UsageError, match="has changed since it was shown"):
        sign(guarded.publisher(), shown)


def test_the_index_of_what_is_staged_cannot_name_a_commit(guarded):
    guarded.keys.signers_of["release_production"] = guarded.keys.signers_of["release_production"][:2]
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}))
    index = guarded.tree / "staged/release.json"
    index.write_bytes(index.read_bytes().replace(b"c" * 40, b"e" * 40))
    guarded.keys.here = None
    sign(guarded.publisher())
    assert guarded.publisher().held().commit == "c" * 40


def test_signing_twice_with_one_key_is_one_signature(guarded):
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}))
    found = sign(guarded.publisher())
    assert found.added == ()
    assert found.missing == {"acme~assistants~production": 1}
    assert guarded.limit() == 1


def test_a_staged_release_counts_no_more_once_another_was_published(guarded):
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}))
    kept = {
        path: (guarded.tree / path).read_bytes()
        for path in ("staged/release.json", "staged/acme~assistants~production.json")
    }
    guarded.keys.here = None
    guarded.publish(bundle(CHAT, {"limit": 3}))
    assert staging.load(guarded.publisher().files) is None
    (guarded.tree / "staged").mkdir(exist_ok=True)
    for path, data in kept.items():
        (guarded.tree / path).write_bytes(data)
    with pytest.raises(UsageError, match="was made on 1, and 2 is published"):
        sign(guarded.publisher())
    assert guarded.limit() == 3


def test_a_staged_release_that_somebody_changed_gets_no_signature(guarded):
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}))
    place = guarded.tree / "staged/acme~assistants~production.json"
    place.write_bytes(
        place.read_bytes().replace(b'"length":11', b'"length":12').replace(b'sha256":"', b'sha256":"0', 1)
    )
    with pytest.raises(UsageError, match="is not what its metadata says"):
        sign(guarded.publisher())


def test_a_release_goes_on_waiting_while_short_lived_metadata_is_renewed(guarded):
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}))
    guarded.later(days=4)
    assert resign(guarded.publisher(), force=False).dropped is None
    guarded.keys.here = None
    assert sign(guarded.publisher()).missing == {}
    assert guarded.limit() == 2


def test_a_release_whose_role_is_renewed_waits_no_more(guarded):
    only(guarded, 0)
    guarded.publish(bundle(CHAT, {"limit": 2}))
    guarded.later(days=50)
    guarded.keys.here = None
    assert resign(guarded.publisher(), force=False).dropped == 2
    assert guarded.publisher().waiting() is None
    holds(guarded)


def test_a_refused_first_release_leaves_nothing_behind(tmp_path):
    world = World(tmp_path)
    world.keys.here = set()
    with pytest.raises(UsageError, match="are not here"):
        world.publish(bundle(CHAT, {"limit": 1}))
    assert not world.out.exists()


def test_without_the_key_of_targets_a_new_project_is_refused(world):
    from gitconfigmgr.model.names import Target

    world.keys.here = {s.public_key.keyid for name in ("online", "release") for s in world.keys.signers_of[name]}
    world.publish(bundle(CHAT, {"limit": 3}))
    new = Target("acme/other/service", "production")
    before = world.snapshot()
    with pytest.raises(UsageError, match="keys that sign for targets are not here"):
        world.publish(bundle(new, {"limit": 1}))
    assert {path: item for path, item in world.snapshot().items() if ".gcm-" not in path} == {
        path: item for path, item in before.items() if ".gcm-" not in path
    }
    assert release(world.publisher().held()).base == 3
