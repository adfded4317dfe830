"""Which targets a change of files can reach: by their stacks, by what they refer to, by schemas and settings.

What is not reached is equal on both sides without being compiled, so that a comparison costs what has changed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from gitconfigmgr.model.names import Target, prefixes
from gitconfigmgr.source.layout import METADATA, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitconfigmgr.model.settings import Settings
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Tree

_METADATA = METADATA.removesuffix(".yaml")
BELOW = "*"  # in place of an environment: anything at or below a namespace
_REFERENCE = re.compile(rb"\$\{([a-z0-9][a-z0-9._/-]*)?(?:@([a-z0-9][a-z0-9._-]*))?:(?!-)")
# an escape could write a reference so that a search of the bytes misses it
_HIDDEN = re.compile(rb"\\(?:x[2-7]|u00[2-7]|U000000[2-7])|\$\\|\$\{[^}]*\\")


class Touched:
    """Whether a change of some documents reaches a target."""

    def __init__(self, changed: Iterable[str], settings: Settings) -> None:
        self.settings = settings
        self.environments: defaultdict[str, set[str]] = defaultdict(set)  # namespace -> environments that changed
        for path in changed:
            folder, _, name = path.rpartition("/")
            self.environments[folder[len(ROOT) + 1 :]].add(name.removesuffix(".yaml"))
        self.reached = lru_cache(maxsize=None)(self._reached)

    def __call__(self, target: Target, used: Iterable[str]) -> bool:
        if self.reached(target.namespace, target.environment):
            return True
        return any(self.reached(*name.rsplit("@", 1)) for name in used)

    def _reached(self, namespace: str, environment: str) -> bool:
        if environment == BELOW:
            return any(f"{name}/".startswith(f"{namespace}/") for name in self.environments)
        declared = self.settings.environments.get(environment)
        chain = declared.chain if declared else (environment,)
        changed = (self.environments[name] for name in prefixes(namespace) if name in self.environments)
        return any(_METADATA in names or not names.isdisjoint(chain) for names in changed)


def changed_files(before: Tree, after: Tree, folder: str) -> set[str]:
    """The files below a folder that are not the same in two trees."""
    candidates = after.changes(folder, before.snapshot(folder))
    old, new = set(before.files(folder)), set(after.files(folder))
    if candidates is None:
        candidates = old | new
    return {path for path in candidates if _id(before, path, old) != _id(after, path, new)}


def _id(tree: Tree, path: str, known: set[str]) -> str | None:
    return tree.blob_id(path) if path in known else None


class Reach:
    """What can differ between two states. `files` are the changed ones below configs/."""

    def __init__(self, before: Repository, after: Repository) -> None:
        self.before = before
        self.after = after
        self.files = changed_files(before.tree, after.tree, ROOT)
        self.structure = _structure(before.settings) != _structure(after.settings)
        self._touched = [Touched(self.files, side.settings) for side in (before, after)]
        self._same_schemas: dict[tuple[int, int], bool] = {}
        self._references: dict[str, tuple[tuple[str, str], ...]] | None = None

    def targets(self, wanted: Iterable[Target]) -> list[Target]:
        """Those of the targets, of either state, whose documents may differ."""
        if self.structure:
            return list(wanted)
        there = [set(side.targets) for side in (self.before, self.after)]
        return [
            target
            for target in wanted
            if (target in there[0]) != (target in there[1])
            or self.schemas_changed(target.namespace)
            or (self.files and (self._reached(target) or self._refers(target)))
        ]

    def schemas_changed(self, namespace: str) -> bool:
        """Whether other schemas hold for a namespace: they say how lists merge and what is secret."""
        views = self.before.schemas.view(namespace), self.after.schemas.view(namespace)
        key = id(views[0]), id(views[1])
        if key not in self._same_schemas:
            self._same_schemas[key] = views[0].same_as(views[1])
        return not self._same_schemas[key]

    def _reached(self, target: Target) -> bool:
        return any(touched.reached(target.namespace, target.environment) for touched in self._touched)

    def _refers(self, target: Target) -> bool:
        """Whether references lead, over any number of targets, to one that is reached."""
        seen: set[Target] = set()
        waiting = [target]
        while waiting:
            for other in self._referred(waiting.pop()):
                if other.environment == BELOW or self._reached(other):
                    return True
                if any(touched.reached(other.namespace, BELOW) for touched in self._touched):
                    return True
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return False

    def _referred(self, target: Target) -> Iterator[Target]:
        if self._references is None:
            self._references = references(self.after)
        if not self._references:
            return
        declared = self.after.settings.environments.get(target.environment)
        for name in prefixes(target.namespace):
            documents = self.after.layout.documents.get(name, {})
            for environment in declared.chain if declared else ():
                for namespace, asked in self._references.get(documents.get(environment, ""), ()):
                    yield Target(namespace or target.namespace, asked or target.environment)


def references(repository: Repository) -> dict[str, tuple[tuple[str, str], ...]]:
    """Document -> (namespace, environment) that its references to other targets name; "" is the target's own.

    Found by searching the bytes, which may find more than there is. Where a file could hide one, and where a recorded
    version is named, the environment is BELOW: it can be reached by anything.
    """
    found = {}
    for documents in repository.layout.documents.values():
        for path in documents.values():
            data = repository.read(path) or b""
            places = {(namespace.decode(), name.decode()) for namespace, name in _REFERENCE.findall(data)}
            named = {(namespace, BELOW if name.isdigit() else name) for namespace, name in places if namespace or name}
            if b"\\" in data and _HIDDEN.search(data):
                named.add(("", BELOW))
            if named:
                found[path] = tuple(sorted(named))
    return found


def _structure(settings: Settings) -> tuple[object, ...]:
    """What settings say about the documents of all targets."""
    return settings.environments, settings.precedence, settings.limits
