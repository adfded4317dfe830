"""Version records of real Git histories."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.app.log import log
from gitconfigmgr.app.select import State
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.history.patch import apply
from gitconfigmgr.model.names import Target
from gitconfigmgr.wiring.trees import open_chronicle
from tests.unit.repositories import SECRET, SETTINGS, commit, git, program, write_files

if TYPE_CHECKING:
    from pathlib import Path

    from gitconfigmgr.app.records import Chronicle

CHAT = Target("acme/chat", "production")
BASE = "configs/acme/chat/base.yaml"


def open_(root: Path, rev: str | None = None, *, cached: bool = True) -> Chronicle:
    return open_chronicle(State(root, rev), cached=cached)


def seen(root: Path, target: Target = CHAT, rev: str | None = None, *, cached: bool = True) -> list[tuple[Any, ...]]:
    """Number, change type, rollback_to, and the document (a word where there is none) of every version."""
    chronicle = open_(root, rev, cached=cached)
    found = []
    for version in chronicle.versions(target):
        document: Any = "broken" if version.broken else "gone"
        if version.digest:
            document = chronicle.document(target, version.number)
        found.append((version.number, version.change_type, version.rollback_to, document))
    return found


def step(root: Path, message: str, files: dict[str, str | None]) -> str:
    write_files(root, files)
    return commit(root, message)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two versions of acme/chat, and a commit between them that is about something else."""
    where = tmp_path / "work"
    where.mkdir()
    step(where, "Begin", SETTINGS | {BASE: "timeout: 30\n"})
    step(where, "Read me", {"README": "hello\n", "configs/acme/other/base.yaml": "a: 1\n"})
    step(where, "Be patient", {BASE: "timeout: 60\n"})
    return where


def test_a_version_for_each_commit_that_changed_the_document(root: Path) -> None:
    step(root, "A comment", {BASE: "# seconds\ntimeout: 60\n"})
    assert seen(root) == [(1, "create", None, {"timeout": 30}), (2, "update", None, {"timeout": 60})]


def test_layers_above_and_settings_count(root: Path) -> None:
    step(root, "For all", {"configs/global/production.yaml": "region: eu\n"})
    step(root, "Other order", {"gitconfigmgr.yaml": "version: 1\nprecedence: namespace\n"})
    step(root, "Other region", {"configs/global/staging.yaml": "region: us\n"})
    assert [version[3] for version in seen(root)][2:] == [{"region": "eu", "timeout": 60}]
    step(root, "No production", {"gitconfigmgr.yaml": "version: 1\nenvironments: {development: {extends: base}}\n",
                                 "configs/global/production.yaml": None, "configs/global/staging.yaml": None})  # fmt: skip
    assert seen(root)[-1] == (4, "delete", None, "gone")


def test_deleted_and_restored(root: Path) -> None:
    step(root, "Away", {BASE: None})
    step(root, "Back", {BASE: "timeout: 60\n"})
    assert seen(root)[2:] == [(3, "delete", None, "gone"), (4, "restore", None, {"timeout": 60})]
    assert open_(root).version(CHAT, 4).equal_to == 2


def test_a_revert_is_a_rollback_and_an_unmarked_return_is_not(root: Path) -> None:
    git(root, "revert", "--no-edit", "HEAD")
    step(root, "Patience again", {BASE: "timeout: 60\n"})
    assert seen(root)[2:] == [(3, "rollback", 1, {"timeout": 30}), (4, "update", None, {"timeout": 60})]
    assert open_(root).version(CHAT, 4).equal_to == 2


def test_broken_versions_are_marked_and_the_others_go_on(root: Path) -> None:
    step(root, "Oops", {BASE: "timeout: [\n"})
    step(root, "Still", {BASE: "timeout: [1\n"})
    step(root, "Repair", {BASE: "timeout: 61\n"})
    step(root, "Settings", {"gitconfigmgr.yaml": "version: 1\nprecedense: x\n"})
    step(root, "Settings again", {"gitconfigmgr.yaml": "version: 1\n"})
    assert [version[1:] for version in seen(root)[2:]] == [
        ("update", None, "broken"),
        ("update", None, {"timeout": 61}),
        ("update", None, "broken"),
        ("update", None, {"timeout": 61}),
    ]
    found = open_(root)
    assert found.version(CHAT, 4).diff == [{"op": "replace", "path": "/timeout", "value": 61}]
    assert "GCM101" in found.version(CHAT, 3).summary
    with pytest.raises(UsageError, match="version 3 of acme/chat in production does not compile"):
        found.document(CHAT, 3)


