"""From a request to the adapters that serve it: the only module that loads them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.packaged import read_schema
from gitconfigmgr.adapters.state import JsonFile, program_identity, state_folder
from gitconfigmgr.app.select import State, find_root
from gitconfigmgr.errors import GitConfigError, OutsideError, UsageError
from gitconfigmgr.ports import MissingObjectError
from gitconfigmgr.source.layout import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gitconfigmgr.adapters.git.revision import RevisionTree
    from gitconfigmgr.adapters.signing.folder import KeyFolder
    from gitconfigmgr.app.gate import Gate
    from gitconfigmgr.app.ranges import Range
    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.app.release.gate import Gate as ReleaseGate
    from gitconfigmgr.app.release.run import Releasing
    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.app.secrets.editing import Desk
    from gitconfigmgr.check.policies.judge import Policies
    from gitconfigmgr.model.imports import Importer
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.revisions import Base, SignedCommit
    from gitconfigmgr.model.settings import KeyServices
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Destination, History, OutputTree, StateStore, Tree, Versions
    from gitconfigmgr.secrets.ports import KeyProvider

__all__ = [
    "create_demo",
    "create_repository",
    "open_bench",
    "open_commits",
    "open_desk",
    "open_destination",
    "open_gate",
    "open_history",
    "open_keys",
    "open_memory",
    "open_output",
    "open_packaged_policies",
    "open_range",
    "open_releasing",
    "open_repository",
    "open_tree",
    "prefix_of",
    "program_identity",
    "read_schema",
]


def open_tree(state: State) -> Tree:
    """The tree of a state."""
    if state.rev is None and not state.staged:
        from gitconfigmgr.adapters.git.worktree import WorkTree

        return WorkTree(find_root(state.folder))
    from gitconfigmgr.adapters.git import revision

    repository = revision.open_repository(state.folder)
    if state.staged:
        root = find_root(state.folder)
        return revision.IndexTree(repository, _prefix(repository, root))
    assert state.rev is not None
    return _at_revision(repository, state.rev, state.folder)


def open_repository(state: State, tree: Tree | None = None) -> Repository:
    """The config repository at a state, or of another tree made from it."""
    from gitconfigmgr.adapters.policies.engines import open_engine
    from gitconfigmgr.pipeline import Repository  # commands on encrypted files do not need it

    versions = _versions(state)
    return Repository(tree or open_tree(state), read_schema, state.now, engine=open_engine, versions=versions)


def open_chronicle(state: State, *, cached: bool = True) -> Chronicle:
    """The version records along the line of commits that a state has come from."""
    from functools import partial

    from gitconfigmgr.adapters.git import revision
    from gitconfigmgr.adapters.git.lineage import GitLineage
    from gitconfigmgr.app.records import Chronicle

    def reopen(tree: Tree, versions: Versions) -> Repository:
        from gitconfigmgr.pipeline import Repository  # what is remembered needs no compiler

        return Repository(tree, read_schema, versions=versions)

    repository = revision.open_repository(state.folder)
    rev = state.rev or "HEAD"
    unborn = state.rev is None and revision.head(repository) is None
    prefix = "" if unborn else _at_revision(repository, rev, state.folder).prefix
    store = partial(_record_store, state.folder) if cached else _no_store
    return Chronicle(GitLineage(repository, rev, prefix), reopen, store, program_identity())


def _record_store(folder: Path, name: str) -> StateStore:
    stem = hashlib.sha256(f"{folder.resolve()} {name}".encode()).hexdigest()[:24]
    return JsonFile(state_folder(folder) / "history" / f"{stem}.json")


def _no_store(_: str) -> None:
    return None


def _versions(state: State) -> Versions:
    """What references to recorded versions name in a state: the history before it, opened when one is met."""
    known: list[Chronicle] = []

    def versions(target: Target, number: int) -> Node | str:
        if not known:
            try:
                known.append(open_chronicle(state))
            except GitConfigError as error:
                return f"version {number} of {target.namespace} cannot be looked up: {error}"
        before = None if state.rev is None else len(known[0].commits) - 1
        return known[0].recorded(target, number, before)

    return versions


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

    return gate.open_gate(
        *find_base(revision.open_repository(state.folder), base, state.rev, prefix_of(state, tree)),
        tree, read_schema, state.now, engine=open_engine, versions=_versions(state),
    )  # fmt: skip


def open_commits(state: State, base: Base) -> Iterator[SignedCommit]:
    """The commits of a change, with their signatures."""
    from gitconfigmgr.adapters.git import revision, signatures

    return signatures.signed_commits(revision.open_repository(state.folder), base.commit, base.head)


def prefix_of(state: State, tree: Tree) -> str:
    """The way from the top of the Git repository to the files of a tree, with a final slash; empty outside Git."""
    from gitconfigmgr.adapters.git import revision

    if isinstance(tree, revision.RevisionTree):
        return tree.prefix
    try:
        repository = revision.open_repository(state.folder)
    except UsageError:
        return ""
    return _prefix(repository, find_root(state.folder))


def _prefix(repository: object, root: Path) -> str:
    """The path of a folder inside its repository, with a final slash; empty for its top and for a bare one."""
    workdir = getattr(repository, "workdir", None)
    if workdir is None:
        return ""
    relative = root.resolve().relative_to(Path(workdir).resolve()).as_posix()
    return "" if relative == "." else f"{relative}/"


def _at_revision(repository: object, rev: str, folder: Path) -> RevisionTree:
    """The tree of a revision, from the nearest folder upward that has settings in it."""
    from gitconfigmgr.adapters.git.revision import RevisionTree

    prefix = _prefix(repository, folder.resolve())
    while True:
        tree = RevisionTree(repository, rev, prefix)
        try:
            if tree.read(SETTINGS) is not None:
                return tree
        except MissingObjectError:
            hint = "fetch it: `git fetch --unshallow`, or `git fetch --refetch` in a partial clone"
            raise OutsideError(f"git has no content for {SETTINGS} in this clone", hint) from None
        if not prefix:
            raise UsageError(f"there is no {SETTINGS} in {rev}", "name the folder of the config repository by -C")
        prefix = "/".join(prefix.split("/")[:-2])
        prefix = f"{prefix}/" if prefix else ""


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
        repository, branch, start, lambda name: _at_revision(repository, name, state.folder), verify=verify
    )


def open_output(folder: Path, *, cached: bool) -> tuple[OutputTree, StateStore | None]:
    """The output tree of `compile`, and what remembers its state."""
    from gitconfigmgr.adapters.output import OutputFolder

    if not cached:
        return OutputFolder(folder, None), None
    home = state_folder(folder.absolute().parent)
    name = f"compile-{hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]}"
    beside = folder.absolute().with_name(f".{folder.name}.gcm-spare")
    return OutputFolder(folder, home / name if _same_device(home, folder) else beside), JsonFile(home / f"{name}.json")


def open_memory(state: State, base: str | None = None) -> StateStore:
    """What remembers the targets that were clean at the last check of this kind."""
    kind = "staged" if state.staged else "revision" if state.rev else "work-tree"
    kind += "-change" if base else ""
    name = hashlib.sha256(os.fsencode(state.folder.resolve())).hexdigest()[:16]
    return JsonFile(state_folder(state.folder) / f"check-{kind}-{name}.json")


def _same_device(one: Path, other: Path) -> bool:
    """Whether two places, or what exists above them, are on one file system: a rename cannot leave it."""
    devices = {
        next(p for p in (place, *place.parents) if p.exists()).stat().st_dev for place in (one, other.absolute())
    }
    return len(devices) == 1


def open_history(state: State, tree: Tree) -> History | None:
    """Who wrote the lines of a tree; None outside Git."""
    from gitconfigmgr.adapters.git import revision
    from gitconfigmgr.adapters.git.history import GitHistory

    try:
        repository = revision.open_repository(state.folder)
    except UsageError:
        return None
    if isinstance(tree, revision.RevisionTree):
        return GitHistory(repository, state.rev or "HEAD", tree.prefix, tree)
    return GitHistory(repository, "HEAD", _prefix(repository, find_root(state.folder)), tree)


def create_repository(folder: Path) -> list[str]:
    """A new config repository from the packaged template, under Git; the files written."""
    from gitconfigmgr.adapters import packaged
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.adapters.git.commit import ensure_repository
    from gitconfigmgr.adapters.policies.engines import is_installed
    from gitconfigmgr.app.scaffold import scaffold

    names = scaffold(packaged.template(), folder, write_atomically, policies=is_installed())
    ensure_repository(folder)
    install_git(folder)
    return names


def create_demo(folder: Path) -> None:
    """The packaged example as a repository with one commit."""
    from gitconfigmgr.adapters import packaged
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.adapters.git.commit import commit_all, ensure_repository
    from gitconfigmgr.adapters.policies.engines import is_installed
    from gitconfigmgr.app.scaffold import scaffold

    scaffold(packaged.folder("example-repo"), folder, write_atomically, policies=is_installed())
    ensure_repository(folder)
    commit_all(folder, "The example company's configuration")


def open_importer(name: str) -> Importer:
    """The importer of this name, from any installed distribution."""
    from importlib.metadata import entry_points

    from gitconfigmgr.model.names import closest

    found = {point.name: point for point in entry_points(group="gitconfigmgr.importers")}
    if name not in found:
        near = closest(name, sorted(found))
        raise UsageError(
            f"there is no importer for {name}",
            f"did you mean {near}?" if near else f"known are {', '.join(sorted(found))}",
        )
    importer: Importer = found[name].load()
    return importer


def open_packaged_policies() -> Policies:
    """The policies that come with the program."""
    from gitconfigmgr.adapters import packaged
    from gitconfigmgr.adapters.policies.engines import open_engine
    from gitconfigmgr.app.policies import packaged_policies

    names = sorted(path.name for path in packaged.folder("policies").glob("*.yaml"))
    return packaged_policies(names, read_schema, open_engine)


def open_new_folder(folder: Path) -> Callable[[Mapping[str, bytes]], None]:
    """What makes a folder with all its files. Raises UsageError for one that is not new or empty."""
    from gitconfigmgr.adapters.newfolder import NewFolder

    return NewFolder(folder).create


def open_bench(folder: Path, base: str | None, ask: Callable[[str], str] | None) -> tuple[Bench, Path]:
    """What commands on encrypted files work on, and the folder that its paths begin at.

    Key services are those of the settings at `base`, never of a file under review.
    """
    from datetime import UTC, datetime

    from gitconfigmgr.adapters.workspace import open_workspace
    from gitconfigmgr.app.secrets.bench import Bench

    space = open_workspace(folder)
    providers = open_key_providers(folder, base, ask)
    return Bench(space.read, space.write, space.files, lambda: datetime.now(UTC), providers), space.root


def open_key_providers(folder: Path, base: str | None, ask: Callable[[str], str] | None) -> Mapping[str, KeyProvider]:
    """What unwraps data keys. Key services are those of the settings at `base`, never of a file under review."""
    from gitconfigmgr.adapters.providers import Providers

    return Providers(lambda: _trusted_services(folder, base), ask)


def _trusted_services(folder: Path, base: str | None) -> KeyServices:
    """The allow-list of the base revision; of the work tree only where nothing is committed yet."""
    from gitconfigmgr.adapters.git import revision
    from gitconfigmgr.model.settings import KeyServices

    base = base or _base_of_build(os.environ)
    try:
        repository = revision.open_repository(folder)
    except UsageError:
        if base:
            raise
        repository = None
    if repository is None or (base is None and revision.head(repository) is None):
        try:
            tree = open_tree(State(folder))
        except UsageError:
            return KeyServices()
        return _services(tree)
    prefix = _prefix(repository, folder.resolve())
    while True:
        found = revision.RevisionTree(repository, base or "HEAD", prefix)
        if found.read(SETTINGS) is not None:
            return _services(found)
        if not prefix:
            return KeyServices()
        prefix = "".join(f"{part}/" for part in prefix.split("/")[:-2])


def _services(tree: Tree) -> KeyServices:
    from gitconfigmgr.pipeline import SettingsError
    from gitconfigmgr.source.settings import read_settings

    data = tree.read(SETTINGS)
    assert data is not None
    settings, findings = read_settings(SETTINGS, "", data)
    if findings:
        raise SettingsError(findings, tree.read)
    return settings.key_services


def _base_of_build(environment: Mapping[str, str]) -> str | None:
    """What a change is held against; in the build of a pull request, HEAD is the change itself."""
    given = environment.get("GITCONFIGMGR_BASE") or environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")
    branch = environment.get("GITHUB_BASE_REF")
    return given or (f"origin/{branch}" if branch else None)


def open_releasing(
    state: State, to: Sequence[str], keys: Path | None, gate: ReleaseGate | None, ask: Callable[[str], str] | None,
    *, cached: bool = True,
) -> Releasing:  # fmt: skip
    """What a release works with: the commit, where it goes to, and the keys. Without `to`, what its settings say."""
    from gitconfigmgr.adapters import releasing
    from gitconfigmgr.adapters.git.releasing import GitFacts
    from gitconfigmgr.app.release.bundling import BundleSecrets
    from gitconfigmgr.app.release.gate import Gate
    from gitconfigmgr.app.release.run import Releasing, destinations

    repository = open_repository(state)
    settings, services = repository.settings.release, lambda: _trusted_services(state.folder, None)
    providers = open_key_providers(state.folder, None, ask)
    signing = releasing.keys_of(settings, lambda: releasing.open_keys(keys, settings.tenant, services, ask))
    publishers = releasing.open_publishers(
        _root_or(state.folder), settings, destinations(settings, to, Path.cwd()), services, providers, signing
    )
    store = JsonFile(state_folder(state.folder) / "release.json") if cached else None
    facts = GitFacts(state.folder, prefix_of(state, repository.tree))
    secrets = BundleSecrets(repository, providers)
    notify = releasing.open_webhook(settings, signing)
    branch = os.environ.get("GITCONFIGMGR_RELEASE_BRANCH")
    return Releasing(
        repository, publishers, facts, gate or Gate(), secrets, store, program_identity(), branch=branch, notify=notify
    )


def _root_or(folder: Path) -> Path:
    """The folder of the settings; a bare repository has none."""
    try:
        return find_root(folder)
    except UsageError:
        return folder


def open_keys(folder: Path, keys: Path | None, tenant: str | None, ask: Callable[[str], str] | None) -> KeyFolder:
    """The key folder of a tenant; of that of the settings where none is named."""
    from gitconfigmgr.adapters import releasing
    from gitconfigmgr.model.publishing import DEFAULT_TENANT

    try:
        found = tenant or open_repository(State(folder)).settings.release.tenant
    except UsageError:
        found = tenant or DEFAULT_TENANT
    return releasing.open_keys(keys, found, lambda: _trusted_services(folder, None), ask)


def open_published(
    folder: Path, address: str, tenant: str | None, root: Path | None, keys: Path | None
) -> tuple[Callable[[str], bytes | None], bool, bytes]:
    """What reads a published tree, whether it is on this machine, and the root to trust: the named one, or our own."""
    from gitconfigmgr.adapters.keys.extras import load
    from gitconfigmgr.adapters.publishers.reading import open_reader

    load("tuf.api.metadata", "release")
    read, local = open_reader(address, tenant)
    trusted = root.read_bytes() if root else open_keys(folder, keys, tenant, None).roots()[0]
    return read, local, trusted


def open_desk(folder: Path, again: Callable[[GitConfigError], bool]) -> Desk:
    """The editor of this machine; what cannot be saved is kept beside the repository's other state."""
    from gitconfigmgr.adapters.editing import edit
    from gitconfigmgr.adapters.unsaved import keep
    from gitconfigmgr.app.secrets.editing import Desk

    return Desk(edit, again, lambda name, data: keep(state_folder(folder), name, data))


