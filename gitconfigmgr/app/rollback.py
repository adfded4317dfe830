"""`rollback`: an edit after which a target's document is that of a recorded version, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitconfigmgr.app.change import Change
from gitconfigmgr.app.records import ROLLBACK
from gitconfigmgr.app.steering import Files, NoWayError, Steering, document_of, kept_by
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.documents import same
from gitconfigmgr.source.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Tree


@dataclass(frozen=True, slots=True)
class Rollback:
    """The edit, and the trailer that its commit carries."""

    change: Change
    trailer: str


def rollback(
    repository: Repository,
    reopen: Callable[[Tree], Repository],
    chronicle: Chronicle,
    target: Target,
    number: int,
    *,
    others: bool = False,
) -> Rollback:
    """The smallest edit of the target's own layers, proven: the document is that of the version, no other one changes.

    Where values cannot be set (secrets, a target that does not compile), its own files as they were at that version are
    tried. With `others`, targets that refer to this one may change. Raises UsageError, NoWayError.
    """
    document = chronicle.document(target, number)
    if target not in repository.targets:
        raise UsageError(f"{target} is not there", f"bring it back: gitconfigmgr restore {target.namespace}")
    said = f"{target} as at version {number}"
    trailer = f"{ROLLBACK}: {target.namespace}@{target.environment} to {number}"
    if same(document_of(repository, target), document):
        return Rollback(Change({}, f"{said} already"), trailer)
    steering = Steering(repository, reopen, {target: document}, others)
    try:
        files = steering.run()
    except UsageError as refused:
        files = _as_they_were(steering, chronicle, target, number, refused)
    return Rollback(Change(files, said, notes=kept_by(files, target)), trailer)


def _as_they_were(steering: Steering, chronicle: Chronicle, target: Target, number: int, refused: UsageError) -> Files:
    """The target's own files at the commit of the version: the highest, or all. Raises `refused` where both fail."""
    repository = steering.repository
    old = chronicle.lineage.tree(chronicle.version(target, number).commit)
    chain = repository.settings.environments[target.environment].chain
    paths = [f"{ROOT}/{target.namespace}/{environment}.yaml" for environment in chain]
    for chosen in (paths[-1:], paths):
        files: Files = {path: old.read(path) for path in chosen}
        files = {path: data for path, data in files.items() if data != repository.tree.read(path)}
        try:
            steering.prove(files)
        except NoWayError:
            continue
        return files
    raise refused
