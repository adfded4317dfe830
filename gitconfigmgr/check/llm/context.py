"""What every rule is given: the document's parts, the catalogue, the settings, and how a finding is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitconfigmgr.check.llm import regions
from gitconfigmgr.model.diagnostics import Diagnostic, Related, key_position_of, position_of
from gitconfigmgr.model.names import closest, show_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.check.llm.catalog import Facts, Known
    from gitconfigmgr.check.llm.document import Llm, Part
    from gitconfigmgr.model.settings import Models
    from gitconfigmgr.model.subjects import Subject
    from gitconfigmgr.model.values import Node

_MOST_ASKED = 50


@dataclass(slots=True)
class Context:
    """One target under judgement. `ceilings` are the budgets of `_namespace.yaml` from the top down."""

    subject: Subject
    llm: Llm
    known: Known
    settings: Models
    ceilings: list[tuple[str, Part]] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    asked: int = 0
    _facts: dict[int, Facts | None] = field(default_factory=dict)

    def near(self, word: str, known: list[str]) -> str | None:
        """The name that was meant; not looked for without end in a document of nothing but wrong ones."""
        self.asked += 1
        return closest(word, known) if self.asked <= _MOST_ASKED else None

    @property
    def protected(self) -> bool:
        """Whether the environment is protected."""
        return self.subject.environment.protected

    @property
    def metadata(self) -> Mapping[str, Node]:
        """The metadata that holds for the namespace."""
        return self.subject.metadata

    def alive(self) -> list[Part]:
        """The endpoints that requests may reach."""
        return [each for each in self.llm.endpoints.values() if each.text("status") != "disabled"]

    def facts(self, endpoint: Part) -> Facts | None:
        """What the catalogue knows of an endpoint's model."""
        key = id(endpoint.node)
        if key not in self._facts:
            provider, model = endpoint.text("provider"), endpoint.text("model")
            place = regions.jurisdiction(endpoint.text("region") or "") or ""
            named = provider is not None and model is not None and provider != "self_hosted"
            self._facts[key] = self.known.facts(provider or "", model or "", place) if named else None
        return self._facts[key]

    def window(self, endpoint: Part) -> tuple[int, str] | None:
        """The most tokens that an endpoint reads, and where that is from."""
        declared, facts = endpoint.whole("context_window"), self.facts(endpoint)
        if declared is not None:
            return declared, "declared"
        if facts is not None and facts.context_window:
            return facts.context_window, facts.source("context_window")
        return None

    def total(self, endpoint: Part) -> int | None:
        """The most tokens that an endpoint reads and writes in one request."""
        window, facts = self.window(endpoint), self.facts(endpoint)
        if window is None:
            return None
        if facts is None or not facts.total_window or not facts.context_window:
            return window[0]
        return window[0] + max(0, facts.total_window - facts.context_window)

    def most_output(self, endpoint: Part) -> tuple[int, str] | None:
        """The most tokens that an endpoint writes, and where that is from."""
        declared, facts = endpoint.whole("max_output_tokens"), self.facts(endpoint)
        known = facts.max_output_tokens if facts is not None else None
        if declared is not None and (known is None or declared <= known):
            return declared, "declared"
        if facts is not None and known is not None:
            return known, facts.source("max_output_tokens")
        return None

    def max_tokens(self, endpoint: Part, *parameters: Part | None) -> Part | None:
        """The `max_tokens` that holds for a request: the first of these that sets it, then endpoint and defaults."""
        for part in (*parameters, endpoint.at("parameters"), *self.llm.defaults):
            found = part.at("max_tokens") if part is not None else None
            if found is not None and found.whole() is not None:
                return found
        return None

    def report(
        self,
        code: str,
        message: str,
        part: Part,
        *,
        severity: str = "",
        related: tuple[Related, ...] = (),
        help_: str | None = None,
        within: str | None = None,
        key: bool = False,
        label: str = "",
        hidden: bool = False,
    ) -> None:
        """A finding at a part's value, or at its key."""
        position = key_position_of(part.node) if key else position_of(part.node)
        steps = tuple(Related(position_of(step), "the value comes from here") for step in part.node.via[:4])
        self.findings.append(
            Diagnostic(code, message, position, severity, label, related + steps, help_, key=show_path(part.path) or None,
                       within=within, hidden=hidden)
        )  # fmt: skip


def here(part: Part, message: str, note: str = "", *, key: bool = False) -> Related:
    """Another place that takes part in a finding."""
    return Related(key_position_of(part.node) if key else position_of(part.node), message, note)


def listed(words: object) -> str:
    """Words as a list in a sentence."""
    return ", ".join(sorted(words))  # type: ignore[call-overload]


def count(number: float) -> str:
    """A number with its digits in groups."""
    return f"{number:,}".replace(",", " ")
