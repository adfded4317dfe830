"""Commits by the program: git itself says whether they are what was meant, and what is left of the repository."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from gitconfigmgr.adapters.git.commit import MovedError, commit_files
from gitconfigmgr.adapters.git.revision import open_repository
from gitconfigmgr.errors import OutsideError, UsageError
from tests.unit.repositories import commit, git, write_files

FILES = {"a.yaml": "a: 1\n", "deep/er/b.yaml": "b: 1\n", "other.yaml": "o: 1\n"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    write_files(folder, FILES)
    commit(folder)
    return folder


def put(folder: Path, files: dict[str, bytes | None], branch: str | None = None, **more: bool) -> str:
    """Commit on top of where the branch is."""
    return commit_files(open_repository(folder), branch, at(folder, branch or "HEAD"), files, "Set a\n\nWhy.", **more)


def at(folder: Path, name: str) -> str:
    return git(folder, "rev-parse", name)


def hook(folder: Path, name: str, *lines: str) -> None:
    place = Path(git(folder, "rev-parse", "--absolute-git-dir")) / "hooks" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    place.chmod(0o755)


def unchanged(folder: Path, before: str) -> bool:
    leftovers = [path.name for path in (folder / ".git").iterdir() if "gcm" in path.name or path.name == "index.lock"]
    return at(folder, "HEAD") == before and git(folder, "status", "--porcelain") == "" and not leftovers


def test_a_commit_is_as_git_makes_it_and_the_work_tree_follows(root: Path) -> None:
    before = at(root, "HEAD")
    (root / "a.yaml").chmod(0o755)
    commit(root, "mode")
    made = put(root, {"a.yaml": b"a: 2\n", "deep/er/b.yaml": None, "new/c.yaml": b"c: 1\n"})
    assert at(root, "HEAD") == made
    assert at(root, "HEAD~2") == before
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "show", "-s", "--format=%an %ae %cn %ad%n%B").startswith("Author author@example.org Committer ")
    assert git(root, "log", "-1", "--format=%B") == "Set a\n\nWhy."
    shown = git(root, "diff", "--summary", "HEAD~", "HEAD").splitlines()
    assert [line.split() for line in shown] == [
        ["delete", "mode", "100644", "deep/er/b.yaml"],
        ["create", "mode", "100644", "new/c.yaml"],
    ]
    assert git(root, "ls-tree", "HEAD", "a.yaml").startswith("100755")
    assert not (root / "deep").exists()
    assert git(root, "reflog", "-1", "--format=%gs") == "commit: Set a"
    git(root, "fsck", "--strict")


def test_what_others_have_staged_or_edited_stays_theirs(root: Path) -> None:
    write_files(root, {"other.yaml": "o: staged\n", "x.yaml": "new\n"})
    git(root, "add", "other.yaml")
    write_files(
        root, {"other.yaml": "o: edited since\n"}
    )  # of another length: within one tick of the clock Git sees no more
    put(root, {"a.yaml": b"a: 2\n"})
    assert git(root, "status", "--porcelain").split("\n") == ["MM other.yaml", "?? x.yaml"]
    assert git(root, "show", ":other.yaml") == "o: staged"
    assert git(root, "diff", "--name-only", "HEAD~", "HEAD") == "a.yaml"


@pytest.mark.parametrize("stage", [False, True])
def test_edits_of_somebody_in_the_same_file_are_not_overwritten(root: Path, *, stage: bool) -> None:
    before = at(root, "HEAD")
    write_files(root, {"a.yaml": "a: mine\n"})
    if stage:
        git(root, "add", "a.yaml")
        write_files(root, {"a.yaml": "a: 1\n"})
    content = (root / "a.yaml").read_bytes()
    with pytest.raises(UsageError, match=r"a\.yaml"):
        put(root, {"other.yaml": b"o: 2\n", "a.yaml": b"a: 2\n"})
    assert at(root, "HEAD") == before
    assert (root / "a.yaml").read_bytes() == content
    assert (root / "other.yaml").read_text() == "o: 1\n"


def test_an_untracked_file_in_the_way_is_refused_an_ignored_one_too(root: Path) -> None:
    write_files(root, {".gitignore": "new.yaml\n", "new.yaml": "mine\n"})
    git(root, "add", ".gitignore")
    git(root, "commit", "-qm", "ignore")
    with pytest.raises(UsageError, match="is there already"):
        put(root, {"new.yaml": b"c: 1\n"})
    assert (root / "new.yaml").read_text() == "mine\n"


def test_a_link_in_the_way_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(UsageError, match="link"):
        put(root, {"link/c.yaml": b"c: 1\n"})
    git(root, "add", "link")
    git(root, "commit", "-qm", "link")
    with pytest.raises(UsageError, match="no folder"):
        put(root, {"link/c.yaml": b"c: 1\n"})
    assert not list((tmp_path / "outside").iterdir())


def test_a_read_only_file_is_refused(root: Path) -> None:
    before = at(root, "HEAD")
    (root / "other.yaml").chmod(0o444)
    with pytest.raises(UsageError, match="read-only"):
        put(root, {"a.yaml": b"a: 2\n", "other.yaml": b"o: 2\n"})
    assert unchanged(root, before)


def test_crlf_that_git_has_made_is_no_change(root: Path) -> None:
    git(root, "config", "core.autocrlf", "true")
    (root / "a.yaml").write_bytes(b"a: 1\r\n")
    put(root, {"a.yaml": b"a: 2\n"})
    assert git(root, "show", "HEAD:a.yaml") == "a: 2"


def test_another_branch_is_written_without_the_work_tree(root: Path) -> None:
    git(root, "branch", "other")
    before = at(root, "HEAD")
    write_files(root, {"a.yaml": "a: mine\n"})
    made = put(root, {"a.yaml": b"a: 2\n"}, "other")
    assert at(root, "other") == made
    assert at(root, "HEAD") == before
    assert (root / "a.yaml").read_text() == "a: mine\n"
    fresh = commit_files(open_repository(root), "topic/new", before, {"n.yaml": b"n: 1\n"}, "new")
    assert at(root, "topic/new~") == before
    assert at(root, "topic/new") == fresh


def test_the_branch_of_another_work_tree_is_refused(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-q", "-b", "other", str(tmp_path / "second"))
    with pytest.raises(UsageError, match="another work tree"):
        put(root, {"a.yaml": b"a: 2\n"}, "other")
    with pytest.raises(UsageError, match="another work tree"):
        put(tmp_path / "second", {"a.yaml": b"a: 2\n"}, "main")
    made = put(tmp_path / "second", {"a.yaml": b"a: 2\n"})
    assert at(root, "other") == made
    assert git(tmp_path / "second", "status", "--porcelain") == ""


def test_a_bare_repository(root: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(root), str(bare))
    made = put(bare, {"a.yaml": b"a: 2\n"}, "main")
    assert at(bare, "main") == made
    assert git(bare, "show", "main:a.yaml") == "a: 2"
    hook(bare, "update", "exit 0")
    with pytest.raises(UsageError, match="hook update"):
        put(bare, {"a.yaml": b"a: 3\n"}, "main")
    put(bare, {"a.yaml": b"a: 3\n"}, "main", verify=False)


def test_the_first_commit_and_a_detached_head(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    first = commit_files(open_repository(tmp_path), None, None, {"a.yaml": b"a: 1\n"}, "first")
    assert at(tmp_path, "main") == first
    git(tmp_path, "checkout", "-q", "--detach")
    second = put(tmp_path, {"a.yaml": b"a: 2\n"})
    assert (at(tmp_path, "HEAD"), at(tmp_path, "main")) == (second, first)
    assert git(tmp_path, "status", "--porcelain") == ""


def test_a_branch_that_has_moved_is_left_alone(root: Path) -> None:
    old = at(root, "HEAD")
    new = put(root, {"a.yaml": b"a: 2\n"})
    with pytest.raises(MovedError):
        commit_files(open_repository(root), None, old, {"a.yaml": b"a: 3\n"}, "late")
    assert unchanged(root, new)


def test_a_branch_that_moves_while_the_hooks_run_is_left_alone(root: Path) -> None:
    moved = git(root, "commit-tree", "-p", "HEAD", "-m", "theirs", "HEAD^{tree}")
    hook(root, "pre-commit", f"git update-ref refs/heads/main {moved}")
    with pytest.raises(MovedError):
        put(root, {"a.yaml": b"a: 2\n", "new.yaml": b"n: 1\n"})
    assert unchanged(root, moved)


def test_the_hooks_of_a_commit_run_as_git_runs_them(root: Path) -> None:
    hook(root, "pre-commit", "git diff --cached > seen; cat a.yaml >> seen; git add other.yaml 2>/dev/null; exit 0")
    hook(root, "commit-msg", 'echo "Change-Id: I1" >> "$1"')
    hook(root, "post-commit", "git rev-parse HEAD > after; exit 1")
    made = put(root, {"a.yaml": b"a: 2\n"})
    assert "+a: 2" in (root / "seen").read_text()
    assert (root / "seen").read_text().endswith("a: 2\n")
    assert git(root, "log", "-1", "--format=%B").endswith("Change-Id: I1")
    assert (root / "after").read_text().strip() == made


@pytest.mark.parametrize("name", ["pre-commit", "commit-msg", "prepare-commit-msg"])
def test_a_hook_that_refuses(root: Path, name: str) -> None:
    before = at(root, "HEAD")
    hook(root, name, "echo not on Fridays >&2; exit 1")
    with pytest.raises(OutsideError, match="not on Fridays"):
        put(root, {"a.yaml": b"a: 2\n", "new/n.yaml": b"n: 1\n"})
    assert unchanged(root, before)
    if name != "prepare-commit-msg":
        put(root, {"a.yaml": b"a: 2\n"}, verify=False)
        assert at(root, "HEAD~") == before


def test_a_hook_that_edits_what_is_committed_is_refused(root: Path) -> None:
    before = at(root, "HEAD")
    hook(root, "pre-commit", "echo 'a: 3' > a.yaml; git add a.yaml")
    with pytest.raises(OutsideError, match="changed what is to be committed"):
        put(root, {"a.yaml": b"a: 2\n"})
    assert at(root, "HEAD") == before
    assert (root / "a.yaml").read_text() == "a: 3\n"  # the hook's edit is not ours to take back


def test_pre_commit_cannot_judge_a_branch_that_is_not_checked_out(root: Path) -> None:
    git(root, "branch", "other")
    hook(root, "pre-commit", "exit 0")
    with pytest.raises(UsageError, match="checked out"):
        put(root, {"a.yaml": b"a: 2\n"}, "other")
    put(root, {"a.yaml": b"a: 2\n"}, "other", verify=False)


def test_a_hooks_path_and_reference_transaction(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hooks"
    folder.mkdir()
    git(root, "config", "core.hooksPath", str(folder))
    (folder / "reference-transaction").write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/seen\n[ ! -e {tmp_path}/no ]\n')
    (folder / "reference-transaction").chmod(0o755)
    made = put(root, {"a.yaml": b"a: 2\n"})
    assert (tmp_path / "seen").read_text().split() == ["prepared", "committed"]
    assert git(root, "reflog", "-1", "--format=%gs") == "commit: Set a"
    (tmp_path / "no").touch()
    with pytest.raises(OutsideError):
        put(root, {"a.yaml": b"a: 3\n"})
    (tmp_path / "no").unlink()
    assert unchanged(root, made)


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="needs ssh-keygen")
def test_a_signature_by_ssh(root: Path, tmp_path: Path) -> None:
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")]
    subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
    public = (tmp_path / "key.pub").read_text()
    (tmp_path / "signers").write_text(f"committer@example.org {public}")
    for name, value in {
        "commit.gpgsign": "true", "gpg.format": "ssh", "user.signingkey": f"{tmp_path}/key.pub",
        "gpg.ssh.allowedSignersFile": f"{tmp_path}/signers",
    }.items():  # fmt: skip
        git(root, "config", name, value)
    put(root, {"a.yaml": b"a: 2\n"})
    assert git(root, "log", "-1", "--format=%G? %an %cn %aI") == "G Author Committer 2026-01-02T03:04:05+00:00"
    assert git(root, "status", "--porcelain") == ""
    (tmp_path / "key").unlink()
    before = at(root, "HEAD")
    with pytest.raises(OutsideError, match="could not be signed"):
        put(root, {"a.yaml": b"a: 3\n"})
    assert unchanged(root, before)


def test_nobody_is_guessed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    before = at(root, "HEAD")
    with pytest.raises(UsageError, match="does not know who"):
        put(root, {"a.yaml": b"a: 2\n"})
    assert unchanged(root, before)
    git(root, "config", "user.name", "Someone Else")
    git(root, "config", "user.email", "else@example.org")
    put(root, {"a.yaml": b"a: 2\n"})
    assert git(root, "log", "-1", "--format=%an <%ae>") == "Someone Else <else@example.org>"


def test_an_index_in_use_an_unfinished_merge_and_nothing_to_do(root: Path) -> None:
    before = at(root, "HEAD")
    (root / ".git/index.lock").touch()
    with pytest.raises(OutsideError, match="another git process"):
        put(root, {"a.yaml": b"a: 2\n"})
    (root / ".git/index.lock").unlink()
    (root / ".git/MERGE_HEAD").write_text(f"{before}\n")
    with pytest.raises(UsageError, match="not finished"):
        put(root, {"a.yaml": b"a: 2\n"})
    (root / ".git/MERGE_HEAD").unlink()
    with pytest.raises(UsageError, match="nothing to commit"):
        put(root, {"a.yaml": b"a: 1\n"})
    with pytest.raises(UsageError, match="empty"):
        commit_files(open_repository(root), None, before, {"a.yaml": b"a: 2\n"}, " \n")
    with pytest.raises(UsageError, match="no name for a branch"):
        commit_files(open_repository(root), "a..b", before, {"a.yaml": b"a: 2\n"}, "m")
    assert unchanged(root, before)


def test_without_git_what_git_would_do_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(root, "config", "user.name", "Some One")
    git(root, "config", "user.email", "some@example.org")
    before = at(root, "HEAD")
    repository = open_repository(root)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    made = commit_files(repository, None, before, {"a.yaml": b"a: 2\n"}, "without git")
    monkeypatch.undo()
    assert git(root, "log", "-1", "--format=%an") == "Some One"
    hook(root, "pre-commit", "exit 0")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(OutsideError, match="cannot be run"):
        commit_files(repository, None, made, {"a.yaml": b"a: 3\n"}, "without git")
    monkeypatch.undo()
    assert unchanged(root, made)
