"""Broken rules in words: what the value is, what it must be, and what to do. One function for each keyword.

Each takes the name to show, the breach and whether the value must stay hidden.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.check.opaque import Opaque
from gitconfigmgr.model.names import closest

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.check.branches import Breach

_LONGEST = 60
_MOST = 8
_TYPES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "a map",
    "array": "a list",
    "null": "null",
}


class Words(NamedTuple):
    """`message` follows the name of the value."""

    message: str
    label: str
    help: str


def show(value: Any, *, hidden: bool = False) -> str:
    """A value in a message, on one line and not too long."""
    if hidden or isinstance(value, Opaque):
        return "<secret>"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 4] + '..."'


def show_constant(value: Any) -> str:
    """A value that stands in a schema."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def listed(values: list[Any]) -> str:
    """`"a", "b", "c"`, not too many."""
    shown = [show_constant(value) for value in values[:_MOST]]
    if len(values) > _MOST:
        return ", ".join(shown) + f" ({len(values) - _MOST} more)"
    return ", ".join(shown)


def type_of(value: Any) -> str:
    """The JSON type of a value, for messages."""
    if isinstance(value, Opaque):
        return value.type or "unknown"
    for kind, name in (
        (bool, "boolean"),
        (str, "string"),
        (int, "integer"),
        (float, "number"),
        (dict, "object"),
        (list, "array"),
    ):
        if isinstance(value, kind):
            return name
    return "null"


def valued(breach: Breach, *, hidden: bool) -> str:
    """` = 5` for what can be shown on one line."""
    if isinstance(breach.instance, (dict, list)):
        return ""
    return f" = {show(breach.instance, hidden=hidden)}"


def _type(breach: Breach, *, hidden: bool) -> Words:
    wanted = [breach.value] if isinstance(breach.value, str) else list(breach.value)
    expected = _any_type(wanted)
    given = type_of(breach.instance)
    is_a = "a boolean" if given == "boolean" else _TYPES.get(given, given)
    says = f"is not {expected}" if given == "null" else f"is {is_a}, not {expected}"
    message = f"{valued(breach, hidden=hidden)} {says}"
    return Words(message, f"must be {expected}", _type_help(breach.instance, given, wanted, hidden=hidden))


def _any_type(types: list[str]) -> str:
    names = [_TYPES[name] for name in types if name in _TYPES and not (name == "integer" and "number" in types)]
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _choice(breach: Breach, *, hidden: bool) -> Words:
    """Several types or values would do."""
    expected = f"{_any_type(breach.value['types'])} or {listed(breach.value['values'])}"
    return Words(
        f"{valued(breach, hidden=hidden)} is not {expected}", f"must be {expected}", "change the value, or the schema"
    )


def _type_help(value: Any, given: str, wanted: list[str], *, hidden: bool) -> str:
    if given == "null":
        return "give it a value, or remove the key"
    if hidden or isinstance(value, Opaque):
        return "encrypt a value of the right type"
    if given == "string" and {"integer", "number", "boolean"} & set(wanted) and _reads_as(value, wanted):
        return "remove the quotes"
    if "string" in wanted and given in ("integer", "number", "boolean"):
        return f'put it in quotes: "{json.dumps(value)}"'
    if wanted == ["array"]:
        return "write it as a list, one item on each line after a dash"
    return "change the value, or the type in the schema"


def _reads_as(text: str, wanted: list[str]) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return type_of(value) in wanted or (isinstance(value, int) and "number" in wanted)


def _enum(breach: Breach, *, hidden: bool) -> Words:
    allowed = list(breach.value)
    near = None
    if isinstance(breach.instance, str) and not hidden:
        near = closest(breach.instance, [value for value in allowed if isinstance(value, str)])
    help_ = f"did you mean {near}?" if near else "choose one of them, or add the value to the schema"
    none = "is none of" if len(allowed) > 1 else "is not"
    return Words(f"{valued(breach, hidden=hidden)} {none} {listed(allowed)}", _one_of(allowed), help_)


