"""A repository's own rules over effective documents, as they were written, and what an engine says of them."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.model.diagnostics import Position

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.diagnostics import Waiver

CEL = "cel"

Facts = dict[str, Any]  # what a policy sees, as plain data; docs/policies.md has the table
Call = tuple[str, Facts, dict[str, Any]]  # a policy by its id, the facts, its parameters


class Source(NamedTuple):
    """Text in a policy language. `runs` are (offset in the text, line, column) of its words in the file, ascending."""

    text: str
    position: Position
    runs: tuple[tuple[int, int, int], ...] = ()

    @property
    def start(self) -> Position:
        """Where its first word stands: in a block, below the mark."""
        return self.at(0) if self.runs else self.position

    def word(self, word: str) -> Position:
        """Where a word of the text stands; the begin of the text where it is written otherwise."""
        match = re.search(rf"(?<![A-Za-z0-9_]){re.escape(word)}(?![A-Za-z0-9_])", self.text)
        if match is None:
            return self.start
        return self.at(match.start())._replace(end_column=self.at(match.start()).column + len(word))

    def at(self, offset: int) -> Position:
        """Where a character of the text stands in the file; the begin of the text where that cannot be told."""
        index = bisect_right(self.runs, offset, key=lambda run: run[0]) - 1
        if index < 0:
            return self.position
        start, line, column = self.runs[index]
        return Position(self.position.path, line, column + offset - start, line, column + offset - start + 1)


class Match(NamedTuple):
    """Which targets a policy is about. `metadata` maps keys to the values of which one must hold; maps nest."""

    namespaces: tuple[str, ...] = ("**",)
    environments: tuple[str, ...] = ()
    protected: bool | None = None
    metadata: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Rule:
    """One validation. `path` is where its finding stands in the document, `described` in the metadata.

    `hidden` keeps the value there out of reports.
    """

    name: str
    position: Position
    expression: Source
    message: str
    message_expression: Source | None = None
    path: tuple[str, ...] | None = None
    path_expression: Source | None = None
    described: tuple[str, ...] | None = None
    severity: str = "error"
    help: str | None = None
    controls: tuple[str, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """An inline test: facts as written, and the names of the rules that must find something, no others."""

    name: str
    position: Position
    facts: Facts
    params: dict[str, Any]
    fails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file. `module` is the program of an engine that has one instead of expressions, as of Rego."""

    id: str
    position: Position
    description: str = ""
    engine: str = CEL
    match: Match = field(default_factory=Match)
    params: dict[str, Any] = field(default_factory=dict)
    conditions: tuple[tuple[str, Source], ...] = ()
    variables: tuple[tuple[str, Source], ...] = ()
    rules: tuple[Rule, ...] = ()
    module: Source | None = None
    tests: tuple[PolicyTest, ...] = ()

    @property
    def path(self) -> str:
        """The file it stands in."""
        return self.position.path

    def rule(self, name: str) -> Rule:
        """The rule of a name."""
        return next(rule for rule in self.rules if rule.name == name)


class Problem(NamedTuple):
    """What is wrong with a policy itself: it cannot be loaded, or failed while it was evaluated."""

    message: str
    position: Position
    help: str | None = None


class Breach(NamedTuple):
    """A rule that does not hold. `places` are paths of keys that its expression named; none where it names none."""

    rule: str
    message: str | None = None
    places: tuple[tuple[str, ...], ...] = ()


class Outcome(NamedTuple):
    """What one policy says of one target; `applies` tells whether its conditions held."""

    applies: bool
    breaches: tuple[Breach, ...] = ()
    problems: tuple[Problem, ...] = ()


class PolicyUse(NamedTuple):
    """A policy that the settings name: one that is packaged, or one of the repository that gets parameters."""

    policy: str
    position: Position
    params: Mapping[str, Any] = {}
    at: Mapping[str, Position] = {}  # where each parameter stands
    namespaces: tuple[str, ...] = ()
    severity: str = ""


class WaiverRule(NamedTuple):
    """One entry of waivers.yaml: the findings it is about, and for how long."""

    code: str
    policy: str
    namespaces: tuple[str, ...]
    environments: tuple[str, ...]
    key: tuple[str, ...]
    paths: tuple[str, ...]
    waiver: Waiver
