"""`$template`: a small, total part of Jinja2.

Only an allowed set of syntax nodes, filters and tests passes. Every loop step, and the size of everything that is built
or looked at, counts against a budget that is part of the rendered program, so no template can hang or fill memory.
Secrets take part as opaque pieces.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2.exceptions import SecurityError
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.model.names import closest
from gitconfigmgr.model.values import Node, Sealed, Segments, plain, scalar_text
from gitconfigmgr.resolve.template_syntax import FILTERS, MAX_SAFE, TESTS, TemplateError, check, instrument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_SOURCE = 16 * 1024  # characters of a template
MAX_OUTPUT = 256 * 1024  # characters of its output, and of any text it builds
MAX_STEPS = 10_000  # turns of all its loops, and items of any list it builds
MAX_WORK = 2 * 1024 * 1024  # characters and items that its filters, tests and operators look at, taken together
_TEXT_FILTERS = frozenset({"capitalize", "lower", "string", "title", "trim", "upper"})
_FUNCTIONS = frozenset({"gcm_loop", "gcm_built", "gcm_seen", "gcm_text", "gcm_filter"})
_PIECE = re.compile("\x00([0-9]+)\x00")


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
    values: dict[str, Any] = {name: _variable(name, node, secrets) for name, node in variables.items()}
    values |= {"gcm_loop": budget.loop, "gcm_built": budget.built, "gcm_seen": budget.seen, "gcm_text": _text}
    values["gcm_filter"] = lambda name, value, *arguments: _filtered(budget, name, value, arguments)
    try:
        output = "".join(budget.written(piece) for piece in program.generate(values))
    except TemplateError:
        raise
    except UndefinedError as error:
        raise TemplateError("GCM309", f"in the template: {_sentence(error.message)}", "add it to $vars") from None
    except SecurityError:
        raise TemplateError("GCM310", "the template reaches for an attribute", "pass the value by $vars") from None
    except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
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
        self.work = MAX_WORK

    def loop(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.steps -= 1
            if self.steps < 0:
                raise TemplateError("GCM311", f"the template takes more than {MAX_STEPS} steps", "loop over less")
            yield item

    def written(self, piece: str) -> str:
        self.room -= len(piece)
        if self.room < 0:
            raise TemplateError("GCM311", f"the template writes more than {MAX_OUTPUT // 1024} KiB", "write less")
        return piece

    def seen(self, value: Any) -> Any:
        """A value that an operator or a test looks at: no secret."""
        if isinstance(value, _Secret):
            value._refuse()  # noqa: SLF001 - the class below
        return self.measured(value)

    def measured(self, value: Any, times: int = 1) -> Any:
        """A value that is looked through so many times."""
        self.work -= 1 + _size(value) * times
        if self.work < 0:
            raise TemplateError("GCM311", "the template does too much work", "compute less in it")
        return value

    def built(self, value: Any) -> Any:
        """A value that the template made."""
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not abs(value) <= MAX_SAFE:
            raise TemplateError("GCM311", "the template computes a number beyond 2^53 - 1", "compute less in it")
        self.measured(value)
        return _opaque(value)


def _size(value: Any) -> int:
    """Characters of a text, items of a list or map with all that is in them. Stops with an error at the bounds."""
    if isinstance(value, str):
        if len(value) > MAX_OUTPUT:
            raise TemplateError("GCM311", f"the template builds more than {MAX_OUTPUT // 1024} KiB", "write less")
        return len(value)
    size, items, waiting = 0, 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, (list, tuple, dict)):
            items += len(item)
            if items > MAX_STEPS:
                raise TemplateError("GCM311", f"the template builds more than {MAX_STEPS} items", "build less")
            waiting.extend(item.values() if isinstance(item, dict) else item)
        elif isinstance(item, str):
            size += len(item)
    return size + items


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
    __neg__ = __pos__ = __mod__ = __rmod__ = __mul__ = __index__ = _refuse
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
    return value.replace("\x00", "") if isinstance(value, str) else value  # it marks the places of secrets


def _pieces(output: str, secrets: list[str | Sealed]) -> list[str | Sealed]:
    split = _PIECE.split(output)
    return [secrets[int(part)] if index % 2 else part for index, part in enumerate(split) if part or index % 2]


class _Environment(ImmutableSandboxedEnvironment):
    """Attributes are members of maps, and nothing else."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        for part in (obj, argument):
            if isinstance(part, _Secret):
                part._refuse()  # noqa: SLF001 - the class above
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


