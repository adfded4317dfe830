"""Work tree, index and revisions give the same answers for the same content, whatever kind of repository they lie in.

`git` itself is the judge for ids, blame and what changed.
"""

from __future__ import annotations

import json
import os
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.adapters.git.history import GitHistory
from gitconfigmgr.adapters.git.revision import IndexTree, RevisionTree, open_repository
from gitconfigmgr.adapters.git.worktree import WorkTree
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.ports import MissingObjectError, Tree
from tests.unit.repositories import commit, git, program, tree_of, write_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES: dict[str, str | bytes | None] = {
    "gitconfigmgr.yaml": "version: 1\n",
    "schemas/s.json": "{}",
    "configs/global/base.yaml": "a: 1\n",
    "configs/acme/base.yaml": b"crlf: 1\r\nbytes: \xff\x00\n",
    "configs/acme/chat/base.yaml": "",
    "configs/acme/chat/wörter mit leer.txt": "x",
    "configs/acme/deep/er/and/deeper/base.yaml": "a: 1\n",
    "configs/acme.d/base.yaml": "sorts: between acme and acme/\n",
    "configs/acme/.hidden": "x",
    "configsx/base.yaml": "no\n",
    "other/base.yaml": "no\n",
}
BELOW = sorted(name for name in FILES if name.startswith("configs/"))


def settled(root: Path) -> None:
    """Times long past, so that a work tree trusts them."""
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            os.utime(path, (path.stat().st_mtime - 1000,) * 2)


def work_tree(top: Path, prefix: str) -> Tree:
    return WorkTree(top / prefix)


def index(top: Path, prefix: str) -> Tree:
    return IndexTree(open_repository(top), prefix)


def revision(top: Path, prefix: str) -> Tree:
    return RevisionTree(open_repository(top), "HEAD", prefix)


def bare(top: Path, prefix: str) -> Tree:
    return RevisionTree(open_repository(cloned(top, "bare", "--bare")), "HEAD", prefix)


def shallow(top: Path, prefix: str) -> Tree:
    return RevisionTree(open_repository(cloned(top, "shallow", "--depth", "1", "--no-checkout")), "HEAD", prefix)


def cloned(top: Path, name: str, *options: str) -> Path:
    """A clone beside the repository, made once for each commit."""
    place = top.parent / f"{name}-{git(top, 'rev-parse', 'HEAD')}"
    if not place.exists():
        git(top, "clone", "-q", *options, f"file://{top}", str(place))
    return place


KINDS: dict[str, Callable[[Path, str], Tree]] = {
    "work tree": work_tree,
    "index": index,
    "revision": revision,
    "bare": bare,
    "shallow": shallow,
}


@pytest.fixture(params=["", "platform/config/"], ids=["top", "subfolder"], scope="module")
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory, prefix: str) -> Path:
    """A repository with one commit, and nothing else in the work tree; no test changes it."""
    return made(tmp_path_factory.mktemp("git"), prefix)


def made(folder: Path, prefix: str) -> Path:
    place = folder / "top"
    root = place / prefix
    root.mkdir(parents=True)
    write_files(root, FILES)
    write_files(root.parent, {"outside.yaml": "secret"})
    (root / "configs/acme/link.yaml").symlink_to("base.yaml")
    (root / "configs/acme/folder").symlink_to("chat")
    (root / "configs/gone").symlink_to("/nowhere/at/all")
    library = folder / "library"
    write_files(library, {"base.yaml": "a: 1\n"})
    commit(library)
    git(place, "init", "-q")
    git(place, "submodule", "--quiet", "add", str(library), f"{prefix}configs/acme/module")
    commit(place)
    return place


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def tree(request: pytest.FixtureRequest, top: Path, prefix: str) -> Tree:
    made: Tree = request.param(top, prefix)
    return made


# -- one suite for all ------------------------------------------------------------------------------------------------


def test_files_are_the_regular_ones_below_the_folder(tree: Tree) -> None:
    assert sorted(tree.files("configs")) == BELOW
    assert sorted(tree.files("configs")) == BELOW, "asked twice, the same"
    assert sorted(tree.files("configs/acme/deep")) == ["configs/acme/deep/er/and/deeper/base.yaml"]
    assert sorted(tree.files("schemas")) == ["schemas/s.json"]