def test_a_finding_about_a_document_does_not_break_its_version(root: Path) -> None:
    """Whether a value was allowed is a matter of the rules; what it was is a matter of history."""
    schema = '{"properties": {"timeout": {"maximum": 50}}}'
    settings = 'version: 1\nschemas: [{schema: schemas/a.schema.json, namespaces: ["acme/*"]}]\n'
    step(root, "Too late", {"gitconfigmgr.yaml": settings, "schemas/a.schema.json": schema})
    step(root, "Higher", {BASE: "timeout: 99\n"})
    assert seen(root)[2:] == [(3, "update", None, {"timeout": 99})]


def test_a_schema_that_changes_how_lists_merge_makes_a_version(root: Path) -> None:
    settings = 'version: 1\nschemas: [{schema: schemas/a.schema.json, namespaces: ["acme/*"]}]\n'
    step(root, "Lists", {"gitconfigmgr.yaml": settings, "schemas/a.schema.json": "{}", BASE: "l: [1]\n",
                         "configs/acme/chat/production.yaml": "l: [2]\n"})  # fmt: skip
    step(root, "Append", {"schemas/a.schema.json": '{"properties": {"l": {"x-gcm-merge": "append"}}}'})
    assert [version[3] for version in seen(root)][2:] == [{"l": [2]}, {"l": [1, 2]}]


def test_references_to_other_targets_count(root: Path) -> None:
    step(root, "Refer", {BASE: "timeout: ${acme/other:a}\nnear: ${acme/far:b:-no}\n"})
    step(root, "Change there", {"configs/acme/other/base.yaml": "a: 2\n"})
    step(root, "There at last", {"configs/acme/far/base.yaml": "b: 3\n"})
    assert [version[3] for version in seen(root)][2:] == [
        {"near": "no", "timeout": 1},
        {"near": "no", "timeout": 2},
        {"near": 3, "timeout": 2},
    ]


def test_what_is_remembered_is_told_in_the_same_words(root: Path) -> None:
    write = partial(step, root)
    write(
        "Odd order",
        {
            BASE: "z: {v: 1, b: [{u: 1, c: 2}]}\na: 1\n",
            "configs/acme/chat/production.yaml": "m: 1\nk: 1.5\n",
        },
    )
    write("Other order", {BASE: "a: 2\nz: {b: [{c: 3, u: 1}], v: {q: 1, p: {s: 1, r: 2}}}\n"})
    write("Moved", {BASE: "a: 2\nw: {b: [{c: 3, u: 1}], v: {q: 1, p: {s: 1, r: 2}}}\n"})
    asked = [["show"], ["log", "--format", "json"], ["log", "--patch"], ["blame"], ["history", "--html", "-"]]
    for words in asked:
        said = [
            program(words[0], "acme/chat", "-e", "production", *words[1:], *more, cwd=root).stdout
            for more in (["--no-cache"], [], [])
        ]
        assert said[0]
        assert said[0] == said[1] == said[2]


def test_patches_lead_from_version_to_version_and_back(root: Path) -> None:
    step(root, "Odd keys", {BASE: '"a/b": {"~c": [1, true, "1"], "x.y": {"é~1": 1.5}, "": null}\n'})
    step(root, "Odd changes", {BASE: '"a/b": {"~c": [true, 1, "1"], "x.y": {"é~1": 2, "/": {}}}\n'})
    step(root, "Gone", {BASE: None})
    chronicle = open_(root)
    document: Any = {}
    for version in chronicle.versions(CHAT):
        new = chronicle.document(CHAT, version.number) if version.digest else {}
        assert json.dumps(apply(document, version.diff), sort_keys=True) == json.dumps(new, sort_keys=True)
        assert json.dumps(apply(new, version.inverse), sort_keys=True) == json.dumps(document, sort_keys=True)
        document = new


