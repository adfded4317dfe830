"""`secret merge`, `textconv`, `install-git` and `finish`, through real Git."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.app.secret_world import FILE, World, leaks

ROOT = Path(__file__).parents[3]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "repo", tmp_path / "home").encrypted()
    program = tmp_path / "bin" / "gitconfigmgr"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m gitconfigmgr "$@"\n')
    program.chmod(0o755)
    made.path = f"{program.parent}:{os.environ['PATH']}"
    made.ok("install-git", PATH=made.path)
    made.commit("attributes")
    return made


def merge(world, branch="other", **env):
    env = os.environ | world.environment() | {"PATH": world.path} | env
    return subprocess.run(
        ["git", "merge", "-q", "-m", "merge", branch],
        cwd=world.root,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def two_branches(world, ours, theirs):
    world.git("checkout", "-q", "-b", "other")
    for key, value in theirs.items():
        world.ok("set", FILE, key, stdin=value)
    world.commit("theirs")
    world.git("checkout", "-q", "main")
    for key, value in ours.items():
        world.ok("set", FILE, key, stdin=value)
    world.commit("ours")


def test_what_is_installed(world):
    assert world.read(".gitattributes") == "configs/**/*.yaml merge=gitconfigmgr diff=gitconfigmgr\n"
    assert world.git("config", "merge.gitconfigmgr.driver") == "gitconfigmgr secret merge %O %A %B %P"
    assert world.ok("install-git", PATH=world.path) == "all is there already\n"
    world.write({"secrets/a b.env": "A=x\n", ".gitattributes": "*.md text"})
    world.ok("encrypt", "secrets/a b.env")
    world.ok("install-git", "extra/*.json", PATH=world.path)
    assert world.read(".gitattributes").split("\n")[:2] == [
        "*.md text",
        "configs/**/*.yaml merge=gitconfigmgr diff=gitconfigmgr",
    ]
    assert world.git("check-attr", "merge", "secrets/a b.env", "extra/x.json").split()[-1] == "gitconfigmgr"
    assert world.git("check-attr", "merge", "--", "secrets/a b.env").endswith(": gitconfigmgr")


def test_different_keys_merge(world):
    two_branches(world, {"api.key": b"sk-ours"}, {"database.password": b"theirs", "api.token": b"new"})
    done = merge(world)
    assert done.returncode == 0, done.stderr
    text = world.sops()
    assert ("key: sk-ours" in text, "password: theirs" in text, "token: new" in text) == (True, True, True)
    assert world.ok("status").endswith("nothing amiss\n")


def test_the_same_key_is_a_conflict_that_can_be_solved(world):
    two_branches(world, {"api.key": b"sk-ours"}, {"api.key": b"sk-theirs", "database.password": b"theirs"})
    done = merge(world)
    assert done.returncode == 1
    assert f"{FILE}: both sides changed api.key" in done.stderr
    assert not leaks(done.stderr, done.stdout, secrets=("sk-ours", "sk-theirs"))
    assert world.git("status", "--short") == f"UU {FILE}"
    text = world.sops()  # the file is whole all the while
    assert ("key: sk-ours" in text, "password: theirs" in text) == (True, True)
    theirs = subprocess.run(["git", "show", f":3:{FILE}"], cwd=world.root, capture_output=True, check=True).stdout
    value = world.ok("get", "--name", FILE, "-", "api.key", stdin=theirs)
    assert value == "sk-theirs\n"
    world.ok("set", FILE, "api.key", stdin=value.encode())
    world.commit("merged")
    assert "key: sk-theirs" in world.sops()


def test_the_same_value_on_both_sides_is_no_conflict(world):
    two_branches(world, {"api.key": b"sk-same"}, {"api.key": b"sk-same"})
    assert merge(world).returncode == 0
    assert "key: sk-same" in world.sops()


def test_without_a_key_the_code_is_left_open(world):
    two_branches(world, {"api.key": b"sk-ours"}, {"database.password": b"theirs"})
    done = merge(world, SOPS_AGE_KEY="")
    assert done.returncode == 0, done.stderr
    assert "secret finish" in done.stderr
    assert world.run("decrypt", FILE).status == 1
    status = world.run("status")
    assert (status.status, "code is pending" in status.text) == (1, True)
    assert world.ok("finish") == f"finished {FILE}\n"
    assert world.ok("finish") == "nothing waits to be finished\n"
    assert "password: theirs" in world.sops()


def test_a_side_with_another_data_key(world):
    world.git("checkout", "-q", "-b", "other")
    world.ok("rotate-key", FILE)
    world.commit("theirs")
    world.git("checkout", "-q", "main")
    world.ok("set", FILE, "api.key", stdin=b"sk-ours")
    world.commit("ours")
    before = world.read()
    done = merge(world)
    assert (done.returncode, "new data key" in done.stderr, world.read()) == (1, True, before)


def test_a_side_that_was_tampered_with(world):
    world.git("checkout", "-q", "-b", "other")
    lines = world.read().split("\n")
    mac = next(line for line in lines if line.startswith("    mac: "))
    password = next(line for line in lines if "password: " in line).split(": ", 1)[1]
    world.write(
        {FILE: world.read().replace(mac, f"    mac: {password}").replace(f"password: {password}", "password: ''")}
    )
    world.commit("theirs")
    world.git("checkout", "-q", "main")
    world.ok("set", FILE, "api.key", stdin=b"sk-ours")
    world.commit("ours")
    before = world.read()
    done = merge(world)
    assert (done.returncode, world.read()) == (1, before)


def test_plain_layers_merge_by_lines(world):
    base = "configs/acme/chat/base.yaml"
    lines = "".join(f"k{n}: {n}\n" for n in range(12))
    world.write({base: lines})
    world.commit("lines")
    world.git("checkout", "-q", "-b", "other")
    world.write({base: lines.replace("k11: 11", "k11: 12")})
    world.commit("theirs")
    world.git("checkout", "-q", "main")
    world.write({base: lines.replace("k0: 0", "k0: 1")})
    world.commit("ours")
    assert merge(world).returncode == 0
    assert world.read(base) == lines.replace("k11: 11", "k11: 12").replace("k0: 0", "k0: 1")
    world.git("checkout", "-q", "-b", "third", "HEAD~2")
    world.write({base: lines.replace("k0: 0", "k0: 2")})
    world.commit("third")
    assert merge(world, "main").returncode == 1
    assert "<<<<<<< ours\nk0: 2\n" in world.read(base)


def test_both_sides_add_a_file(world):
    path = "configs/acme/chat/staging.yaml"
    world.git("checkout", "-q", "-b", "other")
    world.ok("set", path, "api.key", stdin=b"sk-theirs")
    world.commit("theirs")
    world.git("checkout", "-q", "main")
    world.ok("set", path, "api.key", stdin=b"sk-ours")
    world.commit("ours")
    assert merge(world).returncode == 1
    assert world.ok("get", path, "api.key") == "sk-ours\n"


def test_a_diff_shows_keys_and_no_values(world):
    world.ok("set", FILE, "api.key", stdin=b"sk-second")
    env = os.environ | world.environment() | {"PATH": world.path}
    shown = subprocess.run(["git", "diff"], cwd=world.root, env=env, capture_output=True, text=True, check=True).stdout
    changes = [
        line for line in shown.split("\n") if line.startswith(("+", "-")) and not line.startswith(("+++", "---"))
    ]
    assert [change.split("<secret str")[0] for change in changes] == ["-api.key: ", "+api.key: "]
    assert not leaks(shown, secrets=("sk-second", "sk-first-value"))
