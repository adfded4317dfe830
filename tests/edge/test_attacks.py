"""Attacks over HTTP on an agent that follows: nothing unverified is used, the last good is kept, and it says why.

Those on the tree itself are in test_following.py, those on single answers in test_transport.py.
"""

from __future__ import annotations

import json
import re
import shutil
import ssl
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tuf.api.metadata import Metadata

from gitconfigmgr.release import delta, layout, metadata
from gitconfigmgr.sync.replica import UNCONDITIONAL, Due, Hinted, Phase
from tests.unit.release.world import World

from .conftest import CHAT, Edge, bundle
from .liar import Certificates, Liar, Said, liar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.agent.engine import Engine

CHAT_API = "acme/assistants/chat-api"
TIMESTAMP = f"/{layout.TIMESTAMP}"


def limit(engine: Engine) -> Any:
    served = engine.board.documents.get(CHAT_API)
    return served.opened["limit"] if served else None


@pytest.fixture
def server(edge: Edge) -> Iterator[Liar]:
    with liar(edge.world.tree) as made:
        edge.address = made.address
        yield made


def publish(edge: Edge, number: int) -> None:
    """Long enough that a delta is worth it."""
    edge.world.publish(bundle(CHAT, {"limit": number, "text": "a long one " * 50}))


def following(edge: Edge, **more: Any) -> Engine:
    """An agent that has the second release."""
    publish(edge, 1)
    engine = edge.engine(**more)
    engine.handle(Due())
    publish(edge, 2)
    engine.handle(Due())
    assert limit(engine) == 2
    return engine


def refused(engine: Engine, good: int = 2) -> None:
    engine.handle(Due())
    assert limit(engine) == good
    assert engine.replica.reason, "it says why"
    assert engine.phase is Phase.READY


# -- deltas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["wrong dictionary", "bomb", "truncated", "other content"])
def test_a_delta_that_lies_costs_a_download(edge: Edge, server: Liar, kind: str) -> None:
    engine = following(edge)
    publish(edge, 3)
    paths = list((edge.world.tree / "delta").rglob("*.dcz"))
    for path in paths:
        if kind == "truncated":
            path.write_bytes(path.read_bytes()[:-7])
        elif kind == "bomb":
            held = next(iter(engine._content.bytes_of.values()))  # type: ignore[union-attr]
            path.write_bytes(delta.make(held, bytes(64 * 1024 * 1024)))
        else:
            path.write_bytes(delta.make(b"x" * 700 if kind == "wrong dictionary" else path.read_bytes(), b"{}"))
    engine.handle(Due())
    assert (limit(engine), engine.replica.reason) == (3, "")
    assert any(path.startswith(f"/{layout.TARGETS}") for path, _ in server.asked), "it came as a whole"


def test_metadata_that_a_delta_forges_is_asked_for_again(edge: Edge, server: Liar) -> None:
    engine = following(edge)
    publish(edge, 3)
    role = layout.role_of(CHAT)
    before = edge.world.file(role, 2).read_bytes()
    forged = edge.world.file(role, 3).read_bytes().replace(b'"version": 3', b'"version": 9')
    place = edge.world.tree / layout.delta_file(f"2.{role}", f"3.{role}")
    assert place.is_file()
    place.write_bytes(delta.make(before, forged))
    engine.handle(Due())
    assert (limit(engine), engine.replica.reason) == (3, "")


# -- answers that lie ------------------------------------------------------------------------------------------------


def test_304_for_a_changed_file_delays_and_proves_nothing(edge: Edge, server: Liar) -> None:
    """As nginx does for the same length in the same second: no 304 counts for longer than twenty polls."""
    engine = following(edge)
    publish(edge, 3)
    server.lie = lambda path, headers, truth: Said(304) if path == TIMESTAMP and headers.get("If-None-Match") else truth
    proved, polls = engine.replica.proved, 0
    while limit(engine) == 2:
        assert engine.replica.proved == proved
        engine.handle(Due())
        polls += 1
    assert limit(engine) == 3
    assert polls <= UNCONDITIONAL


def test_a_hint_looks_past_304(edge: Edge, server: Liar) -> None:
    engine = following(edge)
    publish(edge, 3)
    server.lie = lambda path, headers, truth: Said(304) if headers.get("If-None-Match") else truth
    engine.handle(Hinted(2))
    assert limit(engine) == 2, "a lower version is nothing"
    engine.handle(Hinted(3))
    assert limit(engine) == 3


def test_304_that_nobody_asked_for(edge: Edge, server: Liar) -> None:
    publish(edge, 1)
    server.lie = lambda *_: Said(304)
    engine = edge.engine()
    engine.handle(Due())
    assert engine.phase is Phase.NOT_READY
    assert "304" in engine.replica.reason


def test_the_same_etag_again_after_an_activation_that_failed(edge: Edge, server: Liar) -> None:
    engine = following(edge)
    publish(edge, 3)
    server.lie = lambda path, _, truth: Said(500) if layout.TARGETS in path or path.endswith(".dcz") else truth
    refused(engine)
    server.lie = lambda _path, _headers, truth: truth
    engine.handle(Due())
    assert (limit(engine), engine.replica.reason) == (3, "")


