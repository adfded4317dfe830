"""The bytes of a file: encoding, line ends, and syntax that the parser accepts but others read differently."""

from __future__ import annotations

import re
from typing import Any

from gitconfigmgr.model.diagnostics import Diagnostic, Edit, Position
from gitconfigmgr.model.names import character

_TABS = re.compile(r"^ *\t[ \t]*(?=[^\s#])", re.MULTILINE)

_MOST_OPEN = 4_000


def decode(path: str, data: bytes, bound: int) -> tuple[str | None, list[Diagnostic]]:
    """The text of a file with line ends as LF and no byte order mark, and the findings about its bytes.

    None where it is too large or not UTF-8.
    """
    if len(data) > bound:
        message = f"the file has more than {bound:,} bytes"
        return None, [Diagnostic("GCM113", message, Position(path), help="split it, or raise limits.file_bytes")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        position = position_at(path, data[: error.start].decode("utf-8", "replace"), error.start)
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return None, [Diagnostic("GCM109", message, position, help="save the file as UTF-8")]
    findings = []
    if text.startswith("\ufeff"):
        edit = Edit(path, 0, 1, "")
        message = "the file begins with a byte order mark"
        findings.append(Diagnostic("GCM110", message, Position(path), help="save it without", edits=(edit,)))
    if "\r" in text:
        findings.append(_carriage_returns(path, text))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removeprefix("\ufeff"), findings


def too_deep(path: str, text: str) -> Diagnostic | None:
    """A finding for brackets nested so deeply that libyaml's time would grow with their square.

    Counts brackets without looking at quotes: text that leaves thousands of them open is no configuration either.
    """
    if text.count("[") + text.count("{") < _MOST_OPEN:
        return None
    depth = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth += 1 if match.group() in "[{" else -1 if depth else 0
        if depth > _MOST_OPEN:
            place = position_at(path, text, match.start())
            return Diagnostic("GCM114", f"more than {_MOST_OPEN} brackets are open", place)
    return None


def _carriage_returns(path: str, text: str) -> Diagnostic:
    edits = tuple(Edit(path, match.start(), match.end(), "\n") for match in re.finditer("\r\n?", text))
    first = text.index("\r")
    return Diagnostic(
        "GCM111",
        f"{len(edits)} lines end with a carriage return",
        position_at(path, text, first),
        help="save with LF line ends, and keep them by `*.yaml text eol=lf` in .gitattributes",
        edits=edits,
    )


def position_at(path: str, text: str, index: int) -> Position:
    """The position of a character index."""
    before = text[:index]
    return Position(path, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def syntax_error(path: str, text: str, error: Any) -> Diagnostic:
    """libyaml's complaint as a finding."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # a reader error: a character that YAML does not allow
        index = min(getattr(error, "position", 0) or 0, len(text))
        found = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]", text)
        index = found.start() if found else index
        shown = character(text[index]) if index < len(text) else "a character"
        return Diagnostic("GCM101", f"{shown} is not allowed in YAML", position_at(path, text, index),
                          help="remove it, or write it as an escape in double quotes")  # fmt: skip
    if text[mark.index : mark.index + 1] == "\t" or _tab_before(text, mark.index):
        line = text[: mark.index].count("\n")
        return _tab_finding(path, text, line)
    problem = getattr(error, "problem", None) or "not valid YAML"
    context = getattr(error, "context", None)
    message = f"{problem} {context}" if context else str(problem)
    return Diagnostic("GCM101", message, Position(path, mark.line + 1, mark.column + 1))


def _tab_before(text: str, index: int) -> bool:
    start = text.rfind("\n", 0, index) + 1
    lead = text[start:index]
    return "\t" in lead and not lead.strip()


def _tab_finding(path: str, text: str, line: int) -> Diagnostic:
    edits = tuple(
        Edit(path, match.start(), match.end(), match.group().replace("\t", "  ")) for match in _TABS.finditer(text)
    )
    content = text.split("\n")[line]
    column = content.find("\t") + 1
    position = Position(path, line + 1, max(column, 1))
    return Diagnostic("GCM112", "a tab in the indentation", position, help="indent with spaces", edits=edits)
