"""`secret verify`, `seal`: what was tampered with is refused, also what sops accepts."""

from __future__ import annotations

import json

import pytest

from tests.unit.app.secret_world import FILE, PLAIN, World

STAGING = "configs/acme/chat/staging.yaml"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "repo", tmp_path / "home")
    made.write({STAGING: PLAIN.replace("first", "staging")})
    made.ok("encrypt", STAGING)
    made.encrypted()
    made.key = str(tmp_path / "seal.key")
    made.public = f"{made.key}.pub"
    made.ok("keygen", "--seal", "-o", made.key)
    assert made.ok("seal", "--key", made.key) == "sealed 2 files in secrets.seal.json, number 1\n"
    return made


def strict(world, *more, status=1):
    done = world.run("verify", "--strict", "--key", world.public, "--format", "json", *more, identity=world.friend)
    assert done.status == status, done.err or done.text
    return {item["path"]: item["problem"] for item in json.loads(done.out)["refused"]} if done.out else done.err


def test_verify_with_the_keys(world):
    assert world.ok("verify") == "ok: 2 verified\n"
    done = world.run("verify", identity=world.friend)
    assert done.status == 3
    world.write({FILE: world.read().replace("api:\n", "apix:\n")})
    done = world.run("verify")
    assert (done.status, f"refused {FILE}: " in done.text) == (1, True)
    assert world.ok("verify", STAGING) == "ok: 1 verified\n"


def test_as_sealed_without_a_key(world):
    assert strict(world, status=0) == {}


@pytest.mark.parametrize(("old", "new", "reason"), [
    ("    url: ", "    uri: ", "has other keys"),
    ("rps: 5", 'rps: "5"', "has values of other types"),
    ("rps: 5", "rps: 6", "has other plain values"),
    ("type:str]", "type:int]", "has values of other types"),
    ("mac_only_encrypted: true", "mac_only_encrypted: false", "encrypts by another rule"),
    ("# issued", "# stolen", "differs"),
])  # fmt: skip
def test_what_sops_accepts_is_refused(world, old, new, reason):
    world.write({FILE: world.read().replace(old, new, 1)})
    refused = strict(world)
    assert list(refused) == [FILE]
    assert reason in refused[FILE]


def test_copies_rollbacks_and_files_that_come_and_go(world):
    old, manifest = world.read(), world.read("secrets.seal.json")
    world.write({FILE: world.read(STAGING)})
    assert strict(world) == {FILE: f"is a copy of {STAGING}"}
    world.write({FILE: None})
    assert strict(world) == {FILE: "is sealed and not there"}
    world.write({FILE: PLAIN})
    assert "cannot be read" in strict(world)[FILE]
    world.write({FILE: old, "secrets/new.env": "A=b\n"})
    world.ok("encrypt", "secrets/new.env")
    assert strict(world) == {"secrets/new.env": "is not sealed"}
    world.ok("set", FILE, "api.key", stdin=b"second")
    assert world.ok("seal", "--key", world.key) == "sealed 3 files in secrets.seal.json, number 2\n"
    assert strict(world, status=0) == {}
    world.write({FILE: old})
    assert set(strict(world)) == {FILE}
    world.write({"secrets.seal.json": manifest, "secrets/new.env": None})
    assert "number 1, and 2 has been seen" in strict(world)


def test_a_seal_that_is_none(world):
    manifest = world.read("secrets.seal.json")
    world.write({"secrets.seal.json": manifest.replace('"sequence": 1', '"sequence": 9')})
    assert "not signed by the trusted key" in strict(world)
    world.write({"secrets.seal.json": "{}"})
    assert "cannot be read" in strict(world)
    world.write({"secrets.seal.json": manifest})
    assert "2 has been seen" in strict(world, "--minimum", "2")
    other = f"{world.key}2"
    world.ok("keygen", "--seal", "-o", other)
    done = world.run("verify", "--strict", "--key", f"{other}.pub")
    assert (done.status, "not signed by the trusted key" in done.err) == (1, True)
    assert world.run("seal", "--key", other).status == 1
    assert world.run("verify", "--strict").status == 2
    assert world.run("verify", "--strict", "--key", world.key).status == 2
    assert world.run("verify", "--minimum", "3").status == 2


def test_only_what_was_verified_is_sealed(world):
    world.write({FILE: world.read().replace("type:str]", "type:int]", 1)})
    before = world.read("secrets.seal.json")
    done = world.run("seal", "--key", world.key)
    assert (done.status, world.read("secrets.seal.json")) == (1, before)


def test_a_seal_key_that_others_can_read(world):
    import os

    os.chmod(world.key, 0o644)
    done = world.run("seal", "--key", world.key)
    assert (done.status, f"chmod 600 {world.key}" in done.err) == (2, True)