@pytest.mark.parametrize("what", ["timestamp.json", "snapshot.json", "~production.json", "production.json"])
def test_a_truncated_answer(edge: Edge, server: Liar, what: str) -> None:
    engine = following(edge)
    publish(edge, 3)
    shutil.rmtree(edge.world.tree / "delta")
    server.lie = lambda path, _, truth: (
        truth._replace(body=truth.body[:-9], declared=len(truth.body)) if path.endswith(what) else truth
    )
    refused(engine)


def test_answers_in_the_wrong_order(edge: Edge, server: Liar) -> None:
    """Each request is given the answer to the one before."""
    engine = following(edge)
    publish(edge, 3)
    said = [Said(404)]

    def late(_path: str, _headers: Any, truth: Said) -> Said:
        said.append(truth)
        return said[-2]

    server.lie = late
    for _ in range(3):
        refused(engine)
    server.lie = lambda _path, _headers, truth: truth
    engine.handle(Due())
    assert limit(engine) == 3


def test_a_proxy_that_keeps_the_timestamp(edge: Edge, server: Liar) -> None:
    """It is followed as what it is, and ends with its signed life."""
    engine = following(edge)
    kept: dict[str, Said] = {}
    server.lie = lambda path, _, truth: kept.setdefault(path, truth) if path == TIMESTAMP else truth
    engine.handle(Due())
    publish(edge, 3)
    engine.handle(Due())
    assert (limit(engine), engine.phase) == (2, Phase.READY)
    edge.ahead = timedelta(days=8).total_seconds()
    engine.handle(Due())
    assert (limit(engine), engine.phase) == (2, Phase.EXPIRED)


def test_a_proxy_that_keeps_old_answers_for_new_files(edge: Edge, server: Liar) -> None:
    engine = following(edge)
    server.lie = lambda path, _, truth: truth if path == TIMESTAMP else Said(404)
    publish(edge, 3)
    refused(engine)
    server.lie = lambda path, _, truth: truth if path == TIMESTAMP else Said(200, b"<html>log in</html>")
    refused(engine)
    server.lie = lambda _path, _headers, truth: truth
    engine.handle(Due())
    assert limit(engine) == 3


def test_a_redirect_is_not_followed(edge: Edge, server: Liar) -> None:
    engine = following(edge)
    publish(edge, 3)
    server.lie = lambda *_: Said(302, lines=(("Location", "http://127.0.0.1:1/"),))
    refused(engine)
    assert "302" in engine.replica.reason


# -- signatures ------------------------------------------------------------------------------------------------------


def test_a_compromised_endpoint_with_valid_tls(edge: Edge) -> None:
    """It has the certificate and all of the tree, and none of the keys."""
    certificates = Certificates(edge.folder / "tls")
    mallory = World(edge.folder / "mallory")
    mallory.now = edge.world.now
    mallory.keys = type(mallory.keys)(mallory.now)
    mallory.publish(bundle(CHAT, {"limit": 666}))
    with liar(edge.world.tree, certificates.server()) as server:
        edge.address = server.address
        engine = following(edge, ca=str(certificates.ca))
        publish(edge, 3)
        stolen = edge.world.copy(edge.folder / "stolen")
        server.tree = mallory.tree
        refused(engine)
        server.tree = stolen
        for path in (stolen / layout.METADATA).glob("*.json"):
            found = Metadata.from_bytes(path.read_bytes())
            found.signatures.clear()
            path.write_bytes(metadata.sign(found, mallory.keys.signers("online")))
        refused(engine)
        fresh = edge.engine(ca=str(certificates.ca), state=str(edge.folder / "fresh"))
        fresh.handle(Due())
        assert fresh.phase is Phase.NOT_READY


@pytest.fixture
def guarded(edge: Edge) -> Edge:
    """Production asks for two signatures."""
    edge.world.keys = type(edge.world.keys)(edge.world.now, release_production=2)
    edge.root.write_bytes(edge.world.keys.roots()[0])
    return edge


@pytest.mark.parametrize("twice", [False, True], ids=["one signature", "one key twice"])
def test_less_than_two_signatures(guarded: Edge, twice: bool) -> None:
    engine = following(guarded)
    publish(guarded, 3)
    shutil.rmtree(guarded.world.tree / "delta")
    place = guarded.world.file(layout.role_of(CHAT), 3)
    found = json.loads(place.read_bytes())
    assert len(found["signatures"]) == 3
    found["signatures"] = [found["signatures"][0]] * (2 if twice else 1)
    place.write_text(json.dumps(found))
    for path in guarded.world.tree.rglob("*.gz"):
        path.unlink()
    refused(engine)


def test_a_root_that_follows_is_asked_for_where_the_timestamp_says_so(edge: Edge, server: Liar) -> None:
    """A root is asked for when one is announced, and with each thorough poll; keys that were left out sign no more."""
    engine = following(edge)
    asked = [path for path, _ in server.asked]
    assert asked.count(f"/{layout.METADATA}/2.root.json") == 1, "at the first poll, which is thorough"
    rotate(edge)
    publish(edge, 3)
    engine.handle(Due())
    assert (limit(engine), engine.replica.reason) == (3, "")


