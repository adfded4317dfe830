"""A release that waits for more signatures: its bundles are in place, its metadata beside what readers see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.model.names import Target
from gitconfigmgr.release import layout
from gitconfigmgr.release.signing import Assembly, digest_of
from gitconfigmgr.release.trust import EXTRAS, UntrustedError, custom_of, parsed

if TYPE_CHECKING:
    from tuf.api.metadata import TargetFile

    from gitconfigmgr.adapters.publishers.directory import Files
    from gitconfigmgr.model.bundles import Release
    from gitconfigmgr.release.trust import Trusted

_INDEX = f"{layout.STAGED}/release.json"


@dataclass
class Staged:
    """`base` is the release it was made on; once another one is published, it counts no more."""

    number: int
    base: int
    note: dict[str, Any]
    receipt: bytes
    made: Assembly


def save(files: Files, release: Release, made: Assembly, receipt: bytes, note: dict[str, Any]) -> None:
    """Stage a release, the index last; it replaces one that was staged before."""
    clear(files)
    update(files, made)
    if made.targets is not None:
        files.write(f"{layout.STAGED}/targets.json", made.targets.to_bytes())
    index = {
        "number": release.number,
        "base": release.base,
        "note": note,
        "receipt": orjson.loads(receipt),
        "roles": sorted(made.roles),
        "targets": made.targets is not None,
        "written": sorted(made.written),
    }
    files.write(_INDEX, canonical_json(index))


def update(files: Files, made: Assembly) -> None:
    """Save the roles with the signatures they have now."""
    for role, item in made.roles.items():
        files.write(f"{layout.STAGED}/{role}.json", item.to_bytes())


def load(files: Files) -> Staged | None:
    """The staged release; None where nothing waits. Its signatures are not looked at yet."""
    data = files.read(_INDEX)
    if data is None:
        return None
    try:
        index = orjson.loads(data)
        made = Assembly(written={Target(*item) for item in index["written"]})
        for role in index["roles"]:
            made.roles[role] = parsed(files.read(f"{layout.STAGED}/{role}.json") or b"", role, "targets")
        if index["targets"]:
            made.targets = parsed(files.read(f"{layout.STAGED}/targets.json") or b"", "targets", "targets")
        return Staged(index["number"], index["base"], index["note"], canonical_json(index["receipt"]), made)
    except (KeyError, TypeError, ValueError):
        raise UntrustedError("staged release", "is damaged") from None


def waiting(files: Files, before: Trusted | None) -> dict[str, Any] | None:
    """What the staged metadata would change, to be shown to who signs it; told by nothing else in the folder.

    Of each target the signed entries `before` and `after`, whether rollout or pin are others (`extras`), and of `sealed`
    secrets the entry where it is another.
    """
    found = load(files)
    if found is None:
        return None
    targets = []
    for role, item in sorted(found.made.roles.items()):
        old = before.roles[role].signed.targets if before and role in before.roles else {}
        for path in sorted({*old, *item.signed.targets}):
            entry, known, target = item.signed.targets.get(path), old.get(path), layout.target_of(path)
            if target is None:
                continue
            hidden = layout.path_of(target, layout.SEALED)
            sealed, before_sealed = item.signed.targets.get(hidden), old.get(hidden)
            if entry == known and sealed == before_sealed:
                continue
            targets.append(
                {
                    "target": target,
                    "before": known,
                    "after": entry,
                    "extras": _extras(known) != _extras(entry),
                    "sealed": sealed if sealed != before_sealed else None,
                }
            )
    number = before.held().number if before else 0
    return {"release": found.number, "before": number, "targets": targets, "seen": seen(found.made)}


def seen(made: Assembly) -> str:
    """What somebody has looked at before signing it: changes with anything that would be signed."""
    parts = [f"{role} {digest_of(item.signed_bytes)}" for role, item in sorted(made.roles.items())]
    return digest_of("\n".join(parts).encode())


def _extras(entry: TargetFile | None) -> dict[str, Any]:
    """The rollout and the pin of an entry."""
    return {name: value for name, value in custom_of(entry).items() if name in EXTRAS} if entry else {}


def clear(files: Files) -> None:
    """Forget what is staged, the index first."""
    files.remove(_INDEX)
    for name in files.names(layout.STAGED):
        files.remove(f"{layout.STAGED}/{name}")
