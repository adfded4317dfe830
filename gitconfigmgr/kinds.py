"""Values out of JSON as the kinds that an application names: plain ones, lists and maps of them, enums, dataclasses.

Nothing but the standard library is needed. Errors name places and kinds, never a value: it may be a secret.
"""

from __future__ import annotations

import dataclasses
import types
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def as_kind(value: Any, kind: Any, place: str) -> Any:
    """The value as this kind. Raises TypeError with `place`.

    An int is a float where one is asked for; true is no number. Maps become dataclasses: keys that these do not have are
    left out, and a dash in a key is an underscore in a field.
    """
    if kind in (object, Any):
        return value
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return _dataclass(value, kind, place)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _first(place, kind, lambda: kind(value))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _first(place, kind, *(lambda one=one: as_kind(value, one, place) for one in arguments))
    if origin is Literal:
        return _first(place, kind, *(lambda one=one: _same(value, one) for one in arguments))
    if origin in (list, tuple) and isinstance(value, list):
        inner = arguments[0] if origin is list or arguments[1:] == (...,) else Any
        return origin(as_kind(item, inner, f"{place}.{at}") for at, item in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {key: as_kind(item, arguments[1], f"{place}.{key}") for key, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    number = kind in (int, float) and isinstance(value, bool)  # which Python takes for an int
    if origin is None and not number and isinstance(value, types.NoneType if kind is None else kind):
        return value
    raise TypeError(f"{place} is {_name(type(value))}, not {_name(kind)}")


def _dataclass(value: dict[str, Any], kind: type, place: str) -> Any:
    hints = get_type_hints(kind)
    given = {}
    for field in dataclasses.fields(kind):
        key = field.name if field.name in value else field.name.replace("_", "-")
        if key in value and field.init:
            given[field.name] = as_kind(value[key], hints[field.name], f"{place}.{key}".lstrip("."))
        elif field.init and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise TypeError(f"{place}.{field.name}".lstrip(".") + f" is not there, and {kind.__name__} has no default")
    return kind(**given)


def _first(place: str, kind: Any, *attempts: Any) -> Any:
    for attempt in attempts:
        try:
            return attempt()
        except (TypeError, ValueError):
            continue
    raise TypeError(f"{place} is not {_name(kind)}")


def _same(value: Any, wanted: Any) -> Any:
    if value != wanted or type(value) is not type(wanted):
        raise TypeError
    return wanted


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
