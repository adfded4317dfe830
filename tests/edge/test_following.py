"""An agent follows a real published tree, in one process: what it activates, what it refuses, what it keeps."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.adapters.publishers.directory import open_publisher
from gitconfigmgr.model.publishing import Destination, ReleaseSettings
from gitconfigmgr.release import layout
from gitconfigmgr.sync.replica import Due, Phase, Pin, Pinned
from tests.conformance.publishers.rigs import PLAINTEXT, plaintexts, release

from .conftest import CHAT, SEARCH, Edge, bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.agent.engine import Engine

CHAT_API = "acme/assistants/chat-api"


def limit(engine: Engine) -> Any:
    served = engine.board.documents.get(CHAT_API)
    return served.opened["limit"] if served else None


def test_follows_and_starts_again_from_disk(edge: Edge) -> None:
    edge.publish(1)
    engine = edge.engine()
    assert engine.phase is Phase.NOT_READY
    engine.handle(Due())
    assert (engine.phase, limit(engine)) == (Phase.READY, 1)
    edge.publish(2)
    engine.handle(Due())
    assert (limit(engine), engine.board.release) == (2, 2)

    shutil.rmtree(edge.world.tree)
    again = edge.engine()
    assert (again.phase, limit(again)) == (Phase.STALE, 2)
    again.handle(Due())
    assert (again.phase, limit(again)) == (Phase.STALE, 2)
    assert "404" in again.replica.reason


def test_changed_is_told_once_and_not_for_new_signatures(edge: Edge) -> None:
    edge.publish(1)
    engine, told = edge.engine(), []
    engine.changed = told.append
    engine.handle(Due())
    engine.handle(Due())
    edge.world.later(hours=1)
    edge.world.publisher().resign(force=True)
    engine.handle(Due())
    assert told == [(CHAT_API,)]


def test_takes_a_delta_where_one_is_on_offer(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.world.publish(bundle(CHAT, {"limit": 1, "text": "a long one " * 50}))
    engine = edge.engine()
    engine.handle(Due())
    edge.world.publish(bundle(CHAT, {"limit": 2, "text": "a long one " * 50}))
    for path in (edge.world.tree / layout.TARGETS).rglob("*.json"):
        path.unlink()
    engine.handle(Due())
    assert limit(engine) == 2, "the whole bundle was not there to take"


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-5], lambda data: data[:8] + bytes(32) + data[40:], lambda _: b""]
)
def test_a_delta_that_is_wrong_costs_a_download_and_nothing_else(edge: Edge, damage: Callable[[bytes], bytes]) -> None:
    edge.world.publish(bundle(CHAT, {"limit": 1, "text": "a long one " * 50}))
    engine = edge.engine()
    engine.handle(Due())
    edge.world.publish(bundle(CHAT, {"limit": 2, "text": "a long one " * 50}))
    assert list((edge.world.tree / "delta").rglob("*.dcz"))
    for path in (edge.world.tree / "delta").rglob("*.dcz"):
        path.write_bytes(damage(path.read_bytes()))
    engine.handle(Due())
    assert limit(engine) == 2


def test_one_role_of_several(edge: Edge) -> None:
    edge.world.publish(bundle(CHAT, {"limit": 1}), bundle(SEARCH, {"limit": 5}))
    engine = edge.engine(namespaces=["acme/assistants/search"])
    engine.handle(Due())
    assert list(engine.board.documents) == ["acme/assistants/search"]
    other = edge.engine(namespaces=["globex/*"], state=str(edge.folder / "other"))
    other.handle(Due())
    assert not other.board.documents


def replayed(edge: Edge, engine: Engine) -> None:
    old = edge.folder / "old"
    shutil.copytree(edge.world.tree, old)
    edge.publish(3)
    engine.handle(Due())
    shutil.rmtree(edge.world.tree)
    shutil.copytree(old, edge.world.tree)


def old_snapshot(edge: Edge, engine: Engine) -> None:
    edge.publish(3)
    folder = edge.world.tree / layout.METADATA
    versions = sorted(folder.glob("*.snapshot.json"), key=lambda path: int(path.name.split(".")[0]))
    versions[-1].write_bytes(versions[-2].read_bytes())
    shutil.rmtree(edge.world.tree / "delta")
    drop_siblings(edge)


def forged_bundle(edge: Edge, engine: Engine) -> None:
    edge.publish(3)
    shutil.rmtree(edge.world.tree / "delta")
    for path in (edge.world.tree / layout.TARGETS).rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(b'"limit":3', b'"limit":9'))


def missing_bundle(edge: Edge, engine: Engine) -> None:
    edge.publish(3)
    shutil.rmtree(edge.world.tree / "delta")
    shutil.rmtree(edge.world.tree / layout.TARGETS)


def other_tenant(edge: Edge, engine: Engine) -> None:
    (edge.folder / "mallory").mkdir()
    other = Edge(edge.folder / "mallory")
    other.publish(9)
    shutil.rmtree(edge.world.tree)
    shutil.copytree(other.world.tree, edge.world.tree)


def expired(edge: Edge, engine: Engine) -> None:
    edge.ahead = timedelta(days=8).total_seconds()
    edge.publish(3)


def truncated(edge: Edge, engine: Engine) -> None:
    edge.publish(3)
    path = edge.world.tree / layout.TIMESTAMP
    path.write_bytes(path.read_bytes()[:-40])


def nonsense(edge: Edge, engine: Engine) -> None:
    (edge.world.tree / layout.TIMESTAMP).write_bytes(b"<html>please log in</html>")


def endless(edge: Edge, engine: Engine) -> None:
    (edge.world.tree / layout.TIMESTAMP).write_bytes(b"x" * 1_000_000)


def drop_siblings(edge: Edge) -> None:
    for path in (*edge.world.tree.rglob("*.gz"), *edge.world.tree.rglob("*.zst")):
        path.unlink()


ATTACKS = [replayed, old_snapshot, forged_bundle, missing_bundle, other_tenant, expired, truncated, nonsense, endless]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_last_good_stays(edge: Edge, attack: Callable[[Edge, Engine], None]) -> None:
    edge.publish(1)
    edge.publish(2)
    engine = edge.engine()
    engine.handle(Due())
    attack(edge, engine)
    good = limit(engine)
    engine.handle(Due())
    assert limit(engine) == good
    assert engine.replica.reason, "it says why"
    again = edge.engine()
    again.handle(Due())
    assert limit(again) == good


def test_what_was_missing_is_fetched_when_it_is_there(edge: Edge) -> None:
    """The same timestamp again, after an activation that failed: no ETag was kept for it."""
    edge.publish(1)
    engine = edge.engine()
    engine.handle(Due())
    edge.publish(2)
    shutil.copytree(edge.world.tree, edge.folder / "whole")
    missing = [*(edge.world.tree / layout.TARGETS).rglob("*.json"), *(edge.world.tree / "delta").rglob("*.dcz")]
    for path in missing:
        path.unlink()
    engine.handle(Due())
    assert limit(engine) == 1
    shutil.copytree(edge.folder / "whole", edge.world.tree, dirs_exist_ok=True)
    engine.handle(Due())
    assert (limit(engine), engine.replica.reason) == (2, "")


def test_a_clock_set_back_does_not_revive_what_expired(edge: Edge) -> None:
    edge.publish(1)
    engine = edge.engine()
    engine.handle(Due())
    edge.ahead = 8 * 86_400
    assert engine.phase is Phase.EXPIRED
    edge.ahead = -86_400 * 365
    assert engine.phase is Phase.READY, "within its life again, and counted from when it was signed"
    assert engine.age < 120


def test_changed_files_of_the_store_are_never_served(edge: Edge) -> None:
    edge.publish(1)
    edge.engine().handle(Due())
    for path in (edge.folder / "state/kept").iterdir():
        path.write_bytes(path.read_bytes().replace(b'"limit":1', b'"limit":9'))
    again = edge.engine()
    assert again.phase is Phase.NOT_READY
    again.handle(Due())
    assert limit(again) == 1


def test_at_rest_it_is_encrypted(edge: Edge) -> None:
    key = edge.folder / "agent.key"
    key.write_text("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
    key.chmod(0o600)
    edge.publish(1)
    edge.engine(key=str(key)).handle(Due())
    stored = b"".join(path.read_bytes() for path in (edge.folder / "state/kept").iterdir())
    assert b"limit" not in stored
    assert limit(edge.engine(key=str(key))) == 1
    key.write_text("QkFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
    assert edge.engine(key=str(key)).phase is Phase.NOT_READY


def test_a_root_that_does_not_hold_is_fatal(edge: Edge) -> None:
    edge.publish(1)
    edge.root.write_bytes(
        edge.root.read_bytes().replace(b'"version": 1', b'"version": 7').replace(b'"version":1', b'"version":7')
    )
    engine = edge.engine()
    engine.handle(Due())
    assert engine.phase is Phase.FATAL
    assert not engine.board.documents


def test_a_pin_holds_until_it_is_let_go(edge: Edge) -> None:
    edge.publish(1)
    engine = edge.engine()
    engine.handle(Due())
    engine.handle(Pinned(Pin(engine.now() + 3600, "incident")))
    edge.publish(2)
    engine.handle(Due())
    assert (engine.phase, limit(engine)) == (Phase.PINNED, 1)
    engine.handle(Pinned(None))
    engine.handle(Due())
    assert (engine.phase, limit(engine)) == (Phase.READY, 2)


def test_files_and_templates_change_together_or_not_at_all(edge: Edge) -> None:
    template = edge.folder / "t.j2"
    template.write_text(f"limit={{{{ config['{CHAT_API}'].limit }}}}\n")
    more = {
        "files": str(edge.folder / "out"),
        "templates": [{"source": str(template), "to": "app.env", "mode": "0600"}],
    }
    edge.publish(1)
    engine = edge.engine(**more)
    engine.handle(Due())
    out = edge.folder / "out"
    assert (out / "app.env").read_text() == "limit=1\n"
    assert (out / "app.env").stat().st_mode & 0o777 == 0o600
    assert b'"limit":1' in (out / f"{CHAT_API}.json").read_bytes()
    template.write_text("{{ config.nothing.there }}\n")
    edge.publish(2)
    engine.handle(Due())
    assert limit(engine) == 1
    assert (out / "app.env").read_text() == "limit=1\n"
    assert b'"limit":1' in (out / f"{CHAT_API}.json").read_bytes()
    assert "not activated" in engine.replica.reason
    template.write_text("fine\n")
    engine.handle(Due())
    assert ((out / "app.env").read_text(), limit(engine)) == ("fine\n", 2)
    assert len(list(out.glob("..[0-9]*"))) == 1


def test_the_command_is_run_once_for_each_change(edge: Edge) -> None:
    edge.publish(1)
    ran = edge.folder / "ran"
    engine = edge.engine(command=["sh", "-c", f"echo x >> {ran}"])
    engine.handle(Due())
    engine.handle(Due())
    assert ran.read_text() == "x\n"


def test_secrets_open_in_memory_and_are_not_stored(edge: Edge) -> None:
    """Sealed for an age identity, as `release.seal_for` does it."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    recipient = identity.to_public()
    place = edge.folder / "age.txt"
    place.write_text(f"# test\n{identity}\n")

    def wrap(key: bytes) -> list[dict[str, str]]:
        wrapped = pyrage.encrypt(key, [recipient], armored=True).decode()
        return [{"kek_id": f"age {recipient}", "encrypted_dek": wrapped}]

    context = edge.world.context(signing=lambda: edge.world.keys, wrap=wrap, settings=ReleaseSettings(tenant="acme"))
    publisher = open_publisher(Destination("directory", str(edge.world.out)), context)
    publisher.publish(release(publisher.held(), bundle(CHAT, {"limit": 1}, token="one")), plaintexts)
    engine = edge.engine(identity=str(place), policies={CHAT_API: "serve-non-secret"})
    engine.handle(Due())
    served = engine.board.documents[CHAT_API]
    assert served.opened == {"limit": 1, "api": {"key": PLAINTEXT}}
    assert PLAINTEXT not in str(served.closed)
    stored = b"".join(path.read_bytes() for path in (edge.folder / "state").rglob("*") if path.is_file())
    assert PLAINTEXT.encode() not in stored
    assert edge.engine().board.documents[CHAT_API].opened == served.closed, "without the identity"
