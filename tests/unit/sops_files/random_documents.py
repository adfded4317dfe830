"""Random files for comparisons with the real program: values of every type, nesting, comments, several documents."""

from __future__ import annotations

import json
import random
from typing import Any

from gitconfigmgr.secrets.selection import Selection
from gitconfigmgr.secrets.stores.yaml_writer import key_text, scalar_text

_KEYS = ["api_key", "url", "data", "stringData", "limits", "rps", "n", "y", "key with space", "a:b", "clé", "x_unencrypted",
         "pw_secret", "public", "name", "nested", "list", "tls", "deep", "timeout"]  # fmt: skip
_TEXTS = ["hello", "123", "true", "yes", " lead", "trail ", "", "héllo … 日本語 😀", "a: b", "# no", "- x", "multi\nline", "multi\nend\n",
          "tab\there", 'quo"te', "back\\slash", "0644", "1_000", "2001-12-14", "null", "~", "x" * 300, "sk-proj-abc_DEF", "!tag",
          "*alias", "&anchor", "{a}", "[b]", "%x", "@x", "`x`", "a\n\nb", "é\u2028x", "\x7f", "=", "<<", "1e3", ".5", "0x1F", "no"]  # fmt: skip
RULES = [
    Selection(), Selection(), Selection("encrypted_regex", "^(data|stringData|api_key)$"), Selection("unencrypted_regex", "^(name|public|n$)"),
    Selection("encrypted_suffix", "_secret"), Selection("unencrypted_suffix", "_key"),
    Selection("encrypted_regex", "a|e", mac_only_encrypted=True), Selection("unencrypted_regex", "li", mac_only_encrypted=True),
]  # fmt: skip
COMMENT_RULES = [Selection("encrypted_comment_regex", "secret"), Selection("unencrypted_comment_regex", "plain"),
                 Selection("encrypted_comment_regex", "secret", mac_only_encrypted=True)]  # fmt: skip


class Documents:
    """Documents from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def scalar(self) -> Any:
        pick = self.random.random()
        if pick < 0.5:
            return self.random.choice(_TEXTS)
        if pick < 0.65:
            return self.random.choice([0, 1, -7, 42, 2**53 + 1, 2**63 - 1, -(2**63), self.random.randrange(10**9)])
        if pick < 0.8:
            return self.random.choice([1.5, -0.25, 6.022e23, 1e-7, 3.0, self.random.uniform(-1e6, 1e6), float("inf")])
        return self.random.choice([True, False, None])

    def value(self, depth: int = 0) -> Any:
        pick = self.random.random()
        if depth < 4 and pick < 0.25:
            return self.map(depth + 1)
        if depth < 4 and pick < 0.4:
            return [self.value(depth + 1) for _ in range(self.random.randrange(4))]
        return self.scalar()

    def map(self, depth: int = 0) -> dict[str, Any]:
        keys = self.random.sample(_KEYS, self.random.randrange(1 if depth == 0 else 0, 6))
        return {key: self.value(depth) for key in keys}

    def yaml(self, *, comments: bool = True, list_comments: bool = True) -> str:
        documents = [self.map() for _ in range(self.random.choice([1, 1, 1, 2, 3]))]
        writer = _Writer(self.random, comments, list_comments)
        return "---\n".join("".join(writer.map(item, 0)) for item in documents)

    def json(self) -> str:
        return json.dumps(
            _jsonable(self.map()), indent=self.random.choice([None, 2, "\t"]), ensure_ascii=self.random.random() < 0.5
        )


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    if isinstance(value, float) and value == float("inf"):
        return 0.5
    return value % 1000 if type(value) is int and abs(value) > 2**53 else value


class _Writer:
    def __init__(self, source: random.Random, comments: bool, list_comments: bool) -> None:
        self.random = source
        self.comments = comments
        self.list_comments = list_comments

    def _comment(self, column: int, *, in_list: bool = False) -> list[str]:
        if not self.comments or self.random.random() > 0.2 or (in_list and not self.list_comments):
            return []
        blank = ["\n"] if self.random.random() < 0.2 else []
        text = self.random.choice(["note", "a secret follows", "plain text", "x: y", "#double", " two  blanks"])
        return [*blank, f"{' ' * column}# {text} {self.random.randrange(1000)}\n"]

    def _inline(self, in_list: bool) -> bool:
        return self.comments and (self.list_comments or not in_list) and self.random.random() < 0.1

    def map(self, data: dict[str, Any], column: int) -> list[str]:
        lines: list[str] = []
        for key, value in data.items():
            lines += self._comment(column)
            lines += [f"{' ' * column}{key_text(key)}:{self._after(value, column)}"]
        return lines

    def _after(self, value: Any, column: int, *, in_list: bool = False) -> str:
        if isinstance(value, dict) and value:
            return "\n" + "".join(self.map(value, column + 2))
        if isinstance(value, list) and value:
            return "\n" + "".join(self._items(value, column + self.random.choice([0, 2])))
        if isinstance(value, dict | list):
            return " {}\n" if isinstance(value, dict) else " []\n"
        inline = f" # inline {self.random.randrange(99)}" if self._inline(in_list) else ""
        return f" {scalar_text(value)}{inline}\n"

    def _items(self, value: list[Any], column: int) -> list[str]:
        lines: list[str] = []
        for item in value:
            lines += self._comment(column, in_list=True)
            lead = " " * column
            if isinstance(item, dict) and item:
                inner = "".join(self.map(item, column + 2))
                first_is_comment = inner.lstrip().startswith("#")
                lines.append(f"{lead}-\n{inner}" if first_is_comment else f"{lead}- {inner.lstrip(' ')}")
            elif isinstance(item, list) and item:
                lines += [f"{lead}-\n", *self._items(item, column + 2)]
            else:
                lines.append(f"{lead}-{self._after(item, column, in_list=True)}")
        return lines
