"""What an endpoint gives to whom, over the wire."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import shutil
import signal
import time

import orjson
import pytest
import zstandard

from gitconfigmgr.release import delta, layout
from tests.endpoint.conftest import CHAT, SEARCH, bundle, eventually
from tests.unit.repositories import program

TIMESTAMP = f"/acme/{layout.TIMESTAMP}"


def file_of(served, target):
    entry = served.edge.world.trusted().entries()[target]
    return layout.file_of(entry.path, entry.hashes["sha256"]), entry


def test_the_tree_is_served_with_entity_tags_by_digest(running):
    token = running.token()
    first = running.ask(TIMESTAMP, token)
    assert first.body == (running.tree / "acme" / layout.TIMESTAMP).read_bytes()
    tag = first.headers["etag"]
    assert tag.strip('"') == hashlib.sha256(first.body).hexdigest()[:32]
    for tags in (tag, f'"x", W/{tag}', "*"):
        again = running.ask(TIMESTAMP, token, If_None_Match=tags)
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert running.ask(TIMESTAMP, token, If_None_Match='"other"').status == 200
    head = running.ask(TIMESTAMP, token, method="HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(first.body)))
    assert running.ask(TIMESTAMP, token, method="DELETE").headers["allow"] == "GET, HEAD"
    running.edge.publish(3)
    changed = eventually(lambda: (found := running.ask(TIMESTAMP, token, If_None_Match=tag)).status == 200 and found)
    assert changed.headers["etag"] != tag


def test_files_are_sent_in_the_form_that_is_asked_for(running):
    token = running.token()
    path, entry = file_of(running, CHAT)
    plain = running.ask(f"/acme/{path}", token)
    zipped = running.ask(f"/acme/{path}", token, Accept_Encoding="gzip")
    zstd = running.ask(f"/acme/{path}", token, Accept_Encoding="gzip, zstd")
    refused = running.ask(f"/acme/{path}", token, Accept_Encoding="gzip;q=0, zstd;q=0")
    assert hashlib.sha256(plain.body).hexdigest() == entry.hashes["sha256"]
    assert gzip.decompress(zipped.body) == zstandard.ZstdDecompressor().decompress(zstd.body) == plain.body
    assert (zipped.headers["content-encoding"], zstd.headers["content-encoding"]) == ("gzip", "zstd")
    assert "content-encoding" not in refused.headers
    assert len({item.headers["etag"] for item in (plain, zipped, zstd)}) == 3
    assert "immutable" in plain.headers["cache-control"]
    assert "private" in plain.headers["cache-control"]


def test_a_bundle_by_name_and_as_a_delta_from_what_the_caller_has(running):
    token = running.token()
    address = f"/acme/v1/b/{CHAT.namespace}/{CHAT.environment}"
    whole = running.ask(address, token)
    assert whole.json["limit"] == 2
    assert (whole.headers["x-gcm-version"], whole.headers["x-gcm-release"]) == ("2", "2")
    _, entry = file_of(running, CHAT)
    old = entry.unrecognized_fields["custom"]["previous"]
    dictionary = f":{base64.b64encode(bytes.fromhex(old)).decode()}:"
    packed = running.ask(address, token, Accept_Encoding="zstd, dcz", Available_Dictionary=dictionary)
    assert packed.headers["content-encoding"] == "dcz"
    assert "Available-Dictionary" in packed.headers["vary"]
    before = next(running.tree.glob(f"**/{old}.*.json")).read_bytes()
    assert delta.apply(before, packed.body, entry.length, entry.hashes["sha256"]) == whole.body
    assert len({packed.headers["etag"], whole.headers["etag"]}) == 2
    for odd in (":bm8=:", "nonsense", f":{base64.b64encode(bytes(32)).decode()}:", dictionary[:-1]):
        answer = running.ask(address, token, Accept_Encoding="dcz", Available_Dictionary=odd)
        assert answer.body == whole.body


def test_sync_gives_what_has_changed(running):
    token = running.token()

    def sync(**asked):
        return running.ask(
            "/acme/v1/sync", token, method="POST", body=orjson.dumps({"environment": "production"} | asked)
        )

    answer = sync(namespace=CHAT.namespace, last_known_version=1).json
    (change,) = answer["changes"]
    assert (change["new_version"], change["compression"], answer["more"]) == (2, "dcz", False)
    old = change["base"].removeprefix("sha256:")
    before = next(running.tree.glob(f"**/{old}.*.json")).read_bytes()
    packed = base64.b64decode(change["delta"])
    made = delta.apply(before, packed, change["length"], change["digest"].removeprefix("sha256:"))
    assert orjson.loads(made)["limit"] == 2
    assert sync(namespace=CHAT.namespace, last_known_version=2).json["changes"] == []
    new = sync(subscriptions=[CHAT.namespace, {"namespace": SEARCH.namespace, "last_known_version": 0}]).json["changes"]
    assert [(item["namespace"], item["compression"]) for item in new] == [
        (CHAT.namespace, "zstd"),
        (SEARCH.namespace, "zstd"),
    ]
    small = sync(namespace=CHAT.namespace, max_size_bytes=10).json
    assert (small["more"], small["changes"][0]["delta"]) == (True, None)
    assert small["changes"][0]["path"] == file_of(running, CHAT)[0]
    for asked in (
        {},
        {"namespace": 1},
        {"namespace": CHAT.namespace, "last_known_version": -1},
        {"namespace": CHAT.namespace, "max_size_bytes": True},
        {"subscriptions": [{}]},
        {"namespace": CHAT.namespace, "environment": 3},
    ):
        assert sync(**asked).status == 400
    assert sync(namespace="acme/none").status == 404
    assert running.ask("/acme/v1/sync", token, method="POST", body=b"x" * 100_000).status == 413


@pytest.mark.parametrize(
    "path",
    [
        "/acme/../../secret", "/acme/%2e%2e/%2e%2e/secret", "/acme/tuf/..%2f..%2f..%2fsecret", "/acme/%2e%2e%2fsecret",
        "/acme/tuf/%00", "/acme//secret", "/acme/.gcm-lock", "/acme/.well-known/../../secret", "/../secret", "//secret",
        "/%2e%2e/secret", "/acme/link", "/acme/folder/secret", "/acme/fifo", "/acme/tuf", "/acme/%c0%ae%c0%ae/secret",
        "/acme/tuf\\..\\..\\secret", "/acme/%252e%252e/secret", "/acme/./tuf", "/endpoint/tokens.sqlite", "/acme",
    ],
)  # fmt: skip
def test_no_path_leaves_the_folder(hostile, path):
    token = hostile.token()
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    found = hostile.raw(request.encode("latin-1"))
    assert found.split(b" ")[1] in (b"400", b"403", b"404"), found
    assert b"hidden words" not in found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A tree with links and other things in it that must not be followed."""
    from tests.endpoint.conftest import Served

    made = Served(tmp_path_factory.mktemp("hostile"))
    made.edge.publish(1)
    (made.tree.parent / "secret").write_text("hidden words")
    (made.tree / "acme" / "link").symlink_to(made.tree.parent / "secret")
    (made.tree / "acme" / "folder").symlink_to(made.tree.parent)
    os.mkfifo(made.tree / "acme" / "fifo")
    yield made.start("--address-rate", "0")
    made.close()


