"""What a protocol is, and all that it sees: documents by name, with no secret that its settings do not give it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.sync.reading import find, visible, without_secrets
from gitconfigmgr.sync.replica import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gitconfigmgr.agent.server import Request
    from gitconfigmgr.sync.reading import Board, Served


@dataclass(frozen=True)
class ProtocolSettings:
    """`[protocols.<name>]` of agent.toml. Names are relative to the folder `base`; `at` is the part of each document."""

    name: str
    listen: tuple[str, int]
    base: str = ""
    at: str = ""
    token: Path | None = None
    secrets: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """Said in the protocol's own form."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Answer(NamedTuple):
    """`tagged`: it has an ETag and can be asked for conditionally; `wait` seconds then pass before a 304."""

    body: bytes
    kind: str = "application/json"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    tagged: bool = False
    wait: float = 0


class Protocol(NamedTuple):
    """`options` are settings of its own with their defaults; `open` says what is answered without the token."""

    answer: Callable[[View, Request], Answer]
    error: Callable[[Refusal, Request], Answer]
    methods: tuple[str, ...] = ("GET", "HEAD")
    body_bytes: int = 0
    options: Mapping[str, Any] = {}
    open: Callable[[Request], bool] = lambda _: False
    credential: str = ""  # a header that may carry the token, besides Authorization
    needs_token: bool = False


class Item:
    """A document, or the part of it that the settings name."""

    def __init__(self, served: Served, value: Any) -> None:
        self.namespace = served.namespace
        self.version = served.version
        self.sha256 = served.sha256
        self._value = value

    @cached_property
    def value(self) -> dict[str, Any]:
        """Placeholders of secrets that are not given are left out."""
        found: dict[str, Any] = without_secrets(self._value)
        return found


class View:
    """One board in one phase, through the settings of one protocol. `cache` is for what costs to make."""

    def __init__(
        self, settings: ProtocolSettings, environment: str, board: Board, phase: Phase, since: float, reason: str = ""
    ) -> None:
        self.settings = settings
        self.options = settings.options
        self.environment = environment
        self.release = board.release
        self.commit = board.commit
        self.since = since
        self.cache: dict[str, Any] = {}
        self.ready = phase is not Phase.NOT_READY and (phase is not Phase.FATAL or bool(board.documents))
        self._reason = reason or "nothing verified is here yet"
        self._items: dict[str, Item | None] = {}
        for served in board.documents.values():
            name = _relative(served.namespace, settings.base)
            if name is not None:
                self._add(name, served, phase)

    def _add(self, name: str, served: Served, phase: Phase) -> None:
        given, document = visible(served, phase)
        if not given:
            self._items[name] = None
            return
        try:
            value = find(document if self.settings.secrets else served.closed, self.settings.at)
        except KeyError:
            return
        if isinstance(value, dict):
            self._items[name] = Item(served, value)

    def names(self) -> list[str]:
        """All there are, also those that are not given now. Raises Refusal where nothing verified is here."""
        if not self.ready:
            raise Refusal(503, self._reason)
        return sorted(self._items)

    def item(self, name: str) -> Item:
        """Raises Refusal: not here yet, not followed, or no longer given."""
        if not self.ready:
            raise Refusal(503, self._reason)
        if name not in self._items:
            raise Refusal(404, "there is no such configuration here")
        item = self._items[name]
        if item is None:
            raise Refusal(503, "the signed life of its metadata is over")
        return item

    def locate(self, parts: tuple[str, ...]) -> tuple[Item, str]:
        """The longest name that a path begins with, and the rest of the path. Raises Refusal."""
        for length in range(len(parts), -1, -1):
            name = "/".join(parts[:length])
            if name in self._items:
                return self.item(name), "/".join(parts[length:])
        return self.item("/".join(parts)), ""


def _relative(namespace: str, base: str) -> str | None:
    if not base or namespace == base:
        return "" if base else namespace
    return namespace.removeprefix(f"{base}/") if namespace.startswith(f"{base}/") else None
