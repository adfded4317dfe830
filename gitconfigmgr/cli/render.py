"""Findings as people and programs read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.app.secrets.inside import Inside
    from gitconfigmgr.model.diagnostics import Diagnostic, Position, Waiver
    from gitconfigmgr.model.values import Node

_COLORS = {"error": "red", "warning": "yellow"}
_REDUNDANCY = "GCM50"  # what another option finds, and mends
_WIDEST = 160  # columns of a source line that are shown


class TextReport:
    """Findings with the source line and a caret, as in docs/language.md section 8."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self.read = read
        self._lines: dict[str, list[str]] = {}

    def show(self, item: Diagnostic) -> str:
        """One finding."""
        color = _COLORS.get(item.severity, "blue") if item.waived is None else "blue"
        word = item.severity if item.waived is None else f"waived {item.severity}"
        lines = [
            click.style(f"{word}[{item.code}]", fg=color, bold=True)
            + click.style(f": {_safe(item.message)}", bold=True)
        ]
        gutter = ""
        if item.position is not None:
            excerpt = self._excerpt(item, color)
            gutter = " " * len(str(item.position.line))
            lines.append(f"{gutter}--> {_place(item.position)}")
            lines += excerpt
        for related in item.related:
            note = f" ({_safe(related.note)})" if related.note else ""
            lines.append(f"{gutter} = {_safe(related.message)} {_place(related.position)}{note}")
        if item.rule:
            lines.append(f"{gutter} = rule {_safe(item.rule)}")
        if item.affects:
            lines.append(f"{gutter} = affects {_targets(item.affects)}")
        if item.controls:
            lines.append(f"{gutter} = controls {_safe(', '.join(item.controls))}")
        if item.waived is not None:
            lines.append(f"{gutter} = {_safe(waiver_text(item.waived))} ({_place(item.waived.position)})")
        if item.help:
            lines.append(f"{gutter} = help: {_safe(item.help)}")
        return "\n".join(lines)

    def _excerpt(self, item: Diagnostic, color: str) -> list[str]:
        from gitconfigmgr.check.hygiene.finding import masked
        from gitconfigmgr.model.diagnostics import whole

        position = item.position
        assert position is not None
        if position == whole(position.path):
            return []
        source = self._source(position.path)
        if position.line == len(source) + 1 and source:
            position = position._replace(line=len(source), column=len(source[-1]) + 1, end_line=0)
        if not 0 < position.line <= len(source) or not source[position.line - 1].strip():
            return []
        line = masked(source[position.line - 1])  # whatever the finding is about, no key is shown
        if item.hidden:
            line = f"{line[: position.column - 1]}<secret>"
            position = position._replace(end_line=position.line, end_column=len(line) + 1)
        text, start = _shortened(line, position.column - 1)
        number = str(position.line)
        blank = " " * len(number)
        length = position.end_column - position.column if position.end_line == position.line else len(text) - start
        length = max(1, min(length, len(text) - start))
        caret = " " * _columns(text[:start].ljust(start))
        caret += click.style("^" * _columns(text[start : start + length].ljust(length)), fg=color, bold=True)
        label = click.style(f" {_safe(item.label)}", fg=color) if item.label else ""
        return [f"{blank} |", f"{number} | {text}", f"{blank} | {caret}{label}"]

    def _source(self, path: str) -> list[str]:
        if path not in self._lines:
            data = self.read(path) or b""
            self._lines[path] = [_printable(line) for line in data.decode("utf-8", "replace").splitlines()]
        return self._lines[path]


def waiver_text(waiver: Waiver) -> str:
    """`waived until 2026-12-31 by platform-team: reason`."""
    ticket = f" [{waiver.ticket}]" if waiver.ticket else ""
    return f"waived until {waiver.expires.isoformat()} by {waiver.owner}: {waiver.reason}{ticket}"


def _printable(line: str) -> str:
    return "".join(
        c if c.isprintable() or c == " " else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}"
        for c in line.removeprefix("\ufeff")
    )


def _shortened(text: str, start: int) -> tuple[str, int]:
    if len(text) <= _WIDEST:
        return text, start
    begin = max(0, min(start - 40, len(text) - _WIDEST))
    cut = text[begin : begin + _WIDEST]
    return ("..." if begin else "") + cut, start - begin + (3 if begin else 0)


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: two for each wide character, none for one that goes over another."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def _place(position: Position) -> str:
    return f"{_safe(position.path)}:{position.line}:{position.column}"


