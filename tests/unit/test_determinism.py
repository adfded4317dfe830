"""The same commit gives the same bytes: on any machine, in any order, for any hash seed, from any kind of clone."""

from __future__ import annotations

import json
import os
import shutil
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.oracle.generator import Maker, write_repo
from tests.unit.repositories import SECRET, broken_promises, commit, git, program, tree_of, write_files

if TYPE_CHECKING:
    from pathlib import Path

Tree = dict[str, bytes | None]

ENVIRONMENTS = "version: 1\nenvironments:\n  dev: {}\n  qa: {extends: dev}\n  live: {extends: qa, protected: true}\n"
SCHEMA = '{"properties": {"list": {"type": "array", "x-gcm-merge": "union"}, "limit": {"type": "integer"}}}'


def service(number: int) -> dict[str, str | bytes | None]:
    folder = f"configs/org-{number % 3}/service-{number}"
    return {
        f"{folder}/base.yaml": (
            f"limit: {number}\nlist: [b, a]\nürl: 'http://${{region}}/{number}'\nkey: {SECRET}\n"
            f"next: ${{org-{(number + 1) % 3}/service-{number + 1}:limit:-none}}\nnumbers: [1.0, 1.5e+10, 0.000001, -0]\n"
            "prompt: {$template: '{% for k in l %}{{ k }}{% endfor %}', $vars: {l: {z: 1, a: 2}}}\n"
        ),
        f"{folder}/live.yaml": "limit: {$value: 1, $promote: true}\nlist: [c, a]\n",
    }


def repository(root: Path, *, backwards: bool = False) -> None:
    """40 services in 3 environments: enough targets for a second process."""
    files: dict[str, str | bytes | None] = {
        "gitconfigmgr.yaml": ENVIRONMENTS
        + "leak_guard: off\nschemas: [{schema: schemas/s.json}]\n".replace("off", "'off'"),
        "schemas/s.json": SCHEMA,
        "configs/global/base.yaml": "region: eu\nlist: [a]\n",
        "configs/org-1/dev.yaml": "region: local\n",
    }
    for number in range(40):
        files |= service(number)
    names = sorted(files, reverse=backwards)
    write_files(root, {name: files[name] for name in names})


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, Tree]:
    """A repository, its commit, and what that compiles to."""
    root = tmp_path_factory.mktemp("origin")
    repository(root)
    revision = commit(root)
    return root, revision, compiled(root, root.parent / "expected", "--rev", revision)


def compiled(root: Path, out: Path, *options: str, env: dict[str, str] | None = None, status: int = 0) -> Tree:
    done = program("compile", "-o", str(out), *options, cwd=root, env=env)
    assert done.returncode == status, done.stderr
    return tree_of(out) if status == 0 else {}


def test_manifest_names_the_commit_and_every_file(origin: tuple[Path, str, Tree]) -> None:
    _, revision, tree = origin
    manifest = json.loads(tree["manifest.json"] or b"")
    assert manifest["revision"] == revision
    assert len(manifest["targets"]) == 120
    assert manifest["targets"] == sorted(manifest["targets"], key=lambda each: (each["namespace"], each["environment"]))
    assert broken_promises(tree) == []


def test_no_file_tells_of_the_machine(origin: tuple[Path, str, Tree]) -> None:
    root, _, tree = origin
    told = [name for name, data in tree.items() if data and (str(root).encode() in data or b"/tmp" in data)]
    assert told == []


