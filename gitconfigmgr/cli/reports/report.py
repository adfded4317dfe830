"""One check, written in the format that its reader takes. A format is a module here with a function `write`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.model.diagnostics import Diagnostic

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "markdown")


class FormatAndFile(click.ParamType[tuple[str, str]]):
    """The value of `--report`: `sarif=FILE`."""

    name = "format=file"

    def __init__(self, formats: Sequence[str] = FORMATS) -> None:
        self._formats = formats

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        format_, equals, file = str(value).partition("=")
        if format_ not in self._formats or not equals or not file:
            self.fail(f"{value!r} is not like sarif=FILE; formats are {', '.join(self._formats)}", param, ctx)
        return format_, file


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and what a format needs beside it.

    `read` gives the bytes of a file, `read_before` those at the base (None without one). `prefix` leads from the top of
    the Git repository to the config repository, with a final slash. `everything` shows what was known before, too.
    """

    checked: Checked
    read: Callable[[str], bytes | None]
    read_before: Callable[[str], bytes | None] | None = None
    prefix: str = ""
    everything: bool = False

    def path_of(self, item: Diagnostic) -> str:
        """The file of a finding from the top of the Git repository; the settings where it has none."""
        return self.prefix + (item.position.path if item.position else "gitconfigmgr.yaml")


def write(format_: str, report: Report) -> str:
    """The report in a format, without a final newline."""
    text = import_module(f"gitconfigmgr.cli.reports.{format_}").write(report)
    assert isinstance(text, str)
    return text


def sentence(item: Diagnostic) -> str:
    """A finding as one paragraph: the message, where it comes from, what to do."""
    parts = [item.message]
    if item.waived is not None:
        from gitconfigmgr.cli.render import waiver_text

        parts.append(waiver_text(item.waived))
    if item.help:
        parts.append(f"help: {item.help}")
    return "; ".join(parts)


def changed(report: Report) -> Callable[[Diagnostic], bool]:
    """Whether a finding stands on a line that the base does not have."""
    from gitconfigmgr.app.gate import on_changed_lines

    return on_changed_lines(report.read, report.read_before)
