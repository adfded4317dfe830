"""`check --with-secrets`: what the keys at hand open is looked into, the rest is counted, and no plaintext gets out."""

from __future__ import annotations

import json
import sys

import pytest

from tests.unit.app.secret_world import FILE, World, leaks

SCHEMA = {
    "type": "object",
    "properties": {
        "api": {"type": "object", "properties": {"key": {"x-gcm-secret": "api_key"}}},
        "copy": {"x-gcm-secret": "api_key"},
        "database": {"type": "object", "properties": {"url": {"x-gcm-secret": "database_credentials"}}},
    },
}
SETTINGS = "version: 1\nschemas: [{schema: schemas/chat.json}]\n"
BASE = "api: {provider: openai, key: {$required: by operations}}\ndatabase: {password: {$required: by operations}}\n"
BAD = "api:\n    key: gsk_zX81mPq7Lw2Ns5Vb3Rt\ndatabase:\n    password: changeme\n"
TEXTS = ("gsk_zX81mPq7Lw2Ns5Vb3Rt", "changeme")


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "repo", tmp_path / "home")
    made.write({"gitconfigmgr.yaml": SETTINGS, "schemas/chat.json": json.dumps(SCHEMA), FILE: BAD,
                "configs/acme/chat/base.yaml": BASE})  # fmt: skip
    made.ok("encrypt", FILE)
    made.commit("begin")
    return made


def check(world, *args, **options):
    done = world.program("check", "--with-secrets", "--format", "json", "-e", "production", *args, **options)
    assert not leaks(done.out, done.err, secrets=TEXTS)
    found = json.loads(done.out)
    return done.status, [f"{item['code']} {item['key']}" for item in found["diagnostics"]], found["secrets"]


def test_what_is_wrong_inside(world):
    assert check(world) == (1, ["GCM710 api.key"], {"total": 2, "opened": 2, "closed": []})


def test_a_reference_and_a_text_with_a_secret_in_it(world):
    world.write({"configs/acme/chat/base.yaml": BASE.replace("database: {", "copy: ${api.key}\ndatabase: {"
                 "url: 'postgresql://chat:${database.password}@db.example.org/x', ")})  # fmt: skip
    status, findings, secrets = check(world)
    assert (status, findings) == (1, ["GCM715 database.url", "GCM710 api.key"])
    assert secrets["total"] == 2


def test_without_the_option_nothing_is_opened(world):
    done = world.program("check", "--format", "json", "-e", "production")
    assert (done.status, "secrets" in json.loads(done.out)) == (0, False)


def test_a_file_for_others_is_counted_and_no_error(world):
    status, findings, secrets = check(world, identity=world.friend)
    assert (status, findings, secrets["opened"]) == (0, [], 0)
    (closed,) = secrets["closed"]
    assert (closed["path"], closed["secrets"]) == (FILE, 2)
    assert f"none of the age identities here opens what is for age {world.name}" in closed["reason"]
    done = world.program("check", "--with-secrets", identity=world.friend)
    assert done.text.splitlines()[-3:-1] == [
        "note: 2 of 2 secrets could not be opened",
        f"note: 2 in {FILE}: {closed['reason']} ({closed['help']})",
    ]


def test_a_service_whose_library_is_missing_closes_its_own_files_only(world, monkeypatch):
    entry = "    kms:\n        - arn: arn:aws:kms:eu-west-1:111122223333:key/x\n          created_at: '2026-01-02T03:04:05Z'\n          enc: AAAA\n          aws_profile: ''\n    age:\n"
    world.write({FILE: world.read().replace("    age:\n", entry)})
    world.write(
        {"gitconfigmgr.yaml": SETTINGS + "key_services: {aws_kms: ['arn:aws:kms:eu-west-1:111122223333:key/x']}\n"}
    )
    world.commit()
    monkeypatch.setitem(sys.modules, "botocore.exceptions", None)
    assert check(world)[2]["opened"] == 2
    status, _, secrets = check(world, identity=world.friend)
    assert (status, secrets["opened"]) == (0, 0)
    assert secrets["closed"][0]["help"] == "install it: pip install 'gitconfigmgr[aws]'"
    assert "is needed and not installed" in secrets["closed"][0]["reason"]


def test_it_looks_at_the_state_that_is_named(world):
    world.ok("set", FILE, "api.key", stdin=b"sk-9Qm2Xv7Lp4Rt8Wz1Kc6N")
    assert check(world)[:2] == (0, [])
    assert check(world, "--rev", "HEAD")[:2] == (1, ["GCM710 api.key"])
    assert check(world, "--staged")[:2] == (1, ["GCM710 api.key"])
    world.git("add", ".")
    assert check(world, "--staged")[:2] == (0, [])