def test_a_new_ciphertext_is_a_version_without_any_of_it(root: Path) -> None:
    step(root, "Key", {BASE: f"key: {SECRET}\nsops: {{mac: x, version: 3.9.0, age: []}}\n"})
    other = SECRET.replace("data:cXE=", "data:enp6")
    step(root, "New key", {BASE: f"key: {other}\nsops: {{mac: x, version: 3.9.0, age: []}}\n"})
    chronicle = open_(root)
    versions = chronicle.versions(CHAT)
    assert [version.summary for version in versions[3:]] == ["key encrypted anew"]
    shape = {"$secret": {"type": "string", "kind": None}}
    assert versions[3].diff == [{"op": "replace", "path": "/key", "value": shape}]
    assert seen(root)[-1][3] == {"key": shape}


def test_merges_count_where_they_reach_the_branch(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "side", "HEAD~1")
    step(root, "One", {"configs/acme/chat/production.yaml": "retries: 1\n"})
    step(root, "Two", {"configs/acme/chat/production.yaml": "retries: 2\n"})
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
    assert [version[3] for version in seen(root)][2:] == [{"retries": 2, "timeout": 60}]
    assert log(open_(root), *CHAT).entries[0].commit.summary == "Merge side"
    assert [version[3] for version in seen(root, rev="side")] == [
        {"timeout": 30}, {"retries": 1, "timeout": 30}, {"retries": 2, "timeout": 30},
    ]  # fmt: skip


def test_a_criss_cross_of_merges_has_one_line(root: Path) -> None:
    git(root, "branch", "other", "HEAD~1")
    step(root, "Ours", {"configs/acme/chat/production.yaml": "ours: 1\n"})
    git(root, "checkout", "-q", "other")
    step(root, "Theirs", {"configs/acme/chat/staging.yaml": "theirs: 1\n"})
    git(root, "merge", "-q", "--no-ff", "-m", "Down", "main")
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "-m", "Up", "other~1")
    git(root, "merge", "-q", "--no-ff", "-m", "Up again", "other")
    assert [version[3] for version in seen(root)][2:] == [
        {"ours": 1, "timeout": 60},
        {"ours": 1, "theirs": 1, "timeout": 60},
    ]


def test_a_renamed_namespace_says_what_it_was(root: Path) -> None:
    git(root, "mv", "configs/acme/chat", "configs/acme/talk")
    commit(root, "Rename")
    step(root, "Go on", {"configs/acme/talk/base.yaml": "timeout: 61\n"})
    assert seen(root)[2:] == [(3, "delete", None, "gone")]
    chronicle = open_(root)
    assert chronicle.versions(Target("acme/talk", "production"))[0].renamed_from == "acme/chat"
    followed = log(chronicle, "acme/talk", "production", follow=True)
    assert [(entry.target.namespace, entry.version.number) for entry in followed.entries] == [
        ("acme/talk", 2), ("acme/talk", 1), ("acme/chat", 2), ("acme/chat", 1),
    ]  # fmt: skip


def test_a_namespace_that_gets_children_is_compiled_no_more(root: Path) -> None:
    step(root, "Split", {"configs/acme/chat/web/base.yaml": "x: 1\n"})
    assert seen(root)[-1] == (3, "delete", None, "gone")
    assert seen(root, Target("acme/chat/web", "production")) == [(1, "create", None, {"timeout": 60, "x": 1})]


