"""Maps with `$` keys: what they say, and what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import Diagnostic, key_position_of, position_of
from gitconfigmgr.model.names import closest
from gitconfigmgr.model.values import DirectiveMap, Node, Notes

if TYPE_CHECKING:
    from collections.abc import Callable

VALUE, REPLACE, LIST, BY, DELETE, REQUIRED, TEMPLATE = (
    "$value", "$replace", "$append", "$by", "$delete", "$required", "$template",
)  # fmt: skip
_CONTENT = {
    VALUE: frozenset({VALUE}),
    REPLACE: frozenset({REPLACE}),
    LIST: frozenset({"$append", "$prepend", "$remove"}),
    BY: frozenset({BY, "$items"}),
    DELETE: frozenset({DELETE}),
    REQUIRED: frozenset({REQUIRED}),
    TEMPLATE: frozenset({TEMPLATE, "$vars"}),
}
_OPERATION = {name: operation for operation, names in _CONTENT.items() for name in names}
_NOTES = frozenset({"$lock", "$force", "$promote", "$until", "$owner", "$new"})
_BESIDE = {DELETE: frozenset({"$force"}), REQUIRED: frozenset[str]()}
NAMES = (*_OPERATION, *sorted(_NOTES))
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


@dataclass(slots=True)
class Directive:
    """`operation` is one of the constants above; `parts` are its keys' nodes by name."""

    operation: str
    parts: dict[str, Node]
    notes: Notes | None


@dataclass(slots=True)
class PlainMap:
    """A map whose only directive is `$new`, or whose `$$` keys stand for literal ones."""

    items: dict[str, Node]
    new: bool


def interpret(node: Node, report: Callable[[Diagnostic], None]) -> Directive | PlainMap | None:
    """What a DirectiveMap says; None, and findings, where it says nothing sensible."""
    named = {key: child for key, child in node.value.items() if key[:1] == "$" and key[:2] != "$$"}
    plain = {unescape(key): child for key, child in node.value.items() if key not in named}
    unknown = [key for key in named if key not in _OPERATION and key not in _NOTES]
    for key in unknown:
        near = closest(key, NAMES)
        help_ = f"did you mean {near}?" if near else f"a literal key is written ${key}"
        report(Diagnostic("GCM210", f"unknown directive {key}", key_position_of(named[key]), help=help_))
    if unknown:
        return None
    operations = list(dict.fromkeys(_OPERATION[key] for key in named if key in _OPERATION))
    if not operations and set(named) <= {"$new"}:
        new = "$new" in named and _is_true(named["$new"], "$new", report)
        return PlainMap(plain, new)
    if not _combination(node, named, plain, operations, report):
        return None
    parts = {key: named[key] for key in named if key in _OPERATION}
    notes = _notes(named, report)
    if notes is _BAD or not _complete(node, operations[0], parts, report):
        return None
    return Directive(operations[0], parts, notes)


def unescape(key: str) -> str:
    """`$$key` -> `$key`."""
    return key[1:] if key[:2] == "$$" else key


def _combination(
    node: Node,
    named: dict[str, Node],
    plain: dict[str, Node],
    operations: list[str],
    report: Callable[[Diagnostic], None],
) -> bool:
    first = next(iter(named))
    if not operations:
        notes = " and ".join(named)
        help_ = f"write {{$value: ..., {first}: ...}}"
        report(Diagnostic("GCM210", f"{notes} without a value", key_position_of(named[first]), help=help_))
        return False
    problem = None
    if plain:
        problem = f"{operations[0]} stands beside the key {next(iter(plain))}"
    elif len(operations) > 1:
        problem = f"{operations[0]} and {operations[1]} do not go together"
    else:
        allowed = _BESIDE.get(operations[0], _NOTES)
        wrong = [key for key in named if key in _NOTES and key not in allowed]
        if wrong:
            problem = f"{operations[0]} and {wrong[0]} do not go together"
    if problem:
        report(Diagnostic("GCM210", problem, position_of(node), help="docs/language.md shows what may be combined"))
    return problem is None


def _complete(node: Node, operation: str, parts: dict[str, Node], report: Callable[[Diagnostic], None]) -> bool:
    """Whether the parts have the types their operation needs."""
    wanted: list[tuple[str, bool]] = []
    if operation == LIST:
        wanted = [(f"{name} takes a list", isinstance(part.value, list)) for name, part in parts.items()]
    elif operation == BY:
        by, items = parts.get(BY), parts.get("$items")
        wanted = [
            ("$by needs $items, a list", items is not None and isinstance(items.value, list)),
            ("$items needs $by, the name of a member", by is not None and isinstance(by.value, str) and bool(by.value)),
        ]
    elif operation == DELETE:
        value = parts[DELETE].value
        wanted = [("$delete takes true or if-present", value is True or value == "if-present")]
    elif operation == REQUIRED:
        value = parts[REQUIRED].value
        wanted = [("$required takes the reason as text", isinstance(value, str) and bool(value))]
    elif operation == TEMPLATE:
        text, variables = parts.get(TEMPLATE), parts.get("$vars")
        wanted = [
            ("$vars needs $template, a text", text is not None and _template_text(text) is not None),
            ("$vars takes a map of names", variables is None or isinstance(variables.value, dict)),
        ]
    bad = [message for message, good in wanted if not good]
    if bad:
        report(Diagnostic("GCM210", bad[0], position_of(next(iter(parts.values())) if parts else node)))
    return not bad


def _template_text(node: Node) -> str | None:
    """The text of a template; `${` in it is not a reference."""
    text = getattr(node.value, "text", node.value)
    return text if isinstance(text, str) else None


_BAD = Notes()


def _notes(named: dict[str, Node], report: Callable[[Diagnostic], None]) -> Notes | None:
    if not _NOTES & named.keys():
        return None
    notes = Notes()
    good = True
    for name, wanted in (("$lock", "the reason"), ("$force", "a ticket"), ("$owner", "a team")):
        part = named.get(name)
        if part is None:
            continue
        if not isinstance(part.value, str) or not part.value.strip():
            report(Diagnostic("GCM210", f"{name} takes {wanted} as text", position_of(part)))
            good = False
        elif name == "$lock":
            notes.lock, notes.lock_at = part.value, part
        elif name == "$force":
            notes.force = part.value
        else:
            notes.owner = part.value
    if "$promote" in named:
        notes.promote = _is_true(named["$promote"], "$promote", report)
        good = good and notes.promote
    if "$new" in named:
        notes.new = _is_true(named["$new"], "$new", report)
        good = good and notes.new
    if "$until" in named:
        notes.until_at = named["$until"]
        notes.until = _date(named["$until"], report)
        good = good and notes.until is not None
    elif notes.owner is not None:
        report(Diagnostic("GCM210", "$owner needs $until, a date", position_of(named["$owner"])))
        good = False
    return notes if good else _BAD


def _is_true(node: Node, name: str, report: Callable[[Diagnostic], None]) -> bool:
    if node.value is True:
        return True
    report(Diagnostic("GCM210", f"{name} takes true", position_of(node), help="leave it out otherwise"))
    return False


def _date(node: Node, report: Callable[[Diagnostic], None]) -> date | None:
    value: Any = node.value
    if isinstance(value, str) and _DATE.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    report(
        Diagnostic("GCM210", "$until takes a date, year-month-day", position_of(node), help="for example 2026-12-31")
    )
    return None


def is_directive(node: Node) -> bool:
    """Whether a node is a map with `$` keys."""
    return type(node.value) is DirectiveMap
