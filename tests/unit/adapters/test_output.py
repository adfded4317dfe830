"""The output folder: whatever happens to a run, readers find the old tree or the new one, whole.

Faults are real: processes killed at every step, a full file system, one that is read-only, other writers and readers.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.adapters.output import OutputFolder
from gitconfigmgr.app.compile import Outcome, compile_all
from gitconfigmgr.app.select import Selection, State
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.wiring.folders import open_output
from gitconfigmgr.wiring.trees import open_repository
from tests.unit.repositories import broken_promises, commit, git, program, tree_of, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES: dict[str, str | bytes | None] = {
    "gitconfigmgr.yaml": "version: 1\nenvironments: {live: {}}\n",
    "configs/global/base.yaml": "log: {level: info}\n",
    "configs/acme/chat/base.yaml": "limit: 5\n",
    "configs/acme/search/base.yaml": "chat: ${acme/chat:limit}\n",
    "configs/beta/api/base.yaml": "port: 80\n",
}
EVENTS = ("os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "ctypes.dlopen")

Tree = dict[str, bytes | None]


@dataclass
class Place:
    """A repository of several revisions, and what each compiles to."""

    root: Path
    revisions: list[str]
    trees: list[Tree]

    @property
    def out(self) -> Path:
        return self.root.parent / "out"

    def compile(self, revision: str, *, cached: bool = True, folder: Path | None = None) -> Outcome:
        repository = open_repository(State(self.root, rev=revision))
        output, store = open_output(folder or self.out, cached=cached)
        return compile_all(repository, Selection(), output, store, identity="test", jobs=1)

    def found(self) -> int | None:
        """Which of the revisions the output is, as a whole; None for any mixture."""
        tree = tree_of(self.out)
        return self.trees.index(tree) if tree in self.trees else None

    def leftovers(self) -> list[str]:
        return [name for name in os.listdir(self.out.parent) if ".gcm-" in name and "spare" not in name]


def made(folder: Path, edits: list[dict[str, str | bytes | None]]) -> Place:
    """The revisions after each edit of the same beginning."""
    root = folder / "repository"
    root.mkdir()
    place = Place(root, [], [])
    for number, edit in enumerate(edits):
        write_files(root, FILES | edit)
        place.revisions.append(commit(root))
        cold = folder / f"cold-{number}"
        place.compile(place.revisions[-1], cached=False, folder=cold)
        place.trees.append(tree_of(cold))
        write_files(root, {name: None for name in edit if name not in FILES})
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Begin, one before the kill, the killed one (which adds, changes and removes), one that touches other files."""
    return made(
        tmp_path,
        [
            {"configs/acme/chat/base.yaml": "limit: 4\n", "configs/gone/soon/base.yaml": "a: 1\n"},
            {"configs/gone/soon/base.yaml": "a: 1\n"},
            {"configs/beta/api/base.yaml": "port: 81\n", "configs/beta/new/base.yaml": "port: 82\n"},
            {"configs/acme/chat/base.yaml": "limit: 6\n", "configs/gone/soon/base.yaml": "a: 1\n"},
        ],
    )


# -- killed -----------------------------------------------------------------------------------------------------------


def killed_at(place: Place, revision: str, step: int, *, cached: bool) -> bool:
    """Compile in a child that kills itself before the `step`th change of the file system; whether it got so far."""
    pid = os.fork()
    if pid == 0:
        steps = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal steps
            if event in EVENTS or (event == "open" and arguments[2] and int(str(arguments[2])) & os.O_CREAT):
                steps += 1
                if steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            place.compile(revision, cached=cached)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def prepared(place: Place, *, cached: bool) -> None:
    """The output is that of revision 1; where runs are cached there is a spare, too."""
    place.compile(place.revisions[0], cached=cached)
    place.compile(place.revisions[1], cached=cached)
    assert place.found() == 1


@pytest.mark.parametrize("cached", [True, False], ids=["warm", "cold"])
def test_kill_at_any_step_leaves_the_old_tree_or_the_new_one(place: Place, cached: bool) -> None:
    """And the next run writes just its own tree, whatever the killed one has left."""
    seen = set()
    mixed = []
    for step in range(1, 200):
        prepared(place, cached=cached)
        if not killed_at(place, place.revisions[2], step, cached=cached):
            break
        seen.add(place.found())
        place.compile(place.revisions[3], cached=cached)
        if place.found() != 3:
            mixed.append((step, broken_promises(tree_of(place.out)) or "an empty folder is left"))
    else:
        pytest.fail("the run never ended")
    assert seen == {1, 2}, "old or new; None is a mixture"
    assert mixed == []


