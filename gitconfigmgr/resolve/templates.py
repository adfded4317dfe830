"""`$template`: a small, total part of Jinja2.

Only an allowed set of syntax nodes and filters passes; loops and texts count against a budget that is part of the
rendered program, so no template can hang or fill memory. Secrets take part as opaque pieces.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gitconfigmgr.model.names import closest
from gitconfigmgr.model.values import Node, Sealed, Segments, plain, scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_OUTPUT = 256 * 1024
MAX_STEPS = 10_000
FILTERS = (
    "capitalize", "default", "first", "float", "int", "join", "last", "length", "list", "lower", "round", "sort",
    "string", "title", "tojson", "trim", "unique", "upper",
)  # fmt: skip
TESTS = ("boolean", "defined", "divisibleby", "even", "false", "float", "in", "integer", "mapping", "none", "number",
         "odd", "sequence", "string", "true", "undefined", "eq", "ne", "lt", "le", "gt", "ge")  # fmt: skip
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.If,
    nodes.For, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat,
    nodes.CondExpr, nodes.Add, nodes.Sub, nodes.Neg, nodes.List, nodes.Tuple, nodes.Assign, nodes.Keyword,
)  # fmt: skip
_TEXT_FILTERS = frozenset({"capitalize", "lower", "string", "title", "trim", "upper"})
_PIECE = re.compile("\x00([0-9]+)\x00")


class TemplateError(Exception):
    """Why a template has no value: a code, what to do, and the piece of its text that is wrong."""

    def __init__(self, code: str, message: str, help_: str | None = None, piece: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.help = help_
        self.piece = piece


def render(text: str, variables: dict[str, Node]) -> list[str | Sealed]:
    """The text with its variables: plain pieces and sealed ones. Raises TemplateError."""
    program, names = _compiled(text)
    missing = sorted(names - variables.keys())
    if missing:
        near = closest(missing[0], list(variables))
        help_ = f"did you mean {near}?" if near else f"add {missing[0]} to $vars"
        raise TemplateError("GCM309", f"the template uses {missing[0]}, which $vars does not give", help_, missing[0])
    secrets: list[str | Sealed] = []
    budget = _Budget()
    values = {name: _variable(name, node, secrets) for name, node in variables.items()}
    try:
        output = "".join(
            budget.text(piece)
            for piece in program.generate(
                values | {"gcm_loop": budget.loop, "gcm_bounded": budget.bounded, "gcm_text": _text}
            )
        )
    except TemplateError:
        raise
    except UndefinedError as error:
        raise TemplateError("GCM309", f"in the template: {_sentence(error.message)}", "add it to $vars") from None
    except SecurityError:
        raise TemplateError("GCM310", "the template reaches for an attribute", "pass the value by $vars") from None
    except (TypeError, ValueError, ZeroDivisionError, OverflowError, ArithmeticError) as error:
        raise TemplateError("GCM308", f"in the template: {_sentence(str(error))}") from None
    return _pieces(output, secrets)


def _sentence(message: str | None) -> str:
    """Another program's sentence in our style."""
    first = (message or "it cannot be rendered").split("\n")[0][:200].rstrip(".")
    return first[0].lower() + first[1:]


