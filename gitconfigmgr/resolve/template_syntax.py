"""What a `$template` may say: the admitted part of Jinja2's syntax, and the tree with its budget built in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 50  # of its syntax tree
MAX_LOOPS = 8  # inside one another
MAX_SAFE = 2**53 - 1
FILTERS = (
    "capitalize", "default", "first", "float", "int", "join", "last", "length", "list", "lower", "round", "sort",
    "string", "title", "tojson", "trim", "unique", "upper",
)  # fmt: skip
TESTS = (
    "boolean", "defined", "divisibleby", "even", "false", "float", "in", "integer", "mapping", "none", "number",
    "odd", "sequence", "string", "true", "undefined", "eq", "ne", "lt", "le", "gt", "ge",
)  # fmt: skip
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.If,
    nodes.For, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat,
    nodes.CondExpr, nodes.Add, nodes.Sub, nodes.Neg, nodes.List, nodes.Tuple, nodes.Assign, nodes.Keyword,
)  # fmt: skip
_BUILDING = (nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg, nodes.List, nodes.Tuple)


class TemplateError(Exception):
    """Why a template has no value: a code, what to do, and the piece of its text that is wrong."""

    def __init__(self, code: str, message: str, help_: str | None = None, piece: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.help = help_
        self.piece = piece


def check(tree: nodes.Template) -> None:
    """Raise TemplateError for what is not admitted."""
    for node, depth, loops in _walk(tree):
        if depth > MAX_DEPTH or loops > MAX_LOOPS:
            raise TemplateError("GCM311", "the template is nested too deeply", "flatten it")
        if isinstance(node, nodes.Call):
            name = getattr(node.node, "name", None) or getattr(node.node, "attr", None)
            raise TemplateError("GCM310", f"the template calls {name or 'a value'}", "templates call nothing", name)
        if not isinstance(node, _ALLOWED):
            word = type(node).__name__.lower()
            raise TemplateError("GCM310", f"{word} is not allowed in a template", "docs/language.md lists what is")
        _check_names(node)
        if isinstance(node, (nodes.Const, nodes.TemplateData)):
            _check_literal(node.value if isinstance(node, nodes.Const) else node.data)


def _check_names(node: nodes.Node) -> None:
    if isinstance(node, (nodes.Filter, nodes.Test)):
        kind, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
        if node.name not in known:
            help_ = "allowed are " + ", ".join(known)
            raise TemplateError("GCM310", f"{kind} {node.name} is not allowed in a template", help_, node.name)
        if isinstance(node, nodes.Filter) and (node.kwargs or node.node is None):
            raise TemplateError("GCM310", f"filter {node.name} takes plain arguments only", None, node.name)
    elif isinstance(node, nodes.For) and node.recursive:
        raise TemplateError("GCM310", "a recursive loop is not allowed in a template", "loop over a list")
    elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        raise TemplateError("GCM310", f"the template reaches for the attribute {node.attr}", None, node.attr)
    elif isinstance(node, nodes.Name) and node.name.startswith("gcm_"):
        raise TemplateError("GCM310", f"{node.name} is a reserved name", "choose another", node.name)


def _check_literal(value: Any) -> None:
    if isinstance(value, str) and ("\x00" in value or any("\ud800" <= c <= "\udfff" for c in value)):
        raise TemplateError("GCM310", "a literal of the template holds a character that no text has", "remove it")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not abs(value) <= MAX_SAFE:
        raise TemplateError("GCM308", "in the template: a number beyond 2^53 - 1")


def _walk(tree: nodes.Node) -> Iterator[tuple[nodes.Node, int, int]]:
    """All nodes with their depth and the loops around them, without recursion."""
    waiting = [(tree, 0, 0)]
    while waiting:
        node, depth, loops = waiting.pop()
        yield node, depth, loops
        inner = loops + isinstance(node, nodes.For)
        waiting.extend((child, depth + 1, inner) for child in node.iter_child_nodes())


def instrument(tree: nodes.Template) -> None:
    """Send every loop, filter, comparison and built value through the budget."""
    for node, _, _ in list(_walk(tree)):
        if isinstance(node, nodes.For):
            node.iter = _call("loop", _replaced(node.iter))
        elif isinstance(node, nodes.Concat):
            node.nodes = [_call("text", _replaced(operand)) for operand in node.nodes]
            continue
        elif isinstance(node, nodes.Test):
            if node.name not in ("defined", "undefined"):
                node.node = _call("seen", _replaced(node.node))
            node.args = [_call("seen", _replaced(argument)) for argument in node.args or []]
            continue
        elif isinstance(node, nodes.Compare):
            node.expr = _call("seen", _replaced(node.expr))
            for operand in node.ops:
                operand.expr = _call("seen", _replaced(operand.expr))
            continue
        for field, value in list(node.iter_fields()):
            if isinstance(value, nodes.Node):
                setattr(node, field, _replaced(value))
            elif isinstance(value, list):
                setattr(node, field, [_replaced(item) if isinstance(item, nodes.Node) else item for item in value])


def _replaced(node: Any) -> Any:
    """What stands for a node in the instrumented tree."""
    if isinstance(node, nodes.Filter):
        name = nodes.Const(node.name)
        arguments = [_replaced(argument) for argument in node.args]
        return nodes.Call(nodes.Name("gcm_filter", "load"), [name, _replaced(node.node), *arguments], [], None, None)
    if isinstance(node, _BUILDING) and getattr(node, "ctx", "load") == "load":
        return _call("built", node)
    return node


def _call(function: str, value: Any) -> nodes.Expr:
    return nodes.Call(nodes.Name(f"gcm_{function}", "load"), [value], [], None, None)
