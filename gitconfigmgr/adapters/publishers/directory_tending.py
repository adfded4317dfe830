"""What happens to a published tree between releases: metadata renewed, a staged release signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.publishers import directory_staging as staging
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.bundles import Held
from gitconfigmgr.release import keyset, layout, metadata
from gitconfigmgr.release.retention import needless
from gitconfigmgr.release.signing import Assembly, entries_of, missing, sign_roles
from gitconfigmgr.release.trust import custom_of, nothing_there, parsed

if TYPE_CHECKING:
    from gitconfigmgr.adapters.publishers.directory import DirectoryPublisher
    from gitconfigmgr.release.signing import Ground


@dataclass(frozen=True)
class Renewed:
    """`roles` have a new version; `left` should have one, and their keys are not here. None of both: nothing was due.

    `dropped` is the number of a release that waited for signatures of metadata that is not the next one any more.
    """

    roles: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    dropped: int | None = None


@dataclass(frozen=True)
class Signed:
    """`number` is None where nothing waits. `missing` signatures, by role; none of them: it was published."""

    number: int | None = None
    added: tuple[str, ...] = ()
    missing: dict[str, int] = field(default_factory=dict)


def resign(publisher: DirectoryPublisher, *, force: bool) -> Renewed:
    """Renew what is past half of its life, and put new keys in force. Raises UsageError, OutsideError, UntrustedError."""
    with publisher.files.locked():
        ground = publisher.ground()
        if ground.before is None:
            raise nothing_there(publisher.name, publisher.lost())
        due, left = _due(ground)
        made = Assembly()
        sign_roles(ground, made, entries_of(ground.before), due)
        if made.missing:
            role = layout.environment_of(min(made.missing))
            raise UsageError(
                f"the keys of {role} have changed, and not enough of the new ones are here",
                "see `gitconfigmgr keys status`",
            )
        changed = [*made.roles, *(["targets"] if made.targets else [])]
        if not (force or changed or _short_lived_due(ground) or _root_is_newer(ground)):
            return Renewed((), tuple(left))
        publisher.finish(ground, made, ground.before.note(), None)
        return Renewed((*changed, "snapshot", "timestamp"), tuple(left), _drop(publisher, made))


def _drop(publisher: DirectoryPublisher, made: Assembly) -> int | None:
    """Forget a staged release that cannot be signed any more, as its roles were renewed."""
    staged = staging.load(publisher.files)
    if staged is None or not (staged.made.roles.keys() & made.roles.keys() or (staged.made.targets and made.targets)):
        return None
    staging.clear(publisher.files)
    return staged.number


def sign(publisher: DirectoryPublisher, looked_at: str | None = None) -> Signed:
    """Add the signatures of the keys at hand to the staged release; publish it once none is missing.

    `looked_at` is the `seen` of what was shown: the folder may have changed since.
    """
    with publisher.files.locked():
        ground = publisher.ground()
        staged = staging.load(publisher.files)
        if staged is None:
            return Signed()
        if looked_at not in {None, staging.seen(staged.made)}:
            raise UsageError("the staged release has changed since it was shown", "look at it again")
        number = ground.before.held().number if ground.before else 0
        if staged.base != number:
            raise UsageError(
                f"release {staged.number} was made on {staged.base}, and {number} is published", "release again"
            )
        targets = staged.made.targets or (ground.before.targets if ground.before else None)
        assert targets is not None
        _check(ground, staged.made)
        added = []
        for role, item in staged.made.roles.items():
            before = len(item.signatures)
            metadata.sign(item, ground.signing.signers(keyset.RELEASE, layout.environment_of(role)))
            if len(item.signatures) > before:
                added.append(role)
        lacking = missing(targets, staged.made.roles)
        online = len(ground.signing.signers(keyset.ONLINE)) >= ground.signing.public(keyset.ONLINE)[1]
        if lacking or not online:
            staging.update(publisher.files, staged.made)
            return Signed(staged.number, tuple(added), lacking or {"online": 1})
        receipt = (f"releases/{staged.number}.json", staged.receipt)
        publisher.finish(ground, staged.made, _note(ground, staged), receipt)
        return Signed(staged.number, tuple(added))


def prune(publisher: DirectoryPublisher, *, dry_run: bool) -> list[str]:
    """Remove what nobody needs any more; the paths, without compressed forms. Raises UsageError, OutsideError."""
    with publisher.files.locked():
        trusted, files = publisher.trusted(), publisher.files
        if trusted is None:
            raise nothing_there(publisher.name, publisher.lost())
        staged = staging.load(files)
        waiting = (
            [entry for item in staged.made.roles.values() for entry in item.signed.targets.values()] if staged else []
        )
        days = publisher.context.settings.keep_days
        found = needless(trusted, files.read, files.names, waiting, publisher.context.now(), days)
        for path in () if dry_run else found:
            files.remove(path)
        return found


def _note(ground: Ground, staged: staging.Staged) -> dict[str, Any]:
    """What the snapshot says of the release: its number and commit, as far as signed entries bear them out."""
    before = ground.before.held() if ground.before else Held()
    known = {before.commit}
    for item in staged.made.roles.values():
        customs = [custom_of(entry) for entry in item.signed.targets.values()]
        known |= {custom.get("commit") for custom in customs if custom.get("release") == staged.number}
    if staged.number <= before.number or not isinstance(staged.number, int):
        raise UsageError(f"the staged release has the number {staged.number}", "release again")
    commit = staged.note.get("commit")
    return {"release": staged.number, "commit": commit if commit in known else before.commit}


def _check(ground: Ground, made: Assembly) -> None:
    """The staged metadata is the next one, and top-level targets are signed: a stranger may have written the folder."""
    if made.targets is not None:
        newest = parsed(ground.signing.roots()[-1], "root", "root").signed
        newest.verify_delegate("targets", made.targets.signed_bytes, made.targets.signatures)
    for role, item in made.roles.items():
        known = ground.before.roles.get(role) if ground.before else None
        if item.signed.version != (known.signed.version + 1 if known else 1):
            raise UsageError(f"the staged metadata of {role} is not the next version", "release again")
        patterns = layout.patterns_of(role)
        for path, entry in item.signed.targets.items():
            within = any(path.endswith(pattern.rpartition("*")[2]) for pattern in patterns)
            data = ground.read(layout.file_of(path, entry.hashes["sha256"]))
            if not within or data is None or metadata.target_file(path, data, {}).hashes != entry.hashes:
                raise UsageError(f"{path} of the staged release is not what its metadata says", "release again")


def _due(ground: Ground) -> tuple[set[str], list[str]]:
    """The roles past half of their life: those that can be signed here, and those that cannot."""
    assert ground.before is not None
    due, left = set(), []
    for role, item in ground.before.roles.items():
        if metadata.half_life(item.signed, ground.settings.bundle_days, ground.now):
            environment = layout.environment_of(role)
            _, threshold = ground.signing.public(keyset.RELEASE, environment)
            if len(ground.signing.signers(keyset.RELEASE, environment)) >= threshold:
                due.add(role)
            else:
                left.append(role)
    return due, sorted(left)


def _short_lived_due(ground: Ground) -> bool:
    assert ground.before is not None
    days = ground.settings.timestamp_days
    both: tuple[Any, ...] = (ground.before.timestamp.signed, ground.before.snapshot.signed)
    return any(metadata.half_life(item, days, ground.now) for item in both)


def _root_is_newer(ground: Ground) -> bool:
    assert ground.before is not None
    newest = parsed(ground.signing.roots()[-1], "root", "root").signed.version
    return ground.read(layout.metadata_file("root", newest)) is None
