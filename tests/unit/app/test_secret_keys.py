"""`secret status`, `recipients`, `rekey`, `rotate-key`, `offboard` over a repository."""

from __future__ import annotations

import json
import resource

import pytest

from tests.unit.app.secret_world import FILE, PLAIN, World

STAGING = "configs/acme/chat/staging.yaml"


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "repo", tmp_path / "home")
    made.write({STAGING: "api:\n    key: sk-staging\n", ".gitignore": "/ignored/\n"})
    made.ok("encrypt", STAGING)
    return made.encrypted()


def test_in_order(world):
    assert world.ok("status").endswith("2 files, nothing amiss\n")
    found = json.loads(world.ok("status", "--format", "json"))
    assert found["summary"] == {"files": 2, "in_order": 2}
    assert [(item["path"], item["mac"], item["secrets"]) for item in found["files"]] == [
        (FILE, "present", 2), (STAGING, "present", 1),
    ]  # fmt: skip


def test_what_is_amiss(world):
    world.rules(world.friend_name)
    world.write({
        "configs/acme/chat/development.yaml": "api:\n  key: sk-plain-value\n  url: x\n",
        FILE: world.read().replace("\ndatabase:", "\n    token: sk-plain-value\ndatabase:"),
        "ignored/x.yaml": "sops: {}\n",
        "docs/page.md": "    key: ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]\n",
        STAGING: world.read(STAGING).replace("version: 3.11.0\n", ""),
    })  # fmt: skip
    done = world.run("status", "--format", "json")
    found = {item["path"]: item for item in json.loads(done.out)["files"]}
    assert done.status == 1
    assert set(found) == {FILE, STAGING, "configs/acme/chat/development.yaml"}
    assert found["configs/acme/chat/development.yaml"]["plaintext"] == ["api.key"]
    assert found["configs/acme/chat/development.yaml"]["encrypted"] is False
    assert found[FILE]["plaintext"] == ["api.token"]
    assert found[FILE]["missing"] == [f"age {world.friend_name}"]
    assert found[FILE]["stale"] == [f"age {world.name}"]
    assert "`version` is missing" in found[STAGING]["problem"]
    text = world.run("status").text
    assert "in plaintext, though the rule encrypts it: api.key" in text
    assert "sk-plain-value" not in text
    assert world.run("status", FILE).text.endswith("1 file, 1 amiss\n")


def test_rules_with_a_mistake_are_one_error(world):
    world.write({".sops.yaml": "creation_rules:\n  - path_regexp: x\n"})
    done = world.run("status")
    assert (done.status, done.err) == (
        2, "error: .sops.yaml:2: a creation rule has no key path_regexp\nhint: did you mean path_regex?\n",
    )  # fmt: skip


def test_the_time_for_a_thousand_files(world):
    """Processor time, of which it takes less than a second: a test is no place for the clock of a busy machine."""
    text = world.read()
    for number in range(1000):
        world.write({f"configs/acme/n{number}/production.yaml": text})
    begin = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = world.spawn("status", "--format", "json")
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert json.loads(done.stdout)["summary"] == {"files": 1002, "in_order": 1002}
    assert end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime < 5


def test_rekey(world):
    before, mac = world.read(), next(line for line in world.read().split("\n") if "mac: " in line)
    world.rules(world.name, world.friend_name)
    assert world.ok("rekey", "--all") == f"rekeyed {FILE}\nrekeyed {STAGING}\n"
    assert mac in world.read()
    assert world.read().startswith(before[: before.index("sops:")])
    assert world.sops(identity=world.friend) == world.sops()
    assert world.ok("rekey", "--all") == "nothing to change\n"
    world.rules(world.friend_name)
    world.ok("rekey", FILE)
    assert world.run("decrypt", FILE).status == 3
    assert world.ok("decrypt", STAGING)
    assert world.run("rekey").status == 2
    assert world.run("rekey", FILE, "--all").status == 2