def make_age_identity(place: Path | None) -> tuple[Path, str]:
    """A new age identity; its file and its recipient."""
    from gitconfigmgr.adapters.keyfiles import age_identity

    return age_identity(place)


def make_seal_key(place: Path) -> Path:
    """A new key that signs seals; the file of its public half."""
    from gitconfigmgr.adapters.keyfiles import seal_key

    return seal_key(place)


def install_git(folder: Path, patterns: Sequence[str] = ()) -> list[str]:
    """The merge driver and the textconv for the repository that a folder lies in; what was written."""
    from gitconfigmgr.adapters.git import attributes, revision
    from gitconfigmgr.app.secrets.overview import git_patterns

    bench, _ = open_bench(folder, None, None)
    repository = revision.open_repository(folder)
    try:
        prefix = _prefix(repository, find_root(folder))
    except UsageError:
        prefix = None
    return attributes.install(repository, [*git_patterns(bench, prefix), *patterns])


def merge_lines(base: Path, ours: Path, theirs: Path) -> int:
    """Git's own merge of lines, into `ours`; the status."""
    from gitconfigmgr.adapters.git.attributes import merge_lines as merged

    return merged(base, ours, theirs)


def open_seal_key(place: Path, *, private: bool) -> Any:
    """A key that signs seals, or its public half."""
    from gitconfigmgr.adapters import keyfiles

    return keyfiles.load_private(place) if private else keyfiles.load_public(place)


def open_seal_memory(folder: Path, key: Any) -> StateStore:
    """What remembers the number of the newest seal seen of a public key."""
    name = hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]
    return JsonFile(state_folder(folder) / f"seal-{name}.json")


def head_commit(folder: Path) -> str:
    """The id of the commit at HEAD; empty where there is none."""
    from gitconfigmgr.adapters.git import revision

    try:
        commit = revision.head(revision.open_repository(folder))
    except UsageError:
        return ""
    return str(commit.id) if commit else ""
