"""`release` as a program: secrets of SOPS files, opened in memory, arrive in Vault and nowhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.publishers.vault import VaultRig
from tests.unit.app.secret_world import FILE, SECRETS, World
from tests.unit.repositories import commit, git, write_files

DOCS = Path(__file__).resolve().parents[3] / "docs" / "publishers.md"
SETTINGS = """\
version: 1
environments: {{production: {{}}}}
leak_guard: "off"
key_services: {{vault: ["{allowed}"]}}
release:
  tenant: acme
  to:
    - {{to: "vault:{address}", mount: {mount}, layout: litellm, environments: [production]}}
    - {{to: "vault:{address}", mount: {mount}, path: documents}}
"""


@pytest.fixture
def rig(tmp_path):
    made = VaultRig(tmp_path)
    yield made
    made.close()


@pytest.fixture
def world(tmp_path, rig):
    made = World(tmp_path / "root", tmp_path / "home")
    made.ok("encrypt", FILE)
    settings = SETTINGS.format(allowed=rig.address, address=rig.address, mount=rig.mount)
    write_files(made.root, {"gitconfigmgr.yaml": settings})
    git(made.root, "init", "-q")
    commit(made.root)
    return made


def run(world, *args, **more):
    done = world.program("release", *args, **{"VAULT_TOKEN": "root"} | more)
    for secret in SECRETS:
        assert secret not in done.text + done.err
    return done


def test_secrets_arrive_in_vault_and_the_second_run_writes_nothing(world, rig):
    plan = run(world, "--dry-run")
    assert plan.status == 0, plan.err
    assert not rig.paths()
    done = run(world)
    assert done.status == 0, done.err
    place = "acme/chat/production"
    assert rig.latest(f"{place}/API_KEY") == {"key": SECRETS[0]}
    assert rig.latest(f"{place}/DATABASE_PASSWORD") == {"key": SECRETS[1]}
    rig.path = "documents"
    assert rig.document(rig.latest(place)) == {
        "api": {"key": SECRETS[0], "rps": 5, "url": "https://models.example.com"},
        "database": {"password": SECRETS[1]},
    }
    before = rig.snapshot()
    again = run(world)
    assert (again.status, again.text) == (0, "nothing to release: everything is published already\n")
    assert rig.snapshot() == before


def test_without_the_key_nothing_becomes_current(world, rig):
    done = run(world, identity=world.friend)
    assert done.status != 0
    assert "acme/chat in production, api.key" in done.err
    assert rig.pointer() == {"targets": []}


def test_an_address_that_is_not_allowed_gets_no_token(world, rig):
    write_files(
        world.root,
        {
            "gitconfigmgr.yaml": SETTINGS.format(
                allowed="https://vault.example.com", address=rig.address, mount=rig.mount
            )
        },
    )
    commit(world.root)
    done = run(world)
    assert done.status == 2
    assert "not an allowed key service" in done.err
    assert not rig.paths()


def test_the_reader_of_the_documentation(world, rig):
    """Its code reads what was published, with the default mount and path."""
    done = run(world, "--to", f"vault:{rig.address}/")  # not the text of the settings: none of their options
    assert done.status == 0, done.err
    (code,) = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(), re.DOTALL | re.MULTILINE)
    environment = {**os.environ, "VAULT_ADDR": rig.address, "VAULT_TOKEN": "root"}
    read = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert read.stdout == "acme/chat production dict_keys(['document'])\n"
