"""`gitconfigmgr pr-report`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.reports.report import FORMATS as CHECK_FORMATS
from gitconfigmgr.cli.reports.report import FormatAndFile

if TYPE_CHECKING:
    from datetime import date

FORMATS = ("text", "markdown", "json")


@click.command(
    "pr-report",
    epilog="""\b
Examples:
  gitconfigmgr pr-report --base origin/main
  gitconfigmgr pr-report --base origin/main --format markdown -o comment.md
  gitconfigmgr pr-report --base origin/main --rev HEAD --report sarif=check.sarif""",
)
@click.option("--base", required=True, metavar="REV", help="What the change is to be merged into.")
@options.rev
@options.staged
@options.output_format(*FORMATS)
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write the page to a file.")
@click.option("--report", "reports", type=FormatAndFile(CHECK_FORMATS), multiple=True, metavar="FORMAT=FILE",
              help="Write the findings to a file, too, in a format of check; may be repeated.")  # fmt: skip
@click.option("--with-secrets", is_flag=True, help="Open what your keys open, to tell rotated from encrypted again.")
@click.option("--exit-code", is_flag=True, help="End with status 1 where the change brings an error, as check does.")
@click.option("--strict", is_flag=True, help="Warnings count as errors, and so end with status 1.")
@options.now
@options.jobs
@options.no_cache
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by name
    ctx: click.Context,
    base: str,
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    format_: str,
    output: str | None,
    reports: tuple[tuple[str, str], ...],
    with_secrets: bool,  # noqa: FBT001
    exit_code: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
    now: date | None,
    jobs: int | None,
    no_cache: bool,  # noqa: FBT001
) -> None:
    """Tell reviewers on one page what a change does.

    Effective values by target, new findings, what happens to rules, costs and places, and how far each edited line
    reaches. Secrets are never shown.
    """
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.app.pr_report import change_report
    from gitconfigmgr.cli.commands.check_command import signed
    from gitconfigmgr.cli.render import count
    from gitconfigmgr.cli.reports.report import Report, write
    from gitconfigmgr.cli.secret.session import asker, withheld
    from gitconfigmgr.wiring.changes import open_gate
    from gitconfigmgr.wiring.folders import open_memory, program_identity
    from gitconfigmgr.wiring.secrets import open_key_providers
    from gitconfigmgr.wiring.trees import prefix_of

    state = options.state(ctx, rev, now, staged=staged)
    gate = open_gate(state, base)
    store = None if no_cache else open_memory(state, base)
    identity = program_identity()
    if with_secrets:
        with withheld():
            providers = open_key_providers(state.folder, base, asker())
            found = change_report(gate, store, identity=identity, providers=providers, jobs=jobs)
    else:
        found = change_report(gate, store, identity=identity, jobs=jobs)
    found.checked = signed(state, gate, found.checked, None)
    before = gate.before.read if gate.before else None
    report = Report(found.checked, gate.judged.read, before, prefix_of(state, gate.judged.tree))
    text = str(import_module(f"gitconfigmgr.cli.reports.pr_{format_}").write(found, report))
    if output:
        write_atomically(Path(output), (click.unstyle(text) + "\n").encode())
    else:
        click.echo(text)
    for each, file in reports:
        write_atomically(Path(file), (click.unstyle(write(each, report)) + "\n").encode())
    counts = count(found.checked.diagnostics)
    options.finish(1 if (exit_code and counts["errors"]) or (strict and counts["warnings"] + counts["errors"]) else 0)
