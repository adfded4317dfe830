"""Which commit of a branch brought a line: what blame says where history is a line, the merge where it is not."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.adapters.git.ages import LineAges
from gitconfigmgr.adapters.git.history import GitHistory
from gitconfigmgr.adapters.git.revision import RevisionTree, open_repository
from tests.unit.repositories import commit, git, write_files

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("sub/a.yaml", "sub/deep/b.yaml")


def both(root: Path, name: str = "HEAD") -> tuple[GitHistory, LineAges]:
    tree = RevisionTree(open_repository(root), name, "sub/")
    return GitHistory(open_repository(root), name, "sub/", tree), LineAges(open_repository(root), name, "sub/", tree)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_line_it_says_what_blame_says(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    texts = {path: [f"k{n}: {rng.random()}" for n in range(12)] for path in FILES}
    for number in range(25):
        path = rng.choice(FILES)
        at = rng.randrange(len(texts[path]))
        new = [f"n{number}: {rng.random()}"] * rng.randrange(2)
        texts[path][at : at + rng.randrange(2)] = new
        write_files(tmp_path, {name: "\n".join(lines) + "\n" for name, lines in texts.items()} | {"other": f"{number}"})
        commit(tmp_path, f"Change {number}")
    blamed, aged = both(tmp_path)
    for path, lines in texts.items():
        name = path.removeprefix("sub/")
        for line in rng.sample(range(1, len(lines) + 1), len(lines)):
            expected = blamed.blame(name, line)
            assert expected is not None
            assert aged.blame(name, line) == expected


def test_what_a_merge_brought_is_the_merge_s(tmp_path: Path) -> None:
    write_files(tmp_path, {"sub/a.yaml": "a: 1\nb: 1\nc: 1\n"})
    first = commit(tmp_path)
    git(tmp_path, "checkout", "-q", "-b", "side")
    write_files(tmp_path, {"sub/a.yaml": "a: 2\nb: 1\nc: 1\n"})
    commit(tmp_path)
    git(tmp_path, "checkout", "-q", "main")
    git(tmp_path, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    merge = git(tmp_path, "rev-parse", "HEAD")
    _, aged = both(tmp_path)
    found = [aged.blame("a.yaml", line) for line in (1, 2, 3)]
    assert [each and each.commit for each in found] == [merge, first, first]


def test_what_is_not_committed_has_no_commit(tmp_path: Path) -> None:
    write_files(tmp_path, {"sub/a.yaml": "a: 1\n"})
    commit(tmp_path)
    tree = RevisionTree(open_repository(tmp_path), "HEAD", "sub/")
    aged = LineAges(open_repository(tmp_path), "HEAD", "sub/", tree)
    assert aged.blame("a.yaml", 7) is None
    assert aged.blame("none.yaml", 1) is None
    assert LineAges(open_repository(tmp_path), "HEAD~9", "sub/", tree).blame("a.yaml", 1) is None
