"""What the other keywords of a schema have judged already: the keys and items that `unevaluated...` leaves alone.

As jsonschema computes it (`_utils.find_evaluated_...`), but with the engine of `fast.py` for patterns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from referencing.jsonschema import DRAFT202012

from gitconfigmgr.check.fast import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    IsValid = Callable[..., bool]  # (validator, schema, instance, turned=False)


def keys(validator: Any, instance: dict[str, Any], schema: Any, is_valid: IsValid) -> set[str]:
    """The keys of a map that a schema's keywords apply to."""
    found: set[str] = set()
    for here, rules in _applying(validator, instance, schema, is_valid):
        found |= rules.get("properties", {}).keys() & instance.keys()
        for keyword in ("additionalProperties", "unevaluatedProperties"):
            if keyword in rules and (keyword != "unevaluatedProperties" or rules is not schema):
                found |= {key for key, value in instance.items() if is_valid(here, rules[keyword], value)}
        for pattern in rules.get("patternProperties", ()):
            found |= {key for key in instance if matches(pattern, key)}
    return found


def indexes(validator: Any, instance: list[Any], schema: Any, is_valid: IsValid) -> set[int]:
    """The items of a list that a schema's keywords apply to."""
    found: set[int] = set()
    for here, rules in _applying(validator, instance, schema, is_valid):
        if "items" in rules:
            return set(range(len(instance)))
        found |= set(range(len(rules.get("prefixItems", ()))))
        for keyword in ("contains", "unevaluatedItems"):
            if keyword in rules and (keyword != "unevaluatedItems" or rules is not schema):
                found |= {index for index, item in enumerate(instance) if is_valid(here, rules[keyword], item)}
    return found


def _applying(validator: Any, instance: Any, schema: Any, is_valid: IsValid) -> Iterator[tuple[Any, Any]]:
    """The schemas that apply to the instance itself and accept it, each with a validator whose base is right."""
    todo = [(validator, schema)]
    while todo:
        here, rules = todo.pop()
        if isinstance(rules, bool):  # what a reference leads to
            continue
        yield here, rules
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in rules:
                resolved = here._resolver.lookup(rules[keyword])  # noqa: SLF001 - as the library itself does
                todo.append((here.evolve(schema=resolved.contents, _resolver=resolved.resolver), resolved.contents))
        for branch in _branches(here, instance, rules, is_valid):
            if isinstance(branch, bool):
                continue
            resolver = here._resolver.in_subresource(DRAFT202012.create_resource(branch))  # noqa: SLF001
            todo.append((here.evolve(schema=branch, _resolver=resolver), branch))


def _branches(validator: Any, instance: Any, rules: Any, is_valid: IsValid) -> Iterator[Any]:
    for keyword in ("allOf", "oneOf", "anyOf"):
        for branch in rules.get(keyword, ()):
            if is_valid(validator, branch, instance):
                yield branch
    for name, branch in rules.get("dependentSchemas", {}).items():
        if name in instance:
            yield branch
    if "if" in rules:
        if is_valid(validator, rules["if"], instance):
            yield rules["if"]
            yield rules.get("then", True)
        if not is_valid(validator, rules["if"], instance, turned=True):
            yield rules.get("else", True)