@pytest.mark.parametrize("folder", ["nowhere", "configs/none", "gitconfigmgr.yaml", "config", "configs/gone"])
def test_no_folder_has_no_files(tree: Tree, folder: str) -> None:
    assert sorted(tree.files(folder)) == []


def test_oddities_are_named_for_what_they_are(tree: Tree) -> None:
    assert dict(tree.oddities("configs")) == {
        "configs/acme/link.yaml": "link",
        "configs/acme/folder": "link",
        "configs/gone": "link",
        "configs/acme/module": "submodule",
    }
    assert dict(tree.oddities("schemas")) == {}


def test_read_gives_the_committed_bytes(tree: Tree) -> None:
    for name, content in FILES.items():
        expected = content.encode() if isinstance(content, str) else content
        assert tree.read(name) == expected, "before any walk"
    tree.files("configs")
    for name, content in FILES.items():
        assert tree.read(name) == (content.encode() if isinstance(content, str) else content), "and after one"


@pytest.mark.parametrize(
    "path",
    [
        *("nothing.yaml", "configs", "configs/acme", "configs/acme/link.yaml", "configs/acme/folder", "configs/gone"),
        *("configs/acme/folder/base.yaml", "configs/acme/module", "configs/acme/module/base.yaml/x", "gitconfigmgr.yaml/x"),
        *("../outside.yaml", "configs/../gitconfigmgr.yaml", "configs/acme/base.yaml/base.yaml"),
    ],
)  # fmt: skip
def test_read_of_what_is_no_regular_file_gives_nothing(tree: Tree, path: str) -> None:
    assert tree.read(path) is None


def test_blob_id_is_the_one_of_git(tree: Tree, top: Path, prefix: str) -> None:
    names = [*BELOW, "gitconfigmgr.yaml", "schemas/s.json"]
    expected = git(top / prefix, "hash-object", "--no-filters", *names).split()
    assert [tree.blob_id(name) for name in names] == expected
    tree.files("configs")
    assert [tree.blob_id(name) for name in names] == expected


def test_time_is_that_of_the_commit(tree: Tree) -> None:
    time = tree.time()
    assert time is not None
    assert time.isoformat() == "2026-01-02T03:04:05+00:00"


def test_revision_is_known_where_there_is_one(tree: Tree, top: Path) -> None:
    if isinstance(tree, RevisionTree):
        assert tree.revision is not None
        assert tree.revision.commit == git(top, "rev-parse", "HEAD")
        assert tree.revision.author == "Author <author@example.org>"
    else:
        assert tree.revision is None


@pytest.mark.parametrize("kind", ["work tree", "index", "revision", "bare"])
def test_changes_since_a_snapshot_hold_all_that_git_sees(tmp_path: Path, prefix: str, kind: str) -> None:
    top = made(tmp_path, prefix)
    root = top / prefix
    rng = Random(kind)
    settled(root)
    before = json.loads(json.dumps(KINDS[kind](top, prefix).snapshot("configs")))
    assert KINDS[kind](top, prefix).changes("configs", before) == set()
    for _ in range(6):
        edit_at_random(root, rng)
        old = git(top, "rev-parse", "HEAD")
        commit(top)
        shown = git(top, "diff", "--name-only", "--no-renames", "-z", f"{old}..HEAD", "--", f"{prefix}configs")
        actual = {name.removeprefix(prefix) for name in shown.split("\0") if name}
        after = KINDS[kind](top, prefix)
        found = after.changes("configs", before)
        assert found is not None
        assert found >= actual
        assert all(name.startswith("configs/") for name in found)
        settled(root)
        before = json.loads(json.dumps(KINDS[kind](top, prefix).snapshot("configs")))