SURROUNDINGS: dict[str, tuple[list[str], dict[str, str]]] = {
    "hash seed 1": ([], {"PYTHONHASHSEED": "1"}),
    "hash seed 2, no cache": (["--no-cache"], {"PYTHONHASHSEED": "2"}),
    "one process": (["--jobs", "1", "--no-cache"], {}),
    "two processes": (["--jobs", "2", "--no-cache"], {}),
    "another time zone": (["--no-cache"], {"TZ": "Pacific/Kiritimati"}),
    "another language": (["--no-cache"], {"LC_ALL": "", "LANG": "tr_TR.UTF-8", "LANGUAGE": "tr"}),
    "no language": (["--no-cache"], {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "another user": (["--no-cache"], {"GIT_AUTHOR_NAME": "x", "USER": "x", "HOME": "/nonexistent", "COLUMNS": "40"}),
}


@pytest.mark.parametrize(("options", "env"), SURROUNDINGS.values(), ids=SURROUNDINGS.keys())
def test_surroundings_do_not_matter(
    origin: tuple[Path, str, Tree], tmp_path: Path, options: list[str], env: dict[str, str]
) -> None:
    root, revision, expected = origin
    assert compiled(root, tmp_path / "out", "--rev", revision, *options, env=env) == expected


def test_every_kind_of_clone_gives_the_same(origin: tuple[Path, str, Tree], tmp_path: Path) -> None:
    root, revision, expected = origin
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", "some where else")
    git(tmp_path, "clone", "-q", "--no-checkout", str(root), "unchecked")
    git(root, "worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    for name in ("bare.git", "some where else", "unchecked", "linked"):
        out = tmp_path / f"out-{name}"
        assert compiled(tmp_path / name, out, "--rev", "HEAD") == expected, name
    assert json.loads(expected["manifest.json"] or b"")["revision"] == revision


def test_order_of_creation_and_packing_do_not_matter(origin: tuple[Path, str, Tree], tmp_path: Path) -> None:
    _, revision, expected = origin
    root = tmp_path / "backwards"
    repository(root, backwards=True)
    assert commit(root) == revision, "the same tree, author and time make the same commit"
    git(root, "repack", "-adq")
    assert compiled(root, tmp_path / "out", "--rev", "HEAD") == expected


def test_work_tree_differs_from_its_commit_by_the_revision_only(origin: tuple[Path, str, Tree], tmp_path: Path) -> None:
    root, revision, expected = origin
    tree = compiled(root, tmp_path / "out")
    manifest = json.loads(tree.pop("manifest.json") or b"")
    assert manifest | {"revision": revision} == json.loads(expected["manifest.json"] or b"")
    assert tree == {name: data for name, data in expected.items() if name != "manifest.json"}


def test_subfolder_is_the_repository_it_would_be_at_the_top(origin: tuple[Path, str, Tree], tmp_path: Path) -> None:
    root, _, expected = origin
    place = tmp_path / "mono" / "platform" / "config"
    shutil.copytree(root, place, ignore=shutil.ignore_patterns(".git"))
    commit(tmp_path / "mono")
    tree = compiled(place, tmp_path / "out", "--rev", "HEAD")
    tree.pop("manifest.json")
    assert tree == {name: data for name, data in expected.items() if name != "manifest.json"}


def test_dirty_work_tree_index_and_configuration_do_not_reach_a_revision(
    origin: tuple[Path, str, Tree], tmp_path: Path
) -> None:
    root, revision, expected = origin
    git(tmp_path, "clone", "-q", str(root), "dirty")
    clone = tmp_path / "dirty"
    write_files(
        clone, {"configs/global/base.yaml": "[broken", "gitconfigmgr.yaml": "version: 9\n", "schemas/s.json": "{"}
    )
    git(clone, "add", "-A")
    write_files(clone, {".gitattributes": "* text eol=crlf filter=evil\n", "configs/global/dev.yaml": "a: 1\n"})
    git(clone, "config", "filter.evil.smudge", f"touch {tmp_path}/ran")
    git(clone, "config", "core.autocrlf", "true")
    git(clone, "config", "core.fsmonitor", f"touch {tmp_path}/ran")
    assert compiled(clone, tmp_path / "out", "--rev", revision) == expected
    assert not (tmp_path / "ran").exists()


def test_old_revision_uses_its_own_settings_and_schemas(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    old = {
        "gitconfigmgr.yaml": "version: 1\nenvironments: {old: {}}\nschemas: [{schema: schemas/s.json}]\n",
        "schemas/s.json": '{"properties": {"list": {"x-gcm-merge": "append"}, "limit": {"type": "integer"}}}',
        "configs/acme/chat/base.yaml": "limit: 1\nlist: [a]\n",
        "configs/acme/chat/old.yaml": "list: [b]\n",
    }
    write_files(root, old)
    first = commit(root)
    write_files(
        root,
        {
            "gitconfigmgr.yaml": "version: 1\nenvironments: {new: {}}\nschemas: [{schema: schemas/s.json}]\n",
            "schemas/s.json": '{"properties": {"limit": {"type": "string"}}}',
            "configs/acme/chat/base.yaml": "limit: many\n",
            "configs/acme/chat/old.yaml": None,
        },
    )
    second = commit(root)
    out = tmp_path / "out"
    tree = compiled(root, out, "--rev", first)
    assert tree["acme/chat/old.json"] == b'{"limit":1,"list":["a","b"]}'
    assert "acme/chat/new.json" not in tree
    tree = compiled(root, out, "--rev", second)
    assert tree["acme/chat/new.json"] == b'{"limit":"many"}'
    assert "acme/chat/old.json" not in tree
    write_files(root, {"schemas/s.json": '{"properties": {"limit": {"type": "null"}}}'})
    compiled(root, out, status=1)
    assert compiled(root, out, "--rev", first)["acme/chat/old.json"] == b'{"limit":1,"list":["a","b"]}'
    done = program("check", "--rev", first, cwd=root)
    assert done.returncode == 0, done.stdout


def test_findings_come_in_one_order(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    repository(root)
    bad = {f"configs/org-{n % 3}/service-{n}/dev.yaml": "limit: much\nnext: ${nowhere}\nyes: no\n" for n in range(40)}
    write_files(root, bad)
    commit(root)
    reports = set()
    for seed, jobs in (("0", "1"), ("1", "2"), ("2", "2")):
        done = program(
            "check", "--format", "json", "--no-cache", "--jobs", jobs, cwd=root, env={"PYTHONHASHSEED": seed}
        )
        assert done.returncode == 1, done.stderr
        reports.add(done.stdout)
    assert len(reports) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_random_repository_gives_the_same_for_any_hash_seed(tmp_path: Path, seed: int) -> None:
    maker = Maker(Random(seed))
    maker.spice, maker.promoting = 0, 1
    root = tmp_path / "repository"
    root.mkdir()
    write_repo(maker.repo(), root, Random(seed))
    results = set()
    for number in (0, 1):
        env = {"PYTHONHASHSEED": str(number)}
        done = program("compile", "-o", f"../out-{number}", "--no-cache", "--now", "2026-06-01", cwd=root, env=env)
        out = tmp_path / f"out-{number}"
        results.add((done.returncode, done.stderr, str(tree_of(out) if out.exists() else {}).replace(out.name, "")))
    assert len({(status, err.replace("out-1", "out-0")) for status, err, _ in results}) == 1
    assert len({tree for *_, tree in results}) == 1


def test_umask_decides_the_mode_of_files_and_nothing_else_does(origin: tuple[Path, str, Tree], tmp_path: Path) -> None:
    root, revision, expected = origin
    old = os.umask(0o027)
    try:
        assert compiled(root, tmp_path / "out", "--rev", revision) == expected
    finally:
        os.umask(old)
    modes = {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert modes == {"0o640"}
    assert oct((tmp_path / "out").stat().st_mode & 0o777) == "0o750"
