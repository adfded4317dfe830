"""Values of effective documents on a terminal: one line, a block, or the lines in which two texts differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.history.documents import Secret
from gitconfigmgr.model.values import scalar_text
from gitconfigmgr.source.scalars import read_plain

if TYPE_CHECKING:
    from gitconfigmgr.history.changes import Change

WIDEST = 48  # characters of a value that share a line with another
MOST_LINES = 20


def masked(value: Any) -> Any:
    """The value with `<secret>` for every secret."""
    if type(value) is Secret:
        parts = value.get("$segments")
        return "<secret>" if parts is None else "".join(p if isinstance(p, str) else "<secret>" for p in parts)
    if isinstance(value, dict):
        return {key: masked(child) for key, child in value.items()}
    if isinstance(value, list):
        return [masked(child) for child in value]
    return value


def safe(text: str) -> str:
    """Text that cannot steer a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def one_line(value: Any) -> str:
    """A value on one line; text in quotes where it could be taken for something else."""
    value = masked(value)
    if isinstance(value, str):
        bare = bool(value) and value == value.strip() and value.isprintable() and isinstance(read_plain(value), str)
        return value if bare else safe(orjson.dumps(value).decode())
    if isinstance(value, (dict, list)):
        return safe(_json(value))
    return scalar_text(value)


def short(value: Any, widest: int = WIDEST) -> str:
    """`one_line`, cut."""
    text = one_line(value)
    return text if len(text) <= widest else f"{text[: widest - 3]}..."


def block(value: Any, most: int | None = MOST_LINES) -> list[str]:
    """A map or a list as YAML lines, the last one saying how many more there are."""
    from gitconfigmgr.source.writer import dump

    lines = [safe(line) for line in dump(masked(value)).rstrip("\n").split("\n")]
    if most is not None and len(lines) > most:
        return [*lines[: most - 1], f"... {len(lines) - most + 1} more lines (--full shows them)"]
    return lines


def pair(old: Any, new: Any) -> tuple[str, str]:
    """Two scalars, each short, cut so that the place where they differ is in view."""
    one, other = one_line(old), one_line(new)
    if max(len(one), len(other)) <= WIDEST:
        return one, other
    start = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = max(0, min(start - 16, max(len(one), len(other)) - WIDEST))
    cut = [("..." if begin else "") + text[begin : begin + WIDEST] for text in (one, other)]
    return tuple(part + ("..." if len(text) > begin + WIDEST else "") for part, text in zip(cut, (one, other), strict=True))  # type: ignore[return-value]  # two of two  # fmt: skip


def is_block(value: Any) -> bool:
    """Whether a value needs lines of its own."""
    return (
        isinstance(value, (dict, list))
        and type(value) is not Secret
        and bool(value)
        and len(_json(masked(value))) > WIDEST
    )


def is_text(change: Change) -> bool:
    """Whether a change is one of text with lines."""
    sides = [value for op, value in (("add", change.from_value), ("remove", change.to_value)) if change.op != op]
    return change.op != "move" and all(isinstance(v, str) for v in sides) and any("\n" in v for v in sides)


def text_lines(change: Change, most: int | None = MOST_LINES) -> list[str]:
    """The lines in which two texts differ, with `-`, `+` or a blank before each."""
    from difflib import unified_diff

    old, new = (value.split("\n") if isinstance(value, str) else [] for value in (change.from_value, change.to_value))
    if all(side[-1:] in ([""], []) for side in (old, new)):
        old, new = old[:-1], new[:-1]
    found = list(unified_diff(old, new, lineterm="", n=1))[2:]
    lines = [safe(line) if not line.startswith("@@") else " ..." for line in found]
    lines = lines[1:] if lines[:1] == [" ..."] else lines
    if most is not None and len(lines) > most:
        return [*lines[: most - 1], f" {len(lines) - most + 1} more lines (--full shows them)"]
    return lines


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # integers beyond 64 bits
        import json

        return json.dumps(value, ensure_ascii=False)
