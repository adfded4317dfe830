"""An edit changes one thing: the document reads as before but for it, and the other lines are the same, to the byte."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.source.edits import EditError, reading, rename, same, set_value, unset
from tests.properties.scribbles import KEYS, Writer, paths, value

seeds = st.integers(min_value=0, max_value=2**32)


def drawn(seed: int) -> tuple[Random, str, dict[str, Any]]:
    random = Random(seed)
    data = {key: value(random, 1) for key in random.sample(KEYS, random.randint(0, 6))}
    text = Writer(random).document(data)
    assert same(reading(text), data), text
    return random, text, data


def common(before: str, after: str) -> tuple[int, int]:
    """How many lines two texts share at their beginning and at their end."""
    old, new = before.split("\n"), after.split("\n")
    shortest = min(len(old), len(new))
    head = next((n for n in range(shortest) if old[n] != new[n]), shortest)
    tail = next((n for n in range(shortest - head) if old[-1 - n] != new[-1 - n]), shortest - head)
    return head, tail


@given(seeds)
@settings(max_examples=300, deadline=None)
def test_set(seed: int) -> None:
    random, text, data = drawn(seed)
    places = paths(data)
    path = random.choice(places) if places and random.random() < 0.6 else (*(p for p in [random.choice(KEYS)]), "new")
    if path[-1] == "new" and data.get(path[0]) is not None and not isinstance(data[path[0]], dict):
        path = ("new",)
    new = value(random)
    result = set_value(text, path, new)
    assert set_value(result, path, new) == result
    old = at(data, path)
    if not isinstance(old, (dict, list)) and not isinstance(new, (dict, list)) and "\n" not in f"{old}{new}":
        if old is not MISSING:
            head, tail = common(text, result)
            assert head + tail >= text.count("\n")  # one line at most has changed
        elif isinstance(at(data, path[:-1]), dict) and at(data, path[:-1]):
            missing = [line for line in text.split("\n") if line not in result.split("\n")]
            assert len(missing) <= 1  # of brackets only


@given(seeds)
@settings(max_examples=300, deadline=None)
def test_unset(seed: int) -> None:
    random, text, data = drawn(seed)
    if not (places := paths(data)):
        return
    path = random.choice(places)
    result = unset(text, path)
    head, tail = common(text, result)
    gone = text.split("\n")[head : len(text.split("\n")) - tail]
    content = [line for line in gone if line.strip() and not line.lstrip().startswith("#")]
    assert len(content) <= 2 + size(at(data, path)), gone
    if not any(isinstance(at(data, path[:n]), list) for n in range(len(path))):
        again = set_value(result, path, at(data, path))
        assert same(reading(again), data)


@given(seeds)
@settings(max_examples=300, deadline=None)
def test_rename(seed: int) -> None:
    random, text, data = drawn(seed)
    places = [path for path in paths(data) if all(isinstance(part, str) for part in path)]
    if not places:
        return
    path = random.choice(places)
    other = random.choice([(), ("elsewhere",), ("elsewhere", "deep"), path[:-1], path[:-1], random.choice(places)[:-1]])
    new = (*other, random.choice([*KEYS, "new"]))
    if new[: len(path)] == path or at(data, new) is not MISSING or any(
        not isinstance(at(data, new[:n]), dict) and at(data, new[:n]) not in (MISSING, None) for n in range(len(new))
    ):  # fmt: skip
        return
    result = rename(text, path, new)
    assert same(at(reading(result), new), at(data, path))
    if path[:-1] == new[:-1]:
        assert sum(common(text, result)) >= text.count("\n")
        assert same(reading(rename(result, new, path)), data)
    comments = {line.strip() for line in text.split("\n") if line.strip().startswith("#")}
    if "{" not in text and "[" not in text and not any(isinstance(at(data, path[:n]), list) for n in range(len(path))):
        assert comments <= {line.strip() for line in result.split("\n")} | {""} or "|" in text


def test_what_is_shared_is_not_edited() -> None:
    text = "a: &x {b: 1}\nc: *x\n"
    assert set_value(text, ("c",), 2) == "a: &x {b: 1}\nc: 2\n"
    for path in [("a", "b"), ("c", "b"), ("a",)]:
        with pytest.raises(EditError):
            set_value(text, path, 2)


MISSING = object()


def at(data: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        if not isinstance(data, (dict, list)) or (isinstance(data, dict) and part not in data):
            return MISSING
        data = data[part]
    return data


def size(data: Any) -> int:
    """How many lines a value has at most."""
    if isinstance(data, (dict, list)):
        return 2 + sum(map(size, data.values() if isinstance(data, dict) else data))
    return 1 + str(data).count("\n")
