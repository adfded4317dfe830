"""From a state to its tree and its config repository."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.packaged import read_schema
from gitconfigmgr.adapters.state import JsonFile, program_identity, state_folder
from gitconfigmgr.app.select import State, find_root
from gitconfigmgr.errors import GitConfigError, OutsideError, UsageError
from gitconfigmgr.ports import FETCH, MissingObjectError
from gitconfigmgr.source.layout import SETTINGS

if TYPE_CHECKING:
    from gitconfigmgr.adapters.git.revision import RevisionTree
    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.check.policies.judge import Policies
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import StateStore, Tree, Versions


def open_tree(state: State) -> Tree:
    """The tree of a state."""
    if state.rev is None and not state.staged:
        from gitconfigmgr.adapters.git.worktree import WorkTree

        return WorkTree(find_root(state.folder))
    from gitconfigmgr.adapters.git import revision

    repository = revision.open_repository(state.folder)
    if state.staged:
        root = find_root(state.folder)
        return revision.IndexTree(repository, prefix_in(repository, root))
    assert state.rev is not None
    return tree_at(repository, state.rev, state.folder)


def open_repository(state: State, tree: Tree | None = None, onto: str | None = None) -> Repository:
    """The config repository at a state, or of another tree made from it; `onto` is the commit that a tree will follow."""
    from gitconfigmgr.adapters.policies.engines import open_engine
    from gitconfigmgr.pipeline import Repository  # commands on encrypted files do not need it

    versions = versions_of(state, onto)
    return Repository(tree or open_tree(state), read_schema, state.now, engine=open_engine, versions=versions)


def open_chronicle(state: State, *, cached: bool = True) -> Chronicle:
    """The version records along the line of commits that a state has come from."""
    from functools import partial

    from gitconfigmgr.adapters.git.heads import plain_head
    from gitconfigmgr.adapters.git.lineage import GitLineage, head_of
    from gitconfigmgr.app.records import Chronicle

    def reopen(tree: Tree, versions: Versions) -> Repository:
        from gitconfigmgr.pipeline import Repository  # what is remembered needs no compiler

        return Repository(tree, read_schema, versions=versions)

    def opened() -> tuple[object, str]:
        from gitconfigmgr.adapters.git import revision

        repository = revision.open_repository(state.folder)
        unborn = state.rev is None and revision.head(repository) is None
        return repository, "" if unborn else tree_at(repository, state.rev or "HEAD", state.folder).prefix

    head = plain_head(state.folder) if state.rev is None else None
    if head is None:
        place = opened()
        lineage = GitLineage(head_of(place[0], state.rev or "HEAD"), lambda: place)
    else:
        lineage = GitLineage(head, opened)
    store = partial(_record_store, state.folder) if cached else _no_store
    return Chronicle(lineage, reopen, store, program_identity())


def _record_store(folder: Path, name: str) -> StateStore:
    stem = hashlib.sha256(f"{folder.resolve()} {name}".encode()).hexdigest()[:24]
    return JsonFile(state_folder(folder) / "history" / f"{stem}.json")


def _no_store(_: str) -> None:
    return None


def versions_of(state: State, onto: str | None = None) -> Versions:
    """What references to recorded versions name in a state: the history before it, opened when one is met.

    That of a work tree, or of what will be committed `onto` a commit, has all there is; that of a commit ends before it.
    """
    known: list[Chronicle | str] = []
    state = replace(state, rev=onto or state.rev)

    def opened() -> Chronicle | str:
        try:
            chronicle = open_chronicle(state)
            there = bool(chronicle.commits)
        except GitConfigError as error:
            return str(error)
        return chronicle if there else "there is no commit yet"

    def versions(target: Target, number: int) -> Node | str:
        if not known:
            known.append(opened())
        chronicle = known[0]
        if isinstance(chronicle, str):
            return f"version {number} of {target.namespace} cannot be looked up: {chronicle}"
        whole = onto is not None or state.rev is None
        return chronicle.recorded(target, number, None if whole else len(chronicle.commits) - 1)

    return versions


def prefix_of(state: State, tree: Tree) -> str:
    """The way from the top of the Git repository to the files of a tree, with a final slash; empty outside Git."""
    from gitconfigmgr.adapters.git import revision

    if isinstance(tree, revision.RevisionTree):
        return tree.prefix
    try:
        repository = revision.open_repository(state.folder)
    except UsageError:
        return ""
    return prefix_in(repository, find_root(state.folder))


def prefix_in(repository: object, root: Path) -> str:
    """The path of a folder inside its repository, with a final slash; empty for its top and for a bare one."""
    workdir = getattr(repository, "workdir", None)
    if workdir is None:
        return ""
    relative = root.resolve().relative_to(Path(workdir).resolve()).as_posix()
    return "" if relative == "." else f"{relative}/"


def tree_at(repository: object, rev: str, folder: Path) -> RevisionTree:
    """The tree of a revision, from the nearest folder upward that has settings in it."""
    from gitconfigmgr.adapters.git.revision import RevisionTree

    prefix = prefix_in(repository, folder.resolve())
    while True:
        tree = RevisionTree(repository, rev, prefix)
        try:
            if tree.read(SETTINGS) is not None:
                return tree
        except MissingObjectError:
            raise OutsideError(f"git has no content for {SETTINGS} in this clone", FETCH) from None
        if not prefix:
            raise UsageError(f"there is no {SETTINGS} in {rev}", "name the folder of the config repository by -C")
        prefix = "/".join(prefix.split("/")[:-2])
        prefix = f"{prefix}/" if prefix else ""


def open_packaged_policies() -> Policies:
    """The policies that come with the program."""
    from gitconfigmgr.adapters import packaged
    from gitconfigmgr.adapters.policies.engines import open_engine
    from gitconfigmgr.app.policies import packaged_policies

    names = sorted(path.name for path in packaged.folder("policies").glob("*.yaml"))
    return packaged_policies(names, read_schema, open_engine)
