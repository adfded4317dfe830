"""The validator that says why: jsonschema, loaded only when a document is invalid.

It differs from the library's own in three points:
* what needs regular expressions, formats or decimal arithmetic asks the engine of `fast.py`, so that both agree and no
  pattern backtracks;
* each missing or unknown key is an error of its own, with the bare name as message, for `messages.py` to word;
* an Opaque may be any value of its type. Normally a rule is broken only if it is broken whatever the value is; inside
  `not`, and where a rule counts how many schemas match, the question turns round.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from gitconfigmgr.check import evaluated
from gitconfigmgr.check.fast import keyword_test, matches
from gitconfigmgr.check.locations import is_metaschema
from gitconfigmgr.check.opaque import Opaque, holds_opaque

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gitconfigmgr.check.library import File

    Errors = Iterator[ValidationError]
    Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class Reference:
    """One bound schema, uncompiled."""

    def __init__(self, file: File, files: list[File]) -> None:
        contents = [(each.uri, each.root) for each in files]
        registry: Registry[Any] = Registry().with_contents(contents + _metaschemas(), default_specification=DRAFT202012)
        self._validator = _validator_class()({"$ref": file.uri}, registry=registry.crawl())

    def errors(self, instance: Any) -> list[ValidationError]:
        """All errors. Raises RecursionError for what is nested too deeply."""
        return list(self._validator.iter_errors(instance))


@cache
def _metaschemas() -> list[tuple[str, Any]]:
    """The schemas of the dialect without `$schema`, at which the library would go back to its own validator."""
    known: Any = import_module("jsonschema_specifications").REGISTRY  # untyped
    return [
        (uri, {key: value for key, value in known.contents(uri).items() if key != "$schema"})
        for uri in known
        if is_metaschema(uri)
    ]


# -- the turn of the question -----------------------------------------------------------------------------------------

# whether an Opaque counts as breaking every rule that looks at its content
_strict: ContextVar[bool] = ContextVar("strict", default=False)


def _is_valid(validator: Any, schema: Any, instance: Any, strict: bool) -> bool:  # noqa: FBT001
    """Whether a value surely (strict) or possibly is valid. Done at once: the turn must not outlive the question."""
    before = _strict.set(strict)
    try:
        return next(validator.descend(instance, schema), None) is None
    finally:
        _strict.reset(before)


# -- rules that look at content ---------------------------------------------------------------------------------------


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Errors:
    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError("")


def _format(_validator: Any, name: str, instance: Any, _schema: Any) -> Errors:
    test = keyword_test("format", name)
    if test is not None and not test(instance):
        yield ValidationError("")


def _multiple_of(_validator: Any, divisor: float, instance: Any, _schema: Any) -> Errors:
    test = keyword_test("multipleOf", divisor)
    if isinstance(instance, (int, float)) and test is not None and not test(instance):
        yield ValidationError("")


def _pattern_properties(validator: Any, patterns: dict[str, Any], instance: Any, _schema: Any) -> Errors:
    for pattern, subschema in patterns.items() if isinstance(instance, dict) else ():
        for key, value in instance.items():
            if matches(pattern, key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _property_names(validator: Any, names: Any, instance: Any, _schema: Any) -> Errors:
    for key in instance if isinstance(instance, dict) else ():
        errors = list(validator.descend(key, names))
        if errors:
            yield ValidationError(key, context=errors)


def _additional_properties(validator: Any, additional: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in properties or any(matches(pattern, key) for pattern in patterns):
            continue
        if additional is False:
            yield ValidationError(key)
        else:
            yield from validator.descend(value, additional, path=key)


def _unevaluated_properties(validator: Any, unevaluated: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    known = evaluated.keys(validator, instance, schema, _valid_now)
    for key, value in instance.items():
        if key in known:
            continue
        if unevaluated is False:
            yield ValidationError(key)
        else:
            yield from validator.descend(value, unevaluated, path=key)


def _unevaluated_items(validator: Any, unevaluated: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, list):
        return
    known = evaluated.indexes(validator, instance, schema, _valid_now)
    for index, item in enumerate(instance):
        if index in known:
            continue
        if unevaluated is False:
            yield ValidationError("", path=[index])
        else:
            yield from validator.descend(item, unevaluated, path=index)


def _valid_now(validator: Any, schema: Any, instance: Any, *, turned: bool = False) -> bool:
    return _is_valid(validator, schema, instance, _strict.get() != turned)


def _required(_validator: Any, names: list[str], instance: Any, _schema: Any) -> Errors:
    for name in names if isinstance(instance, dict) else ():
        if name not in instance:
            yield ValidationError(name)


def _dependent_required(_validator: Any, dependents: dict[str, list[str]], instance: Any, _schema: Any) -> Errors:
    for key, names in dependents.items() if isinstance(instance, dict) else ():
        if key in instance:
            for name in names:
                if name not in instance:
                    yield ValidationError(name, validator_value=key)


def _enum(_validator: Any, values: list[Any], instance: Any, _schema: Any) -> Errors:
    if not any(_equal(instance, value) for value in values):
        yield ValidationError("")


def _const(_validator: Any, value: Any, instance: Any, _schema: Any) -> Errors:
    if not _equal(instance, value):
        yield ValidationError("")


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, Opaque):
        return not _strict.get()
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _unique_items(_validator: Any, wanted: Any, instance: Any, _schema: Any) -> Errors:
    if not wanted or not isinstance(instance, list):
        return
    seen: dict[Any, int] = {}
    for index, item in enumerate(instance):
        if holds_opaque(item):
            if _strict.get() and len(instance) > 1:
                yield ValidationError("")
            continue
        first = seen.setdefault(_identity(item), index)
        if first != index:
            yield ValidationError(str(first), path=[index])


def _identity(value: Any) -> Any:
    """Equal, and hashed alike, for values that are equal as JSON: `1` is `1.0`, and not `true`."""
    if isinstance(value, dict):
        return frozenset((key, _identity(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(_identity, value))
    return (isinstance(value, bool), value)


# -- rules that ask other schemas -------------------------------------------------------------------------------------


def _type(validator: Any, types: Any, instance: Any, _schema: Any) -> Errors:
    wanted = [types] if isinstance(types, str) else types
    if isinstance(instance, Opaque):
        fits = bool((instance.sure if _strict.get() else instance.possible) & set(wanted))
    else:
        fits = any(validator.is_type(instance, name) for name in wanted)
    if not fits:
        yield ValidationError("")


def _not(validator: Any, schema: Any, instance: Any, _schema: Any) -> Errors:
    if _is_valid(validator, schema, instance, not _strict.get()):
        yield ValidationError("")


def _if(validator: Any, condition: Any, instance: Any, schema: Any) -> Errors:
    strict = _strict.get()
    surely, possibly = (_is_valid(validator, condition, instance, each) for each in (True, False))
    if "then" in schema and (surely or (strict and possibly)):
        yield from validator.descend(instance, schema["then"], schema_path="then")
    if "else" in schema and (not possibly or (strict and not surely)):
        yield from validator.descend(instance, schema["else"], schema_path="else")


def _one_of(validator: Any, branches: list[Any], instance: Any, _schema: Any) -> Errors:
    strict = _strict.get()
    found: list[ValidationError] = []
    fitting = []
    for index, branch in enumerate(branches):
        errors = list(validator.descend(instance, branch, schema_path=index))
        found += errors
        if not errors:
            fitting.append(index)
    if not fitting:
        yield ValidationError("", context=found)
        return
    at_once = [index for index, branch in enumerate(branches) if _is_valid(validator, branch, instance, not strict)]
    if len(at_once) > 1:
        yield ValidationError(" ".join(map(str, at_once)))


def _contains(validator: Any, wanted: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, list):
        return
    strict = _strict.get()
    enough = sum(_is_valid(validator, wanted, item, strict) for item in instance)
    if enough < schema.get("minContains", 1):
        name = "minContains" if "minContains" in schema else "contains"
        yield ValidationError(str(enough), validator=name, validator_value=schema.get("minContains", 1))
    if "maxContains" in schema:
        many = sum(_is_valid(validator, wanted, item, not strict) for item in instance)
        if many > schema["maxContains"]:
            yield ValidationError(str(many), validator="maxContains", validator_value=schema["maxContains"])


_ASKING: dict[str, Keyword] = {
    "type": _type,
    "not": _not,
    "if": _if,
    "oneOf": _one_of,
    **{name: Draft202012Validator.VALIDATORS[name] for name in ("$ref", "$dynamicRef", "allOf", "anyOf")},
}
_OWN: dict[str, Keyword] = {
    "pattern": _pattern,
    "format": _format,
    "multipleOf": _multiple_of,
    "patternProperties": _pattern_properties,
    "propertyNames": _property_names,
    "additionalProperties": _additional_properties,
    "unevaluatedProperties": _unevaluated_properties,
    "unevaluatedItems": _unevaluated_items,
    "required": _required,
    "dependentRequired": _dependent_required,
    "enum": _enum,
    "const": _const,
    "uniqueItems": _unique_items,
    "contains": _contains,
}


def _looking(keyword: Keyword) -> Keyword:
    """A rule about content: of an Opaque it can only be said that it may hold, and that it may not."""

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError]:
        if isinstance(instance, Opaque):
            return [ValidationError("")] if _strict.get() else ()
        return keyword(validator, value, instance, schema) or ()

    return check


@cache
def _validator_class() -> Any:
    keywords: dict[str, Keyword] = {**Draft202012Validator.VALIDATORS, **_OWN}
    make: Any = extend  # untyped
    return make(Draft202012Validator, {name: _looking(keyword) for name, keyword in keywords.items()} | _ASKING)
