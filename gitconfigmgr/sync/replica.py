"""What an agent knows of what is published, and what it does next: `step(replica, event, now)`, free of I/O.

Times are seconds since 1970. The clock that counts is never behind the time at which the metadata in use was signed, so
that a clock set back does not make old metadata young. An answer that says "unchanged" keeps the contact and proves
nothing: only verified bytes extend freshness, and every UNCONDITIONAL-th poll asks for them without conditions, for
web servers give 304 for changed files of the same length and second.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

UNCONDITIONAL = 20
_NEVER = float("-inf")


class Phase(StrEnum):
    """As it is told to applications, in readiness and in metrics."""

    NOT_READY = "not-ready"  # nothing verified is here
    READY = "ready"
    STALE = "stale"  # the publisher could not be reached, or proved nothing, for longer than agreed
    EXPIRED = "expired"  # the signed life of the metadata is over
    PINNED = "pinned"  # held at its version by an operator of this machine
    FATAL = "fatal"  # nothing will be followed any more until somebody changes the agent's settings


class Version(NamedTuple):
    """Of one target. `signed` only grows; `given` is less where this instance is outside the cohort of a rollout."""

    signed: int
    given: int
    sha256: str


@dataclass(frozen=True)
class Candidate:
    """A verified state of what is published: `number` of its timestamp, when that was signed, the soonest expiry."""

    number: int
    signed: float
    expires: float
    targets: Mapping[str, Version]
    etag: str | None = None


@dataclass(frozen=True)
class Rules:
    """`stale_after` seconds without contact are STALE."""

    interval: float = 60
    stale_after: float = 300


@dataclass(frozen=True)
class Pin:
    """Nothing newer is activated before `until`."""

    until: float
    reason: str


@dataclass(frozen=True)
class Replica:
    """`active` is the last good state, `floors` the highest signed version of each target that was ever active."""

    rules: Rules = field(default_factory=Rules)
    active: Candidate | None = None
    floors: Mapping[str, int] = field(default_factory=dict)
    since: float = 0  # when content last changed
    expires: float = 0
    contact: float = _NEVER
    proved: float = _NEVER
    polls: int = 0
    busy: bool = False
    pin: Pin | None = None
    waiting: int = 0  # the number of a candidate that the pin holds back
    reason: str = ""  # why the last attempt failed
    broken: bool = False


# -- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loaded:
    """The store had a state that was verified again."""

    candidate: Candidate
    floors: Mapping[str, int]
    since: float


@dataclass(frozen=True)
class Due:
    """The time of a poll has come."""


@dataclass(frozen=True)
class Hinted:
    """Somebody says that a timestamp of this number is there. Not to be trusted: it is a reason to look, no more."""

    number: int


@dataclass(frozen=True)
class Unchanged:
    """304, or the bytes that are known already: only the latter prove anything."""

    proof: bool


@dataclass(frozen=True)
class Offered:
    """A verified state, its content at hand."""

    candidate: Candidate


@dataclass(frozen=True)
class Activated:
    """Readers see the candidate."""

    candidate: Candidate


@dataclass(frozen=True)
class Failed:
    """A poll or an activation failed: unreachable, not verified, disk full. The last good stays."""

    reason: str


@dataclass(frozen=True)
class Broken:
    """What no later poll can mend: the trusted root or the key of the store is of no use."""

    reason: str


@dataclass(frozen=True)
class Pinned:
    """An operator pins, or with None lets go."""

    pin: Pin | None


Event = Loaded | Due | Hinted | Unchanged | Offered | Activated | Failed | Broken | Pinned


# -- effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Poll:
    """Ask for the timestamp; with an `etag` conditionally. A thorough one takes no hint of what need not be asked for."""

    etag: str | None
    thorough: bool = False


@dataclass(frozen=True)
class Activate:
    """Make the candidate what readers see, as a whole, and answer Activated or Failed."""

    candidate: Candidate


@dataclass(frozen=True)
class Notify:
    """Tell applications that these targets changed."""

    changed: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Tell operators."""

    message: str


Effect = Poll | Activate | Notify | Report
Step = tuple[Replica, tuple[Effect, ...]]


def clock(replica: Replica, now: float) -> float:
    """The time that counts."""
    return max(now, replica.active.signed) if replica.active else now


