"""`diff --envs`: how two environments differ, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.app.diff import Diff, TargetDiff, compare, state_of, target_record
from gitconfigmgr.app.select import Selection, choose
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import closest

if TYPE_CHECKING:
    from datetime import date

    from gitconfigmgr.history.changes import Change
    from gitconfigmgr.model.revisions import Blame
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import History


class Drift(NamedTuple):
    """Since when two environments differ in a value: the younger of the two lines, and the environment it is in.

    `ahead` is None where both are of one day.
    """

    since: date
    ahead: str | None
    days: int


@dataclass(frozen=True, slots=True)
class Parity:
    """`drifts` has an entry for each change of each target; None where the lines are not committed."""

    diff: Diff
    drifts: list[list[Drift | None]]


def parity(repository: Repository, history: History | None, names: tuple[str, str], selection: Selection) -> Parity:
    """How the second environment differs from the first in each selected namespace."""
    for name in names:
        known = list(repository.settings.environments)
        if name not in known:
            near = closest(name, known)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
            raise UsageError(f"there is no environment {name}", hint)
    found = Parity(Diff([]), [])
    ages = _Ages(history, repository.today())
    for target in choose(repository, Selection(selection.namespaces, (names[1],))):
        other = target._replace(environment=names[0])
        compared = compare(repository, target, state_of(repository, other), state_of(repository, target))
        if compared is None:
            found.diff.unchanged.append(target)
        else:
            found.diff.targets.append(compared)
            found.drifts.append([ages.drift(compared, change, names) for change in compared.changes])
        repository.forget(target.namespace)
    return found


class _Ages:
    def __init__(self, history: History | None, today: date | None) -> None:
        self.history = history
        self.today = today
        self._known: dict[tuple[str, int], Blame | None] = {}

    def drift(self, found: TargetDiff, change: Change, names: tuple[str, str]) -> Drift | None:
        sides = [(self._day(found.was(change)), names[0]), (self._day(found.origin(change)), names[1])]
        dated = [(day, name) for day, name in sides if day is not None]
        if not dated or self.today is None:
            return None
        since, ahead = max(dated)
        tied = len({day for day, _ in dated}) < len(dated)
        return Drift(since, None if tied else ahead, max(0, (self.today - since).days))

    def _day(self, node: Node | None) -> date | None:
        """The day of the line, or of the youngest one that its value came through."""
        steps = () if node is None else (node, *node.via[:4])
        return max(filter(None, map(self._blamed, steps)), default=None)

    def _blamed(self, node: Node) -> date | None:
        if self.history is None or not node.document.path:
            return None
        place = position_of(node)
        key = place.path, place.line
        if key not in self._known:
            self._known[key] = self.history.blame(*key)
        blame = self._known[key]
        return None if blame is None else blame.time.date()


def as_json(found: Parity, names: tuple[str, str]) -> dict[str, Any]:
    """The shape of `diff --envs --format json`."""
    targets = []
    for item, drifts in zip(found.diff.targets, found.drifts, strict=True):
        record = target_record(item)
        for change, drift in zip(record["changes"], drifts, strict=True):
            change["drift"] = drift and {"since": drift.since.isoformat(), "days": drift.days, "ahead": drift.ahead}
        targets.append(record)
    equal = [{"namespace": target.namespace, "environment": target.environment} for target in found.diff.unchanged]
    return {"from": names[0], "to": names[1], "targets": targets, "unchanged": equal}