def test_what_is_found_inside_is_found_again_and_leaves_no_trace(world):
    first = world.program("check", "--with-secrets")
    assert (first.status, "error[GCM710]" in first.text) == (1, True)
    again = world.program("check", "--with-secrets")
    assert (again.status, again.out) == (first.status, first.out)
    state = [path.read_bytes() for path in (world.root / ".git" / "gitconfigmgr").rglob("*") if path.is_file()]
    assert state
    assert not leaks(*state, first.out, first.err, secrets=TEXTS)
    assert not any(b"GCM71" in each for each in state)


def test_a_file_that_was_changed(world):
    world.write({FILE: world.read().replace("type:str]", "type:int]", 1)})
    status, findings, secrets = check(world)
    assert (status, findings, secrets["opened"]) == (1, ["GCM716 None"], 0)


def test_one_secret_in_two_environments_of_two_namespaces(world):
    """The same value, encrypted twice: no token tells."""
    world.write({
        "configs/acme/search/staging.yaml": f"api:\n    key: {TEXTS[0]}\n",
        "configs/acme/mail/production.yaml": f"api:\n    key: {TEXTS[0]}\ndatabase:\n    password: changeme\n",
    })  # fmt: skip
    world.ok("encrypt", "configs/acme/search/staging.yaml", "configs/acme/mail/production.yaml")
    done = world.program("check", "--with-secrets", "--format", "json")
    found = [item for item in json.loads(done.out)["diagnostics"] if item["code"] == "GCM705"]
    assert [(item["path"], item["severity"], item["related"][0]["path"]) for item in found] == [
        (FILE, "error", "configs/acme/search/staging.yaml"),
        ("configs/acme/mail/production.yaml", "error", "configs/acme/search/staging.yaml"),
    ]
    assert not leaks(done.out, secrets=TEXTS)


def test_a_file_copied_from_staging_is_told_once(world):
    world.write({"configs/acme/chat/staging.yaml": world.read()})
    done = world.program("check", "--with-secrets", "--format", "json")
    told = [(item["path"], item["line"]) for item in json.loads(done.out)["diagnostics"] if item["code"] == "GCM705"]
    assert told == [(FILE, 2), (FILE, 4)]


def test_a_bug_inside_shows_no_value(world, monkeypatch):
    from gitconfigmgr.check.hygiene import kinds

    def broken(kind, value, now, *, provider):
        raise ValueError(value)

    monkeypatch.setattr(kinds, "check_kind", broken)
    with pytest.raises(AssertionError) as caught:  # the world takes a bug for a failure
        world.program("check", "--with-secrets")
    assert "ValueError: <withheld>" in str(caught.value)
    assert not leaks(str(caught.value), secrets=TEXTS)


def test_of_a_change_only_what_it_brings_fails(world):
    """The key was bad before; the password turns bad."""
    world.git("branch", "main-before")
    world.write({"other.txt": "x"})
    world.commit("something else")
    assert check(world, "--base", "main-before")[:2] == (0, [])
    world.write({"configs/acme/chat/base.yaml": BASE.replace("database: {", "database: {url: "
                 "'postgresql://chat:${database.password}@db.example.org/x', ")})  # fmt: skip
    assert check(world, "--base", "main-before")[:2] == (1, ["GCM715 database.url"])
    world.ok("set", FILE, "api.key", stdin=b"gsk_aN0therW1sKeyOfTheOtherSort")
    assert check(world, "--base", "main-before")[1] == ["GCM715 database.url", "GCM710 api.key"]


def test_a_change_cannot_name_a_key_service(world):
    """The build of a pull request, where HEAD is the change."""
    world.git("branch", "main-before")
    entry = "    hc_vault:\n        - vault_address: http://127.0.0.1:1\n          engine_path: transit\n          key_name: k\n          created_at: '2026-01-02T03:04:05Z'\n          enc: vault:v1:AAAA\n    age:\n"
    world.write({FILE: world.read().replace("    age:\n", entry)})
    world.write({"gitconfigmgr.yaml": SETTINGS + "key_services: {vault: ['http://127.0.0.1:1']}\n"})
    world.commit("hostile")
    done = world.program("check", "--with-secrets", "--base", "main-before", "--format", "json",
                         identity=world.friend, VAULT_TOKEN="token-of-ci")  # fmt: skip
    (closed,) = json.loads(done.out)["secrets"]["closed"]
    assert "http://127.0.0.1:1 is not an allowed key service: it was not contacted" in closed["reason"]


def test_a_waiver_holds_inside(world):
    waiver = "waivers:\n- {code: GCM710, paths: [configs/acme/chat/**], owner: acme, reason: on its way out, expires: '2026-02-01'}\n"
    world.write({"waivers.yaml": waiver})
    world.commit()
    status, findings, _ = check(world)
    assert (status, findings) == (0, ["GCM710 api.key"])
    assert "GCM622" not in world.program("check").text
