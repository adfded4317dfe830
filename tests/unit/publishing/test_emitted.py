"""The folder that emitters write: replaced as a whole, nothing of others touched, nothing outside reached."""

from __future__ import annotations

import json
import os
import stat
import threading

import pytest

from gitconfigmgr.adapters.publishers import dotenv, kubernetes
from gitconfigmgr.adapters.publishers.registry import open_publisher
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.names import Target
from gitconfigmgr.model.publishing import Destination
from gitconfigmgr.release.ports import ConflictError
from tests.conformance.publishers.rigs import CHAT, PLAINTEXT, SEARCH, Rig, bundle, plaintexts, release

ONE, TWO = {"limit": 1}, {"limit": 2}


@pytest.fixture
def context(tmp_path):
    return Rig(tmp_path).context()


def make(context, opener=dotenv.open_publisher, **options):
    return opener(Destination("dotenv" if opener is dotenv.open_publisher else "kubernetes", "out", options), context)


def publish(publisher, *bundles, **more):
    return publisher.publish(release(publisher.held(), *bundles, **more), plaintexts)


def text(context, target):
    return (context.folder / "out" / target.namespace / target.environment / ".env").read_text()


def test_files_of_others_stay(context):
    publish(make(context), bundle(CHAT, ONE))
    ours = context.folder / "out" / "kustomization.yaml"
    ours.write_text("resources: []")
    publish(make(context), bundle(CHAT, TWO), removed=())
    assert ours.read_text() == "resources: []"
    assert text(context, CHAT) == "LIMIT='2'\n"


def test_a_reader_that_has_a_file_open_keeps_it(context):
    publish(make(context), bundle(CHAT, ONE), bundle(SEARCH, ONE))
    with (context.folder / "out" / CHAT.namespace / CHAT.environment / ".env").open() as reader:
        publish(make(context), bundle(CHAT, TWO))
        assert reader.read() == "LIMIT='1'\n"


def test_unchanged_files_are_not_written_again(context):
    publish(make(context), bundle(CHAT, ONE), bundle(SEARCH, ONE))
    place = context.folder / "out" / SEARCH.namespace / SEARCH.environment / ".env"
    before = place.stat().st_ino, place.stat().st_mtime_ns
    publish(make(context), bundle(CHAT, TWO))
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == before


def test_secrets_are_in_files_that_only_their_owner_reads(context):
    publication = publish(make(context), bundle(CHAT, ONE, token="t1"))
    assert [loss.path for loss in publication.losses] == ["api.key"]
    assert PLAINTEXT not in text(context, CHAT)
    opened = make(context, secrets="open")
    assert opened.held().targets[CHAT].content == "", "with other options it is another file"
    publish(opened, bundle(CHAT, ONE, token="t1"))
    assert f"API_KEY='{PLAINTEXT}'" in text(context, CHAT)
    mode = (context.folder / "out" / CHAT.namespace / CHAT.environment / ".env").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_what_killed_runs_left_is_removed(context):
    publish(make(context), bundle(CHAT, ONE))
    left = context.folder / ".out.gcm-new-left"
    left.mkdir()
    (left / "secret").write_text(PLAINTEXT)
    publish(make(context), bundle(CHAT, TWO))
    assert not left.exists()
    assert sorted(path.name for path in context.folder.iterdir()) == ["out"]


@pytest.mark.parametrize("name", [".git", "gitconfigmgr.yaml", "configs", "notes.txt"])
def test_a_folder_of_somebody_else_is_refused(context, name):
    (context.folder / "out").mkdir()
    (context.folder / "out" / name).write_text("theirs")
    with pytest.raises(UsageError, match="somebody else"):
        make(context).held()
    with pytest.raises(UsageError, match="somebody else"):
        make(context).publish(release(_nothing(), bundle(CHAT, ONE)), plaintexts)
    assert os.listdir(context.folder / "out") == [name]


def _nothing():
    from gitconfigmgr.model.bundles import Held

    return Held()


