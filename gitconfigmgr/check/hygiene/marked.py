"""Values that a schema marks with `x-gcm-secret`: those in plaintext, the kinds of those that are not, and their use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.subschemas import Schema, children
from gitconfigmgr.model.diagnostics import Diagnostic, Related, position_of
from gitconfigmgr.model.names import show_path
from gitconfigmgr.model.values import SEALED, Node, Sealed, Segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gitconfigmgr.model.names import KeyPath

_KEYWORD = "x-gcm-secret"
_ELSEWHERE = re.compile(
    r"(?:vault|env|file|secret|k8s|op|doppler|aws-sm|aws-ssm|gcp-sm|azure-kv|ref\+[a-z]+):\S"  # kept there, read later
    r"|arn:aws[a-z-]*:(?:secretsmanager|ssm):|os\.environ/\w|\$\w|\$?\{.*\}\Z|<[^<>]*>\Z|[xX*.•-]+\Z"
)


class Marks:
    """Where the schemas of a namespace carry a keyword. `roots` are schemas by the path they are bound to."""

    def __init__(
        self,
        roots: Iterable[tuple[KeyPath, Schema]],
        targets: Mapping[int, Schema],
        schemas: Callable[[KeyPath], list[Schema]],
        keyword: str = _KEYWORD,
    ) -> None:
        self._bound = [(path, schema) for path, schema in roots]
        self._schemas = schemas
        self._keyword = keyword
        self._leading = _leading([schema for _, schema in self._bound], targets, keyword)
        self._leads: dict[KeyPath, bool] = {}
        self._kinds: dict[KeyPath, str | None] = {}

    def __bool__(self) -> bool:
        return bool(self._leading)

    def kind(self, path: KeyPath) -> str | None:
        """What the keyword says at exactly this path: the kind of secret."""
        if path not in self._kinds:
            named = (schema[self._keyword] for schema in self._schemas(path) if self._keyword in schema)
            self._kinds[path] = next((str(kind) for kind in named), None)
        return self._kinds[path]

    def leads(self, path: KeyPath) -> bool:
        """Whether a mark may stand at this path or below it."""
        if path not in self._leads:
            deeper = any(root[: len(path)] == path and id(schema) in self._leading for root, schema in self._bound)
            self._leads[path] = deeper or any(id(schema) in self._leading for schema in self._schemas(path))
        return self._leads[path]


def _leading(roots: list[Schema], targets: Mapping[int, Schema], keyword: str) -> set[int]:
    """The schemas from which the keyword can be reached."""
    above: dict[int, list[int]] = {}
    marked: list[int] = []
    todo = list(roots)
    known = {id(schema) for schema in todo}
    while todo:
        schema = todo.pop()
        if keyword in schema:
            marked.append(id(schema))
        below = [child for _, child in children(schema)]
        if id(schema) in targets:
            below.append(targets[id(schema)])
        for child in below:
            above.setdefault(id(child), []).append(id(schema))
            if id(child) not in known:
                known.add(id(child))
                todo.append(child)
    found: set[int] = set()
    while marked:
        at = marked.pop()
        if at not in found:
            found.add(at)
            marked += above.get(at, ())
    return found


def plaintext(root: Node, marks: Marks) -> list[Diagnostic]:
    """A finding for each value of a resolved document that is marked as secret and written as it is."""
    return [
        Diagnostic(
            "GCM703",
            f"{show_path(path)} is a secret of kind {kind}, in plaintext",
            position_of(node),
            related=tuple(Related(position_of(step), "the value comes from here") for step in node.via[:4]),
            key=show_path(path),
            hidden=True,
        )
        for node, path, kind in _marked(root, (), marks)
        if is_plaintext(node.value)
    ]


def crossed(root: Node, marks: Marks) -> list[Diagnostic]:
    """A finding for each secret that a reference has brought to a place for secrets of another kind."""
    held: dict[str, list[tuple[Node, KeyPath, str]]] = {}
    for leaf, path, kind in _marked(root, (), marks):
        if type(leaf.value) is Sealed and kind != "generic":
            held.setdefault(leaf.value.token, []).append((leaf, path, kind))
    found = []
    for places in held.values():
        origin, origin_path, own = next((place for place in places if not place[0].via), places[0])
        message = f"{show_path(origin_path)} is a secret of kind {own}, and is used as one of kind "
        found += [
            Diagnostic("GCM582", message + kind, position_of(leaf), related=(Related(position_of(origin), "the secret"),),
                       key=show_path(path), hidden=True)
            for leaf, path, kind in places if kind != own
        ]  # fmt: skip
    return found


def is_plaintext(value: Any) -> bool:
    """Whether a value could be a secret itself, rather than a word about where it is kept."""
    if isinstance(value, str):
        return bool(value) and not _ELSEWHERE.match(value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _marked(node: Node, path: KeyPath, marks: Marks) -> Iterator[tuple[Node, KeyPath, str]]:
    """The leaves below a mark, with the kind."""
    kind = marks.kind(path) if path else None
    if kind is not None:
        yield from ((leaf, at, kind) for leaf, at in _leaves(node, path))
    elif marks.leads(path):
        for key, child in _members(node):
            yield from _marked(child, (*path, key), marks)


def _leaves(node: Node, path: KeyPath) -> Iterator[tuple[Node, KeyPath]]:
    if isinstance(node.value, (dict, list)):
        for key, child in _members(node):
            yield from _leaves(child, (*path, key))
    else:
        yield node, path


def _members(node: Node) -> Iterable[tuple[Any, Node]]:
    if isinstance(node.value, dict):
        return node.value.items()
    return enumerate(node.value) if isinstance(node.value, list) else ()


def with_kinds(root: Node, marks: Marks) -> Node:
    """The document with the kind in each of its secrets that a schema marks.

    Nodes are shared by all targets, so those on the way to a secret are copied. A secret that stands inside text has
    the kind of the place it came from, where the document has it too.
    """
    kinds = {id(leaf.value): kind for leaf, _, kind in _marked(root, (), marks) if type(leaf.value) is Sealed}
    return _annotated(root, kinds) if kinds else root


def _annotated(node: Node, kinds: dict[int, str]) -> Node:
    if not node.flags & SEALED:
        return node
    value: Any = node.value
    if isinstance(value, dict):
        value = type(value)((key, _annotated(child, kinds)) for key, child in value.items())
    elif isinstance(value, list):
        value = [_annotated(child, kinds) for child in value]
    elif isinstance(value, Segments):
        value = Segments(tuple(part if isinstance(part, str) else _sealed(part, kinds) for part in value.parts))
    elif isinstance(value, Sealed):
        value = _sealed(value, kinds)
    return node.replaced(value=value)


def _sealed(value: Sealed, kinds: dict[int, str]) -> Sealed:
    kind = kinds.get(id(value))
    return value if kind is None else Sealed(value.token, value.type, kind)
