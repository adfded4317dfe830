"""One layer file to nodes: the strict YAML profile, with the position of every key and value.

Built on libyaml's event stream: the only reader that gives positions at the speed a hook needs. All findings of a file
are collected; only broken syntax and broken bounds leave a document without a root.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yaml import YAMLError
from yaml import _yaml as libyaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from gitconfigmgr.model.diagnostics import Diagnostic, Edit, Related, at, key_position_of
from gitconfigmgr.model.names import BASE
from gitconfigmgr.model.values import (
    DIRECTIVE,
    EXPRESSION,
    SEALED,
    TOP,
    UNUSUAL,
    DirectiveMap,
    Document,
    Expression,
    Mark,
    Node,
    Sealed,
    Start,
)
from gitconfigmgr.source.scalars import Refused, is_unusual, read_plain
from gitconfigmgr.source.strict import deviations
from gitconfigmgr.source.text import decode, syntax_error, too_deep

if TYPE_CHECKING:
    from gitconfigmgr.model.settings import Limits

_TOKEN = re.compile(r"ENC\[AES256_GCM,data:[^,\]]*,iv:[^,\]]+,tag:[^,\]]+,type:([a-z]+)\]\Z")
_SOPS_KEY = "sops"
_QUOTES = ("'", '"')


class _BrokenError(Exception):
    """Reading cannot go on; the diagnostic says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__()
        self.diagnostic = diagnostic


def read_document(
    path: str, namespace: str, environment: str, blob_id: str, data: bytes, limits: Limits
) -> tuple[Document, list[Diagnostic]]:
    """Read one layer file. `root` is None where the text cannot be read as one map."""
    document = Document(path, namespace, environment, blob_id, None)
    text, findings = decode(path, data, limits.file_bytes)
    if text is None:
        return document, findings
    deep = too_deep(path, text)
    if deep is not None:
        return document, [*findings, deep]
    builder = _Builder(document, limits, findings)
    try:
        document.root = builder.build(text)
    except _BrokenError as broken:
        findings.append(broken.diagnostic)
    except YAMLError as error:
        findings.append(syntax_error(path, text, error))
    else:
        findings += deviations(path, text, several_lines=builder.several_lines)
    if document.root is not None:
        document.root, document.sops = _without_sops(document.root)
    return document, findings


def _without_sops(root: Node) -> tuple[Node, Node | None]:
    """The root without the metadata block of a SOPS file, and the block."""
    block = root.value.get(_SOPS_KEY)
    if block is None or not isinstance(block.value, dict):
        return root, None
    if "mac" not in block.value and not block.value.keys() >= {"lastmodified", "version"}:
        return root, None
    kept = type(root.value)((key, child) for key, child in root.value.items() if key != _SOPS_KEY)
    return root.replaced(value=kept), block