def test_leftovers_of_killed_runs_are_cleaned_after_a_while(place: Place) -> None:
    prepared(place, cached=True)
    for step in (5, 8, 11):
        assert killed_at(place, place.revisions[2], step, cached=True)
    for name in place.leftovers():
        os.utime(place.out.parent / name, (1, 1))
    place.compile(place.revisions[3])
    assert place.leftovers() == []


def test_leftover_of_a_process_with_the_same_number_is_no_obstacle(place: Place) -> None:
    """In a container every run may have the process id 7."""
    leftover = place.out.parent / f".{place.out.name}.gcm-new-{os.getpid()}"
    write_files(leftover, {"acme/chat/live.json": "{}", "acme/old/extra.json": "{}"})
    place.compile(place.revisions[0])
    assert place.found() == 0


@pytest.mark.slow
def test_kill_at_random_moments_of_real_processes(place: Place) -> None:
    place.compile(place.revisions[0])
    chance = random.Random(1)
    for number in range(10):
        revision = place.revisions[1 + number % 3]
        command = [sys.executable, "-m", "gitconfigmgr", "compile", "-o", str(place.out), "--rev", revision]
        with subprocess.Popen(command, cwd=place.root, stdout=subprocess.DEVNULL) as process:
            time.sleep(chance.uniform(0.02, 0.35))
            process.kill()
        assert place.found() is not None
    done = program("compile", "-o", str(place.out), "--rev", place.revisions[3], cwd=place.root)
    assert (done.returncode, place.found()) == (0, 3)