def edit_at_random(root: Path, rng: Random) -> None:
    """Some files changed, added, removed, and a file that becomes a folder or the other way round."""
    files = sorted(path for path in (root / "configs").rglob("*.yaml") if path.is_file() and not path.is_symlink())
    for path in rng.sample(files, min(3, len(files))):
        if "module" in path.parts:
            continue
        roll = rng.random()
        if roll < 0.5:
            path.write_text(f"a: {rng.random()}\n")
        elif roll < 0.7:
            path.unlink()
        elif roll < 0.85:
            path.unlink()
            write_files(path, {"base.yaml": f"a: {rng.random()}\n"})
        else:
            path.rename(path.with_name("renamed.yaml"))
    write_files(root, {f"configs/n{rng.randint(0, 9)}/base.yaml": f"a: {rng.random()}\n"})


@pytest.mark.parametrize("foreign", [{}, {"other": 1}, {"tree": None}, {"tree": "0" * 40}, {"tree": "no id"}])
def test_changes_since_a_snapshot_of_another_kind_cannot_be_told(tree: Tree, foreign: Any) -> None:
    assert tree.changes("configs", foreign) is None


def test_snapshots_of_one_kind_mean_nothing_to_another(top: Path, prefix: str) -> None:
    trees = [work_tree(top, prefix), index(top, prefix), revision(top, prefix)]
    for one in trees:
        snapshot = one.snapshot("configs")
        assert [other.changes("configs", snapshot) for other in trees if other is not one] == [None, None]


def test_reading_writes_nothing(top: Path, prefix: str) -> None:
    before = tree_of(top)
    for make in (work_tree, index, revision):
        tree = make(top, prefix)
        for name in tree.files("configs"):
            tree.read(name)
        tree.snapshot("configs")
    assert tree_of(top) == before


@pytest.mark.parametrize("kind", ["work tree", "index", "revision"])
def test_folder_that_is_itself_a_link_is_an_oddity(tmp_path: Path, kind: str) -> None:
    write_files(tmp_path, {"gitconfigmgr.yaml": "version: 1\n", "real/global/base.yaml": "a: 1\n"})
    (tmp_path / "configs").symlink_to("real")
    commit(tmp_path)
    tree = KINDS[kind](tmp_path, "")
    assert sorted(tree.files("configs")) == []
    assert dict(tree.oddities("configs")) == {"configs": "link"}


@pytest.mark.parametrize("kind", ["work tree", "index", "revision"])
def test_folder_that_is_itself_a_submodule_is_an_oddity(tmp_path: Path, kind: str) -> None:
    library, top = tmp_path / "library", tmp_path / "top"
    write_files(library, {"global/base.yaml": "a: 1\n"})
    commit(library)
    write_files(top, {"gitconfigmgr.yaml": "version: 1\n"})
    git(top, "init", "-q")
    git(top, "submodule", "--quiet", "add", str(library), "configs")
    commit(top)
    tree = KINDS[kind](top, "")
    assert sorted(tree.files("configs")) == []
    assert dict(tree.oddities("configs")) == {"configs": "submodule"}


@pytest.mark.parametrize("kind", ["work tree", "index", "revision"])
def test_names_that_are_not_utf_8_are_oddities(tmp_path: Path, kind: str) -> None:
    write_files(tmp_path, {"gitconfigmgr.yaml": "version: 1\n", "configs/acme/base.yaml": "a: 1\n"})
    with open(os.fsencode(tmp_path) + b"/configs/acme/n\xff.txt", "wb") as file:
        file.write(b"x")
    commit(tmp_path)
    tree = KINDS[kind](tmp_path, "")
    assert sorted(tree.files("configs")) == ["configs/acme/base.yaml"]
    assert dict(tree.oddities("configs")) == {"configs/acme/n\\udcff.txt": "badly named"}
    assert tree.changes("configs", json.loads(json.dumps(tree.snapshot("configs")))) is not None


# -- repositories that lack something ---------------------------------------------------------------------------------

SERVICES: dict[str, str | bytes | None] = {
    "gitconfigmgr.yaml": "version: 1\n",
    "configs/acme/chat/base.yaml": "a: 1\n",
    "configs/acme/mail/base.yaml": "b: 1\n",
}


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """Two commits; the second one changes chat only."""
    root = tmp_path / "origin"
    write_files(root, SERVICES)
    commit(root)
    write_files(root, {"configs/acme/chat/base.yaml": "a: 2\n"})
    commit(root)
    git(root, "config", "uploadpack.allowFilter", "true")
    return root