def phase(replica: Replica, now: float) -> Phase:
    """The phase at a time."""
    if replica.broken:
        return Phase.FATAL
    if replica.active is None:
        return Phase.NOT_READY
    time, rules = clock(replica, now), replica.rules
    if time >= replica.expires:
        return Phase.EXPIRED
    if _pinned(replica, time):
        return Phase.PINNED
    silent = time - replica.contact > rules.stale_after
    unproved = time - replica.proved > rules.stale_after + UNCONDITIONAL * rules.interval
    return Phase.STALE if silent or unproved else Phase.READY


def step(replica: Replica, event: Event, now: float) -> Step:  # noqa: PLR0911 - one return for each kind of event
    """The next state, and what is to be done."""
    if replica.broken:
        return replica, ()
    match event:
        case Loaded():
            return _loaded(replica, event)
        case Due():
            return _poll(replica)
        case Hinted():
            known = replica.active is not None and event.number <= max(replica.active.number, replica.waiting)
            return (replica, ()) if known else _poll(replica, hinted=True)
        case Unchanged():
            proved = clock(replica, now) if event.proof else replica.proved
            return replace(replica, busy=False, contact=clock(replica, now), proved=proved, reason=""), ()
        case Offered():
            return _offered(replica, event.candidate, now)
        case Activated():
            return _activated(replica, event.candidate, now)
        case Failed():
            said = () if event.reason == replica.reason else (Report(event.reason),)
            return replace(replica, busy=False, reason=event.reason), said
        case Broken():
            return replace(replica, busy=False, broken=True, reason=event.reason), (Report(event.reason),)
        case Pinned():
            return replace(replica, pin=event.pin), ()


def _loaded(replica: Replica, event: Loaded) -> Step:
    candidate = event.candidate
    known = replace(replica, active=candidate, floors=event.floors, since=event.since, expires=candidate.expires)
    return known, (Notify(tuple(sorted(candidate.targets))),)


def _poll(replica: Replica, *, hinted: bool = False) -> Step:
    if replica.busy:
        return replica, ()
    thorough = replica.active is None or replica.polls % UNCONDITIONAL == 0
    bare = thorough or hinted or replica.waiting or replica.active is None
    etag = None if bare or replica.active is None else replica.active.etag
    return replace(replica, busy=True, polls=replica.polls + 1), (Poll(etag, thorough),)


def _offered(replica: Replica, candidate: Candidate, now: float) -> Step:
    refusal = _refusal(replica, candidate, now)
    if refusal:
        return step(replica, Failed(refusal), now)
    time = max(clock(replica, now), candidate.signed)
    heard = replace(replica, contact=time, proved=time)
    before = replica.active
    if before is not None and before.targets != candidate.targets and _pinned(replica, time):
        held = replace(heard, busy=False, expires=max(heard.expires, candidate.expires), reason="")
        said = () if replica.waiting == candidate.number else (Report(f"pinned: {candidate.number} waits"),)
        return replace(held, waiting=candidate.number), said
    return heard, (Activate(candidate),)


def _refusal(replica: Replica, candidate: Candidate, now: float) -> str:
    if max(clock(replica, now), candidate.signed) >= candidate.expires:
        return "the metadata has expired"
    if replica.active is not None and candidate.number < replica.active.number:
        return f"timestamp {candidate.number} is older than {replica.active.number}"
    for name, version in candidate.targets.items():
        if version.signed < replica.floors.get(name, 0):
            return f"{name}: version {version.signed} is older than {replica.floors[name]}"
    return ""


def _activated(replica: Replica, candidate: Candidate, now: float) -> Step:
    before = replica.active.targets if replica.active else {}
    names = before.keys() | candidate.targets.keys()
    changed = tuple(sorted(name for name in names if before.get(name) != candidate.targets.get(name)))
    after = replace(
        replica,
        active=candidate,
        floors=raised(replica.floors, candidate),
        since=now if changed or replica.active is None else replica.since,
        expires=candidate.expires,
        busy=False,
        waiting=0,
        reason="",
    )
    return after, (Notify(changed),) if changed else ()


def raised(floors: Mapping[str, int], candidate: Candidate) -> dict[str, int]:
    """The floors once a candidate is active."""
    return {**floors, **{name: max(version.signed, floors.get(name, 0)) for name, version in candidate.targets.items()}}


def _pinned(replica: Replica, time: float) -> bool:
    return replica.pin is not None and time < replica.pin.until