class _Budget:
    """Counts what a rendering has used."""

    def __init__(self) -> None:
        self.steps = MAX_STEPS
        self.room = MAX_OUTPUT

    def loop(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.steps -= 1
            if self.steps < 0:
                raise TemplateError("GCM311", f"the template takes more than {MAX_STEPS} steps", "loop over less")
            yield item

    def text(self, piece: str) -> str:
        self.room -= len(piece)
        if self.room < 0:
            raise TemplateError("GCM311", f"the template writes more than {MAX_OUTPUT // 1024} KiB", "write less")
        return piece

    def bounded(self, value: Any) -> Any:
        """A value built from others, held against the room that is left without using it up."""
        if isinstance(value, (str, list, tuple)) and len(value) > MAX_OUTPUT:
            raise TemplateError("GCM311", f"the template builds more than {MAX_OUTPUT // 1024} KiB", "write less")
        return _opaque(value)


class _Secret:
    """A secret in a template, or text around one: it can be written out, and nothing else."""

    def __init__(self, name: str, text: str) -> None:
        self._name = name
        self._text = text

    def __str__(self) -> str:
        return self._text

    def _refuse(self, *_: object) -> Any:
        message = f"the template works on {self._name}, a secret"
        raise TemplateError("GCM312", message, "insert it as it is: {{ name }}")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __sub__ = _refuse
    __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __int__ = __float__ = _refuse
    __hash__ = None  # type: ignore[assignment]  # not a key either


def _opaque(value: Any) -> Any:
    """Text that a secret has become part of is one."""
    return _Secret("text with a secret", value) if isinstance(value, str) and "\x00" in value else value


def _variable(name: str, node: Node, secrets: list[str | Sealed]) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {key: _variable(name, child, secrets) for key, child in value.items()}
    if isinstance(value, list):
        return [_variable(name, child, secrets) for child in value]
    if isinstance(value, Segments):
        raise TemplateError("GCM312", f"{name} is text that touches a secret", "pass the secret itself by $vars")
    if isinstance(value, Sealed):
        secrets.append(value)
        return _Secret(name, f"\x00{len(secrets) - 1}\x00")
    value = plain(node)
    return value.replace("\x00", "") if isinstance(value, str) else value


def _pieces(output: str, secrets: list[str | Sealed]) -> list[str | Sealed]:
    split = _PIECE.split(output)
    return [secrets[int(part)] if index % 2 else part for index, part in enumerate(split) if part or index % 2]


class _Environment(ImmutableSandboxedEnvironment):
    """Attributes are members of maps, and nothing else."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, _Secret):
            obj._refuse()  # noqa: SLF001 - the class above
        if isinstance(obj, dict) and argument in obj:
            return obj[argument]
        if isinstance(obj, (list, tuple)) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        if type(obj).__name__ == "LoopContext" and argument in ("index", "index0", "first", "last", "length"):
            return getattr(obj, argument)
        if isinstance(argument, str) and not isinstance(obj, dict):
            raise TemplateError("GCM310", f"the template reaches for the attribute {argument}", None, argument)
        known = list(obj) if isinstance(obj, dict) else []
        near = closest(str(argument), known)
        return self.undefined(hint=f"there is no {argument} here" + (f"; did you mean {near}?" if near else ""))


def _guarded(name: str, function: Any) -> Any:
    """A filter that refuses secrets, and one for text that refuses maps and lists."""

    def guarded(value: Any, *args: Any, **kwargs: Any) -> Any:
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, _Secret):
                item._refuse()  # noqa: SLF001 - the class above
        return function(_text(value) if name in _TEXT_FILTERS else value, *args, **kwargs)

    return function if hasattr(function, "jinja_pass_arg") else guarded


def _text(value: Any) -> Any:
    """What a value is as text; as in JSON, like a reference inside text."""
    if isinstance(value, (dict, list, tuple)):
        kind = "map" if isinstance(value, dict) else "list"
        raise TemplateError("GCM305", f"a {kind} cannot stand inside the text of a template", "write out its members")
    if value is None or isinstance(value, (bool, float)):
        return scalar_text(value)
    return value


def _join(items: Any, separator: str = "") -> Any:
    members = [str(_text(item)) for item in items]
    if sum(map(len, members)) + len(members) * len(separator) > MAX_OUTPUT:
        raise TemplateError("GCM311", f"the template writes more than {MAX_OUTPUT // 1024} KiB", "join less")
    return _opaque(str(separator).join(members))


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    environment = _Environment(undefined=StrictUndefined, keep_trailing_newline=True, cache_size=0, finalize=_text)
    environment.globals.clear()
    environment.filters = {name: _guarded(name, environment.filters[name]) for name in FILTERS}
    environment.filters["join"] = _join
    environment.tests = {name: environment.tests[name] for name in TESTS}
    return environment


@lru_cache(maxsize=2_000)
def _compiled(text: str) -> tuple[Any, frozenset[str]]:
    environment = _environment()
    if len(text) > MAX_OUTPUT:
        raise TemplateError("GCM311", f"the template has more than {MAX_OUTPUT // 1024} KiB", "split it")
    try:
        tree = environment.parse(text)
    except TemplateSyntaxError as error:
        line = text.split("\n")[error.lineno - 1].strip()
        raise TemplateError("GCM308", f"in the template: {_sentence(error.message)}", None, line or None) from None
    except RecursionError:
        raise TemplateError("GCM311", "the template is nested too deeply", "flatten it") from None
    _check(tree)
    names = frozenset(meta.find_undeclared_variables(tree))
    _instrument(tree)
    return environment.from_string(tree), names


def _check(tree: nodes.Template) -> None:
    for node in _walk(tree):
        word = type(node).__name__.lower()
        if isinstance(node, nodes.Call):
            name = getattr(node.node, "name", None) or getattr(node.node, "attr", None)
            raise TemplateError("GCM310", f"the template calls {name or 'a value'}", "templates call nothing", name)
        if not isinstance(node, _ALLOWED):
            raise TemplateError("GCM310", f"{word} is not allowed in a template", "docs/language.md lists what is")
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            help_ = "allowed are " + ", ".join(FILTERS)
            raise TemplateError("GCM310", f"filter {node.name} is not allowed in a template", help_, node.name)
        if isinstance(node, nodes.For) and node.recursive:
            raise TemplateError("GCM310", "a recursive loop is not allowed in a template", "loop over a list")
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise TemplateError("GCM310", f"the template reaches for the attribute {node.attr}", None, node.attr)
        if isinstance(node, nodes.Name) and node.name.startswith("gcm_"):
            raise TemplateError("GCM310", f"{node.name} is a reserved name", "choose another", node.name)


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    yield tree
    for child in tree.iter_child_nodes():
        yield from _walk(child)


def _instrument(tree: nodes.Template) -> None:
    """Send every loop and every built text through the budget."""
    for node in list(_walk(tree)):
        if isinstance(node, nodes.For):
            node.iter = _through("loop", node.iter)
        if isinstance(node, nodes.Concat):
            node.nodes = [_through("text", operand) for operand in node.nodes]
        for field, value in list(node.iter_fields()):
            if isinstance(value, (nodes.Concat, nodes.Add)):
                setattr(node, field, _through("bounded", value))
            elif isinstance(value, list):
                setattr(
                    node,
                    field,
                    [_through("bounded", x) if isinstance(x, (nodes.Concat, nodes.Add)) else x for x in value],
                )
    tree.set_environment(_environment())


def _through(method: str, value: Any) -> nodes.Expr:
    return nodes.Call(nodes.Name(f"gcm_{method}", "load"), [value], [], None, None)
