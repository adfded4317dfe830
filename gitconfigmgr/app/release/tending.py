"""What is done with releases after they were published: told, rolled out further, pinned, taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.app.release.bundling import bundle_of
from gitconfigmgr.app.release.run import inputs_of
from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.model.bundles import Change, Release
from gitconfigmgr.model.names import Target, closest
from gitconfigmgr.model.revisions import Revision
from gitconfigmgr.release import rollout
from gitconfigmgr.release.trust import custom_of, nothing_there

BY_HAND = "by hand"  # of a rollout, a pin, a rollback: in the receipt, where a refusal that was set aside is named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date, datetime

    from gitconfigmgr.app.select import Selection
    from gitconfigmgr.model.bundles import Bundle, Publication
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.release.ports import OpenSecrets, Tree
    from gitconfigmgr.release.trust import Trusted

    Notify = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True)
class Version:
    """One version of a target, as its records say."""

    number: int
    commit: str
    digest: str
    change_type: str


def trusted_of(tree: Tree) -> Trusted:
    """The verified tree. Raises UsageError where nothing is published."""
    found = tree.trusted()
    if found is None:
        raise nothing_there(tree.name, tree.held().lost)
    return found


def receipts(tree: Tree) -> Iterator[dict[str, Any]]:
    """The receipts, newest first; missing ones are passed over."""
    for number in range(trusted_of(tree).held().number, 0, -1):
        found = receipt_of(tree, number)
        if found is not None:
            yield found


def receipt_of(tree: Tree, number: int) -> dict[str, Any] | None:
    """One receipt."""
    data = tree.read(f"releases/{number}.json")
    return orjson.loads(data) if data else None


def status(tree: Tree, today: date) -> list[dict[str, Any]]:
    """Each target: its version, what is rolled out and pinned."""
    found = []
    for target, held in sorted(trusted_of(tree).held().targets.items()):
        state = rollout.state_of(held)
        pin = rollout.pinned(state, today)
        found.append(
            {
                "namespace": target.namespace,
                "environment": target.environment,
                "version": held.version,
                "digest": held.digest,
                "rollout": {"percent": state.percent, "from": state.baseline.version} if state.baseline else None,
                "pin": {"owner": pin.owner, "until": pin.until.isoformat(), "reason": pin.reason} if pin else None,
                "pin_ended": state.pin is not None and pin is None,
            }
        )
    return found


def versions(tree: Tree, target: Target) -> Iterator[Version]:
    """The versions of a target, newest first, along its records: each is named by its digest, the newest one is signed."""
    entry = trusted_of(tree).entries().get(target)
    digest = custom_of(entry).get("record") if entry else None
    while digest:
        data = tree.read(f"records/{digest}.json")
        if data is None or sha256(data).hexdigest() != digest:
            return
        record = orjson.loads(data)
        yield Version(record["version_number"], record["git_commit"], record["digest"], record["change_type"])
        digest = record.get("previous")


def tell(tree: Tree, number: int, notify: Notify | None) -> str | None:
    """Tell the webhook of a release that the tree has the receipt of; a sentence where that failed."""
    found = receipt_of(tree, number)
    return notify(found) if notify is not None and found is not None else None


@dataclass
class Tending:
    """Acts on a published tree. `at` gives the repository at a commit; `actor` and `reason` go into the receipt."""

    tree: Tree
    at: Callable[[str], Repository]
    secrets: Callable[[Repository], OpenSecrets]
    now: datetime
    actor: str
    reason: str
    notify: Notify | None = None

    def change(
        self, selection: Selection, event: rollout.Event, *, only_rolling: bool = False
    ) -> tuple[Publication, int]:
        """Let an event happen to the selected targets, as one release."""
        trusted = trusted_of(self.tree)
        held = trusted.held()
        custom: dict[Target, Mapping[str, Any]] = {}
        for target, item in held.targets.items():
            if not selects(selection, target):
                continue
            state = rollout.state_of(item)
            if only_rolling and state.baseline is None:
                continue
            try:
                custom[target] = rollout.custom_of(rollout.step(state, event, self.now.date()))
            except UsageError as error:
                raise UsageError(f"{target}: {error}", error.hint) from None
        if not custom and only_rolling:
            raise UsageError("no rollout of what is selected is under way", "begin one: `release --percent 10`")
        if not custom:
            near = (
                closest(selection.namespaces[0], [t.namespace for t in held.targets]) if selection.namespaces else None
            )
            raise UsageError(
                "no published target is selected", f"did you mean {near}?" if near else "see `release status`"
            )
        release = self._release(held.number, self._revision(str(held.commit)), custom=custom)
        return self._publish(release, self._nothing), release.number

    def rollback(self, target: Target, to: int | None, pin: rollout.Pin | None) -> tuple[Publication, Version, int]:
        """Publish an older version of a target again, as a new version of a new release."""
        trusted = trusted_of(self.tree)
        held = trusted.held()
        now = held.targets.get(target)
        if now is None:
            raise UsageError(f"{target} is not published", "see `gitconfigmgr release status`")
        known = [item for item in versions(self.tree, target) if item.number < now.version]
        wanted = next((item for item in known if to is None or item.number == to), None)
        if wanted is None:
            raise UsageError(
                f"there is no version {to} of {target} before version {now.version}"
                if to
                else f"{target} has no older version",
                "see `gitconfigmgr release list`",
            )
        repository = self.at(wanted.commit)
        bundle = bundle_of(repository, target)
        if bundle is None or bundle.digest != wanted.digest:
            raise GitConfigError(
                f"commit {wanted.commit[:12]} no longer gives version {wanted.number} of {target}",
                "it was compiled by another version of gitconfigmgr: use that one, or roll back in Git",
            )
        state = rollout.State(now.version + 1, wanted.digest.removeprefix("sha256:"), len(bundle.document), pin=pin)
        if pin is not None:
            rollout.step(state, rollout.Hold(pin), self.now.date())
        revision = repository.tree.revision
        assert revision is not None
        release = self._release(
            held.number, revision, bundles={target: bundle}, changes={target: Change("rollback", now.version + 1)},
            custom={target: rollout.custom_of(state)} if pin else {}, inputs=inputs_of(repository),
            commit=str(held.commit),
        )  # fmt: skip
        return self._publish(release, self.secrets(repository)), wanted, release.number

    def _publish(self, release: Release, secrets: OpenSecrets) -> Publication:
        publication = self.tree.publish(release, secrets)
        problem = None if publication.waiting else tell(self.tree, release.number, self.notify)
        return replace(publication, notes=(*publication.notes, problem)) if problem else publication

    def _release(
        self, base: int, revision: Revision, *, custom: Mapping[Target, Mapping[str, Any]],
        bundles: Mapping[Target, Bundle] | None = None, changes: Mapping[Target, Change] | None = None,
        inputs: Mapping[str, str] | None = None, commit: str | None = None,
    ) -> Release:  # fmt: skip
        note = {"refusal": BY_HAND, "message": "changed by hand", "actor": self.actor, "reason": self.reason}
        tenant = getattr(self.tree, "tenant", "")
        return Release(
            base + 1, base, tenant, revision, bundles or {}, frozenset(), changes or {}, custom, (note,), inputs or {},
            commit,
        )  # fmt: skip

    def _revision(self, commit: str) -> Revision:
        """What is known of the published commit; this clone may not have it."""
        try:
            revision = self.at(commit).tree.revision
        except GitConfigError:
            revision = None
        return revision or Revision(commit, "", self.actor, self.now)

    def _nothing(self, bundle: Bundle) -> Mapping[Any, Any]:
        raise AssertionError(f"no secret of {bundle.target} is needed")


def selects(selection: Selection, target: Target) -> bool:
    """Whether a published target is selected."""
    from fnmatch import fnmatchcase

    if selection.environments and target.environment not in selection.environments:
        return False
    return not selection.namespaces or any(fnmatchcase(target.namespace, item) for item in selection.namespaces)
