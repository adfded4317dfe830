"""YAML text to trees, with the position of every value and comment.

libyaml gives events but no comments: they are found in the gaps between events, and belong to the container that their
column says. A comment right of its container's parent stays inside; others go to the parent. Inline comments stand
before the pair on their line, as SOPS orders them.
"""

from __future__ import annotations

from typing import Any

from yaml import YAMLError
from yaml import _yaml as libyaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gitconfigmgr.secrets.errors import FormatError
from gitconfigmgr.secrets.scalars import Scalar, Time, TooLarge, resolve
from gitconfigmgr.secrets.tokens import looks_encrypted, parse
from gitconfigmgr.secrets.tree import Alias, Branch, Comment, Document, Entry, File, Leaf, to_data

SOPS = "sops"
_DEPTH = 256
_CORE = "tag:yaml.org,2002:"
_PLAIN_INT = frozenset("0123456789-")


def read(text: str) -> File:
    """Parse a YAML file, encrypted or not."""
    parser = libyaml.CParser(text)
    try:
        documents = _Reader(text, parser.get_event).documents()
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else None
        raise FormatError(f"not valid YAML: {getattr(error, 'problem', None) or 'a character that YAML does not allow'}",
                          "correct the syntax", line) from None  # fmt: skip
    finally:
        parser.dispose()
    if not documents:
        raise FormatError("the file is empty", "put a key into it")
    first = documents[0].metadata
    return File(text, documents, to_data(first.node) if first else None)


class _Open:
    """A container whose end has not been read yet."""

    __slots__ = ("anchor", "branch", "colon", "key", "seen", "start")

    def __init__(self, branch: Branch, anchor: str | None) -> None:
        self.branch = branch
        self.anchor = anchor
        self.key: str | None = None
        self.start = 0
        self.colon = 0
        self.seen: set[str] = set()


