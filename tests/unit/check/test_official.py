"""Both validators against the official tests, and against each other."""

from __future__ import annotations

from typing import Any

import pytest

from gitconfigmgr.check.opaque import Opaque
from gitconfigmgr.check.words import type_of

from .official import EXCLUDED, FOLDER, groups


def test_the_suite_is_there() -> None:
    assert sum(len(group.tests) for group in groups()) > 2000
    assert (FOLDER / "LICENSE").is_file()


def test_every_exclusion_is_needed() -> None:
    needed = set()
    for group in groups():
        if group.compiled is None or any(
            group.compiled.fast.is_valid(each["data"]) != each["valid"] for each in group.tests
        ):
            needed.add(group.name.partition(":")[0])
    assert needed == set(EXCLUDED)


def test_fast_validator() -> None:
    wrong = [
        f"{group.name}: {each['description']}"
        for group in groups()
        if not group.excluded
        for each in group.tests
        if group.compiled is None or group.compiled.fast.is_valid(each["data"]) != each["valid"]
    ]
    assert wrong == []


def test_reference_validator_agrees_with_the_fast_one() -> None:
    wrong = [
        f"{group.name}: {each['description']}"
        for group in groups()
        if group.compiled is not None
        for each in group.tests
        if group.compiled.fast.is_valid(each["data"]) == bool(group.compiled.reference().errors(each["data"]))
    ]
    assert wrong == []


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in _leaves(item, (*path, index))]
    return [path]


def _with(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], new)
    return copy


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


@pytest.mark.parametrize("typed", [True, False])
def test_a_hidden_value_never_breaks_what_the_value_itself_would_keep(typed: bool) -> None:
    """Whatever is reported of an instance with an Opaque holds for every value it may stand for."""
    wrong = []
    for group in groups():
        if group.compiled is None:
            continue
        for each in group.tests:
            data = each["data"]
            if not group.compiled.fast.is_valid(data):
                continue
            for path in _leaves(data):
                name = type_of(_at(data, path))
                known = typed and name in ("string", "integer", "number", "boolean")
                if known and _at(data, path) == 1.0 and name == "number":
                    name = "integer"
                instance = _with(data, path, Opaque(name if known else None))
                if group.compiled.reference().errors(instance):
                    wrong.append(f"{group.name}: {each['description']} {path}")
    assert wrong == []
