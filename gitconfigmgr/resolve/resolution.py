"""Targets of one repository, resolved: the fold of each stack, remembered by prefix, and its references."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.names import Target, closest, prefixes
from gitconfigmgr.model.values import TOP, Document, Node
from gitconfigmgr.resolve.guards import guard
from gitconfigmgr.resolve.merge import Merge, finish
from gitconfigmgr.resolve.references import Missing, Resolver, Session
from gitconfigmgr.resolve.stack import Slot, slots

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import date

    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.settings import Settings
    from gitconfigmgr.ports import Knowledge, Versions


@dataclass(slots=True)
class Resolution:
    """One target: its layers lowest first, its document (None where a layer cannot be read), and the findings.

    `used` are the other targets that were looked into, `sought` those that have no documents of their own: whether
    they exist depends on what lies below them; `pinned` the recorded versions that were asked for.
    """

    target: Target
    layers: tuple[Document, ...]
    root: Node | None
    findings: list[Diagnostic] = field(default_factory=list)
    used: frozenset[Target] = frozenset()
    sought: frozenset[Target] = frozenset()
    pinned: frozenset[tuple[Target, int]] = frozenset()


class _Prefix:
    """The fold of the first layers of a stack."""

    __slots__ = ("findings", "layer", "next", "root")

    def __init__(self, layer: Document | None, root: Node | None, findings: list[Diagnostic]) -> None:
        self.layer = layer  # kept alive: `next` goes by identity
        self.root = root
        self.findings = findings
        self.next: dict[tuple[int, int], _Prefix] = {}


class Resolutions:
    """Resolves targets one after the other; what they share is computed once.

    `load` gives the document of a path; `knowledge` what the schemas say of a namespace. `now` is asked only
    where a `$until` stands. Nothing here does I/O.
    """

    def __init__(  # noqa: PLR0917 - each is one thing that merging asks of the outside
        self,
        settings: Settings,
        documents: Mapping[str, Mapping[str, str]],
        namespaces: Collection[str],
        load: Callable[[Slot], Document],
        knowledge: Callable[[str], Knowledge],
        read_plain: Callable[[str], Any],
        now: Callable[[], date | None],
        versions: Versions | None = None,
    ) -> None:
        self.settings = settings
        self.documents = documents
        self.load = load
        self.knowledge = knowledge
        self.now = now
        self.protected = frozenset(name for name, env in settings.environments.items() if env.protected)
        self.namespaces = {prefix for name in namespaces for prefix in prefixes(name)}
        self.versions = versions
        self.session = Session(
            self._open, self._open_version, read_plain, self.documents.__contains__, settings.limits.values
        )
        self._empty = _Prefix(None, None, [])
        self._resolvers: dict[Target, tuple[Resolver, list[Document], list[Diagnostic]] | None] = {}
        self.kept: set[Target] = set()
        self._own: list[tuple[_Prefix, tuple[int, int]]] = []

    def resolve(self, target: Target) -> Resolution:
        """The effective document of a target with its findings."""
        opened = self._merged(target)
        if opened is None:
            layers = tuple(self.load(slot) for slot in slots(target, self.settings, self.documents) if slot.path)
            return Resolution(target, layers, None)
        resolver, documents, findings = opened
        root, found = resolver.resolved()
        used = _closure(resolver)
        sought = resolver.sought.union(*(other.sought for other in used.values()))
        pinned = resolver.pinned.union(*(other.pinned for other in used.values()))
        found = findings + found
        return Resolution(target, tuple(documents), root, found, frozenset(used), frozenset(sought), frozenset(pinned))

    def forget(self) -> None:
        """Drop what belongs to the targets resolved so far, but for those that others refer to."""
        self._resolvers = {target: self._resolvers[target] for target in self.kept if target in self._resolvers}
        for prefix, key in self._own:
            prefix.next.pop(key, None)
        self._own.clear()

    def _merged(self, target: Target) -> tuple[Resolver, list[Document], list[Diagnostic]] | None:
        if target in self._resolvers:
            return self._resolvers[target]
        layers = [self.load(slot) for slot in slots(target, self.settings, self.documents) if slot.path]
        if any(layer.root is None for layer in layers):
            self._resolvers[target] = None
            return None
        knowledge = self.knowledge(target.namespace)
        prefix = self._empty
        findings: list[Diagnostic] = []
        for layer in layers:
            prefix = self._folded(prefix, layer, knowledge, own=layer.namespace == target.namespace)
            findings += prefix.findings
        merged = prefix.root if prefix.root is not None else _nothing(target)
        root = finish(merged)
        findings += guard(root, self.settings.environments[target.environment], self.settings, self.now)
        opened = (Resolver(target, root, self.session), layers, findings)
        self._resolvers[target] = opened
        return opened

    def _folded(self, prefix: _Prefix, layer: Document, knowledge: Knowledge, *, own: bool) -> _Prefix:
        key = (id(layer), id(knowledge))
        known = prefix.next.get(key)
        if known is None:
            findings: list[Diagnostic] = []
            root = Merge(knowledge, self.protected, findings.append).layer(prefix.root, layer)
            known = prefix.next[key] = _Prefix(layer, root, findings)
            if own:
                self._own.append((prefix, key))
        return known

    def _open(self, target: Target) -> Resolver | Missing | None:
        """The resolver of a target that a reference names, or why there is none."""
        if target.environment not in self.settings.environments:
            return _missing("environment", target.environment, list(self.settings.environments))
        if target.namespace not in self.namespaces:
            return _missing("namespace", target.namespace, sorted(self.namespaces))
        opened = self._merged(target)
        self.kept.add(target)
        return opened[0] if opened else None

    def _open_version(self, target: Target, number: str) -> Resolver | Missing | None:
        """The document of a recorded version; None where the number is the name of an environment."""
        if number in self.settings.environments:
            return None
        if self.versions is None:
            return Missing("version", f"version {number} of {target} cannot be looked up outside of Git", None)
        found = self.versions(target, int(number[:18]))
        if isinstance(found, str):
            return Missing("version", found, None)
        return Resolver(target, found, self.session)


def _missing(what: str, name: str, known: list[str]) -> Missing:
    near = closest(name, known) or next((other for other in known if other.startswith(name)), None)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(known[:8])}{' ...' if len(known) > 8 else ''}"
    return Missing(what, f"there is no {what} {name}", hint)


def _closure(resolver: Resolver) -> dict[Target, Resolver]:
    """All targets whose values a resolver took, directly or not."""
    found: dict[Target, Resolver] = {}
    waiting = [resolver]
    while waiting:
        for target, other in waiting.pop().used.items():
            if target not in found and target != resolver.target:
                found[target] = other
                waiting.append(other)
    return found


def _nothing(target: Target) -> Node:
    return Node({}, Document("", target.namespace, target.environment, "", None), TOP)
