"""JSON, changed in place; and binary files, which SOPS keeps as JSON with one value."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # the standard library's own string scanner
from typing import TYPE_CHECKING, Any

from gitconfigmgr.secrets.errors import FormatError, RefusedError
from gitconfigmgr.secrets.scalars import Time
from gitconfigmgr.secrets.stores.base import stamped_block
from gitconfigmgr.secrets.stores.yaml_reader import SOPS
from gitconfigmgr.secrets.tree import Branch, Comment, Document, Edit, Entry, File, Leaf, edited, to_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitconfigmgr.secrets.scalars import Scalar

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CONSTANTS: dict[str, Any] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_DEPTH = 256


class JsonStore:
    """See Store."""

    name = "json"
    has_default_rule = True
    any_bytes = False

    def read(self, text: str) -> File:
        try:
            root = _Parser(text, any_bytes=self.any_bytes).document()
        except RecursionError:
            raise FormatError("nested too deep", "flatten the structure") from None
        document = Document(root, root.end)
        document.metadata = root.find(SOPS)
        if document.metadata is not None:
            node = document.metadata.node
            if not isinstance(node, Branch) or not node.is_map:
                raise FormatError("the key `sops` at the top level is not a map", "SOPS needs this name: use another")
            root.entries.remove(document.metadata)
        return File(text, [document], to_data(document.metadata.node) if document.metadata else None)

    def value(self, file: File, leaf: Leaf, value: Scalar) -> Edit:  # noqa: ARG002 - the port's shape
        return Edit(leaf.start, leaf.end, _text(value))

    def token(self, file: File, leaf: Leaf, token: str) -> Edit:  # noqa: ARG002 - the port's shape
        return Edit(leaf.start, leaf.end, _text(token))

    def comment(self, file: File, comment: Comment, text: str, *, element: bool) -> Edit:  # noqa: ARG002
        raise AssertionError("JSON has no comments")

    def with_metadata(self, file: File, data: Mapping[str, Any]) -> str:
        document = file.documents[0]
        lead = _indent(file, document.root)
        block = (
            json.dumps(data, indent=lead, ensure_ascii=False)
            if lead is not None
            else json.dumps(data, ensure_ascii=False)
        )
        if lead is not None:
            block = block.replace("\n", f"\n{lead}")
        if document.metadata is not None:
            return edited(file.text, [Edit(document.metadata.node.start, document.metadata.node.end, block)])
        return edited(file.text, [self.insert(file, document.root, SOPS, _Raw(block))])

    def stamped(self, file: File, lastmodified: str, mac: str) -> str:
        return stamped_block(self, file, {"lastmodified": lastmodified, "mac": mac}, _text)

    def without_metadata(self, file: File, edits: Iterable[Edit] = ()) -> str:
        document = file.documents[0]
        entry = document.metadata
        assert entry is not None
        root = document.root
        before = [item for item in root.items() if item.start < entry.start]
        after = [item for item in root.items() if item.start > entry.start]
        if after:
            return edited(file.text, [*edits, Edit(entry.start, after[0].start, "")])
        return edited(file.text, [*edits, Edit(before[-1].node.end if before else root.start + 1, entry.node.end, "")])

    def insert(self, file: File, branch: Branch, key: str | None, value: Any) -> Edit:
        lead = _indent(file, branch)
        text = f"{json.dumps(key, ensure_ascii=False)}: " if key is not None else ""
        text += value.text if isinstance(value, _Raw) else _text(value)
        last = max(branch.items(), key=lambda item: item.node.end, default=None)
        meta = file.documents[0].metadata
        if branch is file.documents[0].root and meta is not None:  # the metadata stays the last key
            return Edit(meta.start, meta.start, f"{text},{' ' if lead is None else chr(10) + lead}")
        if last is None:
            outer = (lead or "").removesuffix("\t") if lead and "\t" in lead else ""
            around = f"\n{lead}{text}\n{outer}" if branch is file.documents[0].root and lead is not None else text
            return Edit(branch.start + 1, branch.end - 1, around)
        return Edit(last.node.end, last.node.end, f", {text}" if lead is None else f",\n{lead}{text}")

    def replace(self, file: File, branch: Branch, entry: Entry, value: Any) -> Edit:  # noqa: ARG002 - the port's shape
        return Edit(entry.node.start, entry.node.end, _text(value))

    def remove(self, file: File, branch: Branch, entry: Entry, parent: Entry | None) -> Edit:  # noqa: ARG002
        items = sorted(branch.items(), key=lambda item: item.start)
        meta = file.documents[0].metadata
        if branch is file.documents[0].root and meta is not None:
            items.append(meta)
            items.sort(key=lambda item: item.start)
        at = items.index(entry)
        if at + 1 < len(items):
            return Edit(entry.start, items[at + 1].start, "")
        return Edit(items[at - 1].node.end if at else branch.start + 1, entry.node.end if at else branch.end - 1, "")


class BinaryStore(JsonStore):
    """Files of any bytes: `{"data": token, "sops": {...}}`. Plain bytes are text with escaped surrogates here."""

    name = "binary"
    has_default_rule = False
    any_bytes = True

    def read(self, text: str) -> File:
        file = super().read(text)
        if [entry.key for entry in file.documents[0].root.items()] != ["data"]:
            raise FormatError("an encrypted binary file has `data` and `sops`, and no other key", "restore it from Git")
        return file


class _Raw:
    """Text that is JSON already."""

    def __init__(self, text: str) -> None:
        self.text = text


def _text(value: Any) -> str:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124
        raise RefusedError("JSON has no infinity and no NaN", "write it as text")
    if isinstance(value, Time):
        return json.dumps(str(value))
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise RefusedError("the value is not text, and JSON holds text only", "encrypt the file as binary")
    return json.dumps(value, ensure_ascii=False)


def _indent(file: File, branch: Branch) -> str | None:
    """The white space before each entry of a branch; None where it is on one line."""
    text = file.text
    if "\n" not in text[branch.start : branch.end]:
        return None if "\n" in text.strip() or list(branch.items()) else "\t"
    first = next(branch.items(), None) or file.documents[0].metadata
    if first is None:
        return "\t"
    start = text.rfind("\n", 0, first.start) + 1
    lead = text[start : first.start]
    return lead if not lead.strip() else None


class _Parser:
    def __init__(self, text: str, *, any_bytes: bool) -> None:
        self.text = text
        self.any_bytes = any_bytes

    def document(self) -> Branch:
        start = self._skip(0)
        if not self.text[start:]:
            raise FormatError("the file is empty", "put a key into it")
        node, end = self._node(start, 0)
        if not isinstance(node, Branch) or not node.is_map:
            raise FormatError("the top level is not an object", "put the content under a key")
        if self._skip(end) != len(self.text):
            raise self._wrong(end, "something follows the object")
        return node

    def _skip(self, index: int) -> int:
        match = _SPACE.match(self.text, index)
        assert match is not None
        return match.end()

    def _wrong(self, index: int, reason: str) -> FormatError:
        line = self.text.count("\n", 0, index) + 1
        return FormatError(f"not valid JSON: {reason}", "correct the syntax", line)

    def _node(self, index: int, depth: int) -> tuple[Leaf | Branch, int]:
        character = self.text[index : index + 1]
        if character in ("{", "["):
            return self._branch(index, depth)
        if character == '"':
            value, end = self._string(index)
            return Leaf(value, index, end, flow=True), end
        word, constant = _CONSTANTS.get(character, ("", None))
        if word and self.text.startswith(word, index):
            return Leaf(constant, index, index + len(word), flow=True), index + len(word)
        match = _NUMBER.match(self.text, index)
        if not match:
            raise self._wrong(index, "a value is expected")
        return self._number(match, index), match.end()

    def _number(self, match: re.Match[str], index: int) -> Leaf:
        text = match.group()
        if match[1] or match[2]:
            value: Scalar = float(text)
            if value in (float("inf"), float("-inf")):
                raise self._wrong(index, "a number is too large")
        else:
            value = int(text) if len(text) < 40 else 10**40
            if not -(2**63) <= value < 2**63:
                raise self._wrong(index, "an integer needs more than 64 bits, which SOPS refuses: write it in quotes")
        zero = "SOPS loses the sign of zero" if text.startswith("-") and value == 0 else ""
        return Leaf(value, index, match.end(), flow=True, drift=zero)

    def _string(self, index: int) -> tuple[str, int]:
        try:
            value, end = scanstring(self.text, index + 1, True)  # noqa: FBT003 - its signature
        except ValueError:
            raise self._wrong(index, "a string does not end, or has a wrong escape") from None
        if not self.any_bytes and any("\ud800" <= character <= "\udfff" for character in value):
            raise self._wrong(index, "a string has half a surrogate pair")
        return value, end

    def _branch(self, index: int, depth: int) -> tuple[Branch, int]:
        if depth >= _DEPTH:
            raise self._wrong(index, f"nested more than {_DEPTH} levels deep")
        is_map = self.text[index] == "{"
        close = "}" if is_map else "]"
        branch = Branch(index, 0, is_map=is_map, flow=True)
        seen: set[str] = set()
        at = self._skip(index + 1)
        if self.text[at : at + 1] != close:
            while True:
                at = self._skip(self._entry(branch, at, depth, seen))
                mark = self.text[at : at + 1]
                if mark != ",":
                    break
                at = self._skip(at + 1)
            if mark != close:
                raise self._wrong(at, f"`,` or `{close}` is expected")
        branch.end = at + 1
        return branch, at + 1

    def _entry(self, branch: Branch, at: int, depth: int, seen: set[str]) -> int:
        start, key = at, None
        if branch.is_map:
            if self.text[at : at + 1] != '"':
                raise self._wrong(at, "a key in double quotes is expected")
            key, at = self._string(at)
            if key in seen:
                raise self._wrong(start, f"key {key} is written twice")
            seen.add(key)
            at = self._skip(at)
            if self.text[at : at + 1] != ":":
                raise self._wrong(at, "`:` is expected")
            at = self._skip(at + 1)
        node, end = self._node(at, depth + 1)
        branch.entries.append(Entry(key, start, at, node))
        return end
