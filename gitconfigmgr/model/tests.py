"""Config unit tests as they were written, and what came of running tests of any kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from gitconfigmgr.model.diagnostics import Diagnostic, Position


class Expectation(NamedTuple):
    """One line of `expect`. `kind` is equals, matches, absent, present, secret, finding or policy; `value` is its operand."""

    kind: str
    path: tuple[str, ...]
    value: Any
    position: Position


class ConfigTest(NamedTuple):
    """What targets must be like; without environments, in all of them."""

    name: str
    position: Position
    namespaces: tuple[str, ...]
    environments: tuple[str, ...]
    expectations: tuple[Expectation, ...]


@dataclass(slots=True)
class Case:
    """A test that ran: it passed where nothing failed. `suite` is its file, or its policy."""

    suite: str
    name: str
    position: Position
    failures: list[Diagnostic] = field(default_factory=list)


@dataclass(slots=True)
class Coverage:
    """How many things of a kind there are, and those that no test touches."""

    what: str
    total: int
    untouched: list[tuple[str, Position]]


@dataclass(slots=True)
class Tested:
    """All tests that ran. `findings` are those of test files, which then did not run."""

    cases: list[Case] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)

    @property
    def failures(self) -> list[Diagnostic]:
        """All that failed, in the order of the tests."""
        return [*self.findings, *(item for case in self.cases for item in case.failures)]
