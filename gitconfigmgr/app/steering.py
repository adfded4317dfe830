"""Edits of a namespace's own layers that give its targets the documents they should have, and no other target another.

Found by trying: what differs is set, unset or deleted in the target's own file; the result is compiled; what differs
still is written in the next way. So the outcome is proven before anything is saved, whatever lists, directives, locks
and references do in between.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.diff import identity_of, state_of
from gitconfigmgr.app.reach import Reach
from gitconfigmgr.app.setting import content, edited, highest_empty, not_encrypted, place_of, sets, text_of
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.changes import Change, changes
from gitconfigmgr.history.documents import at_path, digest, node_at, same, secrets_in, snapshot
from gitconfigmgr.model.imports import literal
from gitconfigmgr.model.names import BASE, Target, many, parse_path, show_path
from gitconfigmgr.resolve.provenance import shown
from gitconfigmgr.source.edits import EditError, reading, set_value, unset
from gitconfigmgr.source.layout import ROOT
from gitconfigmgr.source.overlay_tree import EditedTree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Tree

_ROUNDS = 12
Files = dict[str, bytes | None]
Attempts = dict[tuple[Target, tuple[str, ...]], set[str]]  # the ways that were tried for a key


class NoWayError(UsageError):
    """No edit of the target's own layers leads there."""

    exit_status = 1


@dataclass
class Steering:
    """`repository` is the state that edits begin from, `reopen` makes the one of an edited tree.

    `goals` are the documents that targets of one namespace should have; all others keep theirs. With `others`, targets
    that refer to these may change. `files` are edits to begin with.
    """

    repository: Repository
    reopen: Callable[[Tree], Repository]
    goals: Mapping[Target, Any]
    others: bool = False
    files: Files = field(default_factory=dict)

    def run(self) -> Files:
        """The edits. Raises NoWayError with the reason."""
        attempts: Attempts = {}
        wanted = dict(self.goals)
        now = self._edited()
        for _ in range(_ROUNDS):
            for target in self._siblings(now, wanted):
                wanted[target] = document_of(self.repository, target)
            pending = {target: goal for target, goal in self._missed(now, wanted).items() if goal is not _OTHER}
            if not pending:
                break
            for target, goal in self._first_of(pending).items():
                self._step(now, target, goal, attempts)
            now = self._edited()
        for target in self.goals:
            self._say_new(now, target)
        self.prove(self.files)
        return {path: data for path, data in self.files.items() if data != self.repository.tree.read(path)}

    def _edited(self) -> Repository:
        return self.reopen(EditedTree(self.repository.tree, self.files)) if self.files else self.repository

    def prove(self, files: Files) -> Repository:
        """The repository with the edits, which do what they should. Raises NoWayError."""
        after = self.reopen(EditedTree(self.repository.tree, files))
        for target, goal in self._missed(after, dict(self.goals)).items():
            if goal is _OTHER:
                if self.others:
                    continue
                hint = "its layers are shared, or it refers to this one; --force -m REASON allows that"
                raise NoWayError(f"the edit would change {target} too", hint)
            raise NoWayError(f"{target} cannot be given that document by its own layers: {_why(after, target, goal)}",
                             "edit the layers by hand; `gitconfigmgr diff` shows what is missing")  # fmt: skip
        return after

    def _say_new(self, now: Repository, target: Target) -> None:
        """Mark what the edits set and no lower layer knows any more: it is meant, not mistyped."""
        file = f"{ROOT}/{target.namespace}/{target.environment}.yaml"
        known = _unknown_in(self.repository, target, file)
        for key in _unknown_in(now, target, file):
            if key not in known and file in self.files:
                with suppress(EditError):  # check says it then
                    self.files[file] = edited(self.files[file], file, partial(_marked_new, parse_path(key)))

    def _missed(self, now: Repository, wanted: dict[Target, Any]) -> dict[Target, Any]:
        """The goals that are not reached, and other targets that changed, which have _OTHER."""
        missed: dict[Target, Any] = {
            target: goal for target, goal in wanted.items() if not same(document_of(now, target), goal)
        }
        if now is not self.repository:
            everything = dict.fromkeys([*self.repository.targets, *now.targets])
            for target in Reach(self.repository, now).targets(everything):
                if target not in wanted and not same(document_of(now, target), document_of(self.repository, target)):
                    missed[target] = _OTHER
        return missed

    def _siblings(self, now: Repository, wanted: dict[Target, Any]) -> list[Target]:
        """Targets of the same namespaces that the edits have changed: their own files can keep them as they were."""
        namespaces = {target.namespace for target in wanted}
        return [
            target
            for target, goal in self._missed(now, wanted).items()
            if goal is _OTHER and target.namespace in namespaces and target in self.repository.targets
        ]

    def _first_of(self, pending: dict[Target, Any]) -> dict[Target, Any]:
        """Those that no other pending one is a layer of: their edits come first, for they show in the others."""
        environments = self.repository.settings.environments
        return {
            target: goal
            for target, goal in pending.items()
            if not any(
                other != target and other.namespace == target.namespace
                and other.environment in environments[target.environment].chain
                for other in pending
            )
        }  # fmt: skip

    def _step(self, now: Repository, target: Target, goal: Any, attempts: Attempts) -> None:
        """One attempt at every difference of a target."""
        document = document_of(now, target)
        if document is None or goal is None:
            raise NoWayError(f"{target} does not compile" if document is None else f"{target} has no document to keep",
                             "run `gitconfigmgr check`")  # fmt: skip
        root = state_of(now, target).root
        paths = dict.fromkeys(map(_named, changes(document, goal, identity_of(now, target.namespace))))
        own = [path for path in paths if not _follows(root, path)]
        for path in own or paths:  # what refers to these may come right by itself
            self._attempt(now, target, path, goal, attempts.setdefault((target, path), set()))

    def _attempt(self, now: Repository, target: Target, path: tuple[str, ...], goal: Any, tried: set[str]) -> None:
        there, value = _value(goal, path)
        if there and secrets_in(value):
            key = show_path(path)
            raise NoWayError(f"{key} is a secret, and its ciphertext belongs to the file it was written in",
                             f"set it by `gitconfigmgr secret set {target.namespace} {key} -e {target.environment}`")  # fmt: skip
        file = f"{ROOT}/{target.namespace}/{target.environment}.yaml"
        data = self.files.get(file, content(self.repository, file))
        not_encrypted(data, file, f"gitconfigmgr secret edit {file}")
        own = bool(data) and sets(text_of(data, file), path) and self._shows(now, target, path, (there, value))
        ways = [*(["unset"] if own else []), *(["set", "replace"] if there else ["delete"])]
        way = next((way for way in ways if way not in tried), None)
        if way is None:
            raise NoWayError(f"{show_path(path)} of {target} cannot be set in {file}",
                             f"`gitconfigmgr explain {target.namespace} {show_path(path)} -e {target.environment}` tells what holds it")  # fmt: skip
        tried.add(way)
        try:
            self.files[file] = edited(data, file, partial(_EDITS[way], path, literal(value)))
        except EditError:
            self._attempt(now, target, path, goal, tried)

    def _shows(self, now: Repository, target: Target, path: tuple[str, ...], wanted: tuple[bool, Any]) -> bool:
        """Whether the wanted value, or nothing, comes to light without the own one, in a layer meant for this."""
        node = node_at(state_of(now, target).root, path)
        lower = None if node is None else node.lower
        if lower is None:
            return not wanted[0]
        environment = self.repository.settings.environments[target.environment]
        meant = not environment.protected or lower.document.environment in {BASE, target.environment}
        return meant and wanted[0] and same(shown(lower), wanted[1])


