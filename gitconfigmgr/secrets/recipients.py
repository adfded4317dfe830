"""Who can open what, against the rules: over many files at once, without a key."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitconfigmgr.secrets.errors import NotEncryptedError, RulesError, SecretsError
from gitconfigmgr.secrets.merge import is_pending
from gitconfigmgr.secrets.metadata import Metadata, Recipient, needed
from gitconfigmgr.secrets.opening import SecretFile, read
from gitconfigmgr.secrets.tokens import looks_encrypted, parse
from gitconfigmgr.secrets.tree import Leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.secrets.creation import Rule


@dataclass(frozen=True)
class Status:
    """One file. `plaintext` are the paths that the rule encrypts and that are not; `damaged`, those of tokens that are none;
    `problem`, why it cannot be read."""

    path: str
    encrypted: bool
    secrets: tuple[KeyPath, ...] = ()
    plaintext: tuple[KeyPath, ...] = ()
    damaged: tuple[KeyPath, ...] = ()
    recipients: tuple[Recipient, ...] = ()
    lastmodified: str = ""
    mac: str = "missing"  # present, pending or missing
    missing: tuple[Recipient, ...] = ()
    stale: tuple[Recipient, ...] = ()
    other_rule: bool = False
    other_groups: bool = False
    problem: str = ""

    @property
    def in_order(self) -> bool:
        """Whether nothing is to be done."""
        flaws = (
            self.plaintext,
            self.damaged,
            self.missing,
            self.stale,
            self.other_rule,
            self.other_groups,
            self.problem,
        )
        return self.encrypted and self.mac == "present" and not any(flaws)


def status(path: str, data: bytes, format_: str, rule_for: Callable[[str], Rule | None]) -> Status:
    """What can be said of a file without a key. `rule_for` gives None where there are no rules."""
    try:
        secrets = read(data, format_)
    except NotEncryptedError:
        return Status(path, encrypted=False)
    except SecretsError as error:
        return Status(path, encrypted=True, problem=str(error))
    metadata = secrets.metadata
    try:
        rule, problem = rule_for(path), ""
    except RulesError as error:
        rule, problem = None, str(error)
    sealed, plain, damaged = _places(secrets)
    mac = "pending" if is_pending(metadata) else "present" if looks_encrypted(metadata.mac) else "missing"
    present = tuple(dict.fromkeys(metadata.recipients()))
    found = Status(path, True, sealed, plain, damaged, present, metadata.lastmodified, mac, problem=problem)  # noqa: FBT003
    return _against(found, metadata, rule) if rule else found


def _places(secrets: SecretFile) -> tuple[tuple[KeyPath, ...], ...]:
    """The paths of values that are encrypted, that are in plaintext, and whose tokens are cut off or edited."""
    leaves = [place for place in secrets.places if type(place.node) is Leaf and place.selected]
    values = [(place.path, place.node.value) for place in leaves if type(place.node) is Leaf]
    sealed = tuple(path for path, value in values if looks_encrypted(value))
    plain = tuple(path for path, value in values if not looks_encrypted(value) and value is not None and value != "")
    damaged = tuple(path for path, value in values if looks_encrypted(value) and parse(str(value)) is None)
    return sealed, plain, damaged


def _against(found: Status, metadata: Metadata, rule: Rule) -> Status:
    from dataclasses import replace

    wanted, present = rule.recipients(), set(found.recipients)
    same_groups = [{s.recipient.without_version() for s in group} for group in metadata.groups] == [
        {r.without_version() for r in group} for group in rule.groups
    ]
    threshold = len(metadata.groups) == 1 or needed(metadata.threshold, len(metadata.groups)) == needed(
        rule.threshold, len(rule.groups)
    )
    plain_wanted, plain_present = {r.without_version() for r in wanted}, {r.without_version() for r in present}
    return replace(
        found,
        missing=tuple(sorted((r for r in wanted if r.without_version() not in plain_present), key=str)),
        stale=tuple(sorted((r for r in present if r.without_version() not in plain_wanted), key=str)),
        other_rule=metadata.selection != rule.selection,
        other_groups=plain_wanted == plain_present and not (same_groups and threshold),
    )


def readers(files: Mapping[str, Metadata]) -> dict[Recipient, list[str]]:
    """The files of each recipient."""
    found: dict[Recipient, list[str]] = defaultdict(list)
    for path in sorted(files):
        for recipient in dict.fromkeys(files[path].recipients()):
            found[recipient].append(path)
    return dict(found)


@dataclass(frozen=True)
class Exposure:
    """A file that a leaver can open: `alone`, without others of the key groups. `secrets` have to be changed."""

    path: str
    alone: bool
    secrets: tuple[KeyPath, ...]
    remaining: int


def offboarding(files: Mapping[str, SecretFile], leaver: Recipient) -> list[Exposure]:
    """What somebody who leaves could read: rekey, rotate the data key, and change the secrets themselves."""
    found = []
    for path in sorted(files):
        metadata = files[path].metadata
        groups = [group for group in metadata.groups if any(stanza.recipient == leaver for stanza in group)]
        if groups:
            alone = len(metadata.groups) == 1 or len(groups) >= needed(metadata.threshold, len(metadata.groups))
            remaining = len({stanza.recipient for stanza in metadata.stanzas()} - {leaver})
            found.append(Exposure(path, alone, _places(files[path])[0], remaining))
    return found


def without(groups: tuple[tuple[Recipient, ...], ...], leaver: Recipient) -> tuple[tuple[Recipient, ...], ...]:
    """The recipients without one. Raises RulesError where nobody would be left."""
    left = tuple(tuple(item for item in group if item != leaver) for group in groups)
    if not all(left):
        raise RulesError(f"{leaver} is the only recipient of a file or key group", "add another one first")
    return left