class _Builder:
    """Folds the events of one file into nodes."""

    def __init__(self, document: Document, limits: Limits, findings: list[Diagnostic]) -> None:
        self.document = document
        self.limits = limits
        self.findings = findings
        self.anchors: dict[str, Node | None] = {}
        self.expanded = 0  # values that aliases stand for
        self.marked = False  # whether the text can have anchors or tags at all
        self.several_lines = False  # a quoted scalar or flow collection runs over lines

    def build(self, text: str) -> Node | None:
        self.marked = "&" in text or "!" in text
        parser = libyaml.CParser(text)
        try:
            return self._build(parser.get_event)
        finally:
            parser.dispose()

    def _build(self, next_event: Any) -> Node | None:
        event: Any = next_event()
        assert type(event) is StreamStartEvent
        event = next_event()
        if type(event) is StreamEndEvent:
            return Node({}, self.document, TOP)
        self._document_start(event)
        root = self._content(next_event)
        event = next_event()
        assert type(event) is DocumentEndEvent
        event = next_event()
        if type(event) is not StreamEndEvent:
            self._report("GCM108", "a second document begins here", event.start_mark)
        if root.value is None and root.mark is not None and not root.flags:
            return Node({}, self.document, TOP)
        if not isinstance(root.value, dict):
            self._report("GCM122", "a layer document is a map of keys", root.mark)
            return None
        return root

    def _document_start(self, event: Any) -> None:
        if event.version not in (None, (1, 2)):
            self._report("GCM101", "the file declares another version of YAML than 1.2", event.start_mark)
        if event.tags:
            self._report("GCM104", "%TAG declarations are not allowed", event.start_mark)

    def _content(self, next_event: Any) -> Node:  # noqa: C901, PLR0912, PLR0915 - the hot loop: one pass, no calls
        document = self.document
        stack: list[tuple[Any, Any, Any, Any, int, Any]] = []
        depth_limit, value_limit = self.limits.depth, self.limits.values
        marked, count = self.marked, 0
        container: Any = None
        is_map = False
        key: str | None = None
        key_mark: Mark | None = None
        start: Any = None
        flags = 0
        anchor: str | None = None
        flow: tuple[int, int] | None = None  # depth and line of the outermost flow collection that is open
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                if is_map and key is None:
                    key_mark = event.start_mark
                    key = event.value
                    if marked or key not in _PLAIN_KEYS:
                        self._check_key(event)
                    if key in container:
                        self._duplicate(container[key], event)
                    continue
                value = event.value
                bits = 0
                if marked and event.tag is not None:
                    self._tag(event)
                if not event.style:
                    value = read_plain(value)
                    value_type = type(value)
                    if value_type is Refused:
                        value = self._refuse(value, event, key)
                    elif value_type is float:
                        bits = UNUSUAL if is_unusual(value) else 0
                    elif value is None and key is not None and event.value == "":
                        self._empty(key, key_mark)
                elif event.style in _QUOTES and event.start_mark.line != event.end_mark.line:
                    self.several_lines = True
                if type(value) is str:
                    if "${" in value:
                        value = Expression(value)
                        bits = EXPRESSION
                    elif value.startswith("ENC["):
                        match = _TOKEN.match(value)
                        if match:
                            value = Sealed(value, match.group(1))
                            bits = SEALED
                node = Node(value, document, event.start_mark, key_mark, bits)
                if marked and event.anchor:
                    self.anchors[event.anchor] = node
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if is_map and key is None:
                    raise _BrokenError(self._made("GCM103", "a key is text, not a list or a map", event.start_mark))
                if event.tag is not None:
                    self._tag(event)
                if len(stack) >= depth_limit:
                    message = f"nested more than {depth_limit} levels deep"
                    raise _BrokenError(self._made("GCM114", message, event.start_mark))
                stack.append((container, key, key_mark, start, flags, anchor))
                container = {} if kind is MappingStartEvent else []
                is_map = kind is MappingStartEvent
                key, key_mark, start, flags, anchor = None, None, event.start_mark, 0, event.anchor
                if anchor:
                    self.anchors[anchor] = None
                if event.flow_style and flow is None:
                    flow = (len(stack), event.start_mark.line)
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value, mark, bits, name = container, start, flags, anchor
                if flow is not None and flow[0] == len(stack):
                    self.several_lines |= event.end_mark.line != flow[1]
                    flow = None
                container, key, key_mark, start, flags, anchor = stack.pop()
                is_map = type(container) is dict
                if bits & DIRECTIVE and kind is MappingEndEvent and any(k[:1] == "$" for k in value):
                    value = DirectiveMap(value)
                node = Node(value, document, mark, key_mark, bits)
                if name:
                    self.anchors[name] = node
            elif kind is AliasEvent:
                if is_map and key is None:
                    raise _BrokenError(self._made("GCM103", "a key is text, not an alias", event.start_mark))
                node = self._alias(event, key_mark)
            else:
                raise AssertionError(kind)
            count += 1
            if count + self.expanded > value_limit:
                raise _BrokenError(self._made("GCM115", f"more than {value_limit} values", node.mark))
            if container is None:
                return node
            if is_map:
                assert key is not None
                if key not in _PLAIN_KEYS:
                    if key[:1] == "$":
                        flags |= DIRECTIVE
                    elif not key.isascii() and max(key) > "\uffff":
                        flags |= UNUSUAL
                container[key] = node
                key = key_mark = None
            elif not (
                type(node.value) is Sealed and node.value.type == "comment"
            ):  # SOPS keeps comments in lists as items
                container.append(node)
            flags |= node.flags

    def _check_key(self, event: Any) -> None:
        """Report what is no plain text key; remember what is."""
        text = event.value
        if event.anchor:
            self.anchors[event.anchor] = Node(text, self.document, event.start_mark)
        if event.tag is not None:
            self._tag(event)
        if not event.style:
            if text == "<<":
                self._report("GCM107", "merge keys are not part of YAML 1.2", event.start_mark, "write the keys out")
                return
            value = read_plain(text)
            if type(value) is not str:
                self._key_not_text(event, value)
                return
        if len(_PLAIN_KEYS) < 50_000 and text.isascii() and text[:1] != "$" and read_plain(text) == text:
            _PLAIN_KEYS.add(text)

    def _key_not_text(self, event: Any, value: Any) -> None:
        reason = value.reason if type(value) is Refused else f"read as {_word(value)}"
        code = value.code if type(value) is Refused and value.code == "GCM105" else "GCM103"
        shown = f'"{event.value}"' if event.value else "an empty key"
        message = f"key {event.value} is {reason}" if event.value else "the key is empty"
        self._report(code, message, _content_mark(event), f"write {shown}", self._quoting(event))

    def _duplicate(self, first: Node, event: Any) -> None:
        related = Related(key_position_of(first), "first written at")
        finding = Diagnostic(
            "GCM102", f"key {event.value} is written twice", at(self.document, event.start_mark),
            label="again", related=(related,), help="remove one of the two",
        )  # fmt: skip
        self.findings.append(finding)

    def _refuse(self, refused: Refused, event: Any, key: str | None) -> Any:
        text = event.value
        if "date" in refused.reason and (key == "$until" or (key == "expires" and not self.document.namespace)):
            return text
        if key == "leak_guard" and not self.document.namespace:  # a setting, and one of its values is off
            return text
        help_ = f'write "{text}" if it is text'
        if refused.code == "GCM105" and "\n" not in text:
            help_ += f", {_plainly(text)}" if _plainly(text) else ""
        self._report(refused.code, f"{text} is {refused.reason}", _content_mark(event), help_, self._quoting(event))
        return refused.value

    def _quoting(self, event: Any) -> tuple[Edit, ...]:
        if event.style or "\n" in event.value:
            return ()
        end = event.end_mark.index
        quoted = event.value.replace("\\", "\\\\").replace('"', '\\"')
        return (Edit(self.document.path, end - len(event.value), end, f'"{quoted}"'),)

    def _empty(self, key: str, key_mark: Mark | None) -> None:
        if self.document.environment != BASE and not key.startswith("$"):
            assert key_mark is not None
            message = f"{key} has no value here, which is null and removes nothing"
            help_ = f"write `{key}: {{$delete: true}}` to remove it, or `{key}: null` if null is meant"
            self._report("GCM212", message, key_mark, help_)

    def _tag(self, event: Any) -> None:
        self._report("GCM104", f"tag {_shown_tag(event.tag)} is not allowed", event.start_mark, "remove it")

    def _alias(self, event: Any, key_mark: Mark | None) -> Node:
        if event.anchor not in self.anchors:
            raise _BrokenError(self._made("GCM101", f"no anchor &{event.anchor} before this alias", event.start_mark))
        node = self.anchors[event.anchor]
        if node is None:
            raise _BrokenError(self._made("GCM115", f"alias *{event.anchor} contains itself", event.start_mark))
        self.expanded += _size(node, {})
        return node.replaced(mark=event.start_mark, key_mark=key_mark, via=(node, *node.via))

    def _made(
        self, code: str, message: str, mark: Mark, help_: str | None = None, edits: tuple[Edit, ...] = ()
    ) -> Diagnostic:
        return Diagnostic(code, message, at(self.document, mark), help=help_, edits=edits)

    def _report(
        self, code: str, message: str, mark: Mark, help_: str | None = None, edits: tuple[Edit, ...] = ()
    ) -> None:
        self.findings.append(self._made(code, message, mark, help_, edits))


