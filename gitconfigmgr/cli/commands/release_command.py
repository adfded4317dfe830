"""`gitconfigmgr release`: publishes; with a further word it is about what was published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common
from gitconfigmgr.cli.tables import CommandTable

if TYPE_CHECKING:
    from pathlib import Path

    from gitconfigmgr.app.diff import Diff
    from gitconfigmgr.app.release.run import Outcome, Releasing, Stage
    from gitconfigmgr.app.select import Selection
    from gitconfigmgr.pipeline import Repository

    Shown = tuple[Diff, tuple[str, str]]

MOST_LINES = 20
COMMANDS = {
    "list": "List the releases of a published tree.",
    "status": "Tell what is published, what is rolled out, pinned, about to end.",
    "show": "Show the receipt of a release.",
    "sign": "Add your signature to a release that waits for it.",
    "rollout": "Give the release under way to more readers.",
    "pin": "Keep a target at a version for a time.",
    "unpin": "End a pin.",
    "rollback": "Publish an older version again, as a new release.",
    "prune": "Remove what no reader can ask for any more.",
}


class Releases(CommandTable):
    """`gitconfigmgr release list` and so on."""

    table = COMMANDS
    package = "gitconfigmgr.cli.release"


@click.command(
    "release",
    cls=Releases,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    epilog="""\b
Examples:
  gitconfigmgr release --to directory:published --dry-run
  gitconfigmgr release -e production --percent 10
  gitconfigmgr release rollout 50 -e production -m 'no more errors than before'
  gitconfigmgr release --allow budget -m 'twice the prompts, agreed in OPS-12'

Refused, each unless --allow names it: dirty (work tree), branch (not the
protected one), findings, budget, older (than what is published), lost (a
published tree that is not whole).""",
)
@options.rev
@common.to
@options.namespaces
@options.environments
@click.option("--dry-run", is_flag=True, help="Tell what would be published, and how it differs; write nothing.")
@click.option(
    "--percent", type=click.IntRange(1, 100), default=100, metavar="N", help="Begin with N percent of readers."
)
@click.option("--allow", multiple=True, metavar="REFUSAL", help="Set a refusal aside; needs -m.")
@common.reason
@common.keys
@common.as_json
@options.jobs
@options.no_cache
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by name
    ctx: click.Context,
    rev: str | None,
    destinations: tuple[str, ...],
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - click passes flags so
    percent: int,
    allow: tuple[str, ...],
    reason: str | None,
    keys: Path | None,
    as_json: bool,  # noqa: FBT001 - click passes flags so
    jobs: int | None,
    no_cache: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Check, compile, sign and publish the targets that changed since what is published."""
    if ctx.invoked_subcommand is not None:
        return
    from gitconfigmgr.app.release.gate import Gate
    from gitconfigmgr.app.release.run import Request

    gate = Gate(frozenset(allow), reason, common.actor())
    work = common.releasing(ctx, rev, destinations, keys, gate, cached=not no_cache)
    work.jobs = jobs
    selection = options.selection(namespaces, environments)
    outcome = work.run(Request(selection, percent, dry_run, explicit=rev is not None))
    _report(outcome, _differences(ctx, outcome, work, selection) if dry_run else [], as_json=as_json)


def _report(outcome: Outcome, differences: list[Shown], *, as_json: bool) -> None:
    from gitconfigmgr.app.diff import as_json as diff_json
    from gitconfigmgr.app.release.run import receipt, summary

    common.ci_outputs({"release": outcome.number or "", "changed": outcome.changed, "commit": outcome.commit})
    if as_json:
        shown = receipt(outcome)
        if differences:
            shown["diff"] = [target for found in differences for target in diff_json(*found)["targets"]]
        options.print_json(shown)
        return
    for stage in outcome.stages:
        _stage(stage)
    for item in outcome.overrides:
        click.echo(f"note: set aside: {item['message']} ({item['actor']}: {item['reason']})", err=True)
    for note in outcome.notes:
        click.echo(f"note: {note}", err=True)
    for found in differences:
        from gitconfigmgr.cli.history.diff_text import as_text

        click.echo(f"\n{as_text(*found)}\n")
    click.echo(summary(outcome))


def _stage(stage: Stage) -> None:
    """What one destination was given."""
    from gitconfigmgr.app.release.run import notes_of
    from gitconfigmgr.release.emit.report import loss_lines

    changes = sorted(stage.release.changes.items()) if stage.release is not None else []
    if changes:
        click.echo(stage.publisher.name)
    for target, change in changes[:MOST_LINES]:
        click.echo(f"  {change.type:<8} {target.namespace} {target.environment}, version {change.version}")
    if len(changes) > MOST_LINES:
        click.echo(f"  and {len(changes) - MOST_LINES} more")
    for line in loss_lines(stage.publisher.name, stage.publication.losses if stage.publication else ()):
        click.echo(line if line.startswith(" ") else f"note: {line}", err=True)
    for text in notes_of(stage):
        click.echo(f"note: {text}", err=True)


def _differences(ctx: click.Context, outcome: Outcome, work: Releasing, selection: Selection) -> list[Shown]:
    """How the documents differ from what is published: by the bytes of a tree, else by the commit they came from."""
    from gitconfigmgr.app.release.contents import planned

    found: list[Shown] = []
    for stage in outcome.stages:
        difference = planned(stage, work.repository)
        if difference is not None:
            found.append((difference, (f"release {stage.held.number}", outcome.commit[:12])))
    return found or _by_commit(ctx, outcome, work.repository, selection)


def _by_commit(ctx: click.Context, outcome: Outcome, repository: Repository, selection: Selection) -> list[Shown]:
    """None where this clone does not have the commit, or destinations hold several."""
    from gitconfigmgr.app.diff import diff
    from gitconfigmgr.errors import GitConfigError
    from gitconfigmgr.wiring.trees import open_repository

    commits = {stage.held.commit for stage in outcome.stages if stage.release is not None}
    if len(commits) != 1 or None in commits:
        return []
    [before] = commits
    try:
        found = diff(open_repository(options.state(ctx, before)), repository, selection)
    except GitConfigError:
        return []
    return [(found, (str(before)[:12], outcome.commit[:12]))]
