"""What the readers of rule files (policies, waivers, config tests) share: strict YAML, and values as plain data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import BASE, SEGMENT, PathSyntaxError, parse_path
from gitconfigmgr.model.settings import Limits
from gitconfigmgr.model.values import Expression, Sealed
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.sections.reader import SectionReader

if TYPE_CHECKING:
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.values import Node

_LIMITS = Limits(file_bytes=1024 * 1024, depth=64, values=50_000)
_TAG_HELP = "a leading ! is a tag in YAML: write the expression in quotes, or below `|`"


def read_rules(path: str, data: bytes) -> tuple[Node | None, list[Diagnostic]]:
    """The root of a rule file; None where it cannot be read."""
    document, findings = read_document(path, "", BASE, "", data, _LIMITS)
    return document.root, [replace(item, help=_TAG_HELP) if item.code == "GCM104" else item for item in findings]


def literal(node: Node) -> Any:
    """The value as it is written: `$` keys and `${` have no meaning in a rule file."""
    value = node.value
    if isinstance(value, dict):
        return {key: literal(child) for key, child in value.items()}
    if isinstance(value, list):
        return [literal(child) for child in value]
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Sealed):
        return {"$secret": {"type": "string", "kind": None}}
    return value


class RuleReader(SectionReader):
    """Takes texts, lists and paths of a rule file."""

    noun = "key"

    def text(self, items: dict[str, Node], name: str, what: str, *, needed: bool = False) -> str:
        """A text on one line, or on several; empty where it is missing."""
        node = items.get(name)
        if node is None:
            return ""
        value = literal(node)
        if not isinstance(value, str) or (needed and not value.strip()):
            self.report(self.code, f"{name} of {what} is a text", node)
            return ""
        return value.strip()

    def name(self, items: dict[str, Node], name: str, what: str, root: Node) -> str:
        """A name of lower-case letters, digits and dashes; empty, and a finding, where there is none."""
        node = items.get(name)
        if node is None:
            self.report(self.code, f"{what} needs {name}", root, f"give it one, such as {name}: cost-ceiling")
            return ""
        if not isinstance(node.value, str) or not SEGMENT.match(node.value):
            self.report(self.code, f"{name} is made of lower-case letters, digits and dashes", node)
            return ""
        return node.value

    def texts(self, items: dict[str, Node], name: str, what: str) -> tuple[str, ...]:
        """A list of texts, or one of them."""
        node = items.get(name)
        if node is None:
            return ()
        value = literal(node)
        found = value if isinstance(value, list) else [value]
        if not found or not all(isinstance(item, str) and item for item in found):
            self.report(self.code, f"{name} of {what} is a list of texts", node)
            return ()
        return tuple(found)

    def listed(self, items: dict[str, Node], name: str) -> list[Node]:
        """The items of a list; none where it is missing."""
        node = items.get(name)
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.report(self.code, f"{name} is a list", node)
            return []
        return node.value

    def mapping(self, items: dict[str, Node], name: str) -> dict[str, Any]:
        """A map as plain data."""
        node = items.get(name)
        if node is None:
            return {}
        value = literal(node)
        if not isinstance(value, dict):
            self.report(self.code, f"{name} is a map", node)
            return {}
        return value

    def key_path(self, items: dict[str, Node], name: str) -> tuple[str, ...] | None:
        """A path of keys; None where it is missing."""
        node = items.get(name)
        if node is None:
            return None
        try:
            return parse_path(node.value if isinstance(node.value, str) else "")
        except PathSyntaxError:
            self.report(self.code, f"{name} is a path of keys such as llm.max_tokens", node)
            return None

    def place(self, node: Node) -> Any:
        """Where a node stands."""
        return position_of(node)
