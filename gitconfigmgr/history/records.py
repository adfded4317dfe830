"""Version records: what each commit of a line made of one target. A fold over the states, oldest first.

A record is made where the state differs from the one before: another document, no document any more, or one that does
not compile. Where there is no document, `{}` stands for it in patches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.history.changes import changes
from gitconfigmgr.history.documents import digest
from gitconfigmgr.history.patch import checked
from gitconfigmgr.history.summaries import summary

if TYPE_CHECKING:
    from gitconfigmgr.history.lists import Identity
    from gitconfigmgr.history.patch import Operation

ABSENT, BROKEN, DOCUMENT = "absent", "broken", "document"


@dataclass(frozen=True, slots=True)
class Found:
    """A target at one commit: absent, broken with the reasons, or its document."""

    kind: str
    document: Any = None
    errors: tuple[str, ...] = ()
    digest: str = ""

    @classmethod
    def of(cls, document: Any) -> Found:
        """A sound state."""
        return cls(DOCUMENT, document, (), digest(document))


NOTHING = Found(ABSENT)


@dataclass(frozen=True, slots=True)
class Version:
    """One record. `change_type` is create, update, delete, restore or rollback.

    `diff` leads from the last document before to this one, `inverse` back. `digest` names the document; it is empty
    where the version has none: deleted, or `errors` say why it does not compile. `rollback_to` is the version that a
    rollback or a revert says it goes back to, `equal_to` the newest earlier one with the same document.
    """

    number: int
    change_type: str
    commit: str
    summary: str
    digest: str = ""
    diff: list[Operation] = field(default_factory=list)
    inverse: list[Operation] = field(default_factory=list)
    errors: tuple[str, ...] = ()
    rollback_to: int | None = None
    equal_to: int | None = None
    renamed_from: str | None = None

    @property
    def broken(self) -> bool:
        """Whether the target did not compile."""
        return bool(self.errors)


@dataclass(slots=True)
class Fold:
    """The records of one target so far, with what the next one is compared with."""

    versions: list[Version] = field(default_factory=list)
    last: Found = NOTHING
    document: Any = None  # the last sound one since the target came to be; None where there is none

    def add(
        self, commit: str, found: Found, identity: Identity, *, goes_back: bool, renamed_from: str | None = None
    ) -> Version | None:
        """The record that a commit makes, if it makes one. `goes_back`: its message says that it undoes something."""
        if (found.kind, found.digest) == (self.last.kind, self.last.digest):
            return None  # still absent, still broken, or the same document
        if found.kind == BROKEN:
            version = self._broken(commit, found)
        elif found.kind == ABSENT:
            version = self._changed(commit, "delete", {}, found, identity)
        else:
            kind = "update" if self.last.kind != ABSENT else "restore" if self.versions else "create"
            version = self._changed(commit, kind, found.document, found, identity, goes_back, renamed_from)
        self.versions.append(version)
        self.last = found
        if found.kind != BROKEN:
            self.document = found.document
        return version

    def _broken(self, commit: str, found: Found) -> Version:
        kind = "update" if self.last.kind != ABSENT else "restore" if self.versions else "create"
        return Version(
            len(self.versions) + 1, kind, commit, f"does not compile: {found.errors[0]}", errors=found.errors
        )

    def _changed(
        self, commit: str, kind: str, new: Any, found: Found, identity: Identity,
        goes_back: bool = False, renamed_from: str | None = None,  # noqa: FBT001, FBT002 - passed on
    ) -> Version:  # fmt: skip
        old = {} if self.document is None else self.document
        same = [version.number for version in self.versions if found.digest and version.digest == found.digest]
        equal_to = same[-1] if same else None
        back = equal_to if goes_back and kind == "update" else None
        if back is not None:
            kind = "rollback"
        return Version(
            number=len(self.versions) + 1,
            change_type=kind,
            commit=commit,
            summary=summary(kind, changes(old, new, identity), new, back or equal_to, mended=self.last.kind == BROKEN),
            digest=found.digest,
            diff=checked(old, new, identity),
            inverse=checked(new, old, identity),
            rollback_to=back,
            equal_to=equal_to,
            renamed_from=renamed_from,
        )
