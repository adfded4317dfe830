"""What a change, a line of commits or a commit to be made is seen through."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.packaged import read_schema
from gitconfigmgr.app.select import State, find_root
from gitconfigmgr.errors import UsageError
from gitconfigmgr.wiring.trees import open_repository, open_tree, prefix_in, prefix_of, tree_at, versions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gitconfigmgr.app.gate import Gate
    from gitconfigmgr.app.ranges import Range
    from gitconfigmgr.model.revisions import Base, SignedCommit
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Destination, History, Tree


def open_range(state: State, range_: Range, *, staged: bool = False) -> tuple[Repository, Repository, tuple[str, str]]:
    """The two states that a range names, and what to call them."""
    first = range_.first
    if range_.from_base:
        from gitconfigmgr.adapters.git.lineage import common

        first = common(state.folder, range_.first, range_.second or "HEAD")
    if range_.second is not None and staged:
        raise UsageError("A..B and --staged name different states", "leave one of them out")
    second = replace(state, rev=range_.second, staged=staged)
    name = range_.second or ("index" if staged else "work tree")
    shown = first[:10] if range_.from_base else first
    return open_repository(replace(state, rev=first)), open_repository(second), (shown, name)


def open_gate(state: State, base: str) -> Gate:
    """The state as a change that is to be merged into a revision. Raises as `find_base` and `Repository` do."""
    from gitconfigmgr.adapters.git import revision
    from gitconfigmgr.adapters.git.bases import find_base
    from gitconfigmgr.app import gate

    tree = open_tree(state)
    from gitconfigmgr.adapters.policies.engines import open_engine

    found, tip, begin = find_base(revision.open_repository(state.folder), base, state.rev, prefix_of(state, tree))
    return gate.open_gate(
        found, tip, begin, tree, read_schema, state.now, engine=open_engine,
        versions=versions_of(state), versions_before=versions_of(replace(state, rev=found.begin, staged=False)),
    )  # fmt: skip


def open_commits(state: State, base: Base) -> Iterator[SignedCommit]:
    """The commits of a change, with their signatures."""
    from gitconfigmgr.adapters.git import revision, signatures

    return signatures.signed_commits(revision.open_repository(state.folder), base.commit, base.head)


def open_destination(state: State, *, commit: bool, branch: str | None, verify: bool = True) -> Destination:
    """Where edits go: the work tree, or a commit on a branch. Raises UsageError."""
    from gitconfigmgr.adapters import destinations
    from gitconfigmgr.adapters.git import revision

    if not commit:
        return destinations.WorkFolder(find_root(state.folder))
    repository = revision.open_repository(state.folder)
    branch = destinations.branch_of(repository, branch, state.rev)
    start = state.rev or "HEAD"
    return destinations.Branch(
        repository, branch, start, lambda name: tree_at(repository, name, state.folder), verify=verify
    )


def open_history(state: State, tree: Tree, *, many: bool = False) -> History | None:
    """Who wrote the lines of a tree; for `many` of them, which commits of the branch brought them. None outside Git."""
    from gitconfigmgr.adapters.git import revision
    from gitconfigmgr.adapters.git.ages import LineAges
    from gitconfigmgr.adapters.git.history import GitHistory

    kind = LineAges if many else GitHistory

    try:
        repository = revision.open_repository(state.folder)
    except UsageError:
        return None
    if isinstance(tree, revision.RevisionTree):
        return kind(repository, state.rev or "HEAD", tree.prefix, tree)
    return kind(repository, "HEAD", prefix_in(repository, find_root(state.folder)), tree)


def base_of_build(environment: Mapping[str, str]) -> str | None:
    """What a change is held against; in the build of a pull request, HEAD is the change itself."""
    given = environment.get("GITCONFIGMGR_BASE") or environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")
    branch = environment.get("GITHUB_BASE_REF")
    return given or (f"origin/{branch}" if branch else None)


def head_commit(folder: Path) -> str:
    """The id of the commit at HEAD; empty where there is none."""
    from gitconfigmgr.adapters.git import revision

    try:
        commit = revision.head(revision.open_repository(folder))
    except UsageError:
        return ""
    return str(commit.id) if commit else ""