# -- other runs and readers -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_runs_at_once_leave_the_tree_of_one_of_them(place: Place) -> None:
    place.compile(place.revisions[0])
    command = [sys.executable, "-m", "gitconfigmgr", "compile", "-o", str(place.out), "--rev"]
    for _ in range(6):
        processes = [
            subprocess.Popen([*command, place.revisions[number]], cwd=place.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for number in (1, 2, 3)
        ]  # fmt: skip
        complaints = [process.communicate()[1].decode() for process in processes]
        statuses = {process.returncode for process in processes}
        assert statuses <= {0, 3}, complaints
        assert 0 in statuses
        assert place.found() is not None


def read_whole(folder: Path) -> Tree:
    """All files of a folder as one reader sees them, who opens it once and takes the manifest first."""
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        manifest = read_at(top, "manifest.json")
        tree: Tree = {"manifest.json": manifest}
        for entry in json.loads(manifest)["targets"]:
            for name in (entry["path"], entry["provenance"]["path"]):
                tree[name] = read_at(top, name)
        return tree
    finally:
        os.close(top)


def read_at(top: int, name: str) -> bytes:
    with open(os.open(name, os.O_RDONLY, dir_fd=top), "rb") as file:
        return file.read()


def test_reader_never_sees_a_mixture(place: Place) -> None:
    """As long as no second run begins while it reads: that run works on the tree that the reader holds (ADR 5)."""
    place.compile(place.revisions[0])
    done = threading.Event()
    ended: list[int] = []

    def write() -> None:
        for number in range(24):
            place.compile(place.revisions[number % 4], cached=number % 6 != 5)
            ended.append(number)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    read = 0
    wrong = []
    while not (done.is_set() and read):
        before = len(ended)
        try:
            tree = read_whole(place.out)
        except FileNotFoundError:
            continue  # an old tree was removed below this reader: it opens the folder again
        if len(ended) > before:
            continue
        read += 1
        if {name: data for name, data in tree.items() if data is not None} not in [
            files_of(tree) for tree in place.trees
        ]:
            wrong.append(broken_promises(tree))
    writer.join()
    assert wrong == []


def files_of(tree: Tree) -> Tree:
    return {name: data for name, data in tree.items() if data is not None}


def test_reader_keeps_its_tree_while_one_run_replaces_it(place: Place) -> None:
    place.compile(place.revisions[0])
    place.compile(place.revisions[1])
    top = os.open(place.out, os.O_RDONLY | os.O_DIRECTORY)
    place.compile(place.revisions[2])
    files = files_of(place.trees[1])
    assert {name: read_at(top, name) for name in files} == files
    os.close(top)


def test_folder_is_there_all_the_time(place: Place) -> None:
    place.compile(place.revisions[0])
    done = threading.Event()
    seen = set()

    def look() -> None:
        while not done.is_set():
            seen.add((place.out / "manifest.json").exists())

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(16):
        place.compile(place.revisions[number % 4])
    done.set()
    watcher.join()
    assert seen == {True}


# -- the file system fails --------------------------------------------------------------------------------------------


def mounted(folder: Path, options: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script where `folder` is a small file system of its own; skips where that is not permitted."""
    mount = f"mount -t tmpfs -o {options} tmpfs {folder} || exit 99\n"
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", mount + script], capture_output=True, text=True, check=False, timeout=60
        )
    except FileNotFoundError:
        pytest.skip("unshare is not there")
    if done.returncode == 99 or "unshare:" in done.stderr:
        pytest.skip(f"mounting is not permitted: {done.stderr}")
    return done


@pytest.mark.parametrize("cached", ["", "--no-cache"], ids=["warm", "cold"])
def test_full_disk_is_reported_and_the_old_output_stays(place: Place, tmp_path: Path, cached: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    run = f"cd {place.root} && {sys.executable} -m gitconfigmgr compile -o {disk}/out {cached} --rev"
    done = mounted(
        disk,
        "size=256k",
        f"""
        {run} {place.revisions[0]} >&2 || exit 98
        cp -r {disk}/out {tmp_path}/before
        cat /dev/zero > {disk}/filler 2>/dev/null
        {run} {place.revisions[2]}
        echo "status $?"
        cp -r {disk}/out {tmp_path}/after
        ls -A {disk} >&2
        rm {disk}/filler
        {run} {place.revisions[2]} >&2 || exit 97
        cp -r {disk}/out {tmp_path}/later
        """,
    )
    assert done.returncode == 0, done.stderr
    assert "status 3" in done.stdout
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree_of(tmp_path / "after") == tree_of(tmp_path / "before") == place.trees[0]
    assert tree_of(tmp_path / "later") == place.trees[2]


@pytest.mark.parametrize("existing", [True, False], ids=["old output", "new output"])
def test_read_only_folder_is_reported(place: Place, tmp_path: Path, existing: bool) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    run = f"cd {place.root} && {sys.executable} -m gitconfigmgr compile -o {disk}/out --rev"
    done = mounted(
        disk,
        "size=1m",
        f"""
        {f"{run} {place.revisions[0]} >&2 || exit 98" if existing else ""}
        mount -o remount,ro {disk} || exit 99
        {run} {place.revisions[2]}
        echo "status $?"
        cp -r {disk}/. {tmp_path}/after
        """,
    )
    assert done.returncode == 0, done.stderr
    assert "status 3" in done.stdout
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
    assert tree_of(tmp_path / "after" / "out") == (place.trees[0] if existing else {})


def test_file_size_limit_is_reported(place: Place) -> None:
    place.compile(place.revisions[0])
    limited = f"ulimit -f 0; exec {sys.executable} -m gitconfigmgr compile -o {place.out} --rev {place.revisions[2]}"
    done = subprocess.run(
        ["sh", "-c", limited], cwd=place.root, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "File too large" in done.stderr
    assert place.found() == 0


def test_write_that_stops_halfway_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def short(descriptor: int, data: bytes) -> int:
        if len(data) <= 5:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:5])

    with OutputFolder(tmp_path / "out", None) as output:
        output.write("a/whole.json", b"12345")
    with OutputFolder(tmp_path / "out", None) as output:
        monkeypatch.setattr(os, "write", short)
        with pytest.raises(OutsideError, match="No space left on device"):
            output.write("a/b.json", b"0123456789")
    assert list(tmp_path.iterdir()) == []


def test_long_file_is_written_in_many_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:1000]))
    with OutputFolder(tmp_path / "out", None) as output:
        output.write("a/b.json", bytes(range(256)) * 40)
        output.commit()
    assert (tmp_path / "out/a/b.json").read_bytes() == bytes(range(256)) * 40


# -- what is not ours -------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Path]:
    write_files(tmp_path, FILES)
    git(tmp_path, "init", "-q")
    yield tmp_path
    left = [name for name in os.listdir(tmp_path) if ".gcm-" in name and "spare" not in name]
    assert left == [], "a refusal leaves nothing behind"


FOREIGN: dict[str, dict[str, str | bytes | None]] = {
    "a file": {"out/notes.txt": "mine"},
    "a folder": {"out/src/main.c": "mine"},
    "a manifest of another kind": {"out/manifest.json": '{"name": "My web app", "icons": []}'},
    "a broken manifest": {"out/manifest.json": "{"},
    "a list for a manifest": {"out/manifest.json": "[1]"},
    "a manifest, and a file": {"out/manifest.json": '{"version": 1, "targets": []}', "out/index.html": "mine"},
    "a repository": {"out/.git/HEAD": "ref: refs/heads/main", "out/manifest.json": '{"version": 1, "targets": []}'},
    "a config repository": {"out/gitconfigmgr.yaml": "version: 1\n", "out/manifest.json": '{"version": 1, "targets": []}'},
}  # fmt: skip


@pytest.mark.parametrize("files", FOREIGN.values(), ids=FOREIGN.keys())
@pytest.mark.parametrize("cached", ["", "--no-cache"], ids=["warm", "cold"])
def test_folder_of_others_is_refused_and_kept(
    repository: Path, files: dict[str, str | bytes | None], cached: str
) -> None:
    write_files(repository, files)
    before = tree_of(repository / "out")
    done = refused(repository, "out", *cached.split())
    assert "did not write" in done
    assert tree_of(repository / "out") == before


def refused(root: Path, folder: str, *options: str) -> str:
    repository = open_repository(State(root))
    output, store = open_output(root / folder, cached="--no-cache" not in options)
    with pytest.raises(UsageError) as found:
        compile_all(repository, Selection(), output, store, identity="test", jobs=1)
    return str(found.value)


@pytest.mark.parametrize(
    "folder", [".", "configs", "configs/acme", ".git", "gitconfigmgr.yaml", "configs/acme/chat/base.yaml"]
)
def test_place_inside_the_repository_that_is_in_use_is_refused(repository: Path, folder: str) -> None:
    before = tree_of(repository)
    done = program("compile", "-o", folder, cwd=repository)
    assert done.returncode == 2, done.stderr
    assert {name: data for name, data in tree_of(repository).items() if "gitconfigmgr/" not in name} == before


def test_links_are_refused(repository: Path) -> None:
    (repository / "real").mkdir()
    (repository / "out").symlink_to("real")
    (repository / "dangling").symlink_to("nowhere")
    assert "no folder" in refused(repository, "out")
    assert "no folder" in refused(repository, "dangling")
    assert (repository / "out").is_symlink()


@pytest.mark.parametrize("cached", ["", "--no-cache"], ids=["warm", "cold"])
@pytest.mark.parametrize("name", ["latest", "acme/latest", "beta/api/mine.json"])
def test_link_that_somebody_added_is_kept(repository: Path, cached: str, name: str) -> None:
    for _ in range(2):
        compile_all(
            open_repository(State(repository)), Selection(), *open_output(repository / "out", cached=not cached)
        )
    (repository / "out" / name).symlink_to("../gitconfigmgr.yaml" if name.endswith("json") else "/tmp")
    assert "did not write" in refused(repository, "out", *cached.split())
    assert (repository / "out" / name).is_symlink()


def test_empty_and_missing_folders_are_fine(repository: Path) -> None:
    (repository / "empty").mkdir()
    for folder in ("empty", "new", "deep/down/new", "with space", "ünïcode"):
        outcome = compile_all(
            open_repository(State(repository)), Selection(), *open_output(repository / folder, cached=True)
        )
        assert outcome.written
        assert broken_promises(tree_of(repository / folder)) == []


COLLIDING: dict[str, dict[str, str | bytes | None]] = {
    "a namespace called as the manifest": {"configs/manifest.json/base.yaml": "a: 1\n"},
    "a namespace called as a file of its parent": {
        "configs/acme/chat/live.json/base.yaml": "a: 1\n",
        "configs/acme/chat/_namespace.yaml": "compile: true\n",
    },
    "an environment called as a provenance": {
        "gitconfigmgr.yaml": "version: 1\nenvironments: {dev: {}, dev.provenance: {}}\n",
    },
}


@pytest.mark.parametrize("files", COLLIDING.values(), ids=COLLIDING.keys())
def test_names_that_would_collide_in_the_output_are_an_error_of_the_repository(
    repository: Path, files: dict[str, str | bytes | None]
) -> None:
    write_files(repository, files)
    done = program("compile", "-o", "out", cwd=repository)
    assert done.returncode in {1, 2}, done.stderr
    assert not (repository / "out").exists()
