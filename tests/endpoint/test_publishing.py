"""Releases that are sent to an endpoint: what is taken, and what is refused without a trace."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import time
from typing import TYPE_CHECKING

import orjson
import pytest

from gitconfigmgr.adapters.endpoint.folder import FolderTree
from gitconfigmgr.release import layout
from gitconfigmgr.release.acceptance import RefusedError, accept
from gitconfigmgr.release.ports import ConflictError
from gitconfigmgr.release.trust import UntrustedError
from gitconfigmgr.sync.endpoint import Upload
from tests.conformance.publishers.emitted import killing
from tests.conformance.publishers.rigs import Killed
from tests.edge.conftest import Edge
from tests.endpoint.conftest import CHAT, SEARCH, bundle, eventually
from tests.endpoint.server import Server

if TYPE_CHECKING:
    from pathlib import Path


def files_of(tree: Path) -> dict[str, bytes]:
    """All that a publisher would send of a tree."""
    found = {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    return {path: data for path, data in found.items() if not path.endswith((".gz", ".zst", ".gcm-lock"))}


def packed(files: dict[str, bytes], *members: tarfile.TarInfo) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in members:
            archive.addfile(member)
    return made.getvalue()


class Sender:
    """A publisher's own tree, release by release, and an endpoint that has nothing yet."""

    def __init__(self, folder: Path) -> None:
        (folder / "mine").mkdir()
        (folder / "served").mkdir()
        self.edge = Edge(folder / "mine")
        self.states: list[dict[str, bytes]] = [{}]
        for limit in (1, 2, 3):
            self.edge.world.publish(bundle(CHAT, {"limit": limit}), bundle(SEARCH, {"limit": 1}))
            self.states.append(files_of(self.edge.world.tree))
        self.server = Server(folder / "served", folder / "endpoint")

    def start(self, *options: str) -> None:
        self.token = self.server.token("publish")
        self.server.start("--root", f"acme={self.edge.root}", *options)

    def send(self, body: bytes, base: bytes | None, token: str | None = None, **headers: str):
        tag = {"If_Match": f'"{hashlib.sha256(base).hexdigest()}"'} if base else {"If_None_Match": "*"}
        return self.server.ask("/acme/v1/releases", token or self.token, method="POST", body=body, **(headers or tag))

    def new(self, number: int) -> dict[str, bytes]:
        """What a release has that the one before has not."""
        return {path: data for path, data in self.states[number].items() if self.states[number - 1].get(path) != data}

    def base(self, number: int) -> bytes | None:
        return self.states[number].get(layout.TIMESTAMP)

    def published(self) -> dict[str, bytes]:
        tree = self.server.tree / "acme"
        return files_of(tree) if tree.exists() else {}


@pytest.fixture
def sender(tmp_path):
    made = Sender(tmp_path)
    yield made
    if made.server.process is not None:
        made.server.close()


def test_releases_are_taken_one_after_the_other_and_told_to_who_waits(sender, watching):
    sender.start()
    assert sender.send(packed(sender.new(1)), None).json == {"release": 1}
    seen = watching(sender.server, sender.server.token())
    eventually(lambda: seen)
    for number in (2, 3):
        assert sender.send(packed(sender.new(number)), sender.base(number - 1)).json == {"release": number}
        eventually(lambda number=number: seen[-1]["release"] == number)
    assert sender.published() == sender.states[3]
    assert {path.name for path in sender.server.state.iterdir() if "sqlite" not in path.name} == set()


def test_what_is_refused_leaves_no_trace(sender):
    sender.start("--rate", "0")
    before = sender.published()
    strange = tarfile.TarInfo("link")
    strange.type, strange.linkname = tarfile.SYMTYPE, "/etc/passwd"
    whole = sender.new(1)
    refused = [
        (packed(whole, strange), 422),
        (b"no archive", 422),
        (packed(whole)[:1500], 422),
        (packed({**whole, "../../out": b"x"}), 422),
        (packed({**whole, "/abs": b"x"}), 422),
        (packed({**whole, "tuf/targets/../../x.json": b"{}"}), 422),
        (packed({**whole, "odd.txt": b"x"}), 422),
        (packed({**whole, ".removed.json": b'["tuf/metadata/timestamp.json"]'}), 422),
        (packed({**whole, ".removed.json": b"{}"}), 422),
    ]
    for body, status in refused:
        assert sender.send(body, None).status == status, body[:100]
        assert sender.published() == before
    assert sender.send(packed(whole), None, X="").status == 428
    assert sender.send(packed(whole), b"something").status == 409
    for token, status in (("gcm_no", 401), (sender.server.token("read", "status"), 403)):
        assert sender.send(packed(whole), None, token).status == status
    other = sender.server.token("publish", tenant="globex")
    assert sender.send(packed(whole), None, other).status == 403
    assert sender.published() == before


def test_an_upload_that_is_too_long_or_ends_early_is_gone(sender):
    sender.start("--upload-mebibytes", "1")
    assert sender.send(b"x" * (2 * 1024 * 1024), None).status == 413
    head = f"POST /acme/v1/releases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sender.token}\r\n"
    with socket.create_connection(sender.server.place, timeout=60) as connection:
        connection.sendall(f"{head}If-None-Match: *\r\nContent-Length: 900000\r\n\r\n".encode() + b"x" * 500_000)
        time.sleep(0.2)
    assert sender.send(packed(sender.new(1)), None).json == {"release": 1}
    assert [path.name for path in sender.server.state.iterdir() if "sqlite" not in path.name] == []
    process = sender.server.process
    with socket.create_connection(sender.server.place, timeout=60) as connection:
        connection.sendall(f"{head}If-None-Match: *\r\nContent-Length: 900000\r\n\r\n".encode() + b"x" * 500_000)
        process.kill()
        process.wait()
    assert [path.name for path in sender.server.state.iterdir() if "sqlite" not in path.name] == []


