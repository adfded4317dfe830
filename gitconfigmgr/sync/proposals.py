"""Changes that agents propose: what they say, in which order they were made, and which of two that meet counts.

An agent that is cut off writes on. Version vectors tell whether one change knew of the other; of two that did not know
of each other the later one counts (the time it was made, never after it was received; then the name of the instance),
and what lost is recorded with what won. A proposal is taken or lost as a whole. Nothing here changes what is served:
a proposal that is taken becomes a branch, and what comes of it comes by a release.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from gitconfigmgr.model.names import SEGMENT, show_path
from gitconfigmgr.sync.protection import overlap
from gitconfigmgr.sync.vectors import Order, compare

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gitconfigmgr.sync.vectors import Vector

    Path = tuple[str, ...]

_NAME, _REASON, _MOST, _DEPTH, _VALUE_BYTES = 253, 1000, 100, 32, 64 * 1024
_MARKS = ("${", "{{", "{%", "{#")  # what the compiler would read as a reference or a template


class State(StrEnum):
    """What has become of a proposal."""

    RECEIVED = "received"
    PROPOSED = "proposed"  # it is a branch
    MERGED = "merged"
    LOST = "lost"  # another change counts
    MANUAL = "manual"  # somebody has to decide
    REFUSED = "refused"  # it cannot be made


OPEN = (State.RECEIVED, State.PROPOSED)
_NEXT = {
    State.RECEIVED: {State.PROPOSED, State.MERGED, State.LOST, State.MANUAL, State.REFUSED},
    State.PROPOSED: {State.MERGED, State.LOST, State.MANUAL, State.REFUSED},
    State.MANUAL: {State.PROPOSED, State.MERGED, State.LOST, State.REFUSED},
}


def may_become(old: State, new: State) -> bool:
    return new in _NEXT.get(old, ())


# -- proposals -------------------------------------------------------------------------------------------------------


class Operation(NamedTuple):
    """One key of a map gets a value, or is gone."""

    path: Path
    value: Any = None
    remove: bool = False


class Base(NamedTuple):
    """What the instance served when the change was made."""

    release: int
    version: int
    digest: str
    commit: str


class Proposal(NamedTuple):
    """`at` in seconds since 1970."""

    id: str
    instance: str
    environment: str
    namespace: str
    patch: tuple[Operation, ...]
    base: Base
    at: float
    vector: Vector
    reason: str

    @property
    def keys(self) -> list[str]:
        return [show_path(operation.path) for operation in self.patch]


class Entry(NamedTuple):
    """A proposal as the inbox keeps it. `by` is the name of the token it came with."""

    proposal: Proposal
    state: State
    outcome: Mapping[str, Any]
    by: str
    received: float


class Inbox(Protocol):
    """The proposals of an endpoint. Called from threads, and from several processes; what was added outlives a crash."""

    def add(self, tenant: str, proposal: Proposal, by: str, received: float) -> Entry | None:
        """The entry; the one that is there where it was sent before. None where there is no more room."""
        ...

    def get(self, tenant: str, id_: str) -> Entry | None: ...

    def all(self, tenant: str, states: Collection[State]) -> Sequence[Entry]:
        """In the order they were received."""
        ...

    def settle(self, tenant: str, id_: str, state: State, outcome: Mapping[str, Any]) -> bool:
        """Whether it could become that."""
        ...


def read_proposal(data: Mapping[str, Any], tenant: str, received: float) -> Proposal:
    """What an agent sent. The same content has the same id. Raises ValueError."""
    base = data.get("base")
    if not isinstance(base, dict):
        raise ValueError("base is missing")  # noqa: TRY004 - what is wrong with the input is one kind of error
    namespace = _name(data, "namespace")
    if not all(map(SEGMENT.match, namespace.split("/"))):
        raise ValueError("namespace is no name of one")
    patch = data.get("patch")
    if not isinstance(patch, list) or not 0 < len(patch) <= _MOST:
        raise ValueError(f"patch is a list of 1 to {_MOST} operations of RFC 6902")
    operations = tuple(map(_operation, patch))
    _apart(operations)
    vector = _vector(data.get("vector"))
    instance = _name(data, "instance")
    if not vector.get(instance):
        raise ValueError("vector does not count the instance")
    proposal = Proposal(
        "", instance, _name(data, "environment"), namespace, operations,
        Base(_whole(base.get("release")), _whole(base.get("version")), _text(base, "digest", 80), _text(base, "commit", 64)),
        _seconds(data.get("at")), vector, _text(data, "reason", _REASON),
    )  # fmt: skip
    if not proposal.reason.strip():
        raise ValueError("reason is missing")
    canonical = orjson.dumps([tenant, as_data(proposal)], option=orjson.OPT_SORT_KEYS)
    id_ = hashlib.sha256(canonical).hexdigest()[:20]
    return proposal._replace(id=id_, at=min(proposal.at, received))


def as_data(proposal: Proposal) -> dict[str, Any]:
    """As it is sent."""
    return {
        "instance": proposal.instance,
        "environment": proposal.environment,
        "namespace": proposal.namespace,
        "patch": [_shown(operation) for operation in proposal.patch],
        "base": proposal.base._asdict(),
        "at": time_text(proposal.at),
        "vector": dict(proposal.vector),
        "reason": proposal.reason,
    }


def entry_data(entry: Entry) -> dict[str, Any]:
    """As it is told of."""
    told = {"id": entry.proposal.id, "state": str(entry.state), "by": entry.by, "received": time_text(entry.received)}
    return told | {"outcome": dict(entry.outcome), "proposal": as_data(entry.proposal)}


def read_entry(data: Mapping[str, Any]) -> Entry:
    """The other way. Raises ValueError."""
    try:
        received = _seconds(data["received"])
        proposal = read_proposal(data["proposal"], "", received)._replace(id=str(data["id"]))
        return Entry(proposal, State(data["state"]), dict(data["outcome"]), str(data["by"]), received)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no proposal: {error}") from None


def applied(document: Any, patch: Sequence[Operation]) -> Any:
    """The document with the changes; maps on the way are made. Raises ValueError where something else is in the way."""
    for operation in patch:
        document = _applied(document, operation.path, operation)
    return document


def _applied(value: Any, path: Path, operation: Operation) -> Any:
    if not isinstance(value, dict) or value.keys() & {"$secret", "$segments"}:
        raise ValueError(f"{show_path(operation.path)}: what is above it is no map")
    rest = dict(value)
    if len(path) > 1:
        if operation.remove and path[0] not in rest:
            return rest
        rest[path[0]] = _applied(rest.get(path[0], {}), path[1:], operation)
    elif operation.remove:
        rest.pop(path[0], None)
    else:
        rest[path[0]] = operation.value
    return rest


# -- conflicts -------------------------------------------------------------------------------------------------------


class Verdict(NamedTuple):
    """Without `won` the proposal counts, and `beaten` are those that it takes the place of."""

    won: Proposal | None = None
    beaten: tuple[Proposal, ...] = ()


def decide(new: Proposal, standing: Sequence[Entry], seen: Collection[str]) -> Verdict:
    """Hold a proposal against those that became branches. `seen`: ids of those that the instance was given by a release."""
    beaten = []
    for entry in standing:
        other = entry.proposal
        if other.id == new.id or other.id in seen or not meets(new, other):
            continue
        order = compare(new.vector, other.vector)
        if order in (Order.BEFORE, Order.SAME) or (order is Order.CONCURRENT and later(other, new)):
            return Verdict(won=other)
        if entry.state is State.PROPOSED:
            beaten.append(other)
    return Verdict(beaten=tuple(beaten))


def later(one: Proposal, other: Proposal) -> bool:
    """The last writer: the same answer wherever it is asked, in whichever order they came."""
    return (one.at, one.instance, one.id) > (other.at, other.instance, other.id)


def meets(one: Proposal, other: Proposal) -> bool:
    """Whether two change the same key, or one what is above the other's."""
    if (one.namespace, one.environment) != (other.namespace, other.environment):
        return False
    return any(overlap(a.path, b.path) for a in one.patch for b in other.patch)


