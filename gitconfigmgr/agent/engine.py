"""Carries out what the replica decides: polls, activates, notifies. One thread at a time; readers see `board` change whole."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.edge.content import Content, Scope, read_content
from gitconfigmgr.adapters.edge.follower import Follower, New
from gitconfigmgr.adapters.edge.store import Generation
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.release.trust import walk_roots
from gitconfigmgr.sync import replica as machine
from gitconfigmgr.sync.reading import Board, Served

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.adapters.edge.lastline import LastLine
    from gitconfigmgr.adapters.edge.opening import Opener
    from gitconfigmgr.adapters.edge.store import Store
    from gitconfigmgr.agent.outputs import Outputs
    from gitconfigmgr.agent.settings import AgentSettings


class Engine:
    """`now` is the clock; `changed` is called with the namespaces that are new, after they are in use."""

    def __init__(
        self,
        settings: AgentSettings,
        root: bytes,
        follower: Follower,
        store: Store,
        opener: Opener,
        *,
        last_line: LastLine,
        outputs: Outputs,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._root = root
        self._follower = follower
        self._store = store
        self._opener = opener
        self._last_line = last_line
        self._outputs = outputs
        self.now = now
        rules = machine.Rules(settings.interval, settings.stale_after)
        self.replica = machine.Replica(rules)
        self.board = Board()
        self.changed: Callable[[tuple[str, ...]], None] = lambda _: None
        self.overlay: Callable[[Board], Board] = lambda board: board  # what this machine changes by itself
        self._content: Content | None = None
        self._offered: New | None = None

    @property
    def phase(self) -> machine.Phase:
        return machine.phase(self.replica, self.now())

    @property
    def age(self) -> float:
        """Seconds since what is served was last proved to be current; since it was signed, where that was before this run."""
        active = self.replica.active
        if active is None:
            return 0.0
        return max(0.0, machine.clock(self.replica, self.now()) - max(self.replica.proved, active.signed))

    def load(self) -> None:
        """The last known good from disk, verified again."""
        try:
            walk_roots(lambda _: None, self._root)
        except OutsideError as error:
            self.handle(machine.Broken(f"the trusted root is of no use: {error}"))
            return
        for generation in self._store.generations():
            read, note = partial(self._store.read, generation), generation.note
            try:
                content = read_content(read, self._root, _scope(self._settings), note.get("etag"))
                board = self.overlay(self._board(content))
                self._outputs.stage(board)
                self._outputs.flip()
            except OutsideError as error:
                self._outputs.discard()
                log("warning", f"a stored generation is passed over: {error}")
                continue
            self._content, self.board = content, board
            floors = {str(name): int(version) for name, version in note.get("floors", {}).items()}
            self.handle(machine.Loaded(content.candidate, floors, float(note.get("since", 0))))
            return
        if not self._store.empty():
            log("error", "nothing in the store can be used; it is fetched anew")

    def stored(self) -> Content | None:
        """The last known good from disk, verified again, for those who do not follow."""
        for generation in self._store.generations():
            read, note = partial(self._store.read, generation), generation.note
            with suppress(OutsideError):
                return read_content(read, self._root, _scope(self._settings), note.get("etag"))
        return None

    def renew(self) -> None:
        """Show what this machine changes by itself, or no more, without waiting for a release."""
        if self._content is None:
            return
        before, board = self.board, self.overlay(self._board(self._content))
        names = tuple(name for name, item in board.documents.items() if item != before.documents.get(name))
        if not names:
            return
        try:
            self._outputs.stage(board)
            self._outputs.flip()
        except OutsideError as error:
            self._outputs.discard()
            log("warning", f"changes of this machine are not shown: {error}")
            return
        self.board = board
        self._outputs.notify()
        self.changed(names)

    def handle(self, event: machine.Event) -> None:
        """One event and all that follows from it."""
        events = [event]
        while events:
            self.replica, effects = machine.step(self.replica, events.pop(0), self.now())
            for effect in effects:
                following = self._carry_out(effect)
                if following is not None:
                    events.append(following)

    def cut(self) -> None:
        """End a poll that is under way."""
        self._follower.cut()

    def _carry_out(self, effect: machine.Effect) -> machine.Event | None:
        match effect:
            case machine.Poll():
                return self._poll(effect)
            case machine.Activate():
                return self._activate(effect)
            case machine.Notify():
                self._outputs.notify()
                self.changed(effect.changed)
            case machine.Report():
                log("warning", effect.message)
        return None

    def _poll(self, effect: machine.Poll) -> machine.Event:
        try:
            found = self._follower.poll(effect.etag, self._content, thorough=effect.thorough)
        except OutsideError as error:
            return machine.Failed(str(error))
        except Exception as error:  # noqa: BLE001 - hostile answers must not end the agent: the last good stays
            return machine.Failed(f"not verified: {type(error).__name__}")
        if isinstance(found, New):
            self._offered = found
            return machine.Offered(found.content.candidate)
        return machine.Unchanged(found.proof)

    def _activate(self, effect: machine.Activate) -> machine.Event:
        assert self._offered is not None
        content, metadata = self._offered.content, self._offered.metadata
        self._offered = None
        after, _ = machine.step(self.replica, machine.Activated(effect.candidate), self.now())
        note = {"etag": effect.candidate.etag, "since": after.since, "floors": dict(after.floors)}
        named = {part.file: part.sha256 for part in content.parts}
        texts = {path: data.decode() for path, data in metadata.items()}
        try:
            board = self._board(content)
            opened = {name: item.opened for name, item in board.documents.items()}
            self._last_line.require(content, opened, self._content)
            board = self.overlay(board)
            self._outputs.stage(board)
            self._store.activate(Generation(texts, named, note), content.bytes_of)
            self._outputs.flip()
        except OutsideError as error:
            self._outputs.discard()
            return machine.Failed(f"not activated: {error}")
        except Exception as error:  # noqa: BLE001 - whatever a document makes of us: the last good stays
            self._outputs.discard()
            return machine.Failed(f"not activated: {type(error).__name__}")
        self._content, self.board = content, board
        return machine.Activated(effect.candidate)

    def _board(self, content: Content) -> Board:
        documents = {}
        for namespace, choice in content.choices.items():
            closed = content.documents[namespace]
            opened = self._opener.open(closed, content.bytes_of[choice.sealed.sha256] if choice.sealed else None)
            policy = self._settings.policy_of(namespace)
            version = choice.version
            newest = version.given == version.signed  # what is signed of it says nothing of another version
            commit, provenance = (
                str(choice.custom.get(name, "")) if newest else "" for name in ("commit", "provenance")
            )
            documents[namespace] = Served(
                namespace, version.given, version.sha256, closed, opened, policy, commit, provenance
            )
        return Board(content.release, content.commit, documents)

    def status(self) -> dict[str, Any]:
        """What `agent status` and the endpoint /status say."""
        replica, now = self.replica, self.now()
        return {
            "state": str(self.phase),
            "age": round(self.age, 3),
            "release": self.board.release,
            "commit": self.board.commit,
            "environment": self._settings.environment,
            "instance": self._settings.instance,
            "since": replica.since or None,
            "expires_in": round(replica.expires - machine.clock(replica, now), 3) if replica.active else None,
            "reason": replica.reason or None,
            "waiting": replica.waiting or None,
            "namespaces": {name: item.version for name, item in sorted(self.board.documents.items())},
            "overrides": {name: list(item.overrides) for name, item in self.board.documents.items() if item.overrides},
        }


def _scope(settings: AgentSettings) -> Scope:
    return Scope(settings.environment, settings.namespaces, settings.instance)


def log(level: str, message: str) -> None:
    """One line of JSON on standard error; the agent is a service, and this is its only output."""
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "message": message}
    sys.stderr.write(orjson.dumps(line).decode() + "\n")
    sys.stderr.flush()
