"""What a reader is given: a value out of a document, and no more than the policy allows once the metadata has expired."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gitconfigmgr.sync.replica import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Policy(StrEnum):
    """What readers are given of a namespace when the signed life of its metadata is over."""

    SERVE = "serve"
    CLOSED = "serve-non-secret"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Served:
    """A document that is in use. `closed` has `{"$secret": ...}` in the place of secrets, `opened` their values.

    `commit` is the one that its version was made of, `provenance` the signed digest of where its values come from; both
    may be unknown. `overrides`: keys that this machine has changed by itself.
    """

    namespace: str
    version: int
    sha256: str
    closed: Any
    opened: Any
    policy: Policy = Policy.SERVE
    commit: str = ""
    provenance: str = ""
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Board:
    """All that is in use, replaced as a whole."""

    release: int = 0
    commit: str = ""
    documents: Mapping[str, Served] = field(default_factory=dict)


def token(board: Board) -> str:
    """Changes with any version that is in use; says nothing of the content."""
    lines = [f"{name} {item.version} {item.sha256}" for name, item in sorted(board.documents.items())]
    lines += [f"{name} {item.closed}" for name, item in sorted(board.documents.items()) if item.overrides]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def visible(served: Served, phase: Phase) -> tuple[bool, Any]:
    """Whether a document is given in this phase, and the document."""
    if phase is not Phase.EXPIRED or served.policy is Policy.SERVE:
        return True, served.opened
    return served.policy is Policy.CLOSED, served.closed


def without_secrets(value: Any) -> Any:
    """Placeholders of secrets left out of maps, and null in lists: for readers that do not know them."""
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items() if not is_placeholder(item)}
    if isinstance(value, list):
        return [None if is_placeholder(item) else without_secrets(item) for item in value]
    return value


def is_placeholder(value: Any) -> bool:
    """Whether it stands for a secret, or for a text with secrets in it."""
    return isinstance(value, dict) and value.keys() in ({"$secret"}, {"$segments"})


def servable(board: Board, phase: Phase) -> bool:
    """Whether readiness is given: there is something, and all of it may be served."""
    return phase not in {Phase.NOT_READY, Phase.FATAL} and all(
        visible(item, phase)[0] for item in board.documents.values()
    )


def locate(board: Board, parts: Sequence[str]) -> tuple[Served, tuple[str, ...]] | None:
    """The document that a path names, and what of the path is left: the longest namespace wins."""
    for length in range(len(parts), 0, -1):
        served = board.documents.get("/".join(parts[:length]))
        if served is not None:
            return served, tuple(parts[length:])
    return None


def find(value: Any, name: str) -> Any:
    """The value at a dotted path; keys may have dots in them. Raises KeyError."""
    if not name:
        return value
    if isinstance(value, dict):
        if name in value:
            return value[name]
        for at, character in enumerate(name):
            if character == "." and name[:at] in value:
                try:
                    return find(value[name[:at]], name[at + 1 :])
                except KeyError:
                    continue
    elif isinstance(value, list):
        first, _, rest = name.partition(".")
        if first.isdecimal() and int(first) < len(value):
            return find(value[int(first)], rest)
    raise KeyError(name)


def origin(provenance: Any, name: str) -> dict[str, Any]:
    """The entry for a dotted path, where it points to, and the documents it speaks of. Raises KeyError."""
    documents = provenance["documents"]
    entry = _entry(provenance["values"], name)
    if entry is None:
        raise KeyError(name)
    at = entry
    while isinstance(at, dict):
        at = at["at"]
    return {"source": f"{documents[at[0]]['path']}:{at[1]}:{at[2]}", "entry": entry, "documents": documents}


def _entry(entry: Any, name: str) -> Any:
    """As `find`; an entry without more of its own is that of all below it."""
    if not name or not isinstance(entry, dict) or not entry.keys() & {"keys", "items"}:
        return entry
    keys, items = entry.get("keys", {}), entry.get("items", [])
    for end in (len(name), *(at for at, character in enumerate(name) if character == ".")):
        if name[:end] in keys:
            found = _entry(keys[name[:end]], name[end + 1 :])
            if found is not None:
                return found
    first, _, rest = name.partition(".")
    return _entry(items[int(first)], rest) if first.isdecimal() and int(first) < len(items) else None
