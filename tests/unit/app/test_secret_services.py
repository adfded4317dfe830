"""Key services come from the settings of the base revision: a file under review sends no token anywhere."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.unit.app.secret_world import FILE, World


class Listener:
    """A server that notes whoever comes."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.heard = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(120)
                self.heard.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}")


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.socket.close()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "repo", tmp_path / "home")
    made.encrypted()
    return made


def hostile(world, address):
    """The file under review, with an entry for a service of somebody else."""
    entry = f"""\
    hc_vault:
        - vault_address: {address}
          engine_path: transit
          key_name: config
          created_at: "2026-01-02T03:04:05Z"
          enc: vault:v1:AAAA
    age:
"""
    world.write({FILE: world.read().replace("    age:\n", entry, 1)})


def settings(address):
    return f"version: 1\nkey_services:\n  vault: ['{address}']\n"


COMMANDS = [
    ("decrypt", FILE),
    ("get", FILE, "api.key"),
    ("verify",),
    ("rotate-key", "--all"),
    ("rekey", "--all", "--rewrap"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_address_that_only_the_file_names(world, listener, command):
    hostile(world, listener.address)
    done = world.run(*command, identity=world.friend, VAULT_TOKEN="hvs.token-of-ci")
    assert done.status in (1, 3)
    assert (done.status == 1 or "not an allowed key service" in done.err + done.text) is True
    assert listener.heard == []
    assert "hvs.token-of-ci" not in done.err + done.text


def test_settings_of_the_work_tree_do_not_count(world, listener):
    hostile(world, listener.address)
    world.write({"gitconfigmgr.yaml": settings(listener.address)})
    world.run("decrypt", FILE, identity=world.friend, VAULT_TOKEN="hvs.token-of-ci")
    assert listener.heard == []


@pytest.mark.parametrize("how", ["option", "GITCONFIGMGR_BASE", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_DIFF_BASE_SHA"])
def test_the_build_of_a_change(world, listener, how):
    """HEAD is the change itself, and allows the address; the base does not."""
    base = world.git("rev-parse", "HEAD")
    world.git("update-ref", "refs/remotes/origin/main", base)
    hostile(world, listener.address)
    world.write({"gitconfigmgr.yaml": settings(listener.address)})
    world.commit("hostile change")
    options = ["--base", base] if how == "option" else []
    env = {} if how == "option" else {how: "main" if how == "GITHUB_BASE_REF" else base}
    done = world.run("decrypt", FILE, *options, identity=world.friend, VAULT_TOKEN="hvs.token-of-ci", **env)
    assert (done.status, "not an allowed key service" in done.err, listener.heard) == (3, True, [])


def test_a_base_that_is_not_there_allows_nothing(world, listener):
    hostile(world, listener.address)
    world.write({"gitconfigmgr.yaml": settings(listener.address)})
    world.commit("hostile change")
    done = world.run("decrypt", FILE, identity=world.friend, VAULT_TOKEN="x", GITHUB_BASE_REF="main")
    assert (done.status, "there is no revision origin/main" in done.err, listener.heard) == (2, True, [])


def test_an_allowed_service_is_asked(world, listener):
    hostile(world, listener.address)
    world.write({"gitconfigmgr.yaml": settings(listener.address)})
    world.commit("trusted by now")
    done = world.run("decrypt", FILE, identity=world.friend, VAULT_TOKEN="hvs.token-of-ci")
    assert done.status == 3
    assert len(listener.heard) == 1
    assert b"hvs.token-of-ci" in listener.heard[0]


def test_settings_that_cannot_be_used(world):
    hostile(world, "https://vault.example.com")
    world.write(
        {"gitconfigmgr.yaml": "version: 1\nkey_services:\n  vault: ['http://vault.example.com/x']\n  vualt: []\n"}
    )
    world.commit("mistake")
    assert world.ok("decrypt", FILE), "a key of one's own needs no settings"
    done = world.run("decrypt", FILE, identity=world.friend, VAULT_TOKEN="x")
    assert (done.status, "no entry for key_services.vault" in done.err, "did you mean vault?" in done.err) == (
        2,
        True,
        True,
    )
