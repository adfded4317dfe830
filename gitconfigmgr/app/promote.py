"""`promote`: values of one environment carried to another, as they are effective or as the layer has them."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.change import Change
from gitconfigmgr.app.diff import identity_of
from gitconfigmgr.app.explain import existing
from gitconfigmgr.app.secrets.values import parsed
from gitconfigmgr.app.setting import content, edited, not_encrypted, text_of
from gitconfigmgr.app.steering import NoWayError, Steering, document_of, kept_by, why_broken
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.changes import changes
from gitconfigmgr.history.documents import Secret, member, same, secrets_in
from gitconfigmgr.model.names import Target, many, show_path
from gitconfigmgr.source.edits import reading, set_value
from gitconfigmgr.source.layout import ROOT
from gitconfigmgr.source.overlay_tree import EditedTree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Tree

_ABSENT: Any = object()


def promote(
    repository: Repository, reopen: Callable[[Tree], Repository], namespace: str, keys: Sequence[str],
    names: tuple[str, str], *, others: bool = False,
) -> Change:  # fmt: skip
    """The change after which the second environment has the first one's values: of the keys, or all but secrets.

    With `others`, targets that refer to this one may change. Raises UsageError; NoWayError where the target's own layers
    cannot hold the values, or another target would change.
    """
    first, second = (existing(repository, namespace, name) for name in names)
    old, new = document_of(repository, first), document_of(repository, second)
    for target, document in ((first, old), (second, new)):
        if document is None:
            raise UsageError(f"{target} has no document", "run `gitconfigmgr check`")
    notes: list[str] = []
    goal = _merged(new, old, [parsed(key) for key in keys], first) if keys else _whole(new, old, (), notes)
    said = f"{names[0]} -> {names[1]}: {', '.join(keys) or 'everything'} of {namespace}"
    if same(goal, new):
        return Change({}, f"{said}, the same already", notes=notes)
    files = Steering(repository, reopen, {second: goal}, others).run()
    return Change(files, said, notes=[*notes, *kept_by(files, second)])


def promote_layer(
    repository: Repository, reopen: Callable[[Tree], Repository], namespace: str, keys: Sequence[str],
    names: tuple[str, str], *, others: bool = False,
) -> Change:  # fmt: skip
    """The change that writes what the file of one layer says, references and directives too, into that of the other.

    Proven as by `promote`; the document that the second environment gets is what its layers make with these keys.
    Raises UsageError, NoWayError.
    """
    _, second = (existing(repository, namespace, name) for name in names)
    source, path = (f"{ROOT}/{namespace}/{name}.yaml" for name in names)
    given = content(repository, source)
    if given is None:
        raise UsageError(f"there is no {source}", "leave --layer out to carry effective values")
    not_encrypted(given, source, f"gitconfigmgr secret edit {path}")
    data = content(repository, path)
    not_encrypted(data, path, f"gitconfigmgr secret edit {path}")
    values = reading(text_of(given, source))
    parts = [parsed(key) for key in keys] or [(key,) for key in values]
    for part in parts:
        there, value = member(values, part)
        if not there:
            raise UsageError(f"{source} does not set {show_path(part)}", "leave --layer out to carry effective values")
        data = edited(data, path, lambda text, part=part, value=value: set_value(text, part, value))  # type: ignore[misc]
    said = f"{many(len(parts), 'key')} of {source} in {path}"
    if data == content(repository, path):
        return Change({}, f"{said} already")
    after = reopen(EditedTree(repository.tree, {path: data}))
    goal = document_of(after, second)
    if goal is None:
        raise NoWayError(f"{second} would have no document: {why_broken(after, second)}",
                         "leave --layer out to carry effective values")  # fmt: skip
    files = Steering(repository, reopen, {second: goal}, others, {path: data}).run()
    was = document_of(repository, second)
    beside = [] if was is None else changes(was, goal, identity_of(after, namespace))
    also = [change.key for change in beside if not any(change.path[: len(part)] == part for part in parts)]
    notes = [f"changes {', '.join(also)} too, by references to what is promoted"] if also else []
    return Change(files, said, notes=[*notes, *kept_by(files, second)])


def _merged(new: Any, old: Any, keys: list[tuple[str, ...]], first: Target) -> Any:
    """The second document with the values that keys have in the first one; gone where they are gone there."""
    goal = deepcopy(new)
    for key in keys:
        there, value = member(old, key)
        if there and secrets_in(value):
            hint = f"set it by `gitconfigmgr secret set {first.namespace} {show_path(key)} -e ENV`"
            raise UsageError(f"{show_path(key)} holds a secret, which each environment has for itself", hint)
        if not there and not member(new, key)[0]:
            raise UsageError(
                f"neither environment has a key {show_path(key)}", f"see `gitconfigmgr get {first.namespace}`"
            )
        goal = _put(goal, key, value if there else _ABSENT)
    return goal


def _put(document: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(document, list):
        index = int(head)
        return [_put(child, rest, value) if n == index else child for n, child in enumerate(document)]
    below = document if isinstance(document, dict) else {}
    inner = _put(below.get(str(head), {}), rest, value)
    if inner is _ABSENT:
        return {key: child for key, child in below.items() if key != head}
    return below | {str(head): inner}


def _whole(new: Any, old: Any, at: KeyPath, notes: list[str]) -> Any:
    """The first document with the second one's secrets, where both have one; a secret that only one has is named."""
    if type(old) is Secret or type(new) is Secret:
        if type(old) is not type(new):
            notes.append(f"left as it is: {show_path(at)}, a secret in one of them")
        return new
    if type(old) is dict and type(new) is dict:
        found = {}
        for key in {**new, **old}:
            if key in old and key in new:
                found[key] = _whole(new[key], old[key], (*at, key), notes)
            elif secrets_in(old.get(key, new.get(key))):
                notes.append(f"left as it is: {show_path((*at, key))}, which holds a secret in one of them")
                if key in new:
                    found[key] = new[key]
            elif key in old:
                found[key] = old[key]
        return found
    if secrets_in(old) or secrets_in(new):
        notes.append(f"left as it is: {show_path(at)}, which holds secrets")
        return new
    return old
