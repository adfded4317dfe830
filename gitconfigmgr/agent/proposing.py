"""Changes made on this machine: written down at once, sent when the endpoint is there, and shown until they are settled."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.edge.outbox import QUEUED, SETTLED, WITHDRAWN, Outbox, Queued
from gitconfigmgr.agent.engine import log
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.names import show_path
from gitconfigmgr.sync.proposals import Base, Operation, Proposal, State, applied, as_data, plain, read_proposal
from gitconfigmgr.sync.protection import protects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gitconfigmgr.adapters.edge.content import Content
    from gitconfigmgr.adapters.edge.transport import Transport
    from gitconfigmgr.agent.settings import AgentSettings
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.sync.reading import Board, Served

_ANSWER = 1024 * 1024
_ASKED = 20  # of those that were sent, in one round


class Proposing:
    """The queue of one agent, what of it readers are shown, and its exchange with the endpoint."""

    def __init__(self, settings: AgentSettings, outbox: Outbox) -> None:
        self._settings = settings
        self._outbox = outbox
        self._trouble = ""

    # -- a new one ---------------------------------------------------------------------------------------------------

    def propose(self, content: Content, namespace: str, patch: Sequence[Operation], reason: str) -> Queued:
        """Write a change down. Raises UsageError for one that cannot be made."""
        settings = self._settings
        document, choice = content.documents.get(namespace), content.choices.get(namespace)
        if document is None or choice is None:
            raise UsageError(f"{namespace} is not followed here", f"one of {', '.join(sorted(content.documents))}")
        _require(document, patch)
        version = choice.version
        commit = content.commit if version.given == version.signed else ""
        base = Base(content.release, version.given, f"sha256:{version.sha256}", commit)

        def make(number: int) -> dict[str, Any]:
            vector = {settings.instance: number}
            made = Proposal(
                "", settings.instance, settings.environment, namespace, tuple(patch), base, time.time(), vector, reason
            )
            try:
                return as_data(read_proposal(as_data(made), "", made.at))
            except ValueError as error:
                raise UsageError(str(error)) from None

        return self._outbox.add(make)

    def withdraw(self, number: int) -> Queued:
        """Show it no more, and do not send it. Raises UsageError."""
        for queued in self._outbox.all():
            if queued.number == number and queued.state not in SETTLED:
                self._outbox.update(queued._replace(state=WITHDRAWN))
                return queued
        raise UsageError(f"no proposal {number} waits", "see gitconfigmgr agent proposals")

    def all(self) -> list[Queued]:
        return self._outbox.all()

    # -- what readers are shown --------------------------------------------------------------------------------------

    def overlay(self, board: Board) -> Board:
        """The board with the changes that wait, where the settings allow it; each document says which keys those are."""
        if not self._settings.local_overrides:
            return board
        documents = dict(board.documents)
        for queued, proposal in self._waiting():
            served = documents.get(proposal.namespace)
            merged = queued.state == State.MERGED
            if served is None or (merged and served.version > proposal.base.version):
                continue
            if not self.protected(proposal.namespace, proposal.patch):
                documents[proposal.namespace] = _overridden(served, proposal)
        return replace(board, documents=documents)

    def protected(self, namespace: str, patch: Sequence[Operation]) -> bool:
        """Whether a change is about a key that this machine may not change by itself."""
        return any(protects(self._settings.protected, namespace, change.path) for change in patch)

    def _waiting(self) -> Iterator[tuple[Queued, Proposal]]:
        for queued in self._outbox.all():
            if queued.state not in SETTLED or queued.state == State.MERGED:
                try:
                    yield queued, read_proposal(queued.data, "", float("inf"))
                except ValueError:
                    continue

    # -- the endpoint ------------------------------------------------------------------------------------------------

    def exchange(self, transport: Transport, path: str) -> bool:
        """Send what was not sent, oldest first, and ask what has become of the rest. Whether anything is new.

        A failure is not an error of anything: it is tried again at the next poll.
        """
        before = self._outbox.all()
        try:
            for queued in [item for item in before if item.state == QUEUED]:
                self._send(transport, path, queued)
            sent = [item for item in self._outbox.all() if item.id and item.state not in SETTLED]
            for queued in sent[:_ASKED]:
                self._ask(transport, path, queued)
            self._trouble = ""
        except (OutsideError, ValueError, KeyError, TypeError) as error:
            if str(error) != self._trouble:
                log("warning", f"proposals wait: {error}")
            self._trouble = str(error)
        return self._outbox.all() != before

    def _send(self, transport: Transport, path: str, queued: Queued) -> None:
        try:
            told = orjson.loads(transport.post(path, orjson.dumps(queued.data)))
        except OutsideError as error:
            if str(error).endswith(("HTTP 413", "HTTP 422")):
                self._outbox.update(
                    queued._replace(state=State.REFUSED, outcome={"reason": "the endpoint does not take it"})
                )
                return
            raise
        self._outbox.update(queued._replace(state=str(State(told["state"])), id=str(told["id"])))

    def _ask(self, transport: Transport, path: str, queued: Queued) -> None:
        if not queued.id.isalnum():
            return
        told = orjson.loads(transport.get(f"{path}/{queued.id}", _ANSWER).data or b"{}")
        state, outcome = str(State(told["state"])), dict(told["outcome"])
        if (state, outcome) != (queued.state, queued.outcome):
            self._outbox.update(queued._replace(state=state, outcome=outcome))


def operations(sets: Sequence[tuple[KeyPath, Any]], removed: Iterable[KeyPath]) -> list[Operation]:
    """What a command names."""
    found = [Operation(tuple(map(str, path)), value) for path, value in sets]
    return found + [Operation(tuple(map(str, path)), remove=True) for path in removed]


def _require(document: Any, patch: Sequence[Operation]) -> None:
    """Raises UsageError for what the document cannot be given."""
    for change in patch:
        key = show_path(change.path)
        found: Any = document
        for part in change.path:
            if isinstance(found, list):
                raise UsageError(f"{key} is inside a list", "propose the list as a whole")
            found = found.get(part) if isinstance(found, dict) else None
        if found is None and change.remove:
            raise UsageError(f"there is no {key}")
        if any(True for _ in _secrets(found)):
            raise UsageError(f"{key} is a secret, or has one in it", "secrets are changed in the repository")
        try:
            plain(change.value)
            applied(document, [change])
        except ValueError as error:
            raise UsageError(str(error)) from None


def _secrets(value: Any) -> Iterator[None]:
    if isinstance(value, dict):
        if value.keys() in ({"$secret"}, {"$segments"}):
            yield None
        for child in value.values():
            yield from _secrets(child)
    elif isinstance(value, list):
        for child in value:
            yield from _secrets(child)


def _overridden(served: Served, proposal: Proposal) -> Served:
    try:
        closed = applied(served.closed, proposal.patch)
        opened = applied(served.opened, proposal.patch)
    except ValueError:  # the document has another shape by now
        return served
    return replace(served, closed=closed, opened=opened, overrides=(*served.overrides, *proposal.keys))
