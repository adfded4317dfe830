"""`secret exec`: secrets in the environment of the child, and nowhere else."""

from __future__ import annotations

import pytest

from tests.unit.app.secret_world import FILE, World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "repo", tmp_path / "home")
    made.write({"secrets/prod.env": "API_KEY=sk-first-value\nEMPTY=\n"})
    made.ok("encrypt", "secrets/prod.env")
    return made.encrypted()


def variables(done):
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.decode().splitlines() if "=" in line)


def test_a_file(world):
    found = variables(world.spawn("exec", "secrets/prod.env", "--", "env"))
    assert (found["API_KEY"], found["EMPTY"]) == ("sk-first-value", "")
    assert not [name for name in found if name.startswith("SOPS_")]
    assert str(world.identity) not in found.values()


def test_a_namespace(world):
    found = variables(world.spawn("exec", "acme/chat", "-e", "production", "--", "env"))
    assert (found["API_KEY"], found["DATABASE_PASSWORD"]) == ("sk-first-value", "p4ss-w0rd-value")
    assert "API_URL" not in found
    found = variables(world.spawn("exec", "acme/chat", "-e", "production", "--plain", "--", "env"))
    assert (found["API_URL"], found["API_RPS"]) == ("https://models.example.com", "5")


def test_the_status_and_the_streams_are_the_programs(world):
    done = world.spawn("exec", "secrets/prod.env", "--", "sh", "-c", 'cat; echo "$0 $API_KEY" >&2; exit 7', input=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in", b"sh sk-first-value\n")


def test_what_cannot_be(world):
    done = world.run("exec", FILE, "--", "env")
    assert (done.status, "api is a map" in done.err) == (1, True)
    assert variables(world.spawn("exec", FILE, "--flatten", "--", "env"))["API_KEY"] == "sk-first-value"
    done = world.run("exec", "secrets/prod.env", "--", "no-such-program")
    assert (done.status, "there is no program no-such-program" in done.err) == (3, True)
    assert world.run("exec", "secrets/prod.env").status == 2


def test_two_keys_of_one_name(world):
    world.write({"secrets/a.yaml": "a:\n  b: x\na_b: y\n"})
    world.ok("encrypt", "secrets/a.yaml")
    done = world.run("exec", "secrets/a.yaml", "--flatten", "--", "env")
    assert (done.status, "a.b and a_b would both be the variable A_B" in done.err) == (2, True)


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "PYTHONPATH", "GIT_SSH_COMMAND"])
def test_a_file_does_not_choose_the_code_that_runs(world, name):
    world.write({"secrets/b.env": f"{name}=/tmp/evil\n"})
    world.ok("encrypt", "secrets/b.env")
    done = world.run("exec", "secrets/b.env", "--", "env")
    assert (done.status, "which code the program loads" in done.err) == (2, True)
