"""The commands with a real Transit server, which the settings of the base revision allow."""

from __future__ import annotations

import pytest

from tests.unit.app.secret_world import FILE, PLAIN, World

pytestmark = pytest.mark.slow


@pytest.fixture
def bao(tmp_path):
    from tests.conformance.keys.services import OpenBao

    server = OpenBao(tmp_path)
    yield server
    server.close()


def test_a_service_that_is_allowed(tmp_path, bao):
    world = World(tmp_path / "repo", tmp_path / "home")
    rule = (f"creation_rules:\n  - encrypted_regex: ^(key|password)$\n    mac_only_encrypted: true\n"
            f"    hc_vault_transit_uri: {bao.address}/v1/transit/keys/one\n")  # fmt: skip
    settings = f"version: 1\nkey_services:\n  vault: [{bao.address}]\n"
    world.write({".sops.yaml": rule})
    world.commit()
    done = world.run("encrypt", FILE, VAULT_TOKEN="root")
    assert (done.status, "not an allowed key service" in done.err) == (3, True)
    world.write({"gitconfigmgr.yaml": settings})
    world.commit()
    world.ok("encrypt", FILE, VAULT_TOKEN="root")
    world.commit()
    assert world.ok("decrypt", FILE, VAULT_TOKEN="root") == PLAIN
    done = world.run("decrypt", FILE, VAULT_TOKEN="nobody")
    assert (done.status, "denies the use of the key" in done.err) == (3, True)

    before = world.read()
    assert world.ok("rekey", "--all", "--rewrap", VAULT_TOKEN="root") == "nothing to change\n"
    bao.rotate()
    assert world.ok("rekey", "--all", "--rewrap", VAULT_TOKEN="root") == f"rekeyed {FILE}\n"
    assert "enc: vault:v2:" in world.read()
    assert world.read().replace("vault:v2:", "").count("ENC[") == before.count("ENC[")
    world.ok("rotate-key", FILE, VAULT_TOKEN="root")
    world.ok("set", FILE, "api.key", VAULT_TOKEN="root", stdin=b"second")
    assert "key: second" in world.ok("decrypt", FILE, VAULT_TOKEN="root")
