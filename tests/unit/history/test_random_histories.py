"""Random edits of random repositories: a diff finds all that differs, and records tell every document there ever was."""

from __future__ import annotations

import os
import shutil
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.app.diff import diff, state_of
from gitconfigmgr.app.select import State
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.documents import digest, same, snapshot
from gitconfigmgr.history.patch import apply
from gitconfigmgr.model.names import Target
from gitconfigmgr.wiring.trees import open_chronicle, open_repository
from tests.oracle.generator import Maker, write_repo
from tests.unit.repositories import commit

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = int(os.environ.get("GCM_RANDOM_HISTORIES", "4"))
Everything = dict[Target, Any]


def written(root: Path, repo: Any) -> str:
    for item in root.iterdir():
        if item.is_dir() and item.name != ".git":
            shutil.rmtree(item)
        elif item.is_file():
            item.unlink()
    write_repo(repo, root, Random(0))
    return commit(root)


def edit(rng: Random, maker: Maker, repo: Any) -> None:
    roll = rng.random()
    name, environment = rng.choice(maker.namespaces), rng.choice(list(repo.environments()))
    if roll < 0.6 or not repo.documents:
        repo.documents[name, environment] = maker.document(environment, full=(name, environment) == ("global", "base"))
    elif roll < 0.75:
        repo.documents.pop(rng.choice(list(repo.documents)))
    elif roll < 0.85:
        repo.compiled ^= {name} - {"global"}
    elif roll < 0.92:
        repo.settings["precedence"] = rng.choice(["environment", "namespace"])
    elif repo.schema:
        repo.schema_merge, repo.schema_paths = {}, set()
        repo.schema = maker.schema(repo, maker.shape, ())


def everything(root: Path, revision: str) -> Everything:
    """All documents at a revision; "broken" for a target without one."""
    repository = open_repository(State(root, revision))
    found: Everything = {}
    for target in repository.targets:
        state = state_of(repository, target)
        found[target] = "broken" if state.root is None else snapshot(state.root)
    return found


@pytest.fixture(params=[*range(SEEDS), 24])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str], Random]:
    rng = Random(request.param)
    maker = Maker(rng)
    maker.spice, maker.promoting, maker.linked = rng.choice([0, 0.002]), 1, 0.08
    repo = maker.repo()
    repo.settings["leak_guard"] = "off"
    revisions = [written(tmp_path, repo)]
    for _ in range(6):
        edit(rng, maker, repo)
        revisions.append(written(tmp_path, repo))
    return tmp_path, revisions, rng


def test_a_diff_finds_all_that_differs(history: tuple[Path, list[str], Random]) -> None:
    root, revisions, rng = history
    for _ in range(8):
        first, second = rng.choice(revisions), rng.choice(revisions)
        old, new = everything(root, first), everything(root, second)
        differing = {t for t in {**old, **new} if not same(old.get(t), new.get(t))}
        try:
            found = diff(open_repository(State(root, first)), open_repository(State(root, second)))
        except UsageError:
            assert not old, "only where neither state has a target there is nothing to compare"
            assert not new
            continue
        told = {item.target for item in found.targets}
        assert differing <= told
        extra = told - differing
        assert all(item.change_type == "broken" for item in found.targets if item.target in extra)
        for item in found.targets:
            if item.change_type != "broken":
                document = apply(old.get(item.target, {}), item.patch)
                assert digest(document) == digest(apply(new.get(item.target, {}), []))


def test_records_tell_every_document_there_was(history: tuple[Path, list[str], Random]) -> None:
    root, revisions, rng = history
    states = [everything(root, revision) for revision in revisions]
    targets = sorted({target for state in states for target in state})
    for target in rng.sample(targets, min(6, len(targets))):
        expected: list[Any] = []
        for state in states:
            now = state.get(target, "gone")
            if not (same(expected[-1], now) if expected else now == "gone"):
                expected.append(now)
        for cached in (False, True, True):
            chronicle = open_chronicle(State(root), cached=cached)
            versions = chronicle.versions(target)
            told = [
                "broken" if v.broken else chronicle.document(target, v.number) if v.digest else "gone" for v in versions
            ]
            assert same(told, expected), target
            document: Any = {}
            for version, now in zip(versions, told, strict=True):
                if now != "broken":
                    document = apply(document, version.diff)
                    assert digest(document) == digest(apply({} if now == "gone" else now, []))