_PLAIN_KEYS: set[str] = set()  # keys known to be ordinary text in every YAML; bounded, holds nothing but that


def _size(node: Node, known: dict[int, int]) -> int:
    """How many values a subtree has when its aliases are written out."""
    children = (
        node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    )
    size = known.get(id(node.value)) if children else 1
    if size is None:
        size = 1 + sum(_size(child, known) for child in children)
        known[id(node.value)] = size
    return size


def _plainly(text: str) -> str:
    lowered = text.lower()
    if text[:1] == "0" or text[:2] in ("+0", "-0"):
        return ""
    if lowered in ("yes", "on", "y"):
        return "true if it is a boolean"
    if lowered in ("no", "off", "n"):
        return "false if it is a boolean"
    digits = text.replace("_", "")
    if digits.isdigit():
        return f"{int(digits) if len(digits) < 20 else digits} if it is a number"
    return ""


def _content_mark(event: Any) -> Mark:
    """Where the text of a plain scalar begins: its own mark is that of its anchor."""
    if not event.anchor or "\n" in event.value:
        return event.start_mark  # type: ignore[no-any-return]  # libyaml's marks have no types
    return Start(event.end_mark.line, event.end_mark.column - len(event.value))


def _word(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return "a number"


def _shown_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!", 1)
