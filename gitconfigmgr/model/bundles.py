"""Bundles and releases: what publishers are given, and what they answer.

The bundle of a target is its effective document in canonical JSON, the very bytes that `compile` writes: each secret is
`{"$secret": ...}` or `{"$segments": [...]}` in it. `secrets` says where they are and what ciphertext stands for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.model.canonical import canonical_json, digest
from gitconfigmgr.model.names import show_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.model.revisions import Revision


class Token(NamedTuple):
    """One ciphertext of a SOPS file; `document` is where it was read, which may not be the only file that has it."""

    text: str
    type: str
    document: str


class SecretPlace(NamedTuple):
    """A secret in a document. `parts` are one token, or the pieces of a text that touches secrets, to be joined."""

    path: KeyPath
    parts: tuple[str | Token, ...]
    type: str
    kind: str | None

    @property
    def fingerprint(self) -> str:
        """Changes with the ciphertext; says nothing of the plaintext."""
        return digest(canonical_json([part if isinstance(part, str) else {"token": part.text} for part in self.parts]))


@dataclass(frozen=True)
class Bundle:
    """One target's document. `digest` is that of its bytes; `content` also changes when a secret is given a new value."""

    target: Target
    document: bytes
    provenance: bytes
    secrets: tuple[SecretPlace, ...] = ()

    @cached_property
    def digest(self) -> str:
        return digest(self.document)

    @cached_property
    def content(self) -> str:
        return content_id(self.digest, self.fingerprints)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprint of each secret, by key path."""
        return {show_path(place.path): place.fingerprint for place in self.secrets}


def content_id(document: str, fingerprints: Mapping[str, str]) -> str:
    """What two releases of a target are compared by. Not the provenance: a moved line is no new release."""
    return digest(canonical_json({"document": document, "secrets": dict(fingerprints)})) if fingerprints else document


class Change(NamedTuple):
    """A target of a release. `type`: create, update, delete, restore, rollback. `version` counts its changes, from 1."""

    type: str
    version: int


@dataclass(frozen=True)
class Release:
    """What is to be published. Targets in neither `bundles` nor `removed` stay as they are.

    `number` grows by each release; `base` is the number that the plan was made on: a publisher that holds another one
    refuses. `changes` has an entry for every target of `bundles` and `removed`. `custom` is what is signed beside a
    target, such as a rollout or a pin; it may name targets whose bundle stays as it is. `overrides` are the refusals
    that somebody set aside, each with who and why. `inputs` are the blob ids of settings, schemas and policies.
    `commit` is set where older content is published again: the commit that stays the newest.
    """

    number: int
    base: int
    tenant: str
    revision: Revision
    bundles: Mapping[Target, Bundle]
    removed: frozenset[Target] = frozenset()
    changes: Mapping[Target, Change] = field(default_factory=dict)
    custom: Mapping[Target, Mapping[str, Any]] = field(default_factory=dict)
    overrides: tuple[Mapping[str, str], ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None

    @property
    def head(self) -> str:
        """The commit that later releases have to follow: that of the revision, but for what is published again."""
        return self.commit or self.revision.commit


class Holding(NamedTuple):
    """What a publisher holds of a target: `content` is that of the bundle that was published last.

    `size` in bytes and `digest` where the publisher knows them, else 0 and empty; `custom` as `Release.custom`.
    """

    content: str
    version: int
    size: int = 0
    digest: str = ""
    custom: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Held:
    """What a publisher holds: nothing at all is number 0 and no commit. `gone` are last versions of removed targets.

    `outdated` are to be published again although their content is the same: their secrets are sealed for others.
    `lost` says what is missing of a tree that was published: a sentence, empty where nothing is. `ending` are signed
    parts that are past half of their life, each with a sentence.
    """

    number: int = 0
    commit: str | None = None
    targets: Mapping[Target, Holding] = field(default_factory=dict)
    gone: Mapping[Target, int] = field(default_factory=dict)
    outdated: frozenset[Target] = frozenset()
    lost: str = ""
    ending: Mapping[str, str] = field(default_factory=dict)


class Published(NamedTuple):
    """Where a target is now, without credentials, and whether anything had to be written for it."""

    location: str
    changed: bool


class Loss(NamedTuple):
    """Something of a document that the publisher could not express: a key path, and what became of it."""

    target: Target
    path: str
    message: str


@dataclass(frozen=True)
class Publication:
    """What came of a release at one publisher: an entry for each target it holds now or has just removed.

    `waiting` says, by role, how many signatures are still missing: then readers find the release before.
    """

    targets: Mapping[Target, Published]
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)