def _text(value: Any) -> Any:
    """What a value is as text; as in JSON, like a reference inside text."""
    if isinstance(value, (dict, list, tuple)):
        kind = "map" if isinstance(value, dict) else "list"
        raise TemplateError("GCM305", f"a {kind} cannot stand inside the text of a template", "write out its members")
    if isinstance(value, float) and not abs(value) <= MAX_SAFE:
        raise TemplateError("GCM308", "in the template: a number that JSON does not have")
    if value is None or isinstance(value, (bool, float)):
        return scalar_text(value)
    if not isinstance(value, (str, int, _Secret, StrictUndefined)):
        raise TemplateError("GCM310", "an object of the template cannot stand in its text", "write out a value")
    return value


def _filtered(budget: _Budget, name: str, value: Any, arguments: tuple[Any, ...]) -> Any:
    """A filter of the list, applied: secrets pass through none but `default`, `first`, `last`, `list` and `join`."""
    budget.measured(value, times=8 if name in ("sort", "tojson", "unique") else 1)
    inside = () if name in ("default", "first", "last", "list", "join") else _items(value)
    for item in (*inside, *arguments):
        if isinstance(item, _Secret):
            item._refuse()  # noqa: SLF001 - the class above
    if name in _TEXT_FILTERS:
        value = str(_text(value))
    own = _OWN_FILTERS.get(name)
    if own is not None:
        return budget.built(own(budget, value, *arguments))
    return budget.built(_environment().call_filter(name, value, list(arguments)))


def _items(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _join(budget: _Budget, items: Any, separator: str = "") -> str:
    members = [str(_text(item)) for item in budget.measured(list(items))]
    if sum(map(len, members)) + len(members) * len(separator) > MAX_OUTPUT:
        raise TemplateError("GCM311", f"the template writes more than {MAX_OUTPUT // 1024} KiB", "join less")
    return str(separator).join(members)


def _tojson(budget: _Budget, value: Any) -> str:
    return json.dumps(budget.measured(value), ensure_ascii=False, allow_nan=False, separators=(", ", ": "))


def _unique(_: _Budget, items: Any) -> list[Any]:
    found: dict[bytes, Any] = {}
    for item in items:
        found.setdefault(canonical_json(item), item)
    return list(found.values())


def _round(_: _Budget, value: Any, precision: Any = 0, method: Any = "common") -> Any:
    if not isinstance(precision, int) or abs(precision) > 15:
        raise TemplateError("GCM308", "in the template: round takes a precision from -15 to 15")
    return _environment().call_filter("round", value, [precision, method])


def _default(_: _Budget, value: Any, otherwise: Any = "", boolean: Any = False) -> Any:  # noqa: FBT002 - Jinja2's order
    if isinstance(value, StrictUndefined) or (boolean and not isinstance(value, _Secret) and not value):
        return otherwise
    return value


_OWN_FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default, "join": _join, "round": _round, "tojson": _tojson, "unique": _unique,
}  # fmt: skip


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, cache_size=0, finalize=_text, optimized=False
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.tests = {name: environment.tests[name] for name in TESTS}
    return environment


@lru_cache(maxsize=2_000)
def _compiled(text: str) -> tuple[Any, frozenset[str]]:
    environment = _environment()
    if len(text) > MAX_SOURCE:
        raise TemplateError("GCM311", f"the template has more than {MAX_SOURCE // 1024} KiB", "split it")
    try:
        tree = environment.parse(text)
        check(tree)
        instrument(tree)  # before anything of Jinja2 sees the tree: it computes constants ahead of time
        tree.set_environment(environment)
        names = frozenset(meta.find_undeclared_variables(tree)) - _FUNCTIONS
        return environment.from_string(tree), names
    except TemplateSyntaxError as error:
        line = text.split("\n")[error.lineno - 1].strip()
        raise TemplateError("GCM308", f"in the template: {_sentence(error.message)}", None, line or None) from None
    except (JinjaError, ValueError, SyntaxError) as error:
        raise TemplateError("GCM308", f"in the template: {_sentence(str(error))}") from None
    except RecursionError:
        raise TemplateError("GCM311", "the template is nested too deeply", "flatten it") from None
