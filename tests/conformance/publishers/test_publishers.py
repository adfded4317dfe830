"""The contract of release.ports.Publisher, held against every publisher."""

from __future__ import annotations

import logging

import pytest

from gitconfigmgr.release.ports import ConflictError
from tests.conformance.publishers.rigs import (
    BILLING,
    CHAT,
    PLAINTEXT,
    SEARCH,
    Killed,
    bundle,
    no_secrets,
    plaintexts,
    release,
    rigs,
)

ONE, TWO = {"limit": 1, "name": "one"}, {"limit": 2, "name": "two", "list": [1, 2.5, None, True, "ä"]}


@pytest.fixture(params=sorted(rigs()))
def rig(request, tmp_path):
    made = rigs()[request.param](tmp_path)
    yield made
    made.close()


def publish(rig, *bundles, **more):
    publisher = rig.publisher()
    made = release(publisher.held(), *bundles, **more)
    return made, publisher.publish(made, plaintexts)


def test_nothing_is_held_at_first_and_asking_writes_nothing(rig):
    before = rig.snapshot()
    held = rig.publisher().held()
    assert (held.number, held.commit, dict(held.targets)) == (0, None, {})
    assert rig.snapshot() == before


def test_what_is_published_is_read_and_held(rig):
    made, publication = publish(rig, bundle(CHAT, ONE), bundle(BILLING, TWO))
    assert rig.read(CHAT) == ONE
    assert rig.read(BILLING) == TWO
    assert {target: item.changed for target, item in publication.targets.items()} == {CHAT: True, BILLING: True}
    held = rig.publisher().held()
    assert (held.number, held.commit) == (1, made.revision.commit)
    assert {target: (item.content, item.version) for target, item in held.targets.items()} == {
        CHAT: (made.bundles[CHAT].content, 1),
        BILLING: (made.bundles[BILLING].content, 1),
    }


def test_publishing_what_is_held_writes_nothing(rig):
    publish(rig, bundle(CHAT, ONE, token="t1"), bundle(BILLING, TWO))
    before = rig.snapshot()
    publisher = rig.publisher()
    made = release(publisher.held(), bundle(CHAT, ONE, token="t1"), bundle(BILLING, TWO))
    publication = publisher.publish(made, no_secrets)
    assert not any(item.changed for item in publication.targets.values())
    assert rig.snapshot() == before
    assert rig.publisher().held().number == 1


def test_only_what_the_release_names_changes(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE), bundle(BILLING, ONE))
    _, publication = publish(rig, bundle(SEARCH, TWO))
    assert publication.targets[SEARCH].changed
    assert not any(item.changed for target, item in publication.targets.items() if target != SEARCH)
    assert (rig.read(CHAT), rig.read(SEARCH), rig.read(BILLING)) == (ONE, TWO, ONE)
    versions = {target: item.version for target, item in rig.publisher().held().targets.items()}
    assert versions == {CHAT: 1, SEARCH: 2, BILLING: 1}


def test_what_is_removed_is_gone(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    publish(rig, removed=(SEARCH,))
    assert rig.read(SEARCH) is None
    assert rig.read(CHAT) == ONE
    assert set(rig.publisher().held().targets) == {CHAT}


def test_what_was_removed_can_come_back(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    publish(rig, removed=(SEARCH,))
    publish(rig, bundle(SEARCH, TWO))
    assert rig.read(SEARCH) == TWO


def test_a_new_ciphertext_is_a_change_of_the_same_document(rig):
    publish(rig, bundle(CHAT, ONE, token="t1"))
    before = rig.publisher().held().targets[CHAT]
    _, publication = publish(rig, bundle(CHAT, ONE, token="t2"))
    after = rig.publisher().held().targets[CHAT]
    assert publication.targets[CHAT].changed
    assert (before.version, after.version) == (1, 2)
    assert before.content != after.content


def test_secrets_are_where_the_destination_keeps_them_and_nowhere_else(rig, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    made, publication = publish(rig, bundle(CHAT, ONE, token="t1"))
    found = rig.read(CHAT)["api"]["key"]
    if rig.secrets == "open":
        assert found == PLAINTEXT
    else:
        assert found == {"$secret": {"type": "string", "kind": "api_key"}} or PLAINTEXT not in str(found)
        assert PLAINTEXT.encode() not in rig.everything()
    out = capsys.readouterr()
    for text in (repr(publication), repr(made), caplog.text, out.out, out.err, rig.publisher().name):
        assert PLAINTEXT not in text


def test_a_plan_made_on_an_older_state_is_refused(rig):
    publish(rig, bundle(CHAT, ONE))
    stale = rig.publisher()
    made = release(stale.held(), bundle(CHAT, TWO))
    publish(rig, bundle(CHAT, {"limit": 3}))
    before = rig.snapshot()
    for publisher in (stale, rig.publisher()):
        with pytest.raises(ConflictError) as caught:
            publisher.publish(made, plaintexts)
        assert caught.value.hint
    assert rig.snapshot() == before
    assert rig.read(CHAT) == {"limit": 3}


@pytest.mark.slow
def test_killed_at_any_write_readers_find_one_release_and_the_next_run_completes(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE), bundle(BILLING, ONE))
    states = []
    for step in range(400):
        number = rig.publisher().held().number
        wanted = {"limit": 10 + step}
        made = release(rig.publisher().held(), bundle(CHAT, wanted, token=f"t{step}"), bundle(SEARCH, wanted))
        killed = False
        try:
            with rig.interrupt(step):
                rig.publisher().publish(made, plaintexts)
        except Killed:
            killed = True
        seen = rig.publisher().held()
        found = [rig.read(CHAT)["limit"], rig.read(SEARCH)["limit"], rig.read(BILLING)["limit"]]
        assert found[0] == found[1], f"a mixture after {step} writes"
        assert found[2] == 1
        assert seen.number == number + (found[0] == wanted["limit"])
        states.append(found[0] == wanted["limit"])
        if not killed:
            break
        publish(rig, bundle(CHAT, wanted, token=f"t{step}"), bundle(SEARCH, wanted))
        assert rig.read(CHAT)["limit"] == rig.read(SEARCH)["limit"] == wanted["limit"]
    assert states[-1], "no run was long enough to end"
    assert not states[0], "the first write made the release visible"
