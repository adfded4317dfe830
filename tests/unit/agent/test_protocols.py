"""Protocols as functions of what may be given away and a request."""

from __future__ import annotations

import asyncio
import io
import json
import re
import tarfile
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitconfigmgr.agent.protocols import spring
from gitconfigmgr.agent.protocols.flags import EvaluationError, evaluate
from gitconfigmgr.agent.protocols.front import Front, protocol_of
from gitconfigmgr.agent.protocols.protocol import ProtocolSettings
from gitconfigmgr.agent.protocols.settings import NAMES, read_protocols
from gitconfigmgr.agent.server import Request
from gitconfigmgr.errors import UsageError
from gitconfigmgr.http.messages import Answer
from gitconfigmgr.sync.reading import Board, Policy, Served
from gitconfigmgr.sync.replica import Phase

from .requests import request

CLOSED = {
    "limit": 5,
    "api": {"timeout": 30, "hosts": ["a", "b"], "key": {"$secret": {"type": "string", "kind": None}}},
    "urls": [{"$segments": ["https://", 0]}, "plain"],
}
OPENED = {**CLOSED, "api": {**CLOSED["api"], "key": "hunter2"}, "urls": ["https://hunter2", "plain"]}  # type: ignore[dict-item]
GIVEN = {"limit": 5, "api": {"timeout": 30, "hosts": ["a", "b"]}, "urls": [None, "plain"]}
FLAGS = {
    "flags": {
        "ranker": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"},
        "old": {"state": "DISABLED", "variants": {"on": True}, "defaultVariant": "on"},
        "aimed": {"state": "ENABLED", "variants": {"on": 1}, "defaultVariant": "on", "targeting": {"if": []}},
        "broken": {"variants": {"on": 1}, "defaultVariant": "off"},
    }
}


def served(namespace: str, closed: Any, opened: Any = None, policy: Policy = Policy.SERVE) -> Served:
    return Served(namespace, 3, "ab" * 32, closed, opened or closed, policy)


BOARD = Board(
    7,
    "c0ffee",
    {
        item.namespace: item
        for item in (served("acme/chat", CLOSED, OPENED), served("acme/flags", FLAGS), served("other/x", {"a": 1}))
    },
)


