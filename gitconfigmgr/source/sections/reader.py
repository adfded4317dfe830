"""What every section of gitconfigmgr.yaml is read with: values of nodes, and a finding for those of the wrong kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.model.diagnostics import Diagnostic, key_position_of, position_of
from gitconfigmgr.model.names import closest

if TYPE_CHECKING:
    from gitconfigmgr.model.values import Node


class SectionReader:
    """Takes the values of nodes and reports those of the wrong kind, by the code of the file that it reads."""

    code = "GCM140"
    noun = "setting"

    def __init__(self, findings: list[Diagnostic]) -> None:
        self.findings = findings

    def report(self, code: str, message: str, node: Node, help_: str | None = None, *, key: bool = False) -> None:
        """A finding at a node, or at its key."""
        place = key_position_of(node) if key else position_of(node)
        self.findings.append(Diagnostic(code, message, place, help=help_))

    def members(self, node: Node, known: tuple[str, ...], what: str) -> dict[str, Node]:
        """The known members of a map; a finding for each unknown one."""
        if not isinstance(node.value, dict):
            self.report(self.code, f"{what} must be a map", node)
            return {}
        for key, child in node.value.items():
            if key not in known:
                near = closest(key, known)
                help_ = f"did you mean {near}?" if near else "known are " + ", ".join(known)
                self.report(self.code, f"unknown {self.noun} {key}", child, help_, key=True)
        return {key: child for key, child in node.value.items() if key in known}

    def choice(self, items: dict[str, Node], name: str, choices: tuple[str, ...]) -> str:
        """The value of a word; the first choice where it is missing."""
        node = items.get(name)
        if node is None:
            return choices[0]
        if node.value not in choices:
            self.report(self.code, f"{name} is one of {', '.join(choices)}", node)
            return choices[0]
        return str(node.value)

    def flag(self, items: dict[str, Node], name: str, otherwise: bool) -> bool:  # noqa: FBT001
        """The value of a switch."""
        node = items.get(name)
        if node is None:
            return otherwise
        if not isinstance(node.value, bool):
            self.report(self.code, f"{name} is true or false", node)
        return node.value is True
