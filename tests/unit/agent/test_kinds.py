"""What an application gets for the kind that it asks for."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from gitconfigmgr.kinds import as_kind


class Mode(enum.Enum):
    FAST = "fast"
    SAFE = "safe"


@dataclass
class Api:
    timeout: float
    max_tokens: int = 100
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    api: Api
    mode: Mode = Mode.SAFE
    limit: int | None = None
    level: Literal["debug", "info"] = "info"
    weights: dict[str, float] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        (1, int, 1), (1, float, 1.0), (1.5, float, 1.5), (True, bool, True), ("x", str, "x"), (None, object, None),
        (None, Any, None), ([1, 2], list, [1, 2]), ([1, 2], list[float], [1.0, 2.0]), ({"a": 1}, dict, {"a": 1}),
        ({"a": 1}, dict[str, float], {"a": 1.0}), (None, int | None, None), (3, int | None, 3), ("fast", Mode, Mode.FAST),
        ("x", Literal["x", "y"], "x"), (["a"], tuple[str, ...], ("a",)), ([{"timeout": 1}], list[Api], [Api(1.0)]),
    ],
)  # fmt: skip
def test_kinds(value: Any, kind: Any, found: Any) -> None:
    made = as_kind(value, kind, "x")
    assert made == found
    assert type(made) is type(found)


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("hunter2", int, "x is str, not int"),
        (True, int, "x is bool, not int"),
        (True, float, "x is bool, not float"),
        (1, str, "x is int, not str"),
        (1, Literal[True], "x is not "),
        (["a", 1], list[str], "x.1 is int, not str"),
        ({"a": "hunter2"}, dict[str, int], "x.a is str, not int"),
        ("hunter2", Mode, "x is not Mode"),
        ("hunter2", int | None, "x is not int | None"),
        (5, Api, "x is int, not Api"),
        (5, list[str], "x is int, not list[str]"),
    ],
)
def test_another_kind_is_told_without_the_value(value: Any, kind: Any, said: str) -> None:
    with pytest.raises(TypeError) as caught:
        as_kind(value, kind, "x")
    assert str(caught.value).startswith(said)
    assert "hunter2" not in str(caught.value)


def test_a_dataclass_is_filled() -> None:
    document = {"api": {"timeout": 3, "max-tokens": 5, "hosts": ["a"], "new": 1}, "mode": "fast", "weights": {"a": 1}}
    assert as_kind(document, Settings, "x") == Settings(Api(3.0, 5, ("a",)), Mode.FAST, None, "info", {"a": 1.0})


def test_a_field_that_is_missing_or_wrong_is_named() -> None:
    with pytest.raises(TypeError, match=r"x\.api\.timeout is not there, and Api has no default"):
        as_kind({"api": {}}, Settings, "x")
    with pytest.raises(TypeError, match=r"x\.api\.max-tokens is str, not int"):
        as_kind({"api": {"timeout": 1, "max-tokens": "5"}}, Settings, "x")