def test_a_caller_reads_what_its_token_covers_and_nothing_else(running):
    token = running.token(environments=("production",), namespaces=(CHAT.namespace,))
    other = running.token(environments=("staging",))
    everything = running.token()
    mine, theirs = file_of(running, CHAT)[0], file_of(running, SEARCH)
    custom = theirs[1].unrecognized_fields["custom"]
    allowed = [layout.TIMESTAMP, layout.DISCOVERY, "tuf/metadata/2.snapshot.json", mine,
               "tuf/metadata/2.acme~assistants~production.json", f"v1/b/{CHAT.namespace}/production"]  # fmt: skip
    denied = [theirs[0], f"{theirs[0]}.gz", f"v1/b/{SEARCH.namespace}/production",
              layout.attestation_file(custom["attestation"]), f"records/{custom['record']}.json", "releases/1.json",
              "staged/release.json"]  # fmt: skip
    for path in allowed:
        assert running.ask(f"/acme/{path}", token).status == 200, path
    for path in denied:
        assert running.ask(f"/acme/{path}", token).status == 403, path
        assert running.ask(f"/acme/{path}").status == 401
    for path in denied[:-1]:
        assert running.ask(f"/acme/{path}", everything).status == 200, path
    assert running.ask("/acme/tuf/metadata/2.acme~assistants~production.json", other).status == 403
    assert running.ask(f"/globex/{layout.TIMESTAMP}", everything).status == 403
    old, new = next((running.tree / "acme" / "delta").glob("????????????????????????????????*/*.dcz")).parts[-2:]
    assert running.ask(f"/acme/delta/{old}/{new}", token).status == 200
    running.edge.world.publish(bundle(SEARCH, {"limit": 9, "text": "other words " * 100}))
    path = eventually(lambda: next(running.tree.glob(f"acme/delta/{theirs[1].hashes['sha256']}/*.dcz"), None))
    relative = path.relative_to(running.tree)
    eventually(lambda: running.ask(f"/{relative}", everything).status == 200)
    assert running.ask(f"/{relative}", token).status == 403


def test_tokens_that_do_not_count(running):
    token = running.token(name="laptop")
    over = running.token(expires=time.time() - 1)
    for shown in (over, token[:-1], "gcm_", "x", token.swapcase()):
        answer = running.ask(TIMESTAMP, shown)
        assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert shown not in answer.body.decode() or shown == "x"
    assert running.ask(TIMESTAMP, Authorization="Basic YTpi").status == 401
    assert running.ask("/acme/v1/sync", running.token("status"), method="POST", body=b"{}").status in (401, 403)
    from gitconfigmgr.adapters.endpoint.tokens import SqliteTokens

    assert SqliteTokens(running.state).revoke("acme", "laptop", time.time())
    eventually(lambda: running.ask(TIMESTAMP, token).status == 401)
    assert token not in (running.state / "tokens.sqlite").read_bytes().decode("latin-1")
    assert token not in str(running.log)


