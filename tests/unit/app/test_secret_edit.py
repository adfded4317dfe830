"""`secret edit`: what a person typed is never lost, and nothing readable stays behind, however the command ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.app.secret_world import FILE, PLAIN, World, changed_lines, leaks


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "repo", tmp_path / "home").encrypted()
    (tmp_path / "run").mkdir()
    return made


@pytest.fixture
def edit(world, tmp_path):
    """Runs an edit with a shell script for an editor, its file in $1; the private folder lies in tmp_path/run."""

    def run(script, *args, status=0, path=FILE):
        editor = tmp_path / "editor.sh"
        editor.write_text(f"#!/bin/sh\n{script}\n")
        editor.chmod(0o700)
        done = world.run("edit", path, *args, EDITOR=str(editor), XDG_RUNTIME_DIR=str(tmp_path / "run"))
        assert done.status == status, done.err
        assert not leaks(done.out, done.err)
        assert os.listdir(tmp_path / "run") == []
        return done

    return run


def kept(done):
    """Where the text is kept, as the hint says."""
    return re.search(r"--resume (\S+)", done.err)[1]


def test_only_what_was_edited_changes(world, edit):
    before = world.read()
    assert edit("sed -i s/sk-first-value/sk-second/ $1").text == f"encrypted {FILE}\n"
    assert len(changed_lines(before, world.read())) <= 3
    assert "key: sk-second" in world.sops()
    assert world.ok("decrypt", FILE) == PLAIN.replace("sk-first-value", "sk-second")


def test_without_a_change_nothing_is_written(world, edit):
    before = (world.root / FILE).stat().st_mtime_ns
    assert edit("touch $1").text == f"{FILE} is unchanged\n"
    assert (world.root / FILE).stat().st_mtime_ns == before


def test_nobody_else_can_look(world, edit, tmp_path):
    edit(f'stat -c "%a" $1 $(dirname $1) > {tmp_path}/modes; cat $1 > {tmp_path}/text; basename $1 >> {tmp_path}/modes')
    assert (tmp_path / "modes").read_text().split() == ["600", "700", "production.yaml"]
    assert (tmp_path / "text").read_text() == PLAIN


def test_an_editor_that_replaces_the_file_and_leaves_a_backup(world, edit):
    edit("cp $1 $1~; sed s/5/6/ $1 > $1.new; mv $1.new $1")
    assert "rps: 6" in world.read()


def test_invalid_yaml_is_kept_and_taken_up_again(world, edit):
    before = world.read()
    done = edit('echo "more: [sk-first-value" >> $1', status=1)
    assert f"{FILE}:10: not valid YAML" in done.err
    assert world.read() == before
    assert not leaks(Path(kept(done)).read_bytes())
    assert world.ok("decrypt", kept(done)) == PLAIN + "more: [sk-first-value\n"
    edit(r"sed -i 's/more: .*/more: text/' $1", "--resume", kept(done))
    assert world.ok("decrypt", FILE) == PLAIN + "more: text\n"
    assert not Path(kept(done)).exists()


def test_what_sops_would_change_is_kept(world, edit):
    done = edit("sed -i 's/key: .*/key: 0644/' $1", status=1)
    assert f"{FILE}:4: api.key would change" in done.err
    assert "key: 0644" in world.ok("decrypt", kept(done))


def test_an_editor_that_fails(world, edit):
    before = world.read()
    assert "the editor ended with status 3" in edit("exit 3", status=3).err
    done = edit("sed -i s/sk-first-value/sk-second/ $1; exit 3", status=3)
    assert world.read() == before
    assert "key: sk-second" in world.ok("decrypt", kept(done))
    assert "left no file" in edit("rm $1", status=3).err
    assert "the text is empty" in edit(": > $1", status=1).err
    assert world.read() == before


def test_no_editor(world):
    done = world.run("edit", FILE, SOPS_EDITOR="no-such-editor")
    assert (done.status, "there is no editor no-such-editor" in done.err) == (3, True)


def test_somebody_else_was_faster(world, edit):
    other = (
        f"SOPS_EDITOR='sed -i s/5/7/' {sys.executable} -m gitconfigmgr -C {world.root} secret edit {FILE} > /dev/null"
    )
    done = edit(f"PYTHONPATH={Path.cwd()} {other}; sed -i s/sk-first-value/sk-second/ $1", status=1)
    assert "changed by somebody else" in done.err
    assert "rps: 7" in world.read()
    assert "sk-second" in world.ok("decrypt", kept(done))


def test_the_text_is_kept_where_the_disk_is_full(world, edit, monkeypatch):
    before, real = world.read(), os.fsync
    names = iter((OSError(28, "No space left on device"),))

    def full(descriptor):
        for error in names:
            raise error
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    done = edit("sed -i s/sk-first-value/sk-second/ $1", status=3)
    assert "No space left" in done.err
    assert world.read() == before
    assert "sk-second" in world.ok("decrypt", kept(done))


def test_a_new_file(world, edit):
    path = "configs/acme/chat/staging.yaml"
    edit('echo "{api: {key: sk-first-value}}" > $1', path=path, status=1)  # braces leave no room for the metadata
    edit('printf "api:\\n  key: sk-first-value\\n" > $1', path=path)
    assert not leaks(world.read(path))
    assert world.sops(path) == "api:\n    key: sk-first-value\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_killed_during_the_edit(world, tmp_path, number):
    editor = tmp_path / "editor.sh"
    editor.write_text(f"#!/bin/sh\necho $1 > {tmp_path}/where\nexec sleep 600\n")
    editor.chmod(0o700)
    env = os.environ | world.environment() | {"EDITOR": str(editor), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    command = [sys.executable, "-m", "gitconfigmgr", "secret", "edit", FILE]
    before = world.read()
    with subprocess.Popen(command, cwd=world.root, env=env, stderr=subprocess.PIPE, start_new_session=True) as process:
        until = time.monotonic() + 120
        where = tmp_path / "where"
        while not (where.exists() and where.read_text().strip()) and time.monotonic() < until:
            time.sleep(0.02)
        assert Path(where.read_text().strip()).read_text() == PLAIN
        process.send_signal(number)
        if number == signal.SIGKILL:
            process.wait()
            os.killpg(process.pid, signal.SIGTERM)  # the editor, which nobody waits for now
        else:
            assert process.wait(timeout=120) == 3
            assert f"the editor was ended by {signal.Signals(number).name}" in process.stderr.read().decode()
    until = time.monotonic() + 120
    while os.listdir(tmp_path / "run") and time.monotonic() < until:
        time.sleep(0.02)
    assert os.listdir(tmp_path / "run") == []
    assert world.read() == before
