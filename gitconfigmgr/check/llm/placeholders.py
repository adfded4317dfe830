"""A prompt's text in its pieces: what is written, and what is filled in at run time."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PLACEHOLDERS = 5_000
_MAX_DEPTH = 60
_SHORT = 20_000  # characters
_SIMPLE = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}")
_MUSTACHE = re.compile(r"\{\{\{?\s*([#^/&>!]?)\s*([A-Za-z_.][\w.]*)?[^{}]{0,100}\}?\}\}")


class Piece(NamedTuple):
    """Text as written, or a placeholder with the variables that it shows; `source` is how it begins in the text."""

    text: str
    names: frozenset[str] = frozenset()
    source: str = ""


class Parsed(NamedTuple):
    """`used` are the variables in the order of their first use. `problem` says why the text is no template."""

    pieces: tuple[Piece, ...] = ()
    used: tuple[str, ...] = ()
    problem: str | None = None
    piece: str | None = None


def parse(text: str, syntax: str) -> Parsed:
    """The pieces of a text; `syntax` is jinja2, mustache or none."""
    return (_short if len(text) <= _SHORT else _long)(text, syntax)


def _parse(text: str, syntax: str) -> Parsed:
    if syntax == "none":
        return Parsed((Piece(text),))
    if text.count("{{") + text.count("{%") > MAX_PLACEHOLDERS:
        return Parsed(problem=f"the text has more than {MAX_PLACEHOLDERS} placeholders")
    if syntax == "mustache":
        return _mustache(text)
    plain = "{%" not in text and "{#" not in text
    if plain and text.count("{{") == len(_SIMPLE.findall(text)):
        return _simple(text)
    return _jinja(text)


def _simple(text: str) -> Parsed:
    pieces: list[Piece] = []
    at = 0
    for match in _SIMPLE.finditer(text):
        pieces += [Piece(text[at : match.start()]), Piece("", frozenset({match[1]}), match[0])]
        at = match.end()
    pieces.append(Piece(text[at:]))
    used = dict.fromkeys(name for piece in pieces for name in piece.names)
    return Parsed(tuple(piece for piece in pieces if piece.text or piece.names), tuple(used))


def _mustache(text: str) -> Parsed:
    pieces: list[Piece] = []
    used: dict[str, None] = {}
    at = 0
    for match in _MUSTACHE.finditer(text):
        pieces.append(Piece(text[at : match.start()]))
        at = match.end()
        sigil, name = match[1], (match[2] or "").split(".")[0]
        if not name or sigil in {"/", "!"}:
            continue
        if sigil == ">":
            return Parsed(problem=f"the template includes {name}", piece=match[0])
        used[name] = None
        if sigil in {"", "&"}:
            pieces.append(Piece("", frozenset({name}), match[0]))
    pieces.append(Piece(text[at:]))
    return Parsed(tuple(piece for piece in pieces if piece.text or piece.names), tuple(used))


# targets share prompts; a cache of long ones would hold a lot of memory
_short = lru_cache(maxsize=2048)(_parse)
_long = lru_cache(maxsize=16)(_parse)


class _Anything(dict[str, Any]):
    """Filters and tests of the service, which are not known here."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key, default) or len

    def __contains__(self, key: object) -> bool:
        return True


def _jinja(text: str) -> Parsed:
    import jinja2

    environment = jinja2.Environment()  # noqa: S701 - nothing is rendered
    environment.filters = _Anything(environment.filters)
    environment.tests = _Anything(environment.tests)
    try:
        tree = environment.parse(text)
        unsafe = _unsafe(tree)
        if unsafe:
            return Parsed(problem=unsafe[0], piece=unsafe[1])
        free = _free(tree)
        pieces = tuple(_placed(piece, text) for piece in _flatten(tree, {}, 0))
    except jinja2.TemplateError as error:
        said = (error.message or "it cannot be read").split(".")[0]
        return Parsed(problem=f"{said[:1].lower()}{said[1:]} in line {getattr(error, 'lineno', 1)} of the text")
    except RecursionError:
        return Parsed(problem="the template is nested too deeply")
    order = {name: None for piece in pieces for name in sorted(piece.names) if name in free}
    return Parsed(pieces, tuple(dict.fromkeys([*order, *sorted(free)])))


def _free(tree: Any) -> set[str]:
    """The names that nothing in the template sets. Raises RecursionError for what is nested too deeply."""
    from jinja2.meta import TrackingCodeGenerator

    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise RecursionError
        waiting += [(child, depth + 1) for child in node.iter_child_nodes()]
    generator = TrackingCodeGenerator(tree.environment)
    generator.optimizer = None  # it computes constants again at every level: minutes for a chain of attributes
    generator.visit(tree)
    return generator.undeclared_identifiers


def _unsafe(tree: Any) -> tuple[str, str] | None:
    """What a sandbox would refuse, or what reads other files."""
    from jinja2 import nodes

    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            return f"the template reaches for the attribute {node.attr}", node.attr
        if (
            isinstance(node, nodes.Getitem)
            and isinstance(node.arg, nodes.Const)
            and str(node.arg.value).startswith("__")
        ):
            return f"the template reaches for the attribute {node.arg.value}", str(node.arg.value)
        if isinstance(node, (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            return "the template reads other files", type(node).__name__.lower().removesuffix("import") or "import"
        waiting.extend(node.iter_child_nodes())
    return None


def _flatten(node: Any, scope: Mapping[str, frozenset[str]], depth: int) -> Iterator[Piece]:
    """The pieces in the order of the text; names that a loop or an assignment made stand for what they were made of."""
    from jinja2 import nodes

    if depth > _MAX_DEPTH:
        raise RecursionError
    if isinstance(node, nodes.Output):
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                yield Piece(child.data)
            else:
                names = _names(child, scope)
                yield Piece("", names, next(iter(sorted(_own(child))), ""))
        return
    if isinstance(node, nodes.For):
        made = _names(node.iter, scope)
        inner = {**scope, **dict.fromkeys(_own(node.target), made), "loop": frozenset()}
        for statement in node.body:
            yield from _flatten(statement, inner, depth + 1)
        for statement in node.else_:
            yield from _flatten(statement, scope, depth + 1)
        return
    here = dict(scope)
    for below in node.iter_child_nodes():
        if isinstance(below, nodes.Assign):
            here.update(dict.fromkeys(_own(below.target), _names(below.node, here)))
        elif isinstance(below, nodes.Stmt):
            yield from _flatten(below, here, depth + 1)


def _placed(piece: Piece, text: str) -> Piece:
    """The piece with how its placeholder begins in the text."""
    match = re.search(r"\{\{-?\s*" + re.escape(piece.source) + r"\b", text) if piece.source else None
    return piece if match is None else piece._replace(source=match[0])


def _own(node: Any) -> list[str]:
    from jinja2 import nodes

    found = [node.name] if isinstance(node, nodes.Name) else []
    return found + [name.name for name in node.find_all(nodes.Name)]


def _names(node: Any, scope: Mapping[str, frozenset[str]]) -> frozenset[str]:
    found: set[str] = set()
    for name in _own(node):
        found |= scope.get(name, {name})
    return frozenset(found)
