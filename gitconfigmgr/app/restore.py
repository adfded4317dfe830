"""`restore`: the files of a deleted namespace as they last were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.app.change import Change
from gitconfigmgr.app.reach import Reach
from gitconfigmgr.app.steering import document_of
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.documents import same
from gitconfigmgr.model.names import Target, closest, many
from gitconfigmgr.source.layout import ROOT
from gitconfigmgr.source.overlay_tree import EditedTree

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Tree


def restore(
    repository: Repository, reopen: Callable[[Tree], Repository], chronicle: Chronicle, namespace: str,
    *, others: bool = False,
) -> Change:  # fmt: skip
    """The change that brings a namespace back, with what is below it. Raises UsageError.

    What does not compile without it may compile again; with `others`, other targets may change too.
    """
    folder = f"{ROOT}/{namespace}"
    if any(path.startswith(f"{folder}/") for path in repository.tree.files(ROOT)):
        raise UsageError(f"{namespace} is there", "to go back to a version: gitconfigmgr rollback")
    place = _last(chronicle, folder)
    if place is None:
        known = sorted({target.namespace for target in repository.targets})
        near = closest(namespace, known)
        raise UsageError(
            f"no commit of this branch has {folder}", f"did you mean {near}?" if near else "see `git log -- configs`"
        )
    commit = chronicle.commits[place]
    tree = chronicle.lineage.tree(commit)
    files = {path: tree.read(path) for path in sorted(tree.files(folder))}
    after = reopen(EditedTree(repository.tree, files))
    for target in Reach(repository, after).targets(dict.fromkeys([*repository.targets, *after.targets])):
        inside = f"{target.namespace}/".startswith(f"{namespace}/")
        before = document_of(repository, target)
        if not inside and not others and before is not None and not same(before, document_of(after, target)):
            raise UsageError(
                f"bringing {namespace} back would change {target} too",
                "its layers are shared, or it refers to this one; --force -m REASON allows that",
            )
    change = Change(dict(files), f"{namespace} as at {commit[:10]}, {many(len(files), 'file')}")
    change.notes += _differences(chronicle, after, namespace)
    return change


def _last(chronicle: Chronicle, folder: str) -> int | None:
    """The last place of the line where a folder is there."""
    lineage = chronicle.lineage
    commits = chronicle.commits
    return next((n for n in reversed(range(len(commits))) if lineage.entry(commits[n], folder) is not None), None)


def _differences(chronicle: Chronicle, after: Repository, namespace: str) -> list[str]:
    """Which targets do not come back as they were: layers above them have changed since."""
    found = []
    for target in after.targets:
        if f"{target.namespace}/".startswith(f"{namespace}/"):
            last = _last_document(chronicle, target)
            if last is not None and not same(last, document_of(after, target)):
                found.append(f"{target} is not as it was: layers above it have changed since")
    return found


def _last_document(chronicle: Chronicle, target: Target) -> object | None:
    sound = [version for version in chronicle.versions(target) if version.digest]
    return chronicle.document(target, sound[-1].number) if sound else None
