"""YAML documents as people leave them: comments, blank lines, quotes, brackets, two ways to indent lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

KEYS = [
    "a",
    "api",
    "timeout",
    "x.y",
    "a/b",
    "~",
    "né",
    "with space",
    "$append",
    "$$x",
    "on",
    "8080",
    'q"q',
    "it's",
    "日本",
    "#no",
]
TEXTS = ["text", "two words", "", "NO", "1.20", "12:30", "a: b", "x #y", "it's", 'say "hi"', "- a", "${other.key}", "*x", "&x",
         "tab\there", "é", "日本語", "\u2028", "one\ntwo\n", "one\n  two", "line \nx", "\n", "a\n\nb\n", "{{ x }}", "%", "@", "`", "null",
         "0x10", "=", "<<", "...", "---", "#", "\\", "\x7f", "\x85", " lead", "trail ", "?", ":", "a,b", "[x", "!t", "|", ">"]  # fmt: skip
NUMBERS: list[Any] = [0, 1, -7, 2**53 - 1, 0.5, 1.0, 1e20, 1e-7, -2.5, True, False, None]


def value(random: Random, depth: int = 0) -> Any:
    """Any value."""
    kind = random.random()
    if depth < 3 and kind < 0.3:
        return {key: value(random, depth + 1) for key in random.sample(KEYS, random.randint(0, 4))}
    if depth < 3 and kind < 0.45:
        return [value(random, depth + 1) for _ in range(random.randint(0, 3))]
    return random.choice(TEXTS) if kind < 0.8 else random.choice(NUMBERS)


class Writer:
    """Writes one document; every choice of layout is drawn."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.step = random.choice([2, 2, 2, 3, 4])
        self.item = random.choice([0, 2, self.step])

    def document(self, data: dict[str, Any]) -> str:
        lines = ["---"] if self.random.random() < 0.1 else []
        lines += ["# the file", ""] if self.random.random() < 0.3 else []
        lines += self.members(data, 0) if data else self.random.choice([[], ["{}"], ["# nothing"]])
        lines += self.noise(0)
        text = "\n".join(lines)
        return f"{text}\n" if text and ("|" in text or self.random.random() < 0.9) else text

    def noise(self, column: int) -> list[str]:
        drawn = self.random.random()
        if drawn < 0.7:
            return []
        return (
            [""] if drawn < 0.8 else [f"{' ' * column}# note {self.random.randint(0, 999)}"] * self.random.randint(1, 2)
        )

    def comment(self) -> str:
        return f"  # {self.random.randint(0, 999)}" if self.random.random() < 0.2 else ""

    def members(self, data: dict[str, Any], column: int) -> list[str]:
        lines = []
        for key, child in data.items():
            lines += self.noise(column)
            lines += self.entry(f"{self.key(key)}:", child, column, column + self.step, column + self.item)
        return lines

    def items(self, data: list[Any], column: int) -> list[str]:
        lines = []
        for child in data:
            lines += self.noise(column)
            compact = isinstance(child, (dict, list)) and child and self.random.random() < 0.7
            if compact:
                inner = self.members(child, column + 2) if isinstance(child, dict) else self.items(child, column + 2)
                while not inner[0].strip() or inner[0].lstrip().startswith("#"):
                    inner.pop(0)
                lines += [f"{' ' * column}- {inner[0].lstrip(' ')}", *inner[1:]]
            else:
                lines += self.entry("-", child, column, column + 2, column + 2)
        return lines

    def entry(self, intro: str, child: Any, column: int, below: int, items: int) -> list[str]:
        head = f"{' ' * column}{intro}"
        if isinstance(child, (dict, list)) and child and self.random.random() < 0.8:
            inner = self.members(child, below) if isinstance(child, dict) else self.items(child, items)
            return [head + self.comment(), *inner]
        if isinstance(child, str) and "\n" in child and _is_simple(child) and self.random.random() < 0.8:
            header = "|" if child.endswith("\n") else "|-"
            inner = [f"{' ' * below}{line}" if line else "" for line in child.removesuffix("\n").split("\n")]
            return [f"{head} {header}{self.comment()}", *inner]
        if child is None and self.random.random() < 0.3:
            return [head + self.comment()]
        if isinstance(child, (dict, list)) and child and self.random.random() < 0.3:
            return [f"{head} {self.open_flow(child, below)}"]
        return [f"{head} {self.flow(child)}{self.comment()}"]

    def open_flow(self, child: Any, column: int) -> str:
        """Brackets over several lines."""
        open_, close = "{}" if isinstance(child, dict) else "[]"
        pairs = child.items() if isinstance(child, dict) else ((None, item) for item in child)
        parts = [self.flow(item) if key is None else f"{self.key(key)}: {self.flow(item)}" for key, item in pairs]
        ends = [*([","] * (len(parts) - 1)), self.random.choice(["", ","])]
        lines = [f"{' ' * column}{part}{end}{self.comment()}" for part, end in zip(parts, ends, strict=True)]
        return "\n".join([open_, *lines, f"{' ' * column}{close}"])

    def flow(self, child: Any) -> str:
        if isinstance(child, dict):
            return "{" + ", ".join(f"{self.key(key)}: {self.flow(item)}" for key, item in child.items()) + "}"
        if isinstance(child, list):
            return "[" + ", ".join(self.flow(item) for item in child) + "]"
        if isinstance(child, str):
            return self.key(child)
        if isinstance(child, float):
            return {1e20: "1.0e+20", 1e-7: "1.0e-07"}.get(child, repr(child))
        return "null" if child is None else str(child).lower() if isinstance(child, bool) else str(child)

    def key(self, text: str) -> str:
        if (
            text in {"text", "two words", "a", "api", "timeout", "x.y", "a/b", "né", "日本", "é"}
            and self.random.random() < 0.7
        ):
            return text
        if "'" not in text and text.isprintable() and self.random.random() < 0.4:
            return f"'{text}'"
        quoted = json.dumps(text, ensure_ascii=False)
        return "".join(f"\\u{ord(c):04x}" if c in "\x7f\x85\u2028" else c for c in quoted)


def _is_simple(text: str) -> bool:
    return text not in {"\n", "line \nx"}


def paths(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All paths of a document."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path for key, child in pairs for path in [(*at, key), *paths(child, (*at, key))]]
