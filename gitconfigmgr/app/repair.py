"""Documents that an importer proposes, made to give exactly the values that the other tool gives.

Where they do not, the value itself is written into the target's own document: beside what is there, then over it, then
further up, until the compiler agrees. So an importer may leave out what it has no words for.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import has_errors
from gitconfigmgr.model.imports import Imported, Place, literal, literal_key, same
from gitconfigmgr.model.names import BASE, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitconfigmgr.model.diagnostics import Diagnostic

    Compile = Callable[[Imported, list[Target]], Mapping[Target, "Outcome"]]

MAX_ROUNDS = 24
TICKET = "import"  # what `$force` names where a value has to be written over a lock
_MISSING: Any = object()
KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What our compiler makes of a target: its value, and what it found."""

    value: Any
    findings: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class WrittenOut:
    """A value that stands as itself in the target's own document."""

    target: Target
    path: KeyPath


@dataclass(frozen=True, slots=True)
class Difference:
    """A path where the compiled value is not the one of the other tool; `found` and `wanted` are None where absent."""

    target: Target
    path: KeyPath
    found: Any
    wanted: Any


def differences(target: Target, found: Any, wanted: Any) -> list[Difference]:
    """The topmost paths below which two values differ; lists are compared whole."""
    return [
        Difference(target, path, None if one is _MISSING else one, None if other is _MISSING else other)
        for path, one, other in _differing(found, wanted, ())
    ]


def repair(imported: Imported, compile_: Compile) -> tuple[Imported, list[WrittenOut]]:
    """The repository with the values of every target, and what had to be written out for it."""
    work = _Repair(imported)
    pending = list(imported.effective)
    for _ in range(MAX_ROUNDS):
        outcomes = compile_(work.imported(), pending)
        pending = [target for target in pending if work.mend(target, outcomes[target])]
        if not pending:
            break
    return work.imported(), sorted(work.written.values(), key=lambda item: (item.target, item.path))


class _Repair:
    def __init__(self, imported: Imported) -> None:
        self.source = imported
        self.documents: dict[Place, dict[str, Any]] = dict(imported.documents)
        self.written: dict[tuple[Target, KeyPath], WrittenOut] = {}
        self._attempts: dict[tuple[Target, KeyPath], int] = {}
        self._several = len({target.environment for target in imported.effective}) > 1
        self._own: set[Place] = set()

    def imported(self) -> Imported:
        return replace(self.source, documents=self.documents)

    def mend(self, target: Target, outcome: Outcome) -> bool:
        """Write out what differs; whether there was anything."""
        wanted = self.source.effective[target]
        found = list(_differing(outcome.value, wanted, ()))
        if (not found and has_errors(outcome.findings)) or any(not path for path, _, _ in found):
            found = [((key,), None, value) for key, value in wanted.items()]
        locked = any(item.code == "GCM206" for item in outcome.findings)
        for path, actual, value in found:
            attempt = self._attempts.get((target, path), 0)
            self._attempts[target, path] = attempt + 1
            force = {"$force": TICKET} if locked else {}
            if value is _MISSING:
                _put(self._document(target), path, {"$delete": "if-present"} | force, wanted)
                continue
            kept = path[: max(1, len(path) + min(0, 1 - attempt))]
            content = literal(_at(wanted, kept))
            beside = attempt == 0 and (actual is _MISSING or not (_is_container(value) or _is_container(actual)))
            if not beside:
                content = {"$replace": content} | force
            self._note(target, _put(self._document(target), kept, content, wanted))
        return bool(found)

    def _note(self, target: Target, path: KeyPath) -> None:
        below = [key for key in self.written if key[0] == target and key[1][: len(path)] == path]
        for key in below:
            del self.written[key]
        self.written[target, path] = WrittenOut(target, path)

    def _document(self, target: Target) -> dict[str, Any]:
        """The target's own document, copied before it is first changed."""
        place = Place(target.namespace, target.environment if self._several else BASE)
        if place not in self._own:
            self._own.add(place)
            self.documents[place] = deepcopy(self.documents.get(place, {}))
        return self.documents[place]


def _put(document: dict[str, Any], path: KeyPath, content: Any, wanted: Any) -> KeyPath:
    """Set a value at a path of a layer document; what stands in the way is written out whole. The path written."""
    for depth, key in enumerate(path[:-1], 1):
        name = literal_key(key)
        child = document.setdefault(name, {})
        inner = child
        while isinstance(inner, dict) and len(inner.keys() & {"$replace", "$value"}) == 1:
            inner = inner["$replace" if "$replace" in inner else "$value"]
        if not isinstance(inner, dict) or any(other.startswith("$") and not other.startswith("$$") for other in inner):
            document[name] = {"$replace": literal(_at(wanted, path[:depth]))}
            return path[:depth]
        document = inner
    name = literal_key(path[-1])
    document[name] = content
    return path


def _is_container(value: Any) -> bool:
    """Whether a value is a map or a list; what stands for a reference that failed is none."""
    return isinstance(value, list) or (isinstance(value, dict) and "$secret" not in value)


def _at(value: Any, path: KeyPath) -> Any:
    for key in path:
        value = value[key]
    return value


def _differing(found: Any, wanted: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, Any]]:
    if not (isinstance(found, dict) and isinstance(wanted, dict)):
        if not same(found, wanted):
            yield path, found, wanted
        return
    for key, value in wanted.items():
        if key in found:
            yield from _differing(found[key], value, (*path, key))
        else:
            yield (*path, key), _MISSING, value
    for key, value in found.items():
        if key not in wanted:
            yield (*path, key), value, _MISSING
