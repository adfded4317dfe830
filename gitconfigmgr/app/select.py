"""Which repository, at which state, and which of its targets a command is about."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import closest
from gitconfigmgr.source.layout import SETTINGS

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.pipeline import Repository


@dataclass(frozen=True, slots=True)
class State:
    """A place and a state: the work tree, or `staged`, or the revision `rev`. `now` overrides the commit's date."""

    folder: Path
    rev: str | None = None
    staged: bool = False
    now: date | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Glob patterns of namespaces and names of environments; empty means all."""

    namespaces: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()


EVERYTHING = Selection()


def choose(repository: Repository, selection: Selection) -> list[Target]:
    """The targets that are selected. Raises UsageError where there are none: nothing to do is not a success."""
    for name in selection.environments:
        if name not in repository.settings.environments:
            raise UsageError(f"there is no environment {name}", _near(name, list(repository.settings.environments)))
    found = [target for target in repository.targets if _matches(target, selection)]
    if not found and selection.namespaces:
        known = sorted({target.namespace for target in repository.targets})
        raise UsageError(f"no target matches {' '.join(selection.namespaces)}", _near(selection.namespaces[0], known))
    if not found and selection.environments and repository.targets:
        names = " ".join(selection.environments)
        raise UsageError(f"nothing is compiled in {names}", "the environment is abstract; see gitconfigmgr.yaml")
    return found


def _matches(target: Target, selection: Selection) -> bool:
    if selection.environments and target.environment not in selection.environments:
        return False
    patterns = selection.namespaces
    return not patterns or any(fnmatchcase(target.namespace, pattern) for pattern in patterns)


def _near(name: str, known: list[str]) -> str:
    near = closest(name, known)
    return (
        f"did you mean {near}?" if near else f"known are {', '.join(known[:12])}" + (" ..." if len(known) > 12 else "")
    )


def find_root(folder: Path) -> Path:
    """The folder with gitconfigmgr.yaml: this one or the nearest above it."""
    at = folder.resolve()
    if not at.is_dir():
        raise UsageError(f"{folder} is no folder")
    for place in (at, *at.parents):
        if (place / SETTINGS).is_file():
            return place
        if (place / "HEAD").is_file() and (place / "objects").is_dir():
            raise UsageError(
                f"{folder} is in a bare repository, which has no work tree", "name a branch or commit by --rev"
            )
    raise UsageError(
        f"there is no {SETTINGS} in {folder} or above it", "run `gitconfigmgr init`, or name the repository by -C"
    )