# -- the verdict ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    return Sender(tmp_path_factory.mktemp("sent"))


def judge(sent, files, *, before=1, removed=(), base=None, now=None):
    held = sent.states[before]
    digest = hashlib.sha256(held[layout.TIMESTAMP]).hexdigest() if held else None
    return accept(held.get, files, removed, sent.edge.root.read_bytes(), base or digest, now or sent.edge.world.now)


def test_the_next_release_is_accepted_and_the_same_one_again_is_not(sent):
    assert judge(sent, sent.new(2)) == 2
    with pytest.raises(RefusedError, match="not newer"):
        judge(sent, sent.new(2), before=2)
    with pytest.raises(ConflictError):
        judge(sent, sent.new(2), before=2, base=hashlib.sha256(sent.base(1)).hexdigest())


def test_versions_do_not_go_backwards(sent):
    with pytest.raises(RefusedError, match="not newer"):
        judge(sent, sent.new(1), before=3)
    older = {**sent.new(3), "tuf/metadata/2.snapshot.json": sent.states[2]["tuf/metadata/2.snapshot.json"]}
    assert judge(sent, older, before=2) == 3
    changed = {**sent.new(3), "tuf/metadata/1.snapshot.json": sent.states[2]["tuf/metadata/2.snapshot.json"]}
    with pytest.raises(RefusedError, match="published already"):
        judge(sent, changed, before=2)


def test_what_is_not_signed_by_the_right_keys_is_refused(sent, tmp_path):
    other = Edge(tmp_path)
    other.world.publish(bundle(CHAT, {"limit": 9}), bundle(SEARCH, {"limit": 9}))
    theirs = files_of(other.world.tree)
    without_root = {path: data for path, data in theirs.items() if "root" not in path}
    with pytest.raises(UntrustedError):
        judge(sent, without_root, before=0)
    for role in ("timestamp.json", "2.snapshot.json", "2.acme~assistants~production.json"):
        path = f"tuf/metadata/{role}"
        tampered = orjson.loads(sent.states[2][path])
        tampered["signed"]["expires"] = "2099-01-01T00:00:00Z"
        with pytest.raises(UntrustedError):
            judge(sent, {**sent.new(2), path: orjson.dumps(tampered)})


def test_expired_metadata_is_refused(sent):
    from datetime import timedelta

    with pytest.raises(UntrustedError, match="expired"):
        judge(sent, sent.new(2), now=sent.edge.world.now + timedelta(days=30))


def test_every_file_that_is_named_has_to_be_there_as_signed(sent):
    files = sent.new(2)
    (path,) = [path for path in files if path.startswith("tuf/targets/")]
    with pytest.raises(RefusedError, match="missing"):
        judge(sent, {name: data for name, data in files.items() if name != path})
    with pytest.raises(RefusedError, match="not what its name says"):
        judge(sent, {**files, path: b'{"limit": 666}'})


def test_without_a_timestamp_nothing_that_counts_is_taken(sent):
    files = sent.new(2)
    named = {path: data for path, data in files.items() if path.startswith(("tuf/targets", "attest", "records"))}
    assert judge(sent, {**named, "staged/release.json": b"{}"}) == 1
    for path in (layout.DISCOVERY, "releases/2.json", "tuf/metadata/2.snapshot.json"):
        with pytest.raises(RefusedError):
            judge(sent, {path: sent.states[2][path]})


def test_what_readers_need_is_not_removed(sent):
    needed = [layout.TIMESTAMP, layout.DISCOVERY, "releases/3.json", "tuf/metadata/1.root.json"]
    needed += [f"tuf/metadata/{role}.json" for role in ("3.snapshot", "1.targets", "3.acme~assistants~production")]
    for entry in sent.edge.world.trusted().entries().values():
        custom = entry.unrecognized_fields["custom"]
        needed += [layout.file_of(entry.path, entry.hashes["sha256"]), layout.attestation_file(custom["attestation"])]
        needed += [f"records/{custom['record']}.json", f"provenance/{custom['provenance']}.json"]
    for path in [*needed, "../x", "etc/passwd", ".gcm-lock"]:
        assert path in sent.states[3] or path not in needed
        with pytest.raises(RefusedError):
            judge(sent, {}, before=3, removed=[path])
    assert judge(sent, {}, before=3, removed=["tuf/metadata/1.snapshot.json", "staged/release.json"]) == 3


def test_receipts_are_those_of_this_release(sent):
    for path in ("releases/1.json", "releases/7.json"):
        with pytest.raises(RefusedError, match="receipt"):
            judge(sent, {**sent.new(2), path: b"{}"})


@pytest.mark.slow
def test_killed_at_any_write_readers_find_one_release_or_the_other(sent, tmp_path):
    tree = FolderTree(tmp_path)
    taken = []

    def take(number):
        def decide(read):
            return Upload(sent.new(number), (), int(time.time()))

        tree.change("acme", decide)

    take(1)
    for step in range(300):
        killed = False
        try:
            with killing(step, str(tmp_path)):
                take(2)
        except Killed:
            killed = True
        found = (tmp_path / "acme" / layout.TIMESTAMP).read_bytes()
        assert found in (sent.base(1), sent.base(2))
        taken.append(found == sent.base(2))
        if taken[-1]:
            for path, data in sent.states[2].items():
                assert path not in sent.new(2) or tree.read("acme", path) == data
        if not killed:
            break
    assert taken[-1]
    assert not taken[0]