def test_a_shallow_clone_is_told(root: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", root.as_uri(), str(clone))
    with pytest.raises(OutsideError, match="shallow"):
        seen(clone)


def test_grafts_are_a_history_of_their_own_and_replacements_are_none(root: Path) -> None:
    assert len(seen(root)) == 2
    grafts = root / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(git(root, "rev-parse", "HEAD") + "\n")
    assert seen(root) == [(1, "create", None, {"timeout": 60})]
    grafts.unlink()
    git(root, "replace", "--graft", "HEAD")
    assert len(seen(root)) == 2


def test_a_detached_head_has_versions_and_no_branch(root: Path) -> None:
    git(root, "checkout", "-q", "--detach", "HEAD~1")
    found = log(open_(root), *CHAT)
    assert (found.branch, len(found.entries)) == (None, 1)
    assert log(open_(root, "main"), *CHAT).branch == "main"


def test_before_the_first_commit_there_is_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write_files(tmp_path, SETTINGS | {BASE: "a: 1\n"})
    with pytest.raises(UsageError, match="has no versions here"):
        log(open_(tmp_path), *CHAT)


def test_a_bare_repository_has_the_same_versions(root: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    assert seen(tmp_path / "bare.git", rev="main") == seen(root)


def test_without_its_memory_everything_is_the_same(root: Path) -> None:
    """Cold, warm, after a new commit, on a rewritten branch, and with the memory damaged."""

    def whole(*, cached: bool = True) -> str:
        chronicle = open_(root, cached=cached)
        return repr(
            [chronicle.versions(CHAT), [e.commit for e in log(chronicle, *CHAT).entries], seen(root, cached=cached)]
        )

    def check() -> None:
        assert whole() == whole(cached=False)
        assert whole() == whole(cached=False)

    check()
    step(root, "More", {BASE: "timeout: 90\n"})
    check()
    git(root, "commit", "-q", "--amend", "-m", "More, said better")
    check()
    git(root, "reset", "-q", "--hard", "HEAD~2")
    step(root, "Elsewhere", {BASE: "timeout: 12\n"})
    check()
    memory = root / ".git" / "gitconfigmgr" / "history"
    files = sorted(memory.iterdir(), key=lambda path: path.stat().st_size)
    for file in files:
        data = file.read_bytes()
        for damaged in (b"", data[:-3], data.replace(b"timeout", b"tameout"), None):
            if damaged is None:
                file.unlink()
            else:
                file.write_bytes(damaged)
            check()
    shutil.rmtree(memory)
    check()


def test_pinned_versions_are_what_was_recorded_before(root: Path) -> None:
    step(root, "Pin", {"configs/acme/other/base.yaml": "was: ${acme/chat@1:timeout}\nis: ${acme/chat:timeout}\n"})
    step(root, "On", {BASE: "timeout: 99\n"})
    other = Target("acme/other", "production")
    assert seen(root, other)[1:] == [
        (2, "update", None, {"is": 60, "was": 30}),
        (3, "update", None, {"is": 99, "was": 30}),
    ]


def test_a_version_of_the_commit_itself_is_not_there_yet(root: Path) -> None:
    files = {"configs/acme/other/base.yaml": "was: ${acme/chat@3:timeout}\n", BASE: "timeout: 3\n"}
    step(root, "Too soon", files)
    other = Target("acme/other", "production")
    assert seen(root, other)[-1][3] == "broken"
    step(root, "Now it is", {"README": "x\n"})
    assert seen(root, other)[-1][3] == {"was": 3}


def test_versions_that_pin_one_another(root: Path) -> None:
    files = {BASE: "m: ${acme/other@1:a:-0}\n", "configs/acme/other/base.yaml": "a: ${acme/chat@2:timeout}\n"}
    step(root, "Both", files)
    step(root, "Deeper", {BASE: "m: ${acme/other@2:a}\n", "configs/acme/other/base.yaml": "a: ${acme/chat@3:m}\n"})
    assert seen(root)[2:] == [(3, "update", None, {"m": 1}), (4, "update", None, {"m": 60})]
    assert seen(root, Target("acme/other", "production"))[1:] == [
        (2, "update", None, {"a": 60}),
        (3, "update", None, {"a": 1}),
    ]


def test_hostile_commits_do_no_harm(root: Path) -> None:
    """Times out of range, no author, a message that is no text."""
    tree = git(root, "rev-parse", "HEAD^{tree}")
    parent = git(root, "rev-parse", "HEAD")
    write_files(root, {BASE: "timeout: 61\n"})
    git(root, "add", "-A")
    tree = git(root, "write-tree")
    body = (
        f"tree {tree}\nparent {parent}\nauthor  <> 99999999999999 +0000\ncommitter \x1b[31m <> 99999999999999 +0000\n\n"
    )
    done = subprocess.run(["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"], cwd=root, check=True,
                          input=body.encode() + b"\xff\x1b[2J\nbad\n", capture_output=True)  # fmt: skip
    git(root, "update-ref", "refs/heads/main", done.stdout.decode().strip())
    assert seen(root)[-1] == (3, "update", None, {"timeout": 61})
    assert log(open_(root), *CHAT).entries[0].commit.time.year >= 1970


def test_what_is_not_there_is_told(root: Path) -> None:
    for number in (0, 3, 10**9):
        with pytest.raises(UsageError, match="has no version"):
            open_(root).version(CHAT, number)
    with pytest.raises(UsageError) as info:
        open_(root).version(Target("acme/chatt", "production"), 1)
    assert info.value.hint == "did you mean acme/chat?"
    with pytest.raises(UsageError, match="there is no revision"):
        seen(root, rev="nothing")
