"""What a change does to the costs of LLM requests, and to the places they are served in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gitconfigmgr.check.llm import cost
from gitconfigmgr.check.llm.context import Context
from gitconfigmgr.check.llm.judge import LlmJudge
from gitconfigmgr.check.llm.regions import served_in
from gitconfigmgr.model.subjects import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.app.diff import TargetDiff
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository

Value = TypeVar("Value")


class CostChange(NamedTuple):
    """The worst case of one request with a prompt, in dollars; None where there is no such prompt, or no price."""

    target: Target
    prompt: str
    before: float | None
    after: float | None


class PlaceChange(NamedTuple):
    """Where an endpoint is served; None where there is no such endpoint, or nothing is said."""

    target: Target
    endpoint: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class ModelChanges:
    """Sorted as the targets are."""

    costs: list[CostChange] = field(default_factory=list)
    places: list[PlaceChange] = field(default_factory=list)


def model_changes(before: Repository | None, after: Repository, targets: Iterable[TargetDiff]) -> ModelChanges:
    """What differs in costs and places, over the targets that differ at all."""
    found = ModelChanges()
    for item in targets:
        old = _context(before, item.target, item.before.root)
        new = _context(after, item.target, item.after.root)
        for name, one, other in _pairs(_costs(old), _costs(new)):
            if _cents(one) != _cents(other):
                found.costs.append(CostChange(item.target, name, one, other))
        for name, place, there in _pairs(_places(old), _places(new)):
            if place != there:
                found.places.append(PlaceChange(item.target, name, place, there))
    return found


def _context(repository: Repository | None, target: Target, root: Node | None) -> Context | None:
    if repository is None or root is None:
        return None
    judge = next(judge for judge in repository.rules.judges if isinstance(judge, LlmJudge))
    parts = judge.parts(target.namespace, root)
    environment = repository.settings.environments.get(target.environment)
    if parts is None or environment is None:
        return None
    subject = Subject(target, root, environment, repository.described(target.namespace), repository.today)
    return Context(subject, parts, judge.known, repository.settings.models)


def _costs(context: Context | None) -> dict[str, float]:
    if context is None:
        return {}
    found = {name: cost.worst(context, prompt) for name, prompt in context.llm.prompts.items()}
    return {name: worst.dollars for name, worst in found.items() if worst is not None}


def _places(context: Context | None) -> dict[str, str]:
    if context is None:
        return {}
    found = {}
    for name, endpoint in context.llm.endpoints.items():
        served = served_in(endpoint)
        place = served[1] if served is not None else endpoint.text("region")
        if place is not None:
            found[name] = place
    return found


def _pairs(old: dict[str, Value], new: dict[str, Value]) -> Iterable[tuple[str, Value | None, Value | None]]:
    return ((name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys()))


def _cents(dollars: float | None) -> str | None:
    """The number as far as it is shown."""
    return None if dollars is None else f"{dollars:.3g}"