_OTHER: Any = object()


def _unset(path: tuple[str, ...], _: Any, text: str) -> str:
    return unset(text, highest_empty(text, place_of(text, path, inside=False)))


def _set(path: tuple[str, ...], value: Any, text: str) -> str:
    return set_value(text, place_of(text, path), value)


def _replace(path: tuple[str, ...], value: Any, text: str) -> str:
    return set_value(text, place_of(text, path, inside=False), {"$replace": value})


def _delete(path: tuple[str, ...], _: Any, text: str) -> str:
    return set_value(text, place_of(text, path, inside=False), {"$delete": True})


def _marked_new(path: tuple[str, ...], text: str) -> str:
    place = place_of(text, path, inside=False)
    value = at_path(reading(text), place)
    if not isinstance(value, dict):
        return set_value(text, place, {"$value": value, "$new": True})
    return text if any(key.startswith("$") for key in value) else set_value(text, (*place, "$new"), True)  # noqa: FBT003


_EDITS = {"unset": _unset, "set": _set, "replace": _replace, "delete": _delete}


def document_of(repository: Repository, target: Target) -> Any:
    """The document of a target; None where it has none."""
    if target not in repository.targets:
        return None
    root = state_of(repository, target).root
    return None if root is None else snapshot(root)


def _unknown_in(repository: Repository, target: Target, file: str) -> list[str]:
    """The keys of a file that no lower layer and no schema knows, where that matters."""
    resolution = state_of(repository, target).resolution if target in repository.targets else None
    found = [] if resolution is None else resolution.findings
    return [
        item.key
        for item in found
        if item.code == "GCM205" and item.key and item.position and item.position.path == file
    ]


def kept_by(files: Files, target: Target) -> list[str]:
    """What is said of files that are edited so that environments which extend the target's keep their values."""
    own = f"{ROOT}/{target.namespace}/{target.environment}.yaml"
    return [f"keeps other environments as they are by {path}" for path in sorted(files) if path != own]


def why_broken(repository: Repository, target: Target) -> str:
    """The first reason why a target has no document."""
    errors = state_of(repository, target).errors if target in repository.targets else ()
    return errors[0].message if errors else "it would not be compiled"


def _named(change: Change) -> tuple[str, ...]:
    """The part of a path that maps lead along: a list is edited as a whole, by the items that differ."""
    path: list[str] = []
    for part in change.path:
        if isinstance(part, int):
            break
        path.append(part)
    return tuple(path)


def _follows(root: Node | None, path: tuple[str, ...]) -> bool:
    """Whether a value comes through a reference."""
    above = (node_at(root, path[:length]) for length in range(1, len(path) + 1))
    return any(node is not None and node.via for node in above)


def _value(document: Any, path: tuple[str, ...]) -> tuple[bool, Any]:
    try:
        return True, at_path(document, path)
    except (KeyError, TypeError):
        return False, None


def _why(after: Repository, target: Target, goal: Any) -> str:
    document = document_of(after, target)
    if document is None:
        return why_broken(after, target)
    found = changes(document, goal, identity_of(after, target.namespace))
    return f"{many(len(found), 'value')} would differ, such as {found[0].key}" if found else digest(document)
