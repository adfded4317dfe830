"""`check --redundancy`: values that change nothing, and the edits that remove them.

A value is redundant where the layers below give the same in every target (GCM501), dead where every target that could
see it has it overridden (GCM502); a directive is idle where it has nothing to do (GCM503). What a reference, a directive
or rule M11 may need is left out, and so is everything encrypted or not plain. `fix` compiles all targets to prove it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.app.change import Change, judge, refused
from gitconfigmgr.app.fix import apply
from gitconfigmgr.app.setting import edited, text_of
from gitconfigmgr.history.documents import same
from gitconfigmgr.model.diagnostics import Diagnostic, Edit, Related, collate, key_position_of, position_of
from gitconfigmgr.model.names import BASE, Target, show_path
from gitconfigmgr.model.values import UNUSUAL, DirectiveMap, Document, Node, plain
from gitconfigmgr.resolve.directives import unescape
from gitconfigmgr.source.edits import EditError, reading, removals
from gitconfigmgr.source.excerpt import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Tree

_LIST_EDITS = ("$append", "$prepend", "$remove")

Spot = tuple[str, int, int]  # a value in a file: its path, line and column


class Leaf(NamedTuple):
    """A plain scalar or list of a layer file. `raw` is its path as it is written."""

    path: KeyPath
    raw: KeyPath
    node: Node


@dataclass(slots=True)
class _File:
    """The leaves of a document, all paths that it gives a value, and those at which directives stand."""

    leaves: list[Leaf] = field(default_factory=list)
    paths: set[KeyPath] = field(default_factory=set)
    directives: dict[KeyPath, tuple[KeyPath, Node]] = field(default_factory=dict)


@dataclass(slots=True)
class _Seen:
    """What the targets have shown until now, by spot."""

    files: dict[str, _File] = field(default_factory=dict)
    needed: set[Spot] = field(default_factory=set)  # in some target no lower layer gives the same
    equal: dict[Spot, Node] = field(default_factory=dict)  # in some target a lower layer does
    live: set[Spot] = field(default_factory=set)  # in some target it wins, or takes part
    over: dict[Spot, Node] = field(default_factory=dict)  # what overrides it
    busy: set[tuple[str, KeyPath]] = field(default_factory=set)  # directives that have something to do


def redundancy(repository: Repository, paths: Sequence[str] = ()) -> list[Diagnostic]:
    """The findings in all layer files, or in those at or below `paths`, with the edits that remove what they are about."""
    seen = _Seen()
    namespace = None
    for target in repository.targets:
        if namespace not in {None, target.namespace}:
            repository.forget(str(namespace))
        namespace = target.namespace
        _look(repository, target, seen)
    found: list[Diagnostic] = []
    for path, file in sorted(seen.files.items()):
        if not paths or any(path == chosen or path.startswith(f"{chosen}/") for chosen in paths):
            found += _findings(repository, path, file, seen)
    return found


def with_redundancy(checked: Checked, repository: Repository, paths: Sequence[str]) -> Checked:
    """The result of a check with these findings in it."""
    found = locate(redundancy(repository, paths), repository.read)
    return replace(checked, diagnostics=collate([*checked.diagnostics, *found]))


def removed(
    repository: Repository, paths: Sequence[str], opened: Callable[[Mapping[str, bytes | None]], Repository]
) -> Change:
    """The change that removes all of it, proven: no target changes, and there is no finding that was not there.

    A file whose removals cannot be proven stays as it is; the notes name it.
    """
    files: dict[str, bytes | None] = {}
    notes = []
    for path, edits in _by_file(redundancy(repository, paths)).items():
        try:
            files[path] = _without(repository, path, edits)
        except EditError as error:
            notes.append(f"{path} is left as it is: {error}")
    change = Change(files, "", notes=notes)
    outcome = judge(repository, opened(files), change)
    if outcome.changed or refused(outcome):
        proven: dict[str, bytes | None] = {}
        for path, data in files.items():
            alone = judge(repository, opened({**proven, path: data}), Change({path: data}, ""))
            if alone.changed or refused(alone):
                notes.append(f"{path} is left as it is: a target needs what it says")
            else:
                proven[path] = data
        return Change(proven, "", notes=notes)
    return change


def _by_file(findings: Iterable[Diagnostic]) -> dict[str, list[Edit]]:
    found: defaultdict[str, list[Edit]] = defaultdict(list)
    for item in findings:
        for edit in item.edits:
            found[edit.path].append(edit)
    return found


def _without(repository: Repository, path: str, edits: list[Edit]) -> bytes:
    """A file without what the edits remove. Raises EditError where it could not be read afterwards."""

    def change(text: str) -> str:
        after = apply(text, edits)
        reading(after)
        return after

    return edited(repository.tree.read(path), path, change)


# -- what the targets show ---------------------------------------------------------------------------------------------


def _look(repository: Repository, target: Target, seen: _Seen) -> None:
    resolution = repository.resolved(target)
    if resolution.root is None:
        for layer in resolution.layers:  # nothing is known of a target that cannot be read: all of it may be needed
            file = _file(layer, seen)
            seen.live |= {_spot(leaf.node) for leaf in file.leaves}
            seen.needed |= {_spot(leaf.node) for leaf in file.leaves}
            seen.busy |= {(layer.path, path) for path in file.directives}
        return
    environment = repository.settings.environments[target.environment]
    guarded = environment.protected and repository.settings.leak_guard != "off"
    leaking = frozenset(
        name for name in environment.chain[:-1]
        if guarded and name != BASE and not repository.settings.environments[name].protected
    )  # fmt: skip
    _heads(resolution.root, leaking, seen)
    _directives(resolution.layers, seen)
    if environment.protected:
        _declared(repository, target, resolution.layers, seen)


def _file(document: Document, seen: _Seen) -> _File:
    if document.path not in seen.files:
        file = seen.files[document.path] = _File()
        if document.root is not None and document.sops is None:
            _collect(document.root, (), (), file)
    return seen.files[document.path]


def _collect(node: Node, path: KeyPath, raw: KeyPath, file: _File) -> None:
    if type(node.value) is DirectiveMap:
        file.directives[path] = (raw, node)
    elif type(node.value) is dict:
        for key, child in node.value.items():
            _collect(child, (*path, unescape(key)), (*raw, key), file)
    else:
        file.paths.add(path)
        if _is_plain(node):
            file.leaves.append(Leaf(path, raw, node))


def _is_plain(node: Node) -> bool:
    return not node.flags & ~UNUSUAL and not node.via and node.notes is None and node.directive is None


def _spot(node: Node) -> Spot:
    return node.document.path, node.mark.line, node.mark.column


def _heads(node: Node, leaking: frozenset[str], seen: _Seen) -> None:
    """Walk an effective document: what wins, what lies below it, and what it is made of."""
    for step in node.via:
        seen.live.add(_spot(step))
        _heads(step, leaking, seen)
    value = node.value
    if type(value) is dict:
        for child in value.values():
            _heads(child, leaking, seen)
        return
    chain = [node]
    while chain[-1].lower is not None:
        chain.append(chain[-1].lower)
    if node.directive is not None or node.notes is not None:
        seen.live |= {_spot(below) for below in chain}
        seen.needed |= {_spot(below) for below in chain}
    if type(value) is list:
        for child in value:
            _heads(child, leaking, seen)
    head = 0
    for number, here in enumerate(chain[:-1]):
        lower = chain[number + 1]
        if (
            _is_plain(here)
            and _is_plain(lower)
            and same(plain(here), plain(lower))
            and _keeps(chain[number + 1 :], leaking)
        ):
            seen.equal.setdefault(_spot(here), lower)
            head += number == head
        else:
            seen.needed.add(_spot(here))
    seen.needed.add(_spot(chain[-1]))
    seen.live |= {_spot(here) for here in chain[: head + 1]}  # what takes over where redundant values go is live too
    for below in chain[head + 1 :]:
        seen.over.setdefault(_spot(below), chain[head])


def _keeps(below: list[Node], leaking: frozenset[str]) -> bool:
    return not any(node.document.environment in leaking for node in below)


def _directives(layers: Sequence[Document], seen: _Seen) -> None:
    """What directives stand over takes part; a `$delete` that has nothing below it is idle in this target."""
    for number, layer in enumerate(layers):
        for path in _file(layer, seen).directives:
            below = False
            for lower in layers[:number]:
                file = _file(lower, seen)
                for leaf in file.leaves:
                    if leaf.path[: len(path)] == path or path[: len(leaf.path)] == leaf.path:
                        below = True
                        seen.live.add(_spot(leaf.node))
                        seen.needed.add(_spot(leaf.node))
                below |= lower.root is not None and _reaches(lower.root, path)
            if below:
                seen.busy.add((layer.path, path))


def _reaches(node: Node, path: KeyPath) -> bool:
    """Whether a document says anything at a path."""
    for part in path:
        if type(node.value) is not dict:
            return True
        child = next((child for key, child in node.value.items() if unescape(key) == part), None)
        if child is None:
            return False
        node = child
    return True


def _declared(repository: Repository, target: Target, layers: Sequence[Document], seen: _Seen) -> None:
    """An overlay of a protected environment needs a lower layer or a schema that knows its paths (M11)."""
    view = repository.schemas.view(target.namespace)
    asked: set[KeyPath] = set()
    for layer in reversed(layers):
        file = _file(layer, seen)
        seen.live |= {_spot(leaf.node) for leaf in file.leaves if leaf.path in asked}
        seen.busy |= {(layer.path, path) for path in file.directives if path in asked}  # a deleted key is known too
        if repository.settings.environments[layer.environment].protected:
            asked |= {path for path in file.paths - asked if not view.knows(path)}


# -- findings ----------------------------------------------------------------------------------------------------------


def _findings(repository: Repository, path: str, file: _File, seen: _Seen) -> list[Diagnostic]:
    found: list[tuple[KeyPath, Diagnostic]] = []
    for leaf in file.leaves:
        spot = _spot(leaf.node)
        if spot in seen.equal and spot not in seen.needed:
            found.append((leaf.raw, _redundant(leaf, seen.equal[spot])))
        elif spot in seen.over and spot not in seen.live:
            found.append((leaf.raw, _dead(leaf, seen.over[spot])))
    for at, (raw, node) in file.directives.items():
        idle = _idle(node, nothing_below=(path, at) not in seen.busy)
        if idle:
            position = key_position_of(node)
            message = f"{idle} at {show_path(at)} has nothing to do"
            found.append((raw, Diagnostic("GCM503", message, position, key=show_path(at))))
    return _with_edits(repository.tree, path, found) if found else []


def _redundant(leaf: Leaf, lower: Node) -> Diagnostic:
    key = show_path(leaf.path)
    related = (Related(position_of(lower), "the same value is at"),)
    return Diagnostic(
        "GCM501", f"{key} has the value that lower layers give", key_position_of(leaf.node), related=related, key=key
    )


def _dead(leaf: Leaf, over: Node) -> Diagnostic:
    key = show_path(leaf.path)
    related = (Related(position_of(over), "overridden at"),)
    message = f"{key} is overridden in every target that could see it"
    return Diagnostic("GCM502", message, key_position_of(leaf.node), related=related, key=key)


def _idle(node: Node, *, nothing_below: bool) -> str | None:
    """The directive of a map that does nothing."""
    said: Mapping[str, Node] = node.value
    if said.keys() == {"$delete"}:
        return "$delete: if-present" if nothing_below and said["$delete"].value == "if-present" else None
    edits = [name for name in _LIST_EDITS if name in said]
    if edits and len(edits) == len(said) and all(said[name].value == [] for name in edits):
        return edits[0]
    return None


def _with_edits(tree: Tree, path: str, found: list[tuple[KeyPath, Diagnostic]]) -> list[Diagnostic]:
    """The findings; of those that leave a map empty the first removes the map."""
    text = text_of(tree.read(path), path)
    data = reading(text)
    gone = {raw for raw, _ in found}
    tops: dict[KeyPath, int] = {}
    for number, (raw, _) in enumerate(found):
        tops.setdefault(_top(data, raw, gone), number)
    edits: dict[int, tuple[Edit, ...]] = {}
    for top, number in tops.items():
        edits[number] = tuple(Edit(path, *splice) for splice in removals(text, [top]))
    return [replace(item, edits=edits.get(number, ())) for number, (_, item) in enumerate(found)]


def _top(data: Any, raw: KeyPath, gone: set[KeyPath]) -> KeyPath:
    """The highest map around a path that loses all its members."""
    holders = [data]
    for part in raw[:-1]:
        holders.append(holders[-1][part])
    top = raw
    while len(top) > 1 and _all_gone(holders[len(top) - 1], top[:-1], gone):
        top = top[:-1]
    return top


def _all_gone(data: Any, at: KeyPath, gone: set[KeyPath]) -> bool:
    members: Iterator[Any] = iter(data.items())
    return all(
        (*at, key) in gone or (isinstance(child, dict) and child and _all_gone(child, (*at, key), gone))
        for key, child in members
    )
