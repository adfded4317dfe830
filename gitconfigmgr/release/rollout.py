"""How a target's releases reach its readers: all at once, by signed cohort, or not at all while it is pinned.

A state machine: `step(state, event)` gives the next state. What is published beside a target says the state:

    rollout: {"percent": 25, "salt": "...", "from": {"version", "sha256", "length"}}
    pin:     {"owner", "until", "reason"}

Whether a reader takes part is a function of the salt and of its own id, both fixed: everybody can compute it, and the
server cannot choose whom to give what. Who takes part at 25 percent takes part at 50 too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.bundles import Holding

WHOLE = 100


@dataclass(frozen=True)
class Baseline:
    """The version that readers outside the cohort keep."""

    version: int
    sha256: str
    length: int


@dataclass(frozen=True)
class Pin:
    """Nobody is given anything newer until the day is over."""

    owner: str
    until: date
    reason: str


@dataclass(frozen=True)
class State:
    """`percent` is WHOLE where there is no rollout; then there is no baseline and no salt."""

    version: int
    sha256: str
    length: int
    percent: int = WHOLE
    salt: str = ""
    baseline: Baseline | None = None
    pin: Pin | None = None


@dataclass(frozen=True)
class Publish:
    """A new version. Below WHOLE percent, readers outside the cohort keep what everybody had."""

    version: int
    sha256: str
    length: int
    percent: int = WHOLE
    salt: str = ""


@dataclass(frozen=True)
class Widen:
    """The rollout that is under way reaches more readers."""

    percent: int


@dataclass(frozen=True)
class Hold:
    """Pin the version that is published."""

    pin: Pin


@dataclass(frozen=True)
class Let:
    """End a pin."""


Event = Publish | Widen | Hold | Let


def state_of(holding: Holding) -> State:
    """The state that is published."""
    rollout, pin = holding.custom.get("rollout"), holding.custom.get("pin")
    state = State(holding.version, holding.digest.removeprefix("sha256:"), holding.size)
    if rollout:
        state = replace(state, percent=rollout["percent"], salt=rollout["salt"], baseline=Baseline(**rollout["from"]))
    if pin:
        state = replace(state, pin=Pin(pin["owner"], date.fromisoformat(pin["until"]), pin["reason"]))
    return state


def custom_of(state: State) -> dict[str, Any]:
    """What is published beside the target."""
    custom: dict[str, Any] = {}
    if state.baseline is not None:
        base = {"version": state.baseline.version, "sha256": state.baseline.sha256, "length": state.baseline.length}
        custom["rollout"] = {"percent": state.percent, "salt": state.salt, "from": base}
    if state.pin is not None:
        custom["pin"] = {"owner": state.pin.owner, "until": state.pin.until.isoformat(), "reason": state.pin.reason}
    return custom


def described(custom: Mapping[str, Any]) -> str:
    """Who is given it, by what is published beside a target."""
    rollout, pin = custom.get("rollout"), custom.get("pin")
    said = [f"{rollout['percent']} percent, the others version {rollout['from']['version']}"] if rollout else []
    if pin:
        said.append(f"pinned by {pin['owner']} until {pin['until']}: {pin['reason']}")
    return "; ".join(said) or "everybody, not pinned"


def step(state: State | None, event: Event, today: date) -> State:
    """The next state; None is a target that was never published. Raises UsageError for an event that cannot be."""
    if isinstance(event, Publish):
        return _published(state, event, today)
    if state is None:
        raise UsageError("it was never published", "publish it first: `gitconfigmgr release`")
    if isinstance(event, Widen):
        if state.baseline is None:
            raise UsageError("no rollout is under way", "begin one: `gitconfigmgr release --percent 10`")
        if not state.percent <= event.percent <= WHOLE:
            raise UsageError(
                f"the rollout is at {state.percent} percent: it can only grow", "to take it back: `release rollback`"
            )
        if event.percent == WHOLE:
            return replace(state, percent=WHOLE, salt="", baseline=None)
        return replace(state, percent=event.percent)
    if isinstance(event, Hold):
        if event.pin.until <= today:
            raise UsageError(f"{event.pin.until} is over", "a pin ends at a day to come")
        return replace(state, pin=event.pin)
    if state.pin is None:
        raise UsageError("it is not pinned", "see `gitconfigmgr release status`")
    return replace(state, pin=None)


def pinned(state: State | None, today: date) -> Pin | None:
    """The pin that holds today; one whose day is over holds no more."""
    return state.pin if state is not None and state.pin is not None and state.pin.until >= today else None


def _published(state: State | None, event: Publish, today: date) -> State:
    pin = pinned(state, today)
    if pin is not None:
        raise UsageError(f"pinned by {pin.owner} until {pin.until}: {pin.reason}", "`gitconfigmgr release unpin`")
    new = State(event.version, event.sha256, event.length)
    if event.percent == WHOLE or state is None:
        return new
    baseline = state.baseline or Baseline(state.version, state.sha256, state.length)
    return replace(new, percent=event.percent, salt=event.salt, baseline=baseline)


def takes_part(rollout: Mapping[str, Any] | None, instance: str) -> bool:
    """Whether a reader is given the new version: its own id against the signed salt and percentage."""
    if not rollout:
        return True
    drawn = int.from_bytes(hashlib.sha256(f"{rollout['salt']}:{instance}".encode()).digest()[:8])
    return drawn % 10_000 < int(rollout["percent"]) * 100