def test_shallow_clone_says_that_old_revisions_are_missing(service: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{service}", "clone")
    with pytest.raises(UsageError, match="no revision HEAD~1") as found:
        RevisionTree(open_repository(tmp_path / "clone"), "HEAD~1", "")
    assert "shallow" in str(found.value.hint)


def test_partial_clone_reports_each_missing_file_and_checks_the_others(service: Path, tmp_path: Path) -> None:
    write_files(service, {"configs/beta/api/base.yaml": "c: ${nowhere}\n"})
    commit(service)
    git(tmp_path, "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{service}", "clone")
    clone = tmp_path / "clone"
    git(clone, "config", "remote.origin.url", "file:///nowhere")
    lacking = RevisionTree(open_repository(clone), "HEAD", "")
    assert "configs/acme/chat/base.yaml" in lacking.files("configs")
    with pytest.raises(MissingObjectError):
        lacking.read("configs/acme/chat/base.yaml")
    done = program("check", "--rev", "HEAD", cwd=clone)
    assert done.returncode == 3
    assert "gitconfigmgr.yaml" in done.stderr
    have = [git(service, "rev-parse", f"HEAD:{name}") for name in ("gitconfigmgr.yaml", "configs/beta/api/base.yaml")]
    for blob in have:
        data = git(service, "cat-file", "blob", blob) + "\n"
        git(clone, "hash-object", "-w", "--stdin", data=data.encode())
    report = json.loads(program("check", "--rev", "HEAD", "--format", "json", cwd=clone).stdout)
    codes = sorted((item["code"], item["position"]["path"]) for item in flat(report))
    assert codes == [
        ("GCM124", "configs/acme/chat/base.yaml"),
        ("GCM124", "configs/acme/mail/base.yaml"),
        ("GCM302", "configs/beta/api/base.yaml"),
    ]


def flat(report: Any) -> list[Any]:
    """The findings of a JSON report, with their position under one name."""
    found = report["diagnostics"] if "diagnostics" in report else report["findings"]
    return [
        item | {"position": item.get("position") or item.get("location") or {"path": item.get("path")}}
        for item in found
    ]


def test_clone_without_trees_says_that_objects_are_missing(service: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--filter=tree:0", "--no-checkout", f"file://{service}", "clone")
    git(tmp_path / "clone", "config", "remote.origin.url", "file:///nowhere")
    done = program("check", "--rev", "HEAD", cwd=tmp_path / "clone")
    assert done.returncode == 3, done.stderr
    assert "missing" in done.stderr or "has no" in done.stderr
    assert "fetch" in done.stderr


def test_folder_whose_tree_object_is_missing_is_not_taken_for_empty(service: Path) -> None:
    tree = git(service, "rev-parse", "HEAD:configs/acme/chat")
    (service / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(OutsideError, match="missing"):
        RevisionTree(open_repository(service), "HEAD", "").files("configs")
    done = program("check", "--rev", "HEAD", cwd=service)
    assert done.returncode == 3, done.stdout + done.stderr


@pytest.mark.parametrize(
    "name", ["nobody", "HEAD~9", "", "HEAD:configs", "0000000000000000000000000000000000000000", "@{x", "a..b"]
)
def test_what_is_no_revision_is_said_so(service: Path, name: str) -> None:
    with pytest.raises(UsageError):
        RevisionTree(open_repository(service), name, "")


def test_tags_branches_and_short_ids_are_revisions(service: Path) -> None:
    git(service, "tag", "-a", "-m", "x", "v1", "HEAD~1")
    git(service, "branch", "side/line", "HEAD~1")
    short = git(service, "rev-parse", "--short", "HEAD~1")
    for name in ("v1", "side/line", short, "HEAD~1", "HEAD^", "main~1"):
        assert RevisionTree(open_repository(service), name, "").read("configs/acme/chat/base.yaml") == b"a: 1\n"


def test_repository_without_a_commit(tmp_path: Path) -> None:
    write_files(tmp_path, SERVICES)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    assert index(tmp_path, "").time() is None
    assert work_tree(tmp_path, "").time() is None
    assert len(index(tmp_path, "").files("configs")) == 2
    with pytest.raises(UsageError):
        revision(tmp_path, "")


def test_folder_outside_git_is_a_work_tree_all_the_same(tmp_path: Path) -> None:
    write_files(tmp_path, SERVICES)
    tree = WorkTree(tmp_path)
    assert len(tree.files("configs")) == 2
    assert tree.time() is None
    with pytest.raises(UsageError, match="no Git repository"):
        open_repository(tmp_path)


def test_submodule_that_is_not_checked_out_is_not_silently_empty(tmp_path: Path) -> None:
    library, origin = tmp_path / "library", tmp_path / "origin"
    write_files(library, {"base.yaml": "a: 1\n"})
    commit(library)
    write_files(origin, SERVICES)
    git(origin, "init", "-q")
    git(origin, "submodule", "--quiet", "add", str(library), "configs/acme/shared")
    commit(origin)
    git(tmp_path, "clone", "-q", str(origin), "clone")
    done = program("check", cwd=tmp_path / "clone")
    assert done.returncode == 1
    assert "GCM120" in done.stdout


# -- the index --------------------------------------------------------------------------------------------------------


def staged(root: Path) -> tuple[int, str]:
    done = program("check", "--staged", cwd=root)
    return done.returncode, done.stdout + done.stderr


def test_staged_check_judges_the_index_and_not_the_work_tree(service: Path) -> None:
    write_files(service, {"configs/acme/chat/base.yaml": "a: [\n"})
    assert staged(service)[0] == 0, "broken in the work tree only"
    git(service, "add", "-A")
    write_files(service, {"configs/acme/chat/base.yaml": "a: 1\n"})
    status, shown = staged(service)
    assert (status, "GCM101" in shown) == (1, True), "mended in the work tree only"
    git(service, "add", "-A")
    assert staged(service)[0] == 0


def test_staged_check_sees_files_that_are_only_staged_and_not_those_that_are_only_there(service: Path) -> None:
    write_files(service, {"configs/acme/new/base.yaml": "a: ${nowhere}\n"})
    assert staged(service)[0] == 0
    git(service, "add", "-A")
    write_files(service, {"configs/acme/new/base.yaml": None})
    assert staged(service)[0] == 1
    git(service, "rm", "-q", "--cached", "configs/acme/new/base.yaml")
    assert staged(service)[0] == 0


def test_staged_check_uses_the_staged_settings_and_schemas(service: Path) -> None:
    bound = "version: 1\nschemas: [{schema: schemas/s.json}]\n"
    write_files(service, {"gitconfigmgr.yaml": bound, "schemas/s.json": '{"properties": {"a": {"type": "string"}}}'})
    assert staged(service)[0] == 0
    git(service, "add", "-A")
    write_files(service, {"schemas/s.json": "{}"})
    status, shown = staged(service)
    assert (status, "GCM402" in shown) == (1, True)


def test_conflicts_in_the_index_are_an_error_of_their_own(service: Path) -> None:
    git(service, "checkout", "-q", "-b", "side", "HEAD~1")
    write_files(service, {"configs/acme/chat/base.yaml": "a: 3\n"})
    commit(service)
    with pytest.raises(AssertionError):
        git(service, "merge", "-q", "main")
    status, shown = staged(service)
    assert status == 2
    assert "configs/acme/chat/base.yaml has merge conflicts" in shown


# -- who wrote it -----------------------------------------------------------------------------------------------------


def blamed(root: Path, path: str, rev: str = "HEAD") -> list[str | None]:
    """The commit of each line of a file in the work tree, ours."""
    history = GitHistory(open_repository(root), rev, "", WorkTree(root))
    lines = (root / path).read_bytes().split(b"\n")[:-1]
    found = [history.blame(path, number) for number in range(1, len(lines) + 1)]
    return [blame.commit if blame else None for blame in found]


def judged(root: Path, path: str) -> list[str | None]:
    """The same by `git blame`."""
    lines = git(root, "blame", "--porcelain", "--", path).split("\n")
    commits = [line.split()[0] for line in lines if len(line.split(" ")[0]) == 40 and len(line.split()) in {3, 4}]
    return [None if set(each) == {"0"} else each for each in commits]


def test_blame_agrees_with_git_with_uncommitted_changes_on_top(tmp_path: Path) -> None:
    rng = Random(7)
    path = "configs/acme/base.yaml"
    lines = [f"key{number}: {number}" for number in range(12)]
    for round_ in range(5):
        write_files(tmp_path, {path: "\n".join(lines) + "\n"})
        commit(tmp_path, f"round {round_}")
        lines = edited(lines, rng)
    for _ in range(4):
        write_files(tmp_path, {path: "\n".join(lines) + "\n"})
        ours, theirs = blamed(tmp_path, path), judged(tmp_path, path)
        assert ours == theirs
        assert None in ours
        lines = edited(lines, rng)


def edited(lines: list[str], rng: Random) -> list[str]:
    lines = list(lines)
    for _ in range(2):
        lines[rng.randrange(len(lines))] = f"changed{rng.random()}: 1"
        lines.insert(rng.randrange(len(lines)), f"added{rng.random()}: 1")
        del lines[rng.randrange(len(lines))]
    return lines


def test_blame_tells_author_time_and_first_line_of_the_message(tmp_path: Path) -> None:
    write_files(tmp_path, {"configs/a/base.yaml": "a: 1\n"})
    commit(tmp_path, "Subject\n\nBody")
    history = GitHistory(open_repository(tmp_path), "HEAD", "", WorkTree(tmp_path))
    blame = history.blame("configs/a/base.yaml", 1)
    assert blame is not None
    assert (blame.author, blame.time.isoformat()) == ("Author <author@example.org>", "2026-01-02T03:04:05+00:00")
    assert "Subject" in repr(blame)
    assert "Body" not in repr(blame)


@pytest.mark.parametrize(
    ("path", "line"),
    [("configs/none.yaml", 1), ("configs/a/base.yaml", 99), ("configs", 1), ("configs/a/base.yaml", 0)],
)
def test_blame_of_what_is_not_there_is_nothing(tmp_path: Path, path: str, line: int) -> None:
    write_files(tmp_path, {"configs/a/base.yaml": "a: 1\n"})
    commit(tmp_path)
    history = GitHistory(open_repository(tmp_path), "HEAD", "", WorkTree(tmp_path))
    assert history.blame(path, line) is None


def test_blame_through_a_subfolder_and_before_the_first_commit(tmp_path: Path) -> None:
    write_files(tmp_path / "sub", {"configs/a/base.yaml": "a: 1\n"})
    git(tmp_path, "init", "-q")
    history = GitHistory(open_repository(tmp_path), "HEAD", "sub/", WorkTree(tmp_path / "sub"))
    assert history.blame("configs/a/base.yaml", 1) is None
    made = commit(tmp_path)
    blame = history.blame("configs/a/base.yaml", 1)
    assert blame is not None
    assert blame.commit == made


def test_blame_in_a_shallow_clone_says_where_history_ends(service: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{service}", "clone")
    history = GitHistory(open_repository(tmp_path / "clone"), "HEAD", "", WorkTree(tmp_path / "clone"))
    blame = history.blame("configs/acme/mail/base.yaml", 1)
    assert blame is not None
    assert blame.boundary
    full = GitHistory(open_repository(service), "HEAD", "", WorkTree(service)).blame("configs/acme/mail/base.yaml", 1)
    assert full is not None
    assert not full.boundary


def test_no_program_of_the_repository_runs(service: Path, tmp_path: Path) -> None:
    """Filters, hooks, monitors, textconv and external diffs are configuration of a clone that may be hostile."""
    trap = f"sh -c 'touch {tmp_path}/sprung; cat'"
    for key in (
        "filter.trap.smudge",
        "filter.trap.clean",
        "filter.trap.process",
        "diff.trap.textconv",
        "diff.external",
        "core.fsmonitor",
    ):
        git(service, "config", key, trap)
    git(service, "config", "core.hooksPath", str(tmp_path / "hooks"))
    write_files(service, {".gitattributes": "* filter=trap diff=trap\n", "configs/acme/mail/base.yaml": "b: 2\n"})
    for args in (
        ["check"],
        ["check", "--staged"],
        ["check", "--rev", "HEAD"],
        ["explain", "acme/mail", "b", "-e", "production"],
    ):
        done = program(*args, cwd=service)
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "sprung").exists()
