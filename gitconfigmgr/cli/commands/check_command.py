"""`gitconfigmgr check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.reports.report import FORMATS, FormatAndFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.app.gate import Gate
    from gitconfigmgr.app.select import State
    from gitconfigmgr.cli.reports.report import Report


@click.command(
    "check",
    epilog="""\b
Examples:
  gitconfigmgr check                       the work tree
  gitconfigmgr check --staged              what the next commit holds
  gitconfigmgr check --staged --scan       and secrets in any file it changes
  gitconfigmgr check --rev origin/main -e production
  gitconfigmgr check configs/acme/chat --format json
  gitconfigmgr check --base origin/main    what this branch brings, by the rules of main
  gitconfigmgr check --base origin/main --format github --report sarif=check.sarif""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.rev
@options.staged
@click.option("--base", metavar="REV", help="Judge what has changed since REV, by the rules of REV.")
@click.option("--all", "everything", is_flag=True, help="With --base: show what was known before, too.")
@options.namespaces
@options.environments
@options.output_format(*FORMATS)
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write the report to a file.")
@click.option("--report", "reports", type=FormatAndFile(), multiple=True, metavar="FORMAT=FILE",
              help="Write one more report to a file; may be repeated.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--redundancy", is_flag=True, help="Look for values that change nothing, too.")
@click.option("--with-secrets", is_flag=True, help="Open what your keys open, and check what is inside.")
@click.option("--scan", is_flag=True, help="With --staged: all that scan finds in what the commit changes, too.")
@click.option("--signatures", metavar="PATH",
              help="With --base: every commit is signed by a key in this file of allowed signers, as REV has it.")  # fmt: skip
@options.now
@options.jobs
@options.no_cache
@click.pass_context
def command(  # noqa: PLR0913, PLR0915, PLR0917 - click passes each option by name, and each adds its step
    ctx: click.Context,
    paths: tuple[str, ...],
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    base: str | None,
    everything: bool,  # noqa: FBT001 - click passes flags so
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    format_: str,
    output: str | None,
    reports: tuple[tuple[str, str], ...],
    strict: bool,  # noqa: FBT001 - click passes flags so
    redundancy: bool,  # noqa: FBT001 - click passes flags so
    with_secrets: bool,  # noqa: FBT001 - click passes flags so
    scan: bool,  # noqa: FBT001 - click passes flags so
    signatures: str | None,
    now: date | None,
    jobs: int | None,
    no_cache: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Check everything: files, merge, references, schemas, rules.

    With PATHs only what these files take part in. Ends with status 1 where there is an error.
    """
    from gitconfigmgr.app.check import Checked, check
    from gitconfigmgr.cli import render
    from gitconfigmgr.cli.reports.report import Report
    from gitconfigmgr.rules import SettingsError
    from gitconfigmgr.wiring.folders import open_memory, program_identity
    from gitconfigmgr.wiring.trees import open_repository, prefix_of

    if base is None and (everything or signatures):
        raise click.UsageError("--all and --signatures go with --base: they are about a change.")
    if scan and not staged:
        raise click.UsageError("--scan goes with --staged; `gitconfigmgr scan` looks at other states.")
    state = options.state(ctx, rev, now, staged=staged)
    inside = relative_paths(state.folder, paths)
    chosen = options.selection(namespaces, environments)
    written = [(format_, output), *reports]
    gate = None
    try:
        if base is not None:
            from gitconfigmgr.wiring.changes import open_gate

            gate = open_gate(state, base)
        repository = gate.judged if gate else open_repository(state)
    except SettingsError as error:
        if format_ == "text" and not reports:
            raise
        from gitconfigmgr.wiring.trees import open_tree

        _write(written, Report(Checked(error.findings, 0, 0), error.read, prefix=prefix_of(state, open_tree(state))))
        options.finish(2)
    store = None if no_cache else open_memory(state, base)
    identity = program_identity()
    if gate is not None:
        from gitconfigmgr.app.gate import check_change

        checked = check_change(gate, chosen, inside, store, identity=identity, jobs=jobs)
        checked = signed(state, gate, checked, signatures)
    else:
        checked = check(repository, chosen, inside, store, identity=identity, jobs=jobs)
    if redundancy:
        from gitconfigmgr.app.redundancy import with_redundancy

        found = with_redundancy(checked, repository, inside)
        checked = _of_change(gate, checked, found)
    if scan:
        from gitconfigmgr.app.scan import with_scan
        from gitconfigmgr.cli.commands.scan_command import staged_contents

        checked = with_scan(checked, staged_contents(state.folder))
    if with_secrets:
        from gitconfigmgr.cli.secret.session import look_inside

        before = gate.before if gate else None
        checked = look_inside(state, repository, checked, chosen, inside, jobs, base=base, before=before)
    read_before = gate.before.read if gate and gate.before else None
    _write(written, Report(checked, repository.read, read_before, prefix_of(state, repository.tree), everything))
    counts = render.count(checked.diagnostics)
    options.finish(1 if counts["errors"] or (strict and counts["warnings"]) else 0)


def _of_change(gate: Gate | None, before: Checked, after: Checked) -> Checked:
    """A check with more in it; of a change, what more stands on its lines."""
    if gate is None:
        return after
    from gitconfigmgr.app.gate import on_lines_of_change

    return on_lines_of_change(gate, before, after)


def signed(state: State, gate: Gate, checked: Checked, signers: str | None) -> Checked:
    """The check with the signatures of the commits, where a file of signers is named, here or in the settings."""
    from gitconfigmgr.app.signatures import with_signatures
    from gitconfigmgr.wiring.changes import open_commits

    path = signers or gate.judged.settings.signatures
    return (
        checked if path is None else with_signatures(checked, gate.judged.rules, open_commits(state, gate.base), path)
    )


def _write(written: Sequence[tuple[str, str | None]], report: Report) -> None:
    """The report in each format, to its file; to standard output where there is none."""
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.cli.reports.report import write

    for format_, file in written:
        text = write(format_, report)
        if file is None:
            click.echo(text)
        else:
            write_atomically(Path(file), (click.unstyle(text) + "\n").encode())


def relative_paths(folder: Path, paths: tuple[str, ...]) -> list[str]:
    """Paths as given, from the root of the config repository."""
    if not paths:
        return []
    from gitconfigmgr.app.select import find_root

    root = find_root(folder)
    found = []
    for path in paths:
        place = (folder / path).absolute()
        if not place.exists() and not place.is_symlink():
            raise click.UsageError(f"There is no {path}.")
        place = place.parent.resolve() / place.name if place.name != ".." else place.resolve()
        if place != root and root not in place.parents:
            raise click.UsageError(f"{path} lies outside the config repository.")
        found.append("configs" if place == root else place.relative_to(root).as_posix())
    return found
