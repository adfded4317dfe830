"""Errors of the validator as breaches: where none of several alternatives fits, those of the one that was meant.

Which one was meant is said by a discriminator: a member that the alternatives fix by `const` or `enum`, such as `kind`.
Without one it is the alternative whose keys fit best, then the one whose errors lie deepest, then the one with the
fewest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.subschemas import CONJUNCTION, Schema, on_same_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jsonschema.exceptions import ValidationError

Path = tuple[str | int, ...]
_ALTERNATIVES = ("anyOf", "oneOf")
_CHOICES = ("const", "enum")
_KEYS = ("required", "additionalProperties", "unevaluatedProperties", "propertyNames")


@dataclass(slots=True)
class Breach:
    """One broken rule: `keyword` of `schema` with its `value`, at `path` of the document that was checked.

    `detail` is what the keyword's own check said: the name of a key, a count. `within` is the keyword the rule stands
    under where that is another one (`oneOf`, for a discriminator).
    """

    keyword: str
    value: Any
    instance: Any
    path: Path
    schema: Any
    detail: str = ""
    within: str = ""
    alternatives: int = 0
    inner: list[Breach] = field(default_factory=list)


class Chooser:
    """Knows what the references of a library mean."""

    def __init__(self, targets: dict[int, Schema]) -> None:
        self._targets = targets

    def breaches(self, errors: Sequence[ValidationError]) -> list[Breach]:
        """The errors, each `anyOf` and `oneOf` that nothing fits replaced by the errors that matter."""
        found: list[Breach] = []
        for error in errors:
            if error.validator in _ALTERNATIVES and error.context:
                found += self._choose(error)
            else:
                found.append(self._breach(error))
        return found

    def _breach(self, error: ValidationError) -> Breach:
        inner = self.breaches(error.context) if error.context else []
        path = tuple(error.absolute_path)
        return Breach(
            str(error.validator), error.validator_value, error.instance, path, error.schema, error.message, inner=inner
        )

    def _choose(self, error: ValidationError) -> list[Breach]:
        errors: dict[int, list[ValidationError]] = {}
        for each in error.context or ():
            errors.setdefault(int(each.relative_schema_path[0]), []).append(each)
        chosen = list(errors)
        branches: Any = error.validator_value
        instance: Any = error.instance
        names = self._discriminators([branches[index] for index in chosen], instance)
        for name in names:
            allowed = {index: self.choices(branches[index], name) for index in chosen}
            fitting = [index for index in chosen if allowed[index] is None or _in(instance[name], allowed[index])]
            if not fitting:
                return [_no_alternative(error, name, [value for index in chosen for value in allowed[index] or ()])]
            sure = [index for index in fitting if allowed[index] is not None]
            chosen = sure or fitting
        found = {index: self.breaches(errors[index]) for index in chosen}
        here = tuple(error.absolute_path)
        merged = _merged(error, list(found.values()), here)
        if merged is not None:
            return [merged]
        best = min(chosen, key=lambda index: _distance(found[index], here))
        for breach in found[best]:
            breach.alternatives = breach.alternatives or len(chosen)
        return found[best]

    def _discriminators(self, branches: list[Any], instance: Any) -> list[str]:
        """The members the instance sets and at least two branches fix, the most telling first."""
        if not isinstance(instance, dict):
            return []
        counts: dict[str, int] = {}
        for name, value in instance.items():
            if isinstance(value, (str, int, bool)):
                count = sum(self.choices(branch, name) is not None for branch in branches)
                if count >= min(2, len(branches)):
                    counts[name] = count
        return sorted(counts, key=lambda name: -counts[name])

    def choices(self, branch: Any, name: str) -> list[Any] | None:
        """The values a schema allows for a member by `const` or `enum`; None where it leaves it open."""
        for schema in self.parts(branch):
            properties = schema.get("properties")
            member = properties.get(name) if isinstance(properties, dict) else None
            for part in self.parts(member):
                if "const" in part:
                    return [part["const"]]
                if isinstance(part.get("enum"), list):
                    return list(part["enum"])
        return None

    def parts(self, schema: Any) -> list[Schema]:
        """A schema and all that must hold beside it: through `$ref` and `allOf`."""
        found: list[Schema] = []
        todo = [schema]
        while todo:
            part = todo.pop()
            if isinstance(part, dict) and not any(part is known for known in found):
                found.append(part)
                todo += on_same_value(part, lists=CONJUNCTION, others=False)
                todo.append(self._targets.get(id(part)))
        return found


def _in(value: Any, allowed: list[Any] | None) -> bool:
    return any(value == each and isinstance(value, bool) == isinstance(each, bool) for each in allowed or ())


def _no_alternative(error: ValidationError, name: str, allowed: list[Any]) -> Breach:
    path = (*error.absolute_path, name)
    instance: Any = error.instance
    values = list({repr(value): value for value in allowed}.values())
    return Breach("enum", values, instance[name], path, error.schema, within=str(error.validator))


def _merged(error: ValidationError, found: list[list[Breach]], here: Path) -> Breach | None:
    """One breach for alternatives that all want another type or value, or all miss keys."""
    if len(found) == 1:
        return None
    within, instance = str(error.validator), error.instance
    if all(breach.keyword == "required" and breach.path == here for each in found for breach in each):
        names = [[breach.detail for breach in each] for each in found]
        return Breach("requiredAny", names, instance, here, error.schema, within=within)
    types: list[str] = []
    values: list[Any] = []
    for each in found:
        first = next((breach for breach in each if breach.path == here), None)
        if first is None or first.keyword not in ("type", *_CHOICES):
            return None
        if first.keyword == "type":
            types += [first.value] if isinstance(first.value, str) else first.value
        else:
            values += first.value if first.keyword == "enum" else [first.value]
    types = list(dict.fromkeys(types))
    if types and values:
        return Breach("choice", {"types": types, "values": values}, instance, here, error.schema, within=within)
    return Breach("type" if types else "enum", types or values, instance, here, error.schema, within=within)


def _distance(found: list[Breach], here: Path) -> tuple[bool, int, int, int]:
    """How far an alternative is from what was written: another type, then keys too many or too few, then shallow."""
    own = [breach for breach in found if breach.path == here]
    other_kind = any(breach.keyword in ("type", *_CHOICES) for breach in own)
    other_keys = sum(breach.keyword in _KEYS for breach in own)
    deepest = max((len(breach.path) for breach in found), default=0)
    return other_kind, other_keys, -deepest, len(found)
