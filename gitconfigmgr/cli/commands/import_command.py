"""`gitconfigmgr import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.app.importing import Report
    from gitconfigmgr.app.repair import WrittenOut
    from gitconfigmgr.model.imports import Loss


@click.command(
    "import",
    epilog="""\b
Examples:
  gitconfigmgr import reclass inventory -o config
  gitconfigmgr import reclass . -o ../config --environment staging

Nothing is run and nothing in DIR changes. Ends with status 1 where a node
could not be imported or its values could not be proven equal.""",
)
@click.argument("tool", metavar="TOOL")
@click.argument("source", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="NEWREPO",
    help="A new or empty folder.",
)
@click.option(
    "--environment", default="production", show_default=True, metavar="NAME", help="The environment of the targets."
)
@options.output_format("text", "json")
@click.pass_context
def command(ctx: click.Context, tool: str, source: Path, folder: Path, environment: str, format_: str) -> None:
    """Turn another tool's repository into one of ours.

    TOOL is what the repository in DIR was made for, such as reclass (kapitan). The report tells what could not be
    carried over.
    """
    from gitconfigmgr.app.importing import as_json, import_repository
    from gitconfigmgr.wiring.folders import open_importer, open_new_folder

    here = Path(ctx.find_root().obj)
    importer = open_importer(tool)
    report = import_repository(importer, here / source, environment, open_new_folder(here / folder))
    if format_ == "json":
        options.print_json(as_json(report))
    else:
        click.echo("\n".join(_text(report, here / folder)))
    options.finish(0 if report.proven else 1)


def _text(report: Report, folder: Path) -> list[str]:
    nodes = _many(report.targets + len(report.failures), "node")
    targets, documents = _many(report.targets, "target"), _many(report.documents, "document")
    lines = [f"{nodes} -> {targets} in {documents}, in {folder}"]
    lines += _losses("not imported", report.failures, "red")
    lines += _losses("not carried over as it was", report.losses, "yellow")
    lines += _written_out(report.written_out)
    for item in report.unequal:
        lines.append(f"{click.style('differs', fg='red')} {item.target}: {'.'.join(item.path) or 'the whole target'}")
    for finding in report.findings:
        place = f"{finding.position.path}:{finding.position.line}: " if finding.position else ""
        lines.append(f"{finding.severity}[{finding.code}] {place}{finding.message}")
    return [*lines, _verdict(report)]


def _verdict(report: Report) -> str:
    if report.proven:
        return click.style("ok", fg="green", bold=True) + ": the effective values of all targets are equal"
    nodes = _many(report.targets + len(report.failures), "node")
    equal = report.targets - len({item.target for item in report.unequal})
    return click.style("not proven", fg="red", bold=True) + f": the values of {equal} of {nodes} are equal"


def _losses(title: str, losses: Iterable[Loss], color: str) -> list[str]:
    lines = [f"  {_place(loss)}: {_safe(loss.what)}\n      {_safe(loss.why)}" for loss in losses]
    return [click.style(f"{title} ({len(lines)}):", fg=color), *lines] if lines else []


def _written_out(items: Iterable[WrittenOut]) -> list[str]:
    from gitconfigmgr.model.names import show_path

    lines = [f"  {item.target.namespace}: {_safe(show_path(item.path))}" for item in items]
    title = f"written out as values, because the layers alone would give others ({len(lines)}):"
    return [click.style(title, fg="yellow"), *lines] if lines else []


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _place(loss: Loss) -> str:
    return _safe(f"{loss.file}:{loss.line}" if loss.line else loss.file)


def _safe(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
