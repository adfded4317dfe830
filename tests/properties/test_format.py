"""Formatting changes no value and no comment, and is done after once."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.source.edit_format import formatted
from gitconfigmgr.source.edits import reading, same
from tests.properties.scribbles import KEYS, Writer, value


@given(st.integers(min_value=0, max_value=2**32))
@settings(max_examples=300, deadline=None)
def test_format(seed: int) -> None:
    random = Random(seed)
    data = {key: value(random, 1) for key in random.sample(KEYS, random.randint(0, 6))}
    text = roughened(random, Writer(random).document(data))
    result = formatted(text)
    assert same(reading(result), data)
    assert formatted(result) == result
    assert "\n\n\n" not in result or "|" in result
    assert not result or (result.endswith("\n") and not result.startswith("\n"))
    shifts = {len(line) - len(line.lstrip(" ")) for line in result.split("\n") if line.strip()}
    assert not any(shift % 2 for shift in shifts) or "|" in result or "{" in result or "[" in result


def roughened(random: Random, text: str) -> str:
    """The text with blanks and empty lines that mean nothing."""
    lines = []
    inside = False
    for line in text.split("\n"):
        outside = not line.startswith(" ") and not inside
        if "|" in line or '"' in line or "'" in line or "{" in line or "[" in line:
            inside = True  # from here on a blank can count
        if outside and not inside and line and random.random() < 0.3:
            lines += [""] * random.randint(0, 3)
            lines.append(line.replace(": ", ":   ", 1).replace("# ", "#", 1) + " " * random.randint(0, 2))
        else:
            lines.append(line)
    return "\n".join(lines)
