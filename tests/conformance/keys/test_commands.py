"""The secret commands from end to end, over each kind of key service, as a person types them."""

from __future__ import annotations

import pytest

from tests.conformance.keys.services import SERVICES
from tests.unit.app.secret_world import FILE, PLAIN, World, leaks

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")]

REMOTE = [name for name, item in SERVICES.items() if item.refusals.keys() > {"denied"}]
each = pytest.mark.parametrize("service", REMOTE, indirect=True)
ENCRYPTED = "encrypted_regex: ^(key|password)$\n    mac_only_encrypted: true\n"


@pytest.fixture
def world(tmp_path, service, monkeypatch):
    """A repository whose rule names the service, and whose settings do not allow it yet."""
    service.reach(monkeypatch)
    made = World(tmp_path / "repo", tmp_path / "home")
    made.write({".sops.yaml": f"creation_rules:\n  - {ENCRYPTED}    {service.rule}\n"})
    made.commit()
    return made


def allow(world, service):
    world.write({"gitconfigmgr.yaml": f"version: 1\nkey_services:\n  {service.setting}\n"})
    world.commit()


@each
def test_what_the_settings_do_not_allow_is_not_asked(world, service):
    done = world.run("encrypt", FILE, identity="")
    assert (done.status, "not an allowed key service" in done.err) == (3, True)
    assert world.read() == PLAIN


@each
def test_the_life_of_a_file(world, service):
    allow(world, service)
    assert world.ok("encrypt", FILE, identity="") == f"encrypted {FILE}\n"
    assert not leaks(world.read())
    world.commit()
    assert world.ok("decrypt", FILE, identity="") == PLAIN
    world.ok("set", FILE, "api.key", identity="", stdin=b"second")
    assert world.ok("get", FILE, "api.key", identity="") == "second\n"
    assert world.ok("get", "acme/chat", "api.key", "-e", "production", identity="") == "second\n"
    world.ok("unset", FILE, "database.password", identity="")
    assert "password" not in world.ok("list", FILE)
    assert "1 secret, 1 recipient" in world.ok("status", FILE)
    assert world.ok("verify", FILE, identity="") == "ok: 1 verified\n"
    before = world.read()
    assert world.ok("rotate-key", FILE, identity="") == f"rotated {FILE}\n"
    assert world.read() != before
    assert world.ok("get", FILE, "api.key", identity="") == "second\n"


@each
def test_recipients_come_and_go(world, service):
    allow(world, service)
    world.ok("encrypt", FILE, identity="")
    rule = f"creation_rules:\n  - {ENCRYPTED}    {service.rule}\n    age: {world.friend_name}\n"
    world.write({".sops.yaml": rule})
    assert world.run("status", FILE).status == 1
    assert world.ok("rekey", "--all", identity="") == f"rekeyed {FILE}\n"
    assert world.ok("decrypt", FILE, identity=world.friend) == PLAIN
    world.write({".sops.yaml": f"creation_rules:\n  - {ENCRYPTED}    age: {world.friend_name}\n"})
    world.ok("rekey", FILE, identity=world.friend)
    done = world.run("decrypt", FILE, identity="")
    assert (done.status, "no key here opens the file" in done.err) == (3, True)


@each
def test_a_new_version_of_the_services_key(world, service):
    allow(world, service)
    world.ok("encrypt", FILE, identity="")
    before = world.read()
    service.rotate()
    assert world.ok("decrypt", FILE, identity="") == PLAIN
    assert world.ok("rekey", "--all", "--rewrap", identity="") == f"rekeyed {FILE}\n"
    after = world.read()
    assert after != before
    tokens = [line for line in before.splitlines() if "ENC[" in line]
    assert [line for line in after.splitlines() if "ENC[" in line] == tokens  # no value was touched
    assert world.ok("decrypt", FILE, identity="") == PLAIN


@each
def test_a_service_that_denies(world, service, monkeypatch):
    allow(world, service)
    world.ok("encrypt", FILE, identity="")
    before = world.read()
    with service.refusing("denied"):
        service.reach(monkeypatch)
        for command in (("decrypt", FILE), ("rotate-key", FILE), ("get", FILE, "api.key"), ("verify", FILE)):
            done = world.run(*command, identity="")
            assert (done.status, "denies the use of the key" in done.err + done.text) == (3, True), command
            assert not leaks(done.out, done.err)
        done = world.run("set", FILE, "api.key", identity="", stdin=b"second")
        assert (done.status, "second" in done.err) == (3, False)
    assert world.read() == before


@each
def test_check_looks_inside(world, service):
    schema = '{"properties": {"api": {"properties": {"key": {"x-gcm-secret": "ssh_key"}}}}}'
    settings = f"version: 1\nkey_services:\n  {service.setting}\nschemas: [{{schema: schemas/chat.json}}]\n"
    world.write({"gitconfigmgr.yaml": settings, "schemas/chat.json": schema})
    world.commit()
    world.ok("encrypt", FILE, identity="")
    done = world.program("check", "--with-secrets", "-e", "production", identity="")
    assert "the SSH key is no private key in PEM or OpenSSH form" in done.text
    assert "note: looked into 2 secrets\n" in done.text