def rotate(edge: Edge) -> None:
    from securesystemslib.signer import CryptoSigner

    keys = edge.world.keys
    keys.signers_of["online"] = [CryptoSigner.generate_ed25519()]
    keys._roots.append(keys._root(2, edge.world.now))


# -- who may ask -----------------------------------------------------------------------------------------------------


def test_a_token_is_read_again_when_it_changes(edge: Edge, server: Liar) -> None:
    token = edge.folder / "token"
    server.token = "one"
    token.write_text("one\n")
    engine = following(edge, token=str(token))
    server.token = "two"
    publish(edge, 3)
    refused(engine)
    assert "401" in engine.replica.reason
    token.write_text("two\n")
    engine.handle(Due())
    assert limit(engine) == 3


def test_client_certificates(edge: Edge) -> None:
    certificates = Certificates(edge.folder / "tls")
    own = certificates.issue("agent")
    publish(edge, 1)
    with liar(edge.world.tree, certificates.server(clients=True, newest=ssl.TLSVersion.TLSv1_3)) as server:
        edge.address = server.address
        without = edge.engine(ca=str(certificates.ca))
        without.handle(Due())
        assert without.phase is Phase.NOT_READY
        engine = edge.engine(ca=str(certificates.ca), certificate=str(own))
        engine.handle(Due())
        assert limit(engine) == 1
        stranger = edge.engine(certificate=str(own), state=str(edge.folder / "other"))
        stranger.handle(Due())
        assert "certificate is not trusted" in stranger.replica.reason, "the authority is not one of the system"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_old_tls_is_refused(edge: Edge) -> None:
    certificates = Certificates(edge.folder / "tls")
    publish(edge, 1)
    context = certificates.server(newest=ssl.TLSVersion.TLSv1_1)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with liar(edge.world.tree, context) as server:
        edge.address = server.address
        engine = edge.engine(ca=str(certificates.ca))
        engine.handle(Due())
        assert engine.phase is Phase.NOT_READY


def test_through_a_proxy(edge: Edge) -> None:
    publish(edge, 1)
    with liar(edge.world.tree) as proxy:
        proxy.lie = lambda path, headers, _: proxy.truth(path.removeprefix("http://config.example.com"), headers)
        edge.address = "http://config.example.com"
        engine = edge.engine(proxy=proxy.address)
        engine.handle(Due())
        assert limit(engine) == 1
        assert proxy.asked[0][0] == f"http://config.example.com{TIMESTAMP}"


# -- time ------------------------------------------------------------------------------------------------------------


def test_gone_for_hours(edge: Edge, server: Liar) -> None:
    """Polls go on at the same pace, what is served stays, and the first poll that is answered mends it."""
    engine = following(edge)
    publish(edge, 3)
    server.lie = lambda *_: Said(503)
    for hour in range(1, 7):
        edge.ahead = hour * 3600
        engine.handle(Due())
        assert (limit(engine), engine.phase) == (2, Phase.STALE)
        assert engine.age >= hour * 3600 - 60
    server.lie = lambda _path, _headers, truth: truth
    engine.handle(Due())
    assert (limit(engine), engine.phase) == (3, Phase.READY)


def test_a_clock_that_jumps(edge: Edge, server: Liar) -> None:
    engine = following(edge)
    for ahead, phase in ((86_400 * 30, Phase.EXPIRED), (0, Phase.READY), (-86_400 * 30, Phase.READY)):
        edge.ahead = ahead
        assert (limit(engine), engine.phase) == (2, phase)
    publish(edge, 3)
    engine.handle(Due())
    assert limit(engine) == 3, "a clock that is behind does not keep it from following"


def test_one_changed_value_on_the_wire(edge: Edge, server: Liar) -> None:
    """Under 2 kB both ways, heads and all, for an agent that follows one service of many."""
    many = [bundle(type(CHAT)(f"acme/assistants/s{number}", "production"), {"n": number}) for number in range(20)]
    large = {f"key{number}": {"value": number} for number in range(10_000)}
    edge.world.publish(bundle(CHAT, large), *many)
    engine = edge.engine(namespaces=[CHAT_API])
    engine.handle(Due())
    large["key77"] = {"value": -1}
    edge.world.publish(bundle(CHAT, large))
    server.bytes_in = server.bytes_out = 0
    engine.handle(Due())
    assert engine.board.documents[CHAT_API].version == 2
    assert server.bytes_in + server.bytes_out < 2048, (server.bytes_in, server.bytes_out)


def test_the_page_about_attacks_names_tests_that_exist() -> None:
    root = Path(__file__).parents[2]
    named = set(re.findall(r"test_\w+(?=\[|`)", (root / "docs/attacks.md").read_text()))
    written = "\n".join(path.read_text() for path in (root / "tests").rglob("test_*.py"))
    assert len(named) > 30
    assert [name for name in named if f"def {name}(" not in written] == []