class _Reader:
    def __init__(self, text: str, next_event: Any) -> None:
        self.text = text
        self.next_event = next_event
        self.end = 0  # where the last event's text ended
        self.searched = 0  # up to where comments have been looked for
        self.stack: list[_Open] = []
        self.anchors: dict[str, Leaf | Branch | None] = {}
        self.pending: list[Comment] = []  # comments that belong to a container further out, or not open yet
        self.root: Branch | Leaf | Alias | None = None

    def documents(self) -> list[Document]:
        found: list[Document] = []
        while True:
            event = self.next_event()
            kind = type(event)
            if kind is ScalarEvent:
                self._scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._open(event, is_map=kind is MappingStartEvent)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._close(event)
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent:
                if event.version or event.tags:
                    raise FormatError(
                        "the file has a % directive, which SOPS refuses", "remove it", event.start_mark.line + 1
                    )
                self._gap(event.start_mark.index)
                self.root, self.anchors = None, {}
                self.end = event.end_mark.index
            elif kind is DocumentEndEvent:
                found.append(self._document(event))
            elif kind is StreamEndEvent:
                return found

    def _document(self, event: Any) -> Document:
        index = event.start_mark.index
        root = self.root
        line = self._line(index)
        if not isinstance(root, Branch) or not root.is_map:
            raise FormatError("the top level is not a map of keys", "put the content under a key", line)
        self._gap(index)
        root.entries += self.pending
        self.pending = []
        self.end = event.end_mark.index
        document = Document(root, index)
        for entry in root.items():
            if entry.key == SOPS:
                document.metadata = entry
        if document.metadata is not None:
            if not isinstance(document.metadata.node, Branch) or not document.metadata.node.is_map:
                raise FormatError("the key `sops` at the top level is not a map", "SOPS needs this name: use another")
            root.entries.remove(document.metadata)
        return document

    # -- comments ----------------------------------------------------------------------------------------------------

    def _gap(self, index: int) -> bool:
        """Collect the comments before a position; whether there are any that wait."""
        text, at = self.text, max(self.end, self.searched)
        self.searched = index
        while True:
            at = text.find("#", at, index)
            if at < 0:
                return bool(self.pending)
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            content = text[at + 1 : end].rstrip("\r")
            self.pending.append(Comment(content, at, at + 1 + len(content)))
            at = end

    def _inline(self, comment: Comment) -> bool:
        start = self.text.rfind("\n", 0, comment.start) + 1
        return bool(self.text[start : comment.start].strip())

    def _column(self, index: int) -> int:
        return index - self.text.rfind("\n", 0, index) - 1

    def _line(self, index: int) -> int:
        return self.text.count("\n", 0, index) + 1

    def _place_before_entry(self) -> None:
        """Comments before a key or an item: an inline one belongs to the entry that ended on its line."""
        entries = self.stack[-1].branch.entries
        for comment in self.pending:
            if entries and self._inline(comment) and type(entries[-1]) is Entry and comment.start >= entries[-1].start:
                entries.insert(len(entries) - 1, comment)
            else:
                entries.append(comment)
        self.pending = []

    def _place_before_value(self) -> None:
        self.stack[-1].branch.entries += self.pending
        self.pending = []

    def _place_before_container(self, top: _Open | None, start: int, *, flow: bool) -> list[Comment]:
        """Comments before a container; returns those that belong inside, at its beginning."""
        if top is None:
            inside, self.pending = self.pending, []
            return inside
        if flow:
            self._place_before_entry()
            return []
        if not top.branch.is_map:
            dash = self._dash(start)
            inside = [comment for comment in self.pending if comment.start > dash and not self._inline(comment)]
        else:
            inside = [comment for comment in self.pending if not self._inline(comment)]
        self.pending = [comment for comment in self.pending if comment not in inside]
        self._place_before_entry() if top.key is None else self._place_before_value()
        return inside

    def _dash(self, start: int) -> int:
        """The dash of the list item that begins at a position, behind or before the waiting comments."""
        end = start
        for comment in reversed(self.pending):
            found = self.text.rfind("-", comment.end, end)
            if found >= 0:
                return found
            end = comment.start
        return self.text.rfind("-", 0, end)

    def _place_before_end(self) -> None:
        """Comments before the end of a container stay as long as they are right of the container around it."""
        own = self.stack[-1].branch
        parent = next((item.branch.column for item in reversed(self.stack[:-1]) if not item.branch.flow), -1)
        for index, comment in enumerate(self.pending):
            if own.entries and self._inline(comment):
                own.entries.insert(len(own.entries) - 1, comment)
            elif own.flow or self._column(comment.start) > parent:
                own.entries.append(comment)
            else:
                self.pending = self.pending[index:]
                return
        self.pending = []

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _scalar(self, event: Any) -> None:
        start = event.start_mark.index
        top = self.stack[-1] if self.stack else None
        if self._gap(start) and top is not None:
            if top.key is None:
                self._place_before_entry()
            else:
                self._place_before_value()
        self.end = event.end_mark.index
        if event.style in ("|", ">"):
            self.end = start + len(self.text[start : self.end].rstrip())
        if top is not None and top.branch.is_map and top.key is None:
            top.key = self._key(event, top)
            top.start, top.colon = start, self.end
            return
        value, problem, drift = self._value(event)
        leaf = Leaf(value, start, self.end, problem=problem, drift=drift)
        if top is not None:
            leaf.column, leaf.flow = top.branch.column, top.branch.flow
            element = looks_encrypted(value) and not top.branch.is_map and parse(str(value))
            if element and element.type == "comment":
                dash = self.text.rindex("-", 0, start)
                top.branch.entries.append(Comment(str(value), dash, self.end, element=True))
                return
        if event.anchor:
            self.anchors[event.anchor] = leaf
        self._add(leaf, start)

    def _value(self, event: Any) -> tuple[Scalar, str, str]:
        text: str = event.value
        tag = event.tag
        problem = "it has an anchor" if event.anchor else ""
        if tag is not None and tag not in ("!", f"{_CORE}str", f"{_CORE}merge"):
            raise FormatError(f"tag {_shown(tag)}: SOPS drops it", "remove the tag", event.start_mark.line + 1)
        if event.style or tag:
            return text, problem or ("it has a tag" if tag else ""), ""
        try:
            value = resolve(text)
        except TooLarge:
            raise FormatError("an integer needs more than 64 bits, which SOPS refuses", "write it in quotes",
                              event.start_mark.line + 1) from None  # fmt: skip
        return value, problem, _drift(text, value)

    def _key(self, event: Any, top: _Open) -> str:
        text: str = event.value
        line = event.start_mark.line + 1
        if event.anchor or event.tag not in (None, f"{_CORE}merge", f"{_CORE}str"):
            raise FormatError("a key has an anchor or a tag", "write the key plainly", line)
        if not event.style and text != "<<":
            try:
                is_text = type(resolve(text)) is str
            except TooLarge:
                is_text = False
            if not is_text:
                raise FormatError(f"key {text or 'empty'} is not text, which SOPS refuses", f'write "{text}"', line)
        if text in top.seen:
            raise FormatError(f"key {text} is written twice", "remove one of the two", line)
        top.seen.add(text)
        return text

    def _open(self, event: Any, *, is_map: bool) -> None:
        start = event.start_mark.index
        line = event.start_mark.line + 1
        top = self.stack[-1] if self.stack else None
        if top is not None and top.branch.is_map and top.key is None:
            raise FormatError("a key is a list or a map", "write a key that is text", line)
        if event.tag is not None and event.tag not in (f"{_CORE}map", f"{_CORE}seq"):
            raise FormatError(f"tag {_shown(event.tag)}: SOPS drops it", "remove the tag", line)
        if len(self.stack) >= _DEPTH:
            raise FormatError(f"nested more than {_DEPTH} levels deep", "flatten the structure", line)
        inside: list[Comment] = []
        if self._gap(start):
            inside = self._place_before_container(top, start, flow=bool(event.flow_style))
        branch = Branch(start, event.start_mark.column, is_map=is_map, flow=bool(event.flow_style))
        if event.anchor and not event.flow_style:
            branch.column = -1  # the mark is the anchor's: the first entry tells
        branch.entries += inside
        self.end = event.end_mark.index
        self.stack.append(_Open(branch, event.anchor))
        if event.anchor:
            self.anchors[event.anchor] = None

    def _close(self, event: Any) -> None:
        if self._gap(event.start_mark.index):
            self._place_before_end()
        closed = self.stack.pop()
        branch = closed.branch
        if branch.flow:
            self.end = event.end_mark.index
        branch.end = self.end
        if closed.anchor:
            self.anchors[closed.anchor] = branch
        self._add(branch, branch.start)

    def _alias(self, event: Any) -> None:
        start = event.start_mark.index
        top = self.stack[-1] if self.stack else None
        line = event.start_mark.line + 1
        if top is None or (top.branch.is_map and top.key is None):
            raise FormatError("a key is an alias", "write the key out", line)
        if self._gap(start):
            self._place_before_value()
        self.end = event.end_mark.index
        node = self.anchors.get(event.anchor)
        if node is None:
            reason = "contains itself" if event.anchor in self.anchors else "has no anchor before it"
            raise FormatError(f"alias *{event.anchor} {reason}", "write the value out", line)
        self._add(Alias(node, start, self.end), start)

    def _add(self, node: Leaf | Branch | Alias, start: int) -> None:
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if top.branch.column < 0:
            top.branch.column = self._column(top.start if top.branch.is_map else start)
        if top.branch.is_map:
            top.branch.entries.append(Entry(top.key, top.start, top.colon, node))
            top.key = None
        else:
            top.branch.entries.append(Entry(None, start, start, node))


def _drift(text: str, value: Scalar) -> str:
    """Why SOPS would give back something else than what is written; empty where it would not."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return ""
    if kind is Time:
        return "SOPS reads it as a time"
    if kind is int:
        return "" if str(value) == text.lstrip("+") or text[:2] in ("0x", "0o") else f"SOPS reads it as {value}"
    assert isinstance(value, float)
    if text.startswith("-") and value == 0:
        return "SOPS loses the sign of zero"
    digits = text.lstrip("+-")
    if "_" in text or (digits[:1] == "0" and digits[1:2].isdigit()):
        return f"SOPS reads it as {value!r}"
    return ""


def _shown(tag: str) -> str:
    return tag.replace(_CORE, "!!", 1)