def test_rotate_key(world):
    before = world.read()
    world.ok("rotate-key", FILE)
    assert not [line for line in before.split("\n") if "ENC[" in line and line in world.read()]
    assert world.ok("decrypt", FILE) == PLAIN
    assert world.sops()


def test_nothing_is_written_where_one_file_cannot_be_opened(world):
    world.rules(world.friend_name)
    world.ok("rekey", STAGING)
    before = world.read()
    done = world.run("rotate-key", "--all")
    assert (done.status, STAGING in done.err, world.read()) == (3, True, before)


def test_who_can_open_what(world):
    done = json.loads(world.ok("recipients", "--format", "json"))["recipients"]
    assert done == [
        {"kind": "age", "recipient": f"age {world.name}", "files": [FILE, STAGING], "crosses_protection": True}
    ]
    assert world.run("recipients", "--strict").status == 1
    world.rules(world.friend_name)
    world.ok("rekey", STAGING)
    assert world.run("recipients", "--strict").status == 0


def test_somebody_leaves(world):
    world.rules(world.name, world.friend_name)
    world.ok("rekey", FILE)
    planned = json.loads(world.ok("offboard", world.friend_name, "--dry-run", "--format", "json"))
    assert planned["exposed"] == [{"path": FILE, "alone": True, "remaining_recipients": 1,
                                   "keys": ["api.key", "database.password"]}]  # fmt: skip
    assert planned["rules"] == [".sops.yaml:2", ".sops.yaml:6"]
    before = world.read()
    done = world.run("offboard", world.friend_name)
    assert (done.status, "is still named in .sops.yaml:2" in done.err, world.read()) == (2, True, before)
    world.rules(world.name)
    text = world.ok("offboard", world.friend_name)
    assert "api.key" in text
    assert world.friend_name not in world.read()
    assert not [line for line in before.split("\n") if "ENC[" in line and line in world.read()]
    assert world.ok("decrypt", FILE) == PLAIN
    done = world.run("offboard", world.friend_name)
    assert (done.status, "no encrypted file is for" in done.err) == (2, True)


def test_the_last_recipient_cannot_leave(world):
    world.rules(world.friend_name)
    before = world.read()
    done = world.run("offboard", world.name)
    assert (done.status, "only recipient" in done.err, world.read()) == (2, True, before)


def test_key_groups(world):
    third = World(world.root.parent / "other", world.home)
    groups = "\n".join(f"      - age: [{name}]" for name in (world.name, world.friend_name, third.name))
    rule = f"creation_rules:\n  - encrypted_regex: ^key$\n    shamir_threshold: 2\n    key_groups:\n{groups}\n"
    world.write({".sops.yaml": rule, "secrets/shared.yaml": "key: sk-first-value\n"})
    world.ok("encrypt", "secrets/shared.yaml")
    both = f"{world.identity}\n{world.friend}"
    assert world.run("get", "secrets/shared.yaml", "key").status == 3
    assert world.ok("get", "secrets/shared.yaml", "key", SOPS_AGE_KEY=both) == "sk-first-value\n"
    assert world.ok("rekey", "secrets/shared.yaml", SOPS_AGE_KEY=both) == "nothing to change\n"
    world.ok("rotate-key", "secrets/shared.yaml", SOPS_AGE_KEY=both)
    assert world.ok("get", "secrets/shared.yaml", "key", SOPS_AGE_KEY=both) == "sk-first-value\n"


def test_new_identities(world):
    file = world.home / "new" / "keys.txt"
    recipient = world.ok("keygen", "-o", str(file)).strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith(f"# public key: {recipient}\nAGE-SECRET-KEY-1")
    assert world.run("keygen", "-o", str(file)).status == 2
    world.rules(world.name, recipient)
    world.ok("rekey", FILE)
    assert world.ok("decrypt", FILE, SOPS_AGE_KEY="", SOPS_AGE_KEY_FILE=str(file)) == PLAIN
    default = world.home / ".config" / "sops" / "age" / "keys.txt"
    world.ok("keygen")
    assert default.is_file()
