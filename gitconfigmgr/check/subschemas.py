"""Where JSON Schema 2020-12 has schemas inside schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]
Pointer = tuple[str | int, ...]

# the keyword's value is a schema, a list of schemas, a map of schemas
_ONE = ("additionalProperties", "unevaluatedProperties", "items", "unevaluatedItems", "contains", "propertyNames",
        "not", "if", "then", "else", "contentSchema")  # fmt: skip
_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAP = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_KINDS = {keyword: kind for kind in (_ONE, _LIST, _MAP) for keyword in kind}

# these apply to the same value as the schema they stand in
_SAME_ONE = ("not", "if", "then", "else")
_SAME_LIST = ("allOf", "anyOf", "oneOf")
CONJUNCTION = ("allOf",)

# of these, `false` has a meaning of its own that messages name
_FALSE_MEANS = ("additionalProperties", "unevaluatedProperties", "items", "unevaluatedItems")


def nothing() -> Schema:
    """`false` as a map: it can be looked up by identity, so that a finding can say where the rule stands."""
    return {"not": {}}


def is_nothing(schema: Schema) -> bool:
    """Whether a schema allows no value at all."""
    return schema.get("not") == {} and len(schema) == 1


def spell_out_false(schema: Schema) -> None:
    """Replace each subschema `false` by the map that means the same."""
    for keyword, value in schema.items():
        kind = _KINDS.get(keyword)
        if kind is None:
            continue
        if kind is _ONE and value is False and keyword not in _FALSE_MEANS:
            schema[keyword] = nothing()
        elif kind is _LIST and isinstance(value, list):
            value[:] = [nothing() if item is False else item for item in value]
        elif kind is _MAP and isinstance(value, dict) and False in value.values():
            value.update({key: nothing() for key, item in value.items() if item is False})


def children(schema: Schema) -> Iterator[tuple[Pointer, Schema]]:
    """The schemas directly inside one, with the way to them; booleans are left out."""
    for keyword, value in schema.items():
        kind = _KINDS.get(keyword)
        if kind is None:
            continue
        if kind is _ONE:
            if isinstance(value, dict):
                yield (keyword,), value
        elif kind is _LIST:
            for index, child in enumerate(value if isinstance(value, list) else ()):
                if isinstance(child, dict):
                    yield (keyword, index), child
        else:
            for name, child in value.items() if isinstance(value, dict) else ():
                if isinstance(child, dict):
                    yield (keyword, name), child


def on_same_value(schema: Schema, *, lists: tuple[str, ...] = _SAME_LIST, others: bool = True) -> Iterator[Schema]:
    """The schemas directly inside one that apply to the same value; `$ref` is not followed."""
    for keyword, value in schema.items():
        if keyword in lists:
            yield from (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))
        elif not others:
            continue
        elif keyword in _SAME_ONE:
            if isinstance(value, dict):
                yield value
        elif keyword == "dependentSchemas" and isinstance(value, dict):
            yield from (item for item in value.values() if isinstance(item, dict))


_SAYS_NOTHING = frozenset(
    ("$schema", "$id", "$anchor", "$dynamicAnchor", "$comment", "$defs", "definitions", "$ref", "$dynamicRef", "title",
     "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "properties", "items", "allOf", "anyOf",
     "oneOf", "if", "then", "else")
)  # fmt: skip


def asserts(schema: Schema) -> bool:
    """Whether a schema itself, without those in it, says what a value must be."""
    return any(keyword not in _SAYS_NOTHING and not keyword.startswith("x-") for keyword in schema)


def show_pointer(pointer: Pointer) -> str:
    """A JSON pointer as text: `/properties/a~1b`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in pointer)


def fragment(pointer: Pointer) -> str:
    """A JSON pointer as the fragment of a URI."""
    return "#" + quote(show_pointer(pointer), safe="/~!$&'()*+,;=:@-._?")
