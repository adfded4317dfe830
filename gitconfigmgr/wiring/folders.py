"""Output, memory and new folders."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.state import JsonFile, state_folder
from gitconfigmgr.adapters.state import program_identity as program_identity  # noqa: PLC0414 - handed on: only wiring loads adapters
from gitconfigmgr.app.select import State, find_root
from gitconfigmgr.errors import UsageError
from gitconfigmgr.wiring.secrets import open_bench
from gitconfigmgr.wiring.trees import prefix_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gitconfigmgr.model.imports import Importer
    from gitconfigmgr.ports import OutputTree, StateStore


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


def create_repository(folder: Path) -> list[str]:
    """A new config repository from the packaged template, under Git; the files written."""
    from gitconfigmgr.adapters import packaged
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.adapters.git.commit import checked_out, ensure_repository
    from gitconfigmgr.adapters.policies.engines import is_installed
    from gitconfigmgr.app.scaffold import MAIN, scaffold

    branch = checked_out(folder) or MAIN
    names = scaffold(packaged.template(), folder, write_atomically, policies=is_installed(), branch=branch)
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


def open_new_folder(folder: Path) -> Callable[[Mapping[str, bytes]], None]:
    """What makes a folder with all its files. Raises UsageError for one that is not new or empty."""
    from gitconfigmgr.adapters.newfolder import NewFolder

    return NewFolder(folder).create


def install_git(folder: Path, patterns: Sequence[str] = ()) -> list[str]:
    """The merge driver and the textconv for the repository that a folder lies in; what was written."""
    from gitconfigmgr.adapters.git import attributes, revision
    from gitconfigmgr.app.secrets.overview import git_patterns

    bench, _ = open_bench(folder, None, None)
    repository = revision.open_repository(folder)
    try:
        prefix = prefix_in(repository, find_root(folder))
    except UsageError:
        prefix = None
    return attributes.install(repository, [*git_patterns(bench, prefix), *patterns])


def merge_lines(base: Path, ours: Path, theirs: Path) -> int:
    """Git's own merge of lines, into `ours`; the status."""
    from gitconfigmgr.adapters.git.attributes import merge_lines as merged

    return merged(base, ours, theirs)
