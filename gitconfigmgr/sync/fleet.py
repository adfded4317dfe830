"""What agents tell an endpoint of themselves, and what that says of a fleet. Times are seconds since 1970, of the endpoint's clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUIET = 900.0  # an agent says something with each 10th poll: this long without a word is not usual
_WELL = ("ready", "pinned")
_STATES = ("not-ready", "ready", "stale", "expired", "pinned", "fatal")
_NAME, _REASON, _NAMESPACES = 253, 500, 2000


class Report(NamedTuple):
    """The last word of one agent. `since` is when it first told of this release, `seen` when it was last heard."""

    environment: str
    instance: str
    state: str
    release: int
    commit: str
    versions: Mapping[str, int]
    reason: str
    waiting: int
    age: float | None
    expires_in: float | None
    overrides: Mapping[str, tuple[str, ...]]  # keys that the machine has changed by itself
    by: str  # the name of the token that it came with
    seen: float
    since: float

    def quiet(self, now: float, after: float = QUIET) -> bool:
        """Whether nothing was heard for too long."""
        return now - self.seen > after

    def well(self, now: float, after: float = QUIET) -> bool:
        """Whether it follows, as far as is known."""
        return self.state in _WELL and not self.quiet(now, after)

    @property
    def version(self) -> str:
        """For people: the version of the namespace, or how many namespaces there are."""
        if len(self.versions) == 1:
            return str(next(iter(self.versions.values())))
        return f"{len(self.versions)} namespaces" if self.versions else "none"


class Fleet(Protocol):
    """The last report of each agent. Called from threads, and from several processes."""

    def record(self, tenant: str, report: Report) -> None:
        """Keep it in the place of the agent's last one; `since` stays while the release is the same."""
        ...

    def all(self, tenant: str) -> Sequence[Report]:
        """By environment and instance."""
        ...

    def forget(self, before: float) -> int:
        """Drop those that were last seen before a time; how many."""
        ...


def read_report(data: Mapping[str, Any], by: str, now: float) -> Report:
    """What an agent sent. Raises ValueError: anybody with a token can send anything."""
    versions = data.get("namespaces", {})
    if not isinstance(versions, dict) or len(versions) > _NAMESPACES:
        raise ValueError(f"namespaces is a map of at most {_NAMESPACES} versions")
    state = data.get("state")
    if state not in _STATES:
        raise ValueError(f"state is one of {', '.join(_STATES)}")
    return Report(
        environment=_name(data, "environment"),
        instance=_name(data, "instance"),
        state=state,
        release=_whole(data.get("release"), "release"),
        commit=_text(data.get("commit"), 64, "commit"),
        versions={_checked(name): _whole(version, "a version") for name, version in versions.items()},
        reason=_text(data.get("reason"), _REASON, "reason"),
        waiting=_whole(data.get("waiting"), "waiting"),
        age=_seconds(data.get("age"), "age"),
        expires_in=_seconds(data.get("expires_in"), "expires_in"),
        overrides=_overrides(data.get("overrides") or {}),
        by=by,
        seen=now,
        since=now,
    )


def as_data(report: Report, now: float) -> dict[str, Any]:
    """As JSON has it."""
    found = report._asdict()
    found["namespaces"] = dict(found.pop("versions"))
    return found | {
        "silence": round(max(0.0, now - report.seen), 3),
        "quiet": report.quiet(now),
        "well": report.well(now),
    }


def from_data(data: Mapping[str, Any]) -> Report:
    """The other way. Raises ValueError."""
    try:
        found = read_report(data, str(data["by"]), float(data["seen"]))
        return found._replace(since=float(data["since"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no report: {error}") from None


def duration(seconds: float) -> str:
    """For people, in one unit: 42 s, 5 min, 3 h, 12 d."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(0.0, seconds))} s"


def _name(data: Mapping[str, Any], key: str) -> str:
    found = data.get(key)
    if not isinstance(found, str) or not found:
        raise ValueError(f"{key} is missing")
    if len(found) > _NAME:
        raise ValueError(f"{key} is longer than {_NAME} characters")
    return _checked(found)


def _checked(name: Any) -> str:
    if not isinstance(name, str) or not name.isprintable() or len(name) > _NAME:
        raise ValueError("a name has characters that cannot be shown, or is too long")
    return name


def _overrides(given: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, dict) or not all(isinstance(keys, list) for keys in given.values()):
        raise ValueError("overrides is a map of lists of keys")
    if sum(map(len, given.values())) > _NAMESPACES:
        raise ValueError(f"at most {_NAMESPACES} keys are told of")
    return {_checked(name): tuple(map(_checked, keys)) for name, keys in given.items()}


def _text(value: Any, most: int, what: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{what} is text")  # noqa: TRY004 - what is wrong with the input is one kind of error
    return "".join(char if char.isprintable() else " " for char in value[:most])


def _whole(value: Any, what: str) -> int:
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError(f"{what} is a whole number")
    return int(value)


def _seconds(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{what} is a number of seconds")
    return float(value)
