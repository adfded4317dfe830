"""What config tests do not touch: overrides, rules of schemas, rules of policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.policies.waivers import names_policy
from gitconfigmgr.check.textplaces import position_in
from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import show_path
from gitconfigmgr.model.tests import Coverage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gitconfigmgr.check.library import File
    from gitconfigmgr.check.schemas import View
    from gitconfigmgr.check.subschemas import Pointer
    from gitconfigmgr.model.diagnostics import Position
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.tests import ConfigTest
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository

    Paths = Sequence[tuple[str, ...]]


class Overrides:
    """The values of upper layers that win over a lower one, and which of them tests touch."""

    def __init__(self) -> None:
        self._known: dict[Position, str] = {}
        self._touched: set[Position] = set()

    def look(self, root: Node, tested: Paths) -> None:
        """Look at one target and the paths that tests name in it."""
        for path, node in _overriding(root, ()):
            place = position_of(node)
            self._known.setdefault(place, show_path(path))
            if _touches(path, tested):
                self._touched.add(place)

    def coverage(self) -> Coverage:
        left = sorted((place, name) for place, name in self._known.items() if place not in self._touched)
        return Coverage("override", len(self._known), [(name, place) for place, name in left])


class SchemaRules:
    """The rules in the repository's own schemas, one for each value that is described, and which of them tests touch."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[File, Pointer]] = {}
        self._touched: set[str] = set()

    def look(self, view: View, root: Node, tested: Paths) -> None:
        """Look at the rules for one document: for its values, and for those that it leaves out."""
        for path in _described(view, root, ()):
            rules = view.rules(path)
            self._known |= rules
            if _touches(path, tested):
                self._touched |= rules.keys()

    def coverage(self) -> Coverage:
        places = {name: place for name, place in self._known.items() if name not in self._touched}
        left = sorted((position_in(file.name, file.text, at), name) for name, (file, at) in places.items())
        return Coverage("schema rule", len(self._known), [(name, place) for place, name in left])


def policy_rules(repository: Repository, tests: list[ConfigTest]) -> Coverage:
    """The rules of policies that neither an inline test nor a config test makes fail."""
    from gitconfigmgr.app.policy_test import run_policy_tests

    found = run_policy_tests(repository.rules.policies, repository.settings).coverage[0]
    wanted = [str(each.value) for test in tests for each in test.expectations if each.kind == "policy"]
    left = [item for item in found.untouched if not any(names_policy(item[0], name) for name in wanted)]
    return Coverage(found.what, found.total, left)


def _touches(path: KeyPath, tested: Paths) -> bool:
    """Whether a test names the path, a map around it, or something in it."""
    names = tuple(map(str, path))
    return any(names[: len(each)] == each or each[: len(names)] == names for each in tested)


def _overriding(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Node]]:
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _overriding(child, (*path, key))
    elif node.lower is not None:
        yield path, node


def _described(view: View, node: Node, path: KeyPath) -> Iterator[KeyPath]:
    yield path
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _described(view, child, (*path, key))
        yield from ((*path, name) for name in view.members(path) if name not in node.value)
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from _described(view, child, (*path, index))
