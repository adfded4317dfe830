"""The LLM parts of an effective document: endpoints, chains, routing, prompts, budgets, wherever schemas say they are.

A place is known by `x-gcm-role` of the schema that is bound there, directly or by `$ref`; no key has a meaning of its
own. Documents that break their schema are judged too, so every access here allows for a value of the wrong kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.model.values import Node, Sealed, Segments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.check.hygiene.marked import Marks
    from gitconfigmgr.model.names import KeyPath


MAX_TARGETS = 100  # that a name leads to; a chain deeper than MAX_DEPTH is a finding before this cuts it
MAX_DEPTH = 8  # of chains in chains


class Part(NamedTuple):
    """A node with a role; `name` is its key."""

    name: str
    path: KeyPath
    node: Node

    def at(self, *keys: str | int) -> Part | None:
        """The part below some keys; None where there is none."""
        node = below(self.node, *keys)
        return None if node is None else Part(str(keys[-1]), self.path + keys, node)

    def text(self, *keys: str | int) -> str | None:
        """The text below some keys."""
        return text(below(self.node, *keys))

    def number(self, *keys: str | int) -> float | None:
        """The number below some keys."""
        return number(below(self.node, *keys))

    def whole(self, *keys: str | int) -> int | None:
        """The whole number below some keys."""
        found = number(below(self.node, *keys))
        return found if isinstance(found, int) else None

    def value(self, *keys: str | int) -> Any:
        """The scalar below some keys."""
        node = below(self.node, *keys)
        return None if node is None else node.value

    def items(self, *keys: str | int) -> list[Part]:
        """The items of the list below some keys."""
        node = below(self.node, *keys)
        if node is None or type(node.value) is not list:
            return []
        return [Part(str(index), (*self.path, *keys, index), item) for index, item in enumerate(node.value)]

    def members(self, *keys: str | int) -> dict[str, Part]:
        """The members of the map below some keys."""
        node = below(self.node, *keys)
        if node is None or type(node.value) is not dict:
            return {}
        return {name: Part(name, (*self.path, *keys, name), child) for name, child in node.value.items()}

    def words(self, *keys: str | int) -> set[str]:
        """The texts in the list below some keys."""
        return {item.node.value for item in self.items(*keys) if type(item.node.value) is str}


def below(node: Node, *keys: str | int) -> Node | None:
    """The node below some keys; None where there is none."""
    at: Node | None = node
    for key in keys:
        value = None if at is None else at.value
        if type(value) is dict:
            at = value.get(key)
        elif type(value) is list and type(key) is int and key < len(value):
            at = value[key]
        else:
            return None
    return at


def text(node: Node | None) -> str | None:
    """The value where it is text."""
    return node.value if node is not None and type(node.value) is str else None


def number(node: Node | None) -> float | None:
    """The value where it is a number."""
    value = None if node is None else node.value
    return value if type(value) is int or type(value) is float else None


def day(word: str | None) -> date | None:
    """The day that a text names."""
    try:
        return date.fromisoformat(word) if word else None
    except ValueError:
        return None


def is_secret(node: Node | None) -> bool:
    """Whether the value is, or touches, a secret."""
    return node is not None and isinstance(node.value, (Sealed, Segments))


class Step(NamedTuple):
    """An endpoint that a chain may reach; `target` is where the chain names it, None for an endpoint by itself."""

    endpoint: Part
    target: Part | None


@dataclass(slots=True)
class Llm:
    """The parts of one document, by name; `uses` are values that a schema says are names of endpoints or chains."""

    endpoints: dict[str, Part] = field(default_factory=dict)
    chains: dict[str, Part] = field(default_factory=dict)
    prompts: dict[str, Part] = field(default_factory=dict)
    routings: list[Part] = field(default_factory=list)
    defaults: list[Part] = field(default_factory=list)
    quotas: list[Part] = field(default_factory=list)
    budgets: list[Part] = field(default_factory=list)
    caches: list[Part] = field(default_factory=list)
    rotations: list[Part] = field(default_factory=list)
    uses: list[Part] = field(default_factory=list)
    _reached: dict[str, list[Step]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(
            (self.endpoints, self.chains, self.prompts, self.routings, self.quotas, self.budgets, self.rotations)
        )

    def names(self) -> list[str]:
        """What may serve a request."""
        return [*self.endpoints, *self.chains]

    def reach(self, name: str) -> list[Step]:
        """The endpoints behind a name in the order in which they are tried; each once, circles cut."""
        if name not in self._reached:
            self._reached[name] = list(self._walk(name))
        return self._reached[name]

    def _walk(self, name: str) -> Iterator[Step]:
        seen_chains: set[str] = set()
        seen: set[str] = set()
        waiting: list[tuple[str, Part | None]] = [(name, None)]
        looked = 0
        while waiting and looked < MAX_TARGETS:
            looked += 1
            at, target = waiting.pop()
            if at in self.chains and at not in seen_chains and (target is None or at not in self.endpoints):
                seen_chains.add(at)
                targets = self.chains[at].items("targets")[:MAX_TARGETS]
                waiting += [(each.text("endpoint") or "", each) for each in reversed(targets)]
            elif at in self.endpoints and at not in seen:
                seen.add(at)
                yield Step(self.endpoints[at], target)

    def serving(self, prompt: Part) -> str | None:
        """The name that serves a prompt: its own, or what routing falls back on."""
        named = prompt.text("use")
        if named is None and self.routings:
            named = self.routings[0].text("default")
        return named

    def needs(self, prompt: Part) -> set[str]:
        """The capabilities that a prompt needs: of whatever may serve it."""
        needs = set()
        if prompt.items("tools"):
            needs.add("tools")
        if prompt.at("output", "schema") or prompt.text("parameters", "response_format") == "json_schema":
            needs.add("json_schema")
        return needs


def read_parts(root: Node, roles: Marks) -> Llm:
    """The LLM parts of a document."""
    found = Llm()
    _collect(root, (), roles, found)
    return found


def _collect(node: Node, path: KeyPath, roles: Marks, found: Llm) -> None:
    role = roles.kind(path)
    if role is not None and role in _TAKES:
        _TAKES[role](found, Part(str(path[-1]) if path else "", path, node))
    elif roles.leads(path):
        value = node.value
        if type(value) is dict:
            for key, child in value.items():
                _collect(child, (*path, key), roles, found)
        elif type(value) is list:
            for index, child in enumerate(value):
                _collect(child, (*path, index), roles, found)


def _quotas(found: Llm, part: Part) -> None:
    found.quotas.append(part)
    budget = part.at("budget")
    if budget is not None:
        found.budgets.append(budget)


def _endpoint(found: Llm, part: Part) -> None:
    found.endpoints.setdefault(part.name, part)
    rotation = part.at("rotation")
    if rotation is not None:
        found.rotations.append(rotation)


_TAKES: dict[str, Any] = {
    "endpoint": _endpoint,
    "chain": lambda found, part: found.chains.setdefault(part.name, part),
    "prompt": lambda found, part: found.prompts.setdefault(part.name, part),
    "routing": lambda found, part: found.routings.append(part),
    "parameters": lambda found, part: found.defaults.append(part),
    "budget": lambda found, part: found.budgets.append(part),
    "cache": lambda found, part: found.caches.append(part),
    "rotation": lambda found, part: found.rotations.append(part),
    "use": lambda found, part: found.uses.append(part),
    "quotas": _quotas,
}