def _safe(text: str) -> str:
    """Text from a file under review: what could steer a terminal is shown as an escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _targets(affects: tuple[tuple[str, str], ...]) -> str:
    by_namespace: dict[str, list[str]] = {}
    for namespace, environment in affects:
        by_namespace.setdefault(namespace, []).append(environment)
    shown = [f"{namespace} in {', '.join(names)}" for namespace, names in by_namespace.items()]
    if len(shown) > 3:
        return f"{len(affects)} targets, among them {'; '.join(shown[:2])}"
    return "; ".join(shown)


def as_text(checked: Checked, read: Callable[[str], bytes | None], *, everything: bool = False) -> str:
    """The report of `check` for people: the findings, and one line that sums them up."""
    report = TextReport(read)
    blocks = [f"known before: {report.show(item)}" for item in checked.known] if everything else []
    blocks += [report.show(item) for item in checked.diagnostics]
    said = [*(f"note: {note}" for note in checked.notes), summary_line(checked)]
    return "\n\n".join([*blocks, "\n".join(said)])


def summary_line(checked: Checked) -> str:
    """`3 errors, 1 warning in 12 targets from 30 documents`, in colour."""
    words = summary_words(checked)
    return words if checked.diagnostics else click.style("ok", fg="green", bold=True) + words.removeprefix("ok")


def summary_words(checked: Checked) -> str:
    """The summary without colour: what a change brings, and how much was there before."""
    counts = count(checked.diagnostics)
    scope = f"{many(checked.targets, 'target')} from {many(checked.documents, 'document')}"
    base = f" that {checked.base.name} lacks" if checked.base else ""
    known = f"; {len(checked.known)} known before" if checked.known else ""
    if not checked.diagnostics:
        return f"ok: {scope}, no findings{base}{known}"
    fixable = [item for item in checked.diagnostics if item.edits]
    removed = sum(1 for item in fixable if item.code.startswith(_REDUNDANCY))
    fix = f"; {len(fixable) - removed} fixable with `gitconfigmgr fix`" if len(fixable) > removed else ""
    fix += f"; {removed} fixable with `gitconfigmgr fix --redundancy`" if removed else ""
    waived = f"; {counts['waived']} waived" if counts["waived"] and base else ""
    among = f", {counts['waived']} waived" if counts["waived"] and not base else ""
    failing = f"{many(counts['errors'], 'error')}, {many(counts['warnings'], 'warning')}{among}{base}"
    return f"{failing} in {scope}{known}{waived}{fix}"


def count(diagnostics: list[Diagnostic]) -> dict[str, int]:
    """How many errors and warnings, and how many of either are waived."""
    errors = sum(1 for item in diagnostics if item.fails)
    waived = sum(1 for item in diagnostics if item.waived is not None)
    return {"errors": errors, "warnings": len(diagnostics) - errors - waived, "waived": waived}


def as_json(checked: Checked, *, everything: bool = False) -> dict[str, Any]:
    """The report of `check` for programs (docs/formats.md)."""
    summary = count(checked.diagnostics) | {"targets": checked.targets, "documents": checked.documents}
    found: dict[str, Any] = {"diagnostics": records(checked.diagnostics), "summary": summary}
    if checked.base is not None:
        summary["known"] = len(checked.known)
        base = {"name": checked.base.name, "commit": checked.base.commit, "begin": checked.base.begin}
        found |= {"base": base, "notes": checked.notes}
        found |= {"known": records(checked.known)} if everything else {}
    return found if checked.secrets is None else found | {"secrets": _secrets(checked.secrets)}


def _secrets(inside: Inside) -> dict[str, Any]:
    closed = [
        {"path": item.path, "secrets": item.secrets, "reason": item.reason, "help": item.help} for item in inside.closed
    ]
    return {"total": inside.secrets, "opened": inside.opened, "closed": closed}


def records(diagnostics: list[Diagnostic]) -> list[dict[str, Any]]:
    """Findings for programs."""
    return [_record(item) for item in diagnostics]


def _record(item: Diagnostic) -> dict[str, Any]:
    position = item.position
    first = item.affects[0] if item.affects else (None, None)
    return {
        "code": item.code,
        "severity": item.severity,
        "message": item.message,
        "path": position.path if position else None,
        "line": position.line if position else None,
        "column": position.column if position else None,
        "end_line": (position.end_line or position.line) if position else None,
        "end_column": (position.end_column or position.column) if position else None,
        "namespace": first[0],
        "environment": first[1],
        "key": item.key,
        "affects": [{"namespace": namespace, "environment": environment} for namespace, environment in item.affects],
        "related": [
            {
                "path": r.position.path,
                "line": r.position.line,
                "column": r.position.column,
                "message": f"{r.message} ({r.note})" if r.note else r.message,
            }
            for r in item.related
        ],
        "rule": item.rule,
        "controls": list(item.controls),
        "waived": None if item.waived is None else waiver_record(item.waived),
        "help": item.help,
        "fixable": bool(item.edits),
    }


def waiver_record(waiver: Waiver) -> dict[str, Any]:
    """A waiver for programs."""
    return {
        "owner": waiver.owner,
        "reason": waiver.reason,
        "expires": waiver.expires.isoformat(),
        "ticket": waiver.ticket,
        "path": waiver.position.path,
        "line": waiver.position.line,
        "column": waiver.position.column,
    }


def value_text(node: Node, *, always_yaml: bool = False) -> str:
    """A value for a terminal: a scalar as it is, anything else as YAML, a secret as <secret>."""
    from gitconfigmgr.model.values import scalar_text
    from gitconfigmgr.source.writer import dump

    value = masked(node)
    if isinstance(value, (dict, list)) or always_yaml:
        return dump(value).rstrip("\n").removesuffix("\n...")
    return scalar_text(value)


def masked(node: Node) -> Any:
    """The value with `<secret>` for every secret."""
    from gitconfigmgr.model.values import Sealed, Segments
    from gitconfigmgr.resolve.provenance import shown

    value = node.value
    if isinstance(value, dict):
        return {key: masked(child) for key, child in value.items()}
    if isinstance(value, list):
        return [masked(child) for child in value]
    if isinstance(value, Sealed):
        return "<secret>"
    if isinstance(value, Segments):
        return "".join(part if isinstance(part, str) else "<secret>" for part in value.parts)
    return shown(node)


def short_value(node: Node) -> str:
    """A value on one line."""
    import orjson

    from gitconfigmgr.model.values import scalar_text

    value = masked(node)
    text = scalar_text(value) if not isinstance(value, (dict, list)) else orjson.dumps(value).decode()
    line = _safe(text.split("\n")[0])
    return line[:57] + "..." if len(line) > 60 or "\n" in text else line