# -- reading ---------------------------------------------------------------------------------------------------------


def _operation(given: Any) -> Operation:
    if not isinstance(given, dict) or given.get("op") not in ("add", "replace", "remove"):
        raise ValueError("an operation is add, replace or remove")
    path = _pointer(given.get("path"))
    if given["op"] == "remove":
        return Operation(path, remove=True)
    if "value" not in given:
        raise ValueError("add and replace have a value")
    if len(orjson.dumps(given["value"])) > _VALUE_BYTES:
        raise ValueError(f"a value has at most {_VALUE_BYTES} bytes")
    plain(given["value"])
    return Operation(path, given["value"])


def plain(value: Any, depth: int = 0) -> None:
    """Raises ValueError for what is more than data: directives, references and templates are not for agents to write."""
    if depth > _DEPTH:
        raise ValueError("a value is nested too deep")
    if isinstance(value, dict):
        for key, child in value.items():
            if key.startswith("$") or not key:
                raise ValueError(f"{key!r} is no key of a proposal")
            plain(child, depth + 1)
    elif isinstance(value, list):
        for child in value:
            plain(child, depth + 1)
    elif isinstance(value, str) and any(mark in value for mark in _MARKS):
        raise ValueError("references and templates cannot be proposed")


def _pointer(text: Any) -> Path:
    if not isinstance(text, str) or not text.startswith("/") or len(text) > 1000:
        raise ValueError("path is a JSON pointer to a key")
    parts = tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))
    if not all(part and part.isprintable() and not part.startswith("$") for part in parts) or len(parts) > _DEPTH:
        raise ValueError(f"{text!r} is no path of keys")
    return parts


def _shown(operation: Operation) -> dict[str, Any]:
    path = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in operation.path)
    return {"op": "remove", "path": path} if operation.remove else {"op": "add", "path": path, "value": operation.value}


def _apart(operations: Sequence[Operation]) -> None:
    for at, one in enumerate(operations):
        if any(overlap(one.path, other.path) for other in operations[:at]):
            raise ValueError(f"{show_path(one.path)} is changed twice")


def _vector(given: Any) -> dict[str, int]:
    if not isinstance(given, dict) or len(given) > 1000 or not all(map(_is_name, given)):
        raise ValueError("vector is a map of counters")
    return {str(name): _whole(number) for name, number in given.items()}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _NAME and value.isprintable()


def _name(data: Mapping[str, Any], key: str) -> str:
    found = data.get(key)
    if not _is_name(found):
        raise ValueError(f"{key} is missing, too long, or cannot be shown")
    return str(found)


def _text(data: Mapping[str, Any], key: str, most: int) -> str:
    found = data.get(key)
    if not isinstance(found, str) or len(found) > most:
        raise ValueError(f"{key} is a text of at most {most} characters")
    return "".join(char if char.isprintable() else " " for char in found)


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("a number is not whole, or below 0")
    return int(value)


def _seconds(text: Any) -> float:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError("at is a time of RFC 3339") from None
    if found.tzinfo is None or not 1970 <= found.year < 9999:
        raise ValueError("at has a time zone, and is of this age")
    return found.timestamp()


def time_text(seconds: float) -> str:
    """RFC 3339, in microseconds."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
