"""`gitconfigmgr diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from datetime import date

    from gitconfigmgr.app.diff import Diff
    from gitconfigmgr.app.select import Selection

FORMATS = ("text", "json", "markdown", "jsonpatch")


@click.command(
    "diff",
    epilog="""\b
Examples:
  gitconfigmgr diff                              HEAD and the work tree
  gitconfigmgr diff main..HEAD -e production
  gitconfigmgr diff origin/main...HEAD --format markdown
  gitconfigmgr diff --envs staging..production -n acme/chat""",
)
@click.argument("revisions", required=False, metavar="[A..B]")
@click.option("--envs", metavar="ENV..ENV", help="Compare two environments of one state instead.")
@options.namespaces
@options.environments
@options.rev
@options.staged
@click.option("--stat", is_flag=True, help="Only how much changed in each target.")
@click.option("--full", is_flag=True, help="Long values in full.")
@click.option("--exit-code", is_flag=True, help="End with status 1 where there is a difference.")
@options.output_format(*FORMATS)
@options.now
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by name
    ctx: click.Context,
    revisions: str | None,
    envs: str | None,
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    stat: bool,  # noqa: FBT001
    full: bool,  # noqa: FBT001
    exit_code: bool,  # noqa: FBT001
    format_: str,
    now: date | None,
) -> None:
    """Show how effective documents differ, by target: what, where, and why.

    A..B compares two revisions, A...B what B changed since it left A, A alone with the work tree. Files that changed
    without any effect are named. A secret shows as <secret>; a new ciphertext of it is a change.
    """
    selection = options.selection(namespaces, environments)
    if envs is not None:
        if revisions or environments:
            raise click.UsageError("--envs names both sides; leave A..B and -e out, and name the state by --rev.")
        found = _between_environments(
            options.state(ctx, rev, now, staged=staged), envs, selection, (stat, full), format_
        )
    else:
        if rev is not None:
            raise click.UsageError("Name revisions as A..B; --rev goes with --envs.")
        found = _between_revisions(ctx, revisions, selection, (stat, full), format_, staged=staged)
    if exit_code:
        options.finish(1 if found.targets else 0)


def _between_revisions(
    ctx: click.Context,
    revisions: str | None,
    selection: Selection,
    show: tuple[bool, bool],
    format_: str,
    *,
    staged: bool,
) -> Diff:
    from gitconfigmgr.app.diff import as_json, diff
    from gitconfigmgr.app.ranges import read_range
    from gitconfigmgr.wiring.changes import open_range

    before, after, names = open_range(options.state(ctx), read_range(revisions), staged=staged)
    found = diff(before, after, selection)
    _print(found, names, show, format_, as_json(found, names) if format_ == "json" else None, selection)
    return found


def _between_environments(state: Any, envs: str, selection: Selection, show: tuple[bool, bool], format_: str) -> Diff:
    from gitconfigmgr.app.parity import as_json, parity
    from gitconfigmgr.app.ranges import read_environments
    from gitconfigmgr.cli.history.parity_text import as_text
    from gitconfigmgr.wiring.changes import open_history
    from gitconfigmgr.wiring.trees import open_repository

    names = read_environments(envs)
    repository = open_repository(state)
    found = parity(repository, open_history(state, repository.tree, many=True), names, selection)
    if format_ == "text" and not show[0]:
        click.echo(as_text(found, names, full=show[1]))
    else:
        _print(found.diff, names, show, format_, as_json(found, names) if format_ == "json" else None, selection)
    return found.diff


def _print(
    found: Diff, names: tuple[str, str], show: tuple[bool, bool], format_: str, record: Any, selection: Selection
) -> None:
    from gitconfigmgr.cli.history import diff_text
    from gitconfigmgr.cli.history.diff_markdown import as_markdown

    stat, full = show
    if format_ == "json":
        options.print_json(record)
    elif format_ == "jsonpatch":
        options.print_json(_patches(found, selection))
    elif format_ == "markdown":
        click.echo(as_markdown(found, names), nl=False)
    elif stat:
        click.echo(diff_text.as_stat(found, names))
    else:
        click.echo(diff_text.as_text(found, names, full=full))


def _patches(found: Diff, selection: Selection) -> Any:
    """One patch where the options name one target, else the patches of all."""
    single = len(selection.namespaces) == len(selection.environments) == 1 and not set(selection.namespaces[0]) & set(
        "*?["
    )
    if single:
        return found.targets[0].patch if found.targets else []
    return [
        {"namespace": i.target.namespace, "environment": i.target.environment, "patch": i.patch} for i in found.targets
    ]
