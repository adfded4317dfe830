"""`keys`: make, rotate and report the keys that sign releases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.release import metadata
from gitconfigmgr.release.keyset import ONLINE, RELEASE, ROOT, TARGETS, KeySet, Role
from gitconfigmgr.release.trust import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from typing import Protocol

    from gitconfigmgr.release.keyset import KeyEntry

    class Vault(Protocol):
        """Where keys are kept: adapters.signing.folder.KeyFolder."""

        @property
        def keyset(self) -> KeySet: ...
        def exists(self) -> bool: ...
        def roots(self) -> list[bytes]: ...
        def signer(self, entry: KeyEntry) -> Any | None: ...
        def save(self, made: KeySet, roots: list[bytes]) -> None: ...


DEFAULTS = {ROOT: "2/3", TARGETS: "1/1", ONLINE: "1/1", RELEASE: "1/1"}
_SHARE = re.compile(r"([1-9]\d?)/([1-9]\d?)\Z")
_ROLE = re.compile(r"(root|targets|online|release|release:[a-z0-9][a-z0-9_-]*)\Z")


@dataclass(frozen=True)
class Plan:
    """For a role: how many of how many keys sign, and where keys are that exist already."""

    threshold: int
    count: int
    at: tuple[str, ...] = ()


def plans(shares: Sequence[str], places: Sequence[str]) -> dict[str, Plan]:
    """From `ROLE=T/N` and `ROLE=ADDRESS`. Raises UsageError."""
    given = dict(DEFAULTS)
    for text in shares:
        name, _, share = text.partition("=")
        if not _ROLE.match(name) or not _SHARE.match(share):
            raise UsageError(f"{text} is no role", "such as root=2/3 or release:production=2/2")
        given[name] = share
    at: dict[str, list[str]] = {}
    for text in places:
        name, _, place = text.partition("=")
        if name not in given or not place:
            raise UsageError(f"{text} is no place of a key", "such as online=transit:https://vault:8200/transit/online")
        at.setdefault(name, []).append(place)
    found = {}
    for name, share in given.items():
        threshold, count = map(int, share.split("/"))
        if threshold > count or len(at.get(name, ())) > count:
            raise UsageError(f"{name}={share} cannot be met", "T of N keys sign: T is at most N")
        found[name] = Plan(threshold, count, tuple(at.get(name, ())))
    return found


def init(
    vault: Vault,
    tenant: str,
    wanted: Mapping[str, Plan],
    make: Callable[[str], KeyEntry],
    take: Callable[[str, str], KeyEntry],
    now: datetime,
) -> KeySet:
    """Make the keys of a tenant, and the first root metadata. `make` makes a key, `take` one that exists elsewhere."""
    if vault.exists():
        raise UsageError(
            "there is a key set already", "no key is replaced: `gitconfigmgr keys rotate`, or another --keys"
        )
    keys: dict[str, KeyEntry] = {}
    roles = {}
    for name, plan in sorted(wanted.items(), key=lambda item: not item[1].at):  # key services first: they may refuse
        made = _keys_of(name, plan, 1, make, take)
        _refuse_twins([*keys.values(), *made])
        keys |= {entry.name: entry for entry in made}
        roles[name] = Role(tuple(entry.name for entry in made), plan.threshold)
    found = KeySet(tenant, keys, roles)
    vault.save(found, [])  # before the root is signed: what was made is found again
    root = metadata.sign(found.new_root(1, now), _signers(vault, found, ROOT))
    vault.save(found, [root])
    return found


def rotate(
    vault: Vault, role: str, plan: Plan | None, make: Callable[[str], KeyEntry],
    take: Callable[[str, str], KeyEntry], now: datetime,
) -> KeySet:  # fmt: skip
    """New keys for a role. A new version of the root is signed by the old keys of the root and, with it, the new ones.

    What is published follows at the next release or `resign`.
    """
    before = vault.keyset
    if role not in before.roles and not (plan and role.startswith(f"{RELEASE}:")):
        raise UsageError(f"there is no role {role}", f"known are {', '.join(before.roles)}")
    known = before.roles.get(role)
    plan = plan or Plan(known.threshold if known else 1, len(known.keys) if known else 1)
    roots = vault.roots()
    of_root = role in (ROOT, TARGETS, ONLINE)
    old_signers = _signers(vault, before, ROOT) if of_root else []
    if of_root and len(old_signers) < before.roles[ROOT].threshold:
        raise UsageError(
            "the keys of the root are not here", "bring them, and run it again; or --keys names their folder"
        )
    taken = [int(name.rpartition("-")[2]) for name in before.keys if name.rpartition("-")[2].isdecimal()]
    made = _keys_of(role, plan, max(taken, default=0) + 1, make, take)
    _refuse_twins([*before.keys.values(), *made])
    after = before.with_role(role, {entry.name: entry for entry in made}, plan.threshold)
    if of_root:
        version = parsed(roots[-1], "root", "root").signed.version + 1
        signers = [*old_signers, *(_signers(vault, after, ROOT) if role == ROOT else [])]
        roots = [*roots, metadata.sign(after.new_root(version, now), signers)]
    vault.save(after, roots)
    return after


def status(vault: Vault, now: datetime) -> dict[str, Any]:
    """Who signs, where each key is and whether it can be used here, and when the root ends."""
    found = vault.keyset
    root = parsed(vault.roots()[-1], "root", "root").signed
    roles = []
    for name, role in found.roles.items():
        keys = [
            {"name": key, "at": found.keys[key].at, "keyid": found.keys[key].public["keyid"],
             "here": vault.signer(found.keys[key]) is not None}
            for key in role.keys
        ]  # fmt: skip
        roles.append({"role": name, "threshold": role.threshold, "keys": keys})
    return {
        "tenant": found.tenant,
        "root": {
            "version": root.version,
            "expires": f"{root.expires:%Y-%m-%dT%H:%M:%SZ}",
            "renew": metadata.half_life(root, metadata.ROOT_DAYS, now),
        },
        "roles": roles,
    }


def renew_root(vault: Vault, now: datetime) -> KeySet:
    """The same keys in a new version of the root, before the old one ends."""
    found, roots = vault.keyset, vault.roots()
    signers = _signers(vault, found, ROOT)
    if len(signers) < found.roles[ROOT].threshold:
        raise UsageError(
            "the keys of the root are not here", "bring them, and run it again; or --keys names their folder"
        )
    version = parsed(roots[-1], "root", "root").signed.version + 1
    vault.save(found, [*roots, metadata.sign(found.new_root(version, now), signers)])
    return found


def _keys_of(
    role: str, plan: Plan, first: int, make: Callable[[str], KeyEntry], take: Callable[[str, str], KeyEntry]
) -> list[KeyEntry]:
    names = [f"{role.replace(':', '-')}-{number}" for number in range(first, first + plan.count)]
    taken = [take(name, place) for name, place in zip(names, plan.at, strict=False)]
    return taken + [make(name) for name in names[len(taken) :]]


def _refuse_twins(entries: Sequence[KeyEntry]) -> None:
    """One key under two names would count as two signatures."""
    seen: dict[str, str] = {}
    for entry in entries:
        public = entry.public["keyval"]["public"]
        if seen.setdefault(public, entry.name) != entry.name:
            raise UsageError(f"{entry.name} is the same key as {seen[public]}", "each role needs keys of its own")


def _signers(vault: Vault, found: KeySet, role: str) -> list[Any]:
    return [signer for entry in found.entries(role) if (signer := vault.signer(entry)) is not None]