def _one_of(values: list[Any]) -> str:
    return f"must be {'one of ' if len(values) > 1 else ''}{listed(values)}"


def _const(breach: Breach, *, hidden: bool) -> Words:
    wanted = show_constant(breach.value)
    return Words(
        f"{valued(breach, hidden=hidden)} is not {wanted}", f"must be {wanted}", "change the value, or the schema"
    )


def _bound(relation: str, sign: str, way: str) -> Callable[..., Words]:
    def words(breach: Breach, *, hidden: bool) -> Words:
        limit = show_constant(breach.value)
        message = f"{valued(breach, hidden=hidden)} is {relation} {limit}"
        return Words(message, f"must be {sign} {limit}", f"{way}, or change {breach.keyword} in the schema")

    return words


def _multiple(breach: Breach, *, hidden: bool) -> Words:
    divisor = show_constant(breach.value)
    message = f"{valued(breach, hidden=hidden)} is not a multiple of {divisor}"
    return Words(message, f"must be a multiple of {divisor}", "change the value, or multipleOf in the schema")


def _length(most: bool) -> Callable[..., Words]:  # noqa: FBT001
    way = "shorten it" if most else "lengthen it"

    def words(breach: Breach, *, hidden: bool) -> Words:
        limit = _count(breach.value, "character")
        wanted = f"at {'most' if most else 'least'} {limit}"
        if hidden:
            message = f" = <secret> is too {'long' if most else 'short'}"
        elif breach.instance == "":
            message = " is empty"
        else:
            message = f"{valued(breach, hidden=hidden)} has {_count(len(breach.instance), 'character')}"
        return Words(message, f"must have {wanted}", f"{way}, or change {breach.keyword} in the schema")

    return words


def _size(noun: str, *, most: bool) -> Callable[..., Words]:
    way = f"remove {noun}s" if most else f"add {noun}s"

    def words(breach: Breach, *, hidden: bool) -> Words:  # noqa: ARG001
        wanted = f"at {'most' if most else 'least'} {_count(breach.value, noun)}"
        message = f" has {_count(len(breach.instance), noun)}" if breach.instance else " is empty"
        return Words(message, f"must have {wanted}", f"{way}, or change {breach.keyword} in the schema")

    return words


