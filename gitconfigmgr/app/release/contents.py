"""What a release changes of what is published, by the published bytes themselves: whatever commit they came from."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.app.diff import ABSENT, Diff, Effective, TargetDiff, identity_of, state_of
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.history.changes import changes
from gitconfigmgr.history.documents import Secret
from gitconfigmgr.history.lists import no_identity
from gitconfigmgr.history.patch import patch
from gitconfigmgr.model.names import show_path
from gitconfigmgr.release import layout
from gitconfigmgr.release.ports import tree_of
from gitconfigmgr.release.trust import custom_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tuf.api.metadata import TargetFile

    from gitconfigmgr.app.release.run import Stage
    from gitconfigmgr.history.lists import Identity
    from gitconfigmgr.model.bundles import Bundle
    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.release.ports import Tree
    from gitconfigmgr.release.trust import Read

    Pair = tuple[Target, Any, Any]  # documents before and after, None where there is none


def planned(stage: Stage, repository: Repository) -> Diff | None:
    """What the plan for a published tree would change of it; None where nothing is planned or published, or it is none."""
    tree = tree_of(stage.publisher)
    trusted = tree.trusted() if tree is not None and stage.release is not None else None
    if tree is None or stage.release is None or trusted is None:
        return None
    entries, bundles = trusted.entries(), stage.release.bundles
    pairs = [
        (target, published(tree.read, entries.get(target)), built(bundles[target]) if target in bundles else None)
        for target in sorted(stage.release.changes)
    ]
    return difference(
        pairs, lambda target: identity_of(repository, target.namespace), lambda target: state_of(repository, target)
    )


def waiting(tree: Tree, staged: Iterable[Mapping[str, Any]]) -> Diff:
    """What a release that waits for signatures would change; `staged` are the targets of `tree.waiting()`."""
    return difference(
        (item["target"], published(tree.read, item["before"]), published(tree.read, item["after"])) for item in staged
    )


def published(read: Read, entry: TargetFile | None) -> Any:
    """The document of a signed entry, with a Secret for every secret; None without an entry. Raises OutsideError."""
    if entry is None:
        return None
    digest, record = entry.hashes["sha256"], str(custom_of(entry).get("record"))
    document = _checked(read, layout.file_of(entry.path, digest), digest)
    fingerprints = orjson.loads(_checked(read, f"records/{record}.json", record))["secrets"]
    return _marked(orjson.loads(document), fingerprints)


def sealed_for(read: Read, entry: TargetFile) -> list[str]:
    """Whom the signed file of secrets is sealed for: key ids. Raises OutsideError."""
    digest = entry.hashes["sha256"]
    return [
        str(key["kek_id"]) for key in orjson.loads(_checked(read, layout.file_of(entry.path, digest), digest))["keys"]
    ]


def built(bundle: Bundle) -> Any:
    """The document of a bundle, in the same form."""
    return _marked(orjson.loads(bundle.document), bundle.fingerprints)


def difference(
    pairs: Iterable[Pair],
    identity: Callable[[Target], Identity] = lambda _: no_identity,
    state: Callable[[Target], Effective] = lambda _: ABSENT,
) -> Diff:
    """How documents differ. `state` knows where new values come from; `identity` what identifies items of lists."""
    found = Diff([])
    for target, old, new in pairs:
        by = identity(target)
        one, other = {} if old is None else old, {} if new is None else new
        changed = changes(one, other, by)
        kind = "create" if old is None else "delete" if new is None else "update"
        if changed or kind != "update":
            after = ABSENT if new is None else state(target)
            found.targets.append(TargetDiff(target, kind, ABSENT, after, changed, patch(one, other, by)))
    return found


def _checked(read: Read, path: str, digest: str) -> bytes:
    data = read(path)
    if data is None or sha256(data).hexdigest() != digest:
        what = "is missing" if data is None else "is not what was signed"
        raise OutsideError(f"{path} {what}", "restore the tree, or find out who changed it")
    return data


def _marked(value: Any, fingerprints: Mapping[str, str], path: KeyPath = ()) -> Any:
    """A document with its secrets marked, each by the fingerprint of its ciphertext."""
    if not fingerprints:
        return value
    if isinstance(value, dict):
        known = fingerprints.get(show_path(path)) if path else None
        if known is not None:
            return Secret(value, known)
        return {key: _marked(child, fingerprints, (*path, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [_marked(child, fingerprints, (*path, index)) for index, child in enumerate(value)]
    return value