class World:
    """One protocol over an engine that stands still."""

    def __init__(self, name: str, board: Board = BOARD, phase: Phase = Phase.READY, **settings: Any) -> None:
        options = dict(protocol_of(name).options) | settings.pop("options", {})
        self.engine: Any = SimpleNamespace(
            board=board, phase=phase, age=1.5, replica=SimpleNamespace(since=1_700_000_000.0, reason="")
        )
        made = ProtocolSettings(name, ("127.0.0.1", 0), options=options, **settings)
        self.changed = asyncio.Event()
        self.front = Front(self.engine, made, "production", lambda: self.changed)

    def ask(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        found = self.raw(target, method, body, **headers)

        async def late() -> Any:
            return await found

        return found if isinstance(found, Answer) else asyncio.run(late())

    def raw(self, target: str, method: str = "GET", body: bytes = b"", **headers: str) -> Any:
        return self.front.door().handle(request(target, method, body, Host="localhost", **headers))

    def json(self, target: str, method: str = "GET", body: bytes = b"", status: int = 200) -> Any:
        found = self.ask(target, method, body)
        assert found.status == status, found
        return json.loads(found.body)


PLACES = {
    "opa": "/bundles/acme/chat.tar.gz",
    "ofrep": "/ofrep/v1/evaluate/flags/acme/chat",
    "spring": "/acme(_)chat/production",
    "vault": "/v1/secret/data/acme/chat",
    "appconfig": "/applications/acme/environments/production/configurations/chat",
}


def method_of(name: str) -> str:
    return "POST" if name == "ofrep" else "GET"


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_left_out_unless_the_settings_say_so(name: str) -> None:
    assert text_of(World(name), name).status == 200
    assert b"hunter2" not in plain(text_of(World(name), name))
    assert b"$se" not in plain(text_of(World(name), name))
    assert b"hunter2" in plain(text_of(World(name, secrets=True), name))


@pytest.mark.parametrize("name", NAMES)
def test_what_has_expired_is_given_as_the_policy_says(name: str) -> None:
    for policy, status in ((Policy.SERVE, 200), (Policy.CLOSED, 200), (Policy.REFUSE, 503)):
        board = replace(BOARD, documents={"acme/chat": served("acme/chat", CLOSED, OPENED, policy)})
        found = text_of(World(name, board, Phase.EXPIRED, secrets=True), name)
        assert found.status == status
        assert (b"hunter2" in plain(found)) == (policy is Policy.SERVE)
        assert text_of(World(name, board, Phase.STALE, secrets=True), name).status == 200


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_given_before_something_is_verified(name: str) -> None:
    assert text_of(World(name, Board(), Phase.NOT_READY), name).status == 503


@pytest.mark.parametrize("name", NAMES)
def test_the_token_is_asked_for(name: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")
    world = World(name, token=tmp_path / "token")
    refused = text_of(world, name)
    assert refused.status == (403 if name == "vault" else 401)
    assert b"limit" not in refused.body
    basic = "Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVm"
    headers = {"Authorization": "Bearer 0123456789abcdef"}, {"Authorization": basic}
    header = {"vault": {"X-Vault-Token": "0123456789abcdef"}, "ofrep": {"X-API-Key": "0123456789abcdef"}}.get(name)
    for right in (*headers, *([header] if header else [])):
        assert world.ask(PLACES[name], method_of(name), **right).status == 200
    for wrong in ({"Authorization": "Bearer 0123456789abcdeg"}, {"Authorization": "Basic !!"}, {"X-Vault-Token": ""}):
        assert world.ask(PLACES[name], method_of(name), **wrong).status in (401, 403)


def test_a_token_can_be_exchanged(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("0123456789abcdef")
    world = World("spring", token=path)

    def allowed(token: str) -> bool:
        return world.ask(PLACES["spring"], Authorization=f"Bearer {token}").status == 200

    assert allowed("0123456789abcdef")
    (tmp_path / "new").write_text("fedcba9876543210")
    (tmp_path / "new").replace(path)
    assert allowed("fedcba9876543210")
    assert not allowed("0123456789abcdef")
    for damaged in ("short", "\u00e9" * 20):
        path.write_text(damaged)
        assert not allowed(damaged)
        assert not allowed("fedcba9876543210")
    path.unlink()
    assert not allowed("fedcba9876543210")
    assert not allowed("")
    with pytest.raises(UsageError):
        World("spring", token=path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "target",
    [
        "/", "//", "/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/%00", "/bundles/%2e%2e.tar.gz",
        "/bundles/.tar.gz", "/v1/secret/data/", "/v1/secret/data/%2e%2e/acme/chat", "/v1/secretdata/acme/chat",
        "/v1", "/v1/secret", "/applications/%00/environments/production/configurations/%00", "/%ff%fe/production",
        "/configuration?configuration_token=e30=", "/configuration?configuration_token=WzEsMiwzLDRd", "/a/b/c/d/e",
        "/configuration?configuration_token=" + "W1" * 5000, "/ofrep/v1/evaluate/flags/../../x", "/.yml", "/-.json",
        "/" + "a/" * 3000,
    ],
)  # fmt: skip
def test_hostile_paths_find_nothing(name: str, target: str) -> None:
    found = World(name, secrets=True).ask(target, method_of(name))
    assert found.status in (400, 404)
    assert b"hunter2" not in found.body
    assert b"Traceback" not in found.body


@pytest.mark.parametrize("name", NAMES)
def test_nothing_can_be_written(name: str) -> None:
    methods = ["PUT", "DELETE", "PATCH", *(["POST"] if name in ("opa", "spring", "vault") else [])]
    assert {World(name).ask(PLACES[name], method).status for method in methods} == {405}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_request_is_said_in_the_form_of_the_protocol(name: str) -> None:
    listener = World(name).front.door().listener()
    for status in (400, 403, 405, 408, 413, 414, 431, 500):
        found = listener.problem(status, "")
        assert found.status == status
        assert found.body


@given(st.sampled_from(NAMES), st.text(max_size=60), st.binary(max_size=60))
def test_no_path_or_body_breaks_a_protocol(name: str, path: str, body: bytes) -> None:
    from urllib.parse import quote

    for start in ("/", PLACES[name] + "/", "/configurationsessions", "/ofrep/v1/evaluate/flags/"):
        method = "POST" if protocol_of(name).body_bytes else "GET"
        sent = body if method == "POST" else b""
        found = World(name).ask(start + quote(path, safe="/(),=&?"), method, sent)
        assert found.status in (200, 201, 400, 404)


# -- OPA -------------------------------------------------------------------------------------------------------------


def bundle(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """As OPA reads one: the manifest, and the files of data; anything else is an error."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        files = {entry.name.lstrip("/"): json.loads(tar.extractfile(entry).read()) for entry in tar}  # type: ignore[union-attr]
    manifest = files.pop(".manifest")
    assert set(manifest) == {"revision", "roots", "metadata"}
    assert all(path.endswith("/data.json") for path in files)
    return manifest, {path.removesuffix("/data.json"): value for path, value in files.items()}


def test_an_opa_bundle_is_one_namespace_or_a_folder() -> None:
    manifest, files = bundle(World("opa").ask("/bundles/acme/chat.tar.gz").body)
    assert (manifest["roots"], files) == (["acme/chat"], {"acme/chat": GIVEN})
    assert manifest["metadata"] == {"versions": {"acme/chat": 3}}
    manifest, files = bundle(World("opa").ask("/bundles/acme.tar.gz").body)
    assert (manifest["roots"], sorted(files)) == (["acme"], ["acme/chat", "acme/flags"])
    manifest, files = bundle(World("opa", base="acme").ask("/bundles/chat.tar.gz").body)
    assert (manifest["roots"], files) == (["acme/chat"], {"acme/chat": GIVEN})
    assert World("opa").ask("/bundles/acm.tar.gz").status == 404


def test_an_opa_bundle_is_asked_for_conditionally() -> None:
    world = World("opa")
    first = world.ask("/bundles/acme/chat.tar.gz")
    etag = first.head.decode().partition("ETag: ")[2].partition("\r\n")[0]
    assert world.ask("/bundles/acme/chat.tar.gz", If_None_Match=etag).status == 304
    assert World("opa").ask("/bundles/acme/chat.tar.gz", If_None_Match=etag).status == 304, "the same after a restart"
    newer = replace(BOARD, documents={"acme/chat": replace(BOARD.documents["acme/chat"], version=4)})
    assert World("opa", newer).ask("/bundles/acme/chat.tar.gz", If_None_Match=etag).status == 200


def test_opa_waits_for_the_next_bundle() -> None:
    world = World("opa")
    first = world.ask("/bundles/acme/chat.tar.gz", Prefer="modes=snapshot,delta;wait=1")
    assert b"Content-Type: application/vnd.openpolicyagent.bundles\r\n" in first.head
    etag = first.head.decode().partition("ETag: ")[2].partition("\r\n")[0]
    target = "/bundles/acme/chat.tar.gz"
    waiting = world.raw(target, Prefer="wait=30", If_None_Match=etag)
    assert not isinstance(waiting, Answer)
    waiting.close()

    async def waited(seconds: float, *, change: bool) -> Answer:
        request = Request(
            target, ("bundles", "acme", "chat.tar.gz"), {}, {b"if-none-match": etag.encode(), b"prefer": b"wait=30"}
        )
        waiting = asyncio.ensure_future(world.front._later(request, seconds))
        await asyncio.sleep(0)
        if change:
            later = replace(BOARD.documents["acme/chat"], version=4)
            world.engine.board = replace(BOARD, documents={"acme/chat": later})
            world.changed.set()
        return await waiting

    async def both() -> list[Answer]:
        return [await waited(0.05, change=False), await waited(30, change=True)]

    same, newer = asyncio.run(both())
    assert (same.status, b"Content-Type: application/vnd.openpolicyagent.bundles" in same.head) == (304, True)
    assert newer.status == 200


# -- OFREP -----------------------------------------------------------------------------------------------------------


def flag(world: World, key: str, status: int = 200) -> Any:
    return world.json(f"/ofrep/v1/evaluate/flags/{key}", "POST", b'{"context": {"targetingKey": "x"}}', status)


def test_a_flag_is_a_value_of_a_document() -> None:
    world = World("ofrep")
    about = {"namespace": "acme/chat", "version": 3}
    given = {"reason": "STATIC", "variant": "default", "metadata": about}
    assert flag(world, "acme/chat/api.timeout") == {"key": "acme/chat/api.timeout", "value": 30, **given}
    assert flag(World("ofrep", base="acme/chat"), "limit") == {"key": "limit", "value": 5, **given}
    assert flag(World("ofrep", base="acme/chat", at="api"), "timeout")["value"] == 30
    missing = flag(World("ofrep", base="acme/chat"), "nothing", 404)
    assert (missing["key"], missing["errorCode"]) == ("nothing", "FLAG_NOT_FOUND")


def test_definitions_of_flagd_are_evaluated() -> None:
    world = World("ofrep", base="acme/flags", at="flags")
    ranker = flag(world, "ranker")
    assert (ranker["value"], ranker["variant"], ranker["reason"]) == (True, "on", "STATIC")
    assert (flag(world, "old")["reason"], "value" in flag(world, "old")) == ("DISABLED", False)
    assert flag(world, "aimed", 400)["errorCode"] == "GENERAL"
    assert flag(world, "broken", 400)["errorCode"] == "GENERAL"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=20), below, max_size=4),
    max_leaves=20,
)
FEATURE = {
    "enabled": True,
    "rollout": {"percent": 25, "sticky_by": "user_id"},
    "rules": [
        {"name": "staff", "attribute": "tenant", "values": ["acme"], "enabled": True},
        {"name": "press", "attribute": "tenant", "values": ["acme", "press"], "enabled": False},
    ],
}


@pytest.mark.parametrize(
    ("flag", "context", "value", "reason"),
    [
        ({"enabled": False, "rules": FEATURE["rules"]}, {"tenant": "acme"}, False, "DISABLED"),
        (FEATURE, {"tenant": "acme"}, True, "TARGETING_MATCH"),
        (FEATURE, {"tenant": "press"}, False, "TARGETING_MATCH"),
        ({**FEATURE, "rollout": "none"}, {"tenant": "x"}, False, "DEFAULT"),
        ({**FEATURE, "rollout": {"percent": 0}}, {"targetingKey": "u"}, False, "SPLIT"),
        ({**FEATURE, "rollout": {"percent": 100}}, {"targetingKey": "u"}, True, "SPLIT"),
        ({"enabled": True}, {}, True, "STATIC"),
    ],
)
def test_features_of_the_packaged_schema(flag: Any, context: Any, value: bool, reason: str) -> None:
    found = evaluate("x", flag, context)
    assert (found["value"], found["reason"]) == (value, reason)


def test_a_share_is_the_same_for_the_same_user_and_about_as_large_as_said() -> None:
    users = [evaluate("x", FEATURE, {"user_id": f"user-{number}"})["value"] for number in range(4000)]
    assert users == [evaluate("x", FEATURE, {"user_id": f"user-{number}"})["value"] for number in range(4000)]
    assert 0.22 < sum(users) / 4000 < 0.28
    others = [evaluate("y", FEATURE, {"user_id": f"user-{number}"})["value"] for number in range(4000)]
    assert sum(one and other for one, other in zip(users, others, strict=True)) < 400, "flags choose on their own"
    wider = {**FEATURE, "rollout": {"percent": 50, "sticky_by": "user_id"}}
    more = [evaluate("x", wider, {"user_id": f"user-{number}"})["value"] for number in range(4000)]
    assert all(later or not now for now, later in zip(users, more, strict=True)), "who has it keeps it"
    with pytest.raises(EvaluationError, match="decided by user_id"):
        evaluate("x", FEATURE, {"tenant": "x"})


@given(VALUES, st.dictionaries(st.sampled_from(["tenant", "targetingKey"]), VALUES))
def test_no_flag_or_context_breaks_evaluation(value: Any, context: Any) -> None:
    for flag in (
        value, {"enabled": True, "rules": value}, {"enabled": True, "rollout": value}, {"variants": {}, "defaultVariant": value},
        {"enabled": True, "rules": [{"name": value, "attribute": "tenant", "values": value, "enabled": value}]},
        {"enabled": True, "rollout": {"percent": value, "sticky_by": value}},
    ):  # fmt: skip
        try:
            assert {"reason", "variant"} <= evaluate("x", flag, context).keys()
        except EvaluationError:
            continue


def test_a_feature_is_asked_for_with_a_context() -> None:
    board = Board(1, "c", {"a": served("a", {"features": {"streaming": FEATURE}})})
    world = World("ofrep", board, base="a", at="features")
    place = "/ofrep/v1/evaluate/flags/streaming"
    assert world.json(place, "POST", b'{"context": {"tenant": "acme"}}')["value"] is True
    assert world.json(place, "POST", b'{"context": {"tenant": "press"}}')["value"] is False
    assert world.json(place, "POST", b"{}", 400)["errorCode"] == "TARGETING_KEY_MISSING"
    flags = world.json("/ofrep/v1/evaluate/flags", "POST", b'{"context": {"tenant": "press"}}')["flags"]
    assert [(flag["key"], flag["value"], flag["variant"]) for flag in flags] == [("streaming", False, "press")]


def test_all_flags_at_once() -> None:
    world = World("ofrep", base="acme/chat")
    found = world.ask("/ofrep/v1/evaluate/flags", "POST", b"{}")
    flags = {item["key"]: item.get("value") for item in json.loads(found.body)["flags"]}
    assert flags["api.timeout"] == 30
    assert flags["api"] == GIVEN["api"]
    assert all(flag(world, key)["value"] == value for key, value in flags.items())
    etag = found.head.decode().partition("ETag: ")[2].partition("\r\n")[0]
    assert world.ask("/ofrep/v1/evaluate/flags", "POST", b"{}", If_None_Match=etag).status == 304
    definitions = World("ofrep", base="acme/flags", at="flags").json("/ofrep/v1/evaluate/flags", "POST", b"{}")
    assert {item["key"]: item.get("errorCode") for item in definitions["flags"]} == {
        "ranker": None, "old": None, "aimed": "GENERAL", "broken": "GENERAL",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"), [(b"{", "PARSE_ERROR"), (b"[]", "INVALID_CONTEXT"), (b'{"context": 1}', "INVALID_CONTEXT")]
)
def test_a_context_is_a_map(body: bytes, code: str) -> None:
    found = World("ofrep").json("/ofrep/v1/evaluate/flags/x", "POST", body, 400)
    assert (found["key"], found["errorCode"]) == ("x", code)


# -- Spring ----------------------------------------------------------------------------------------------------------


def test_spring_is_given_flat_properties() -> None:
    found = World("spring").json("/acme(_)chat/eu,production/main")
    source = {
        "limit": 5,
        "api.timeout": 30,
        "api.hosts[0]": "a",
        "api.hosts[1]": "b",
        "urls[0]": "",
        "urls[1]": "plain",
    }
    assert found == {
        "name": "acme(_)chat", "profiles": ["eu", "production"], "label": "main", "version": "c0ffee", "state": "",
        "propertySources": [{"name": "gitconfigmgr:acme/chat", "source": source}],
    }  # fmt: skip
    world = World("spring", base="acme")
    assert [item["name"] for item in world.json("/flags,chat/default")["propertySources"]] == [
        "gitconfigmgr:acme/chat", "gitconfigmgr:acme/flags",
    ]  # fmt: skip
    for wrong in ("/chat/staging", "/chat/production/feature", "/nothing/production", "/chat"):
        assert world.ask(wrong).status == 404
    for right in ("/chat/production/c0ffee", "/chat/production/7"):
        assert world.ask(right).status == 200


def test_spring_files() -> None:
    world = World("spring", base="acme")
    assert world.json("/chat-production.json") == GIVEN
    for target in ("/chat-production.yml", "/main/chat-default.yaml"):
        assert yaml.safe_load(world.ask(target).body) == GIVEN
    lines = world.ask("/chat-production.properties").body.decode().splitlines()
    assert lines == ["limit=5", "api.timeout=30", "api.hosts[0]=a", "api.hosts[1]=b", "urls[0]=", "urls[1]=plain"]
    assert world.ask("/chat-staging.yml").status == 404


@given(st.dictionaries(st.text(max_size=20), VALUES, max_size=5))
def test_yaml_reads_back(document: dict[str, Any]) -> None:
    text = "".join(spring._yaml(document, "")) or "{}"
    assert yaml.safe_load(text) == document


def test_properties_are_escaped() -> None:
    board = Board(1, "c", {"a": served("a", {"k=: é\n#": " lead\\ 😀", "#": True})})
    text = World("spring", board).ask("/a-production.properties").body.decode("ascii")
    assert text == "k\\=\\:\\ \\u00e9\\u000a\\#=\\ lead\\\\ \\ud83d\\ude00\n\\#=true\n"


# -- Vault -----------------------------------------------------------------------------------------------------------


def test_vault_reads_lists_and_is_healthy() -> None:
    world = World("vault")
    found = world.json("/v1/secret/data/acme/chat")["data"]
    assert (found["data"], found["metadata"]["version"]) == (GIVEN, 3)
    assert found["metadata"]["custom_metadata"]["commit"] == "c0ffee"
    assert world.json("/v1/secret/data/acme/chat?version=3")["data"]["data"] == GIVEN
    assert world.ask("/v1/secret/data/acme/chat?version=2").status == 404
    assert world.json("/v1/secret/metadata/acme/chat")["data"]["current_version"] == 3
    assert world.json("/v1/secret/metadata/acme", "LIST")["data"]["keys"] == ["chat", "flags"]
    assert world.json("/v1/secret/metadata/?list=true")["data"]["keys"] == ["acme/", "other/"]
    assert world.json("/v1/secret/metadata/nothing", "LIST", status=404) == {"errors": []}
    assert world.json("/v1/sys/health")["sealed"] is False
    assert World("vault", Board(), Phase.NOT_READY).json("/v1/sys/health", status=503)["sealed"] is True
    deep = World("vault", options={"mount": "kv/team"})
    assert deep.json("/v1/kv/team/data/acme/chat")["data"]["data"] == GIVEN
    for other in (
        "secret/data/acme/chat",
        "kv%2Fteam%2F",
        "kv/team",
        "kv/teams/data/acme/chat",
        "sys/internal/ui/mounts/kv/teams",
    ):
        assert deep.ask(f"/v1/{other}").status == 404
    assert deep.json("/v1/kv%2Fteam/data/acme%2Fchat")["data"]["data"] == GIVEN
    assert deep.json("/v1/sys/internal/ui/mounts/kv/team/acme")["data"]["path"] == "kv/team/"


# -- AppConfig -------------------------------------------------------------------------------------------------------


def test_appconfig_gives_documents_and_flags() -> None:
    place = PLACES["appconfig"]
    found = World("appconfig").ask(place)
    assert json.loads(found.body) == GIVEN
    assert b"Configuration-Version: 3\r\nVersion-Label: release-7\r\n" in found.head
    world = World("appconfig")
    assert world.json(f"{place}?flag=api") == GIVEN["api"]
    assert world.json(f"{place}?flag=api&flag=limit") == {"api": GIVEN["api"], "limit": 5}
    assert world.ask(f"{place}?flag=nothing").status == 404
    assert world.json(
        "/applications/acme%2Fchat/environments/production/configurations/%20".replace("%20", "x"), status=404
    )
    assert (
        World("appconfig", base="acme/chat").ask("/applications/x/environments/production/configurations/y").status
        == 404
    )
    assert world.ask("/applications/acme/environments/staging/configurations/chat").status == 404


def plain(found: Answer) -> bytes:
    """What is in it, unpacked where it is packed."""
    if not found.body.startswith(b"\x1f\x8b"):
        return found.body
    return json.dumps(bundle(found.body)).encode()


def text_of(world: World, name: str) -> Answer:
    return world.ask(PLACES[name], method_of(name))


# -- settings --------------------------------------------------------------------------------------------------------


def test_settings() -> None:
    here = Path("/etc/x")
    made = read_protocols({"spring": {"listen": "127.0.0.1:8888", "base": "/acme/", "labels": ["trunk"]}}, here)[0]
    assert (made.listen, made.base, made.options) == (("127.0.0.1", 8888), "acme", {"labels": ["trunk"]})
    secret = read_protocols({"vault": {"listen": "[::1]:8200", "token": "t", "secrets": True}}, here)[0]
    assert (secret.listen, secret.token, secret.secrets) == (("::1", 8200), here / "t", True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"consul": {"listen": "127.0.0.1:1"}}, "there is no protocol consul"),
        ({"opa": {}}, "needs its own address"),
        ({"opa": {"listen": "0.0.0.0:8181"}}, "an address of this machine alone"),
        ({"opa": {"listen": "example.com:8181"}}, "is an address such as"),
        ({"opa": {"listen": "127.0.0.1"}}, "is an address such as"),
        ({"opa": {"listen": "127.0.0.1:1", "mount": "x"}}, "there is no setting mount"),
        ({"opa": {"listen": "127.0.0.1:1", "secret": True}}, "did you mean secrets?"),
        ({"opa": {"listen": "127.0.0.1:1", "secrets": "no"}}, "protocols.opa.secrets is a bool"),
        ({"opa": {"listen": "127.0.0.1:1", "secrets": True}}, "it serves secrets"),
        ({"vault": {"listen": "127.0.0.1:1"}}, "this protocol always has one"),
        ([], "protocols are tables"),
    ],
)
def test_settings_that_are_wrong(given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", "\\?")):
        read_protocols(given, Path("/etc/x"))


def test_the_examples_of_the_page_are_settings() -> None:
    page = (Path(__file__).parents[3] / "docs" / "protocols.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    made = [read_protocols(tomllib.loads(block)["protocols"], Path("/etc/x"))[0].name for block in blocks]
    assert sorted(made) == sorted(NAMES)