@pytest.mark.parametrize(
    "record", [b"", b"{}", b"[]", b'{"number": 1}', b"\xff", b'{"number": "x", "commit": 1, "targets": [], "gone": []}']
)
def test_a_damaged_record_is_refused(context, record):
    (context.folder / "out").mkdir()
    (context.folder / "out" / "gitconfigmgr.json").write_bytes(record)
    with pytest.raises(UsageError, match="damaged"):
        make(context).held()


def test_links_are_refused_and_nothing_is_written_through_them(context, tmp_path):
    publish(make(context), bundle(CHAT, ONE))
    outside = tmp_path / "outside"
    outside.mkdir()
    (context.folder / "out" / "globex").symlink_to(outside)
    with pytest.raises(UsageError, match="link"):
        publish(make(context), bundle(Target("globex/billing", "staging"), ONE))
    assert not list(outside.iterdir())
    assert text(context, CHAT) == "LIMIT='1'\n"


def test_a_record_that_names_files_elsewhere_removes_none(context, tmp_path):
    publish(make(context), bundle(CHAT, ONE))
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    place = context.folder / "out" / "gitconfigmgr.json"
    record = json.loads(place.read_text())
    record["targets"][0]["own"]["files"] += ["../../../../../victim", str(victim)]
    place.unlink()
    place.write_text(json.dumps(record))
    publish(make(context), bundle(CHAT, TWO))
    assert victim.read_text() == "theirs"


def test_two_targets_whose_files_would_be_in_each_others_way(context):
    publisher = make(context, kubernetes.open_publisher)
    one, other = Target("acme", "chat"), Target("acme/chat", "manifests.yaml")
    with pytest.raises(UsageError, match="in the way"):
        publish(publisher, bundle(one, ONE), bundle(other, ONE))
    assert not (context.folder / "out").exists()


def test_a_place_that_cannot_be_written(context):
    (context.folder / "file").write_text("")
    publisher = dotenv.open_publisher(Destination("dotenv", "file/out"), context)
    with pytest.raises(OutsideError) as caught:
        publisher.publish(release(_nothing(), bundle(CHAT, ONE)), plaintexts)
    assert caught.value.hint


def test_a_full_disk_leaves_the_old_files(context, monkeypatch):
    publish(make(context), bundle(CHAT, ONE))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutsideError, match="No space left"):
        publish(make(context), bundle(CHAT, TWO))
    monkeypatch.undo()
    assert text(context, CHAT) == "LIMIT='1'\n"
    assert make(context).held().number == 1
    assert sorted(path.name for path in context.folder.iterdir()) == ["out"]


def test_of_several_at_once_one_wins(context):
    publish(make(context), bundle(CHAT, ONE))
    held = make(context).held()
    results = []

    def run(number):
        try:
            make(context).publish(release(held, bundle(CHAT, {"limit": number})), plaintexts)
            results.append(number)
        except ConflictError:
            results.append(None)

    threads = [threading.Thread(target=run, args=(number,)) for number in (10, 11, 12, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [number for number in results if number]
    assert text(context, CHAT) == f"LIMIT='{winner}'\n"
    assert make(context).held().number == 2


def test_rollouts_do_not_apply_and_that_is_said(context):
    publisher = make(context)
    made = release(publisher.held(), bundle(CHAT, ONE), custom={CHAT: {"rollout": {"percent": 10}}})
    losses = publisher.publish(made, plaintexts).losses
    assert [(loss.target, loss.path) for loss in losses] == [(CHAT, "rollout")]


@pytest.mark.parametrize(
    ("kind", "address", "options"),
    [
        ("dotenv", "", {}), ("dotenv", "x", {"secret": "open"}), ("dotenv", "x", {"secrets": True}),
        ("kubernetes", "x", {"secrets": "external"}), ("kubernetes", "x", {"namespace": "Not_a_label"}),
        ("kubernetes", "x", {"immutable": "yes"}), ("envoy-ai-gateway", "x", {"gateway": "a b"}),
        ("litellm", "x", {"anything": 1}), ("vualt", "x", {}),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(context, kind, address, options):
    with pytest.raises(UsageError) as caught:
        open_publisher(Destination(kind, address, options), context)
    assert caught.value.hint