def _count(number: float, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _pattern(breach: Breach, *, hidden: bool) -> Words:
    message = f"{valued(breach, hidden=hidden)} does not match {breach.value}"
    example = next((each for each in _examples(breach.schema) if isinstance(each, str)), None)
    help_ = f"for example {example}" if example and not hidden else _described(breach.schema)
    return Words(message, f"must match {breach.value}", help_)


def _format(breach: Breach, *, hidden: bool) -> Words:
    return Words(
        f"{valued(breach, hidden=hidden)} is not a valid {breach.value}",
        f"must be a valid {breach.value}",
        _described(breach.schema),
    )


def _examples(schema: Any) -> list[Any]:
    examples = schema.get("examples") if isinstance(schema, dict) else None
    return examples if isinstance(examples, list) else []


def _described(schema: Any) -> str:
    """The author's own words for what the value is."""
    text = schema.get("description") if isinstance(schema, dict) else None
    return (
        f"the schema says: {text}" if isinstance(text, str) and len(text) <= 200 else "change the value, or the schema"
    )


def _unique(breach: Breach, *, hidden: bool) -> Words:
    item = breach.instance[int(breach.path[-1])] if breach.path and isinstance(breach.instance, list) else None
    shown = show(item, hidden=hidden)
    message = (
        " repeats an earlier item"
        if shown in ("a map", "a list", "<secret>")
        else f" = {shown} repeats an earlier item"
    )
    return Words(message, f"the same as item {breach.detail}", "remove one of the two")


def _contains(breach: Breach, *, hidden: bool) -> Words:  # noqa: ARG001
    return Words(
        " has no item that meets the rule for one of them", "no such item", _described(breach.schema.get("contains"))
    )


def _min_contains(breach: Breach, *, hidden: bool) -> Words:  # noqa: ARG001
    wanted = f"at least {breach.value}"
    return Words(
        f" has {breach.detail} of the items that the schema asks for",
        f"must have {wanted} of them",
        f"change the items, or {breach.keyword} in the schema",
    )


def _max_contains(breach: Breach, *, hidden: bool) -> Words:  # noqa: ARG001
    wanted = f"at most {breach.value}"
    return Words(
        f" has {breach.detail} of the items that the schema limits",
        f"must have {wanted} of them",
        f"change the items, or {breach.keyword} in the schema",
    )


def _items(breach: Breach, *, hidden: bool) -> Words:  # noqa: ARG001
    most = _count(len(breach.schema.get("prefixItems", ())), "item")
    return Words(
        f" has {_count(len(breach.instance), 'item')}, {most} at most",
        f"at most {most}",
        "remove the rest, or add them to the schema",
    )


def _unevaluated_items(_breach: Breach, *, hidden: bool) -> Words:  # noqa: ARG001
    return Words(" is an item more than the schema allows", "one too many", "remove it, or add it to the schema")


def _not(breach: Breach, *, hidden: bool) -> Words:
    if breach.value == {}:
        return Words(" is not allowed here", "not allowed", "remove it, or change the schema")
    unwanted = breach.value.get("description") or breach.value.get("title") if isinstance(breach.value, dict) else None
    what = f"what the schema rules out: {unwanted}" if isinstance(unwanted, str) else "what the schema rules out"
    if isinstance(breach.value, dict) and set(breach.value) == {"required"} and isinstance(breach.instance, dict):
        keys = listed(list(breach.value["required"]))
        return Words(f" has {keys}, which the schema rules out", "not together", "remove one of them")
    return Words(f"{valued(breach, hidden=hidden)} is {what}", "ruled out", "change the value, or the schema")


def _one_too_many(breach: Breach, *, hidden: bool) -> Words:
    fitting = [int(index) for index in breach.detail.split()]
    titles = [_title(breach.value[index]) or f"number {index + 1}" for index in fitting]
    message = (
        f"{valued(breach, hidden=hidden)} fits {len(fitting)} alternatives of the schema, and exactly one is allowed"
    )
    help_ = "say which is meant, or make the schema tell them apart"
    return Words(message, f"fits {' and '.join(titles)}", help_)


def _title(schema: Any) -> str | None:
    title = schema.get("title") if isinstance(schema, dict) else None
    return title if isinstance(title, str) else None


def other(breach: Breach, *, hidden: bool) -> Words:
    """A rule that no function here knows."""
    return Words(
        f"{valued(breach, hidden=hidden)} breaks its schema", "breaks its schema", "change the value, or the schema"
    )


WORDS: dict[str, Callable[..., Words]] = {
    "type": _type,
    "choice": _choice,
    "enum": _enum,
    "const": _const,
    "minimum": _bound("below the minimum", ">=", "raise it"),
    "maximum": _bound("above the maximum", "<=", "lower it"),
    "exclusiveMinimum": _bound("not above", ">", "raise it"),
    "exclusiveMaximum": _bound("not below", "<", "lower it"),
    "multipleOf": _multiple,
    "minLength": _length(most=False),
    "maxLength": _length(most=True),
    "minItems": _size("item", most=False),
    "maxItems": _size("item", most=True),
    "minProperties": _size("key", most=False),
    "maxProperties": _size("key", most=True),
    "pattern": _pattern,
    "format": _format,
    "uniqueItems": _unique,
    "contains": _contains,
    "minContains": _min_contains,
    "maxContains": _max_contains,
    "items": _items,
    "unevaluatedItems": _unevaluated_items,
    "not": _not,
    "oneOf": _one_too_many,
}