def test_who_comes_too_often_is_told_when_to_come_again(served):
    served.start("--rate", "5", "--address-rate", "2")
    token = served.token()
    answers = [served.ask(TIMESTAMP, token) for _ in range(60)]
    limited = [answer for answer in answers if answer.status == 429]
    assert limited
    assert {answer.status for answer in answers} <= {200, 429}
    assert int(limited[0].headers["retry-after"]) >= 1
    unknown = [served.ask(TIMESTAMP, "gcm_no").status for _ in range(60)]
    assert 401 in unknown or 429 in unknown
    assert unknown[-1] == 429
    eventually(lambda: served.ask(TIMESTAMP, "gcm_no").status == 429 and served.ask(TIMESTAMP, token).status == 200)
    assert served.ask("/health/ready").status == 200


def test_pages_without_a_token(running):
    assert running.ask("/health/live").status == running.ask("/health/ready").status == 200
    assert running.ask("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
    assert running.ask("/openapi.json").json["openapi"] == "3.1.0"
    known = running.ask(f"/acme/{layout.DISCOVERY}", running.token())
    eventually(lambda: running.ask("/metrics").body.count(b"gcm_endpoint_requests_total{") > 2)
    assert known.status == 200


def test_discovery_names_what_this_endpoint_has_beside_the_tree(running):
    token = running.token()
    found = running.ask(f"/acme/{layout.DISCOVERY}", token).json
    assert found["watch"] == "v1/watch"
    assert orjson.loads((running.tree / "acme" / layout.DISCOVERY).read_bytes())["watch"] is None


def test_every_route_is_in_the_openapi_document_and_its_metrics_have_a_name():
    from gitconfigmgr.server.app import ROUTES
    from gitconfigmgr.server.openapi import document
    from gitconfigmgr.server.pages import PAGES

    paths = document()["paths"]
    for name, route in ROUTES.items():
        found = [paths[path] for path in paths if path.split("/")[1:4] == ["{tenant}", "v1", name]]
        methods = {method.upper().encode() for item in found for method in item}
        assert set(route.methods) - {b"HEAD"} <= methods, name
    assert all(f"/{name}" in paths for name in PAGES)


def test_it_stops_for_a_signal_and_ends_what_it_answers(running, watching):
    token = running.token()
    watching(running, token)
    assert running.stop(signal.SIGTERM) == 0
    assert running.log[-1]["message"] == "ended"


def test_not_ready_while_the_tree_cannot_be_read(running):
    assert running.ask("/health/ready").status == 200
    running.tree.rename(running.tree.with_name("away"))
    eventually(lambda: running.ask("/health/ready").status == 503)
    assert running.ask("/health/live").status == 200
    shutil.move(running.tree.with_name("away"), running.tree)
    eventually(lambda: running.ask("/health/ready").status == 200)


def test_it_does_not_serve_others_in_the_open(served):
    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.server.settings import ServeSettings

    for listen in ("0.0.0.0:0", "[::]:0", "192.0.2.1:80", "config.example.com:80"):
        with pytest.raises(UsageError, match="nothing is encrypted"):
            ServeSettings(str(served.tree), served.state, listen).check()
        ServeSettings(str(served.tree), served.state, listen, plain_http=True).check()
    for listen in ("127.0.0.1:0", "[::1]:0", "localhost:0"):
        ServeSettings(str(served.tree), served.state, listen).check()


def test_anybody_reads_where_that_is_said(served):
    served.start("--anonymous")
    assert served.ask(TIMESTAMP).status == 200
    assert served.ask("/acme/v1/watch?after=0").json["release"] == 2
    assert served.ask(TIMESTAMP, "gcm_wrong").status == 401
    assert served.ask("/acme/staged/release.json").status == 403


def test_verify_reads_an_endpoint_with_its_token(running, tmp_path):
    root, token = tmp_path / "1.root.json", tmp_path / "token"
    root.write_bytes(running.edge.world.keys.roots()[0])
    token.write_text(running.token())
    address = f"{running.address}/acme"
    done = program("verify", address, "--root", str(root), "--token-file", str(token), cwd=tmp_path)
    assert (done.returncode, "problem" in done.stdout) == (0, False), done.stderr
    assert "verified" in done.stdout
    refused = program("verify", address, "--root", str(root), cwd=tmp_path)
    assert refused.returncode == 3
    assert "wants a token" in refused.stderr
    elsewhere = program(
        "verify", "http://config.example.com/acme", "--root", str(root), "--token-file", str(token), cwd=tmp_path
    )
    assert elsewhere.returncode == 2
    assert "where others can read it" in elsewhere.stderr
