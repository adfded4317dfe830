"""`gitconfigmgr test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from datetime import date


@click.command(
    "test",
    epilog="""\b
Examples:
  gitconfigmgr test
  gitconfigmgr test tests/chat.yaml --coverage
  gitconfigmgr test --rev HEAD --format junit > report.xml""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.rev
@options.staged
@click.option(
    "--coverage", is_flag=True, help="List the overrides and the rules of schemas and policies that no test touches."
)
@options.output_format("text", "json", "junit")
@options.now
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[str, ...],
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    coverage: bool,  # noqa: FBT001 - click passes flags so
    format_: str,
    now: date | None,
) -> None:
    """Run the config unit tests: tests/*.yaml of the repository.

    Each says what effective values must be in some targets. Ends with status 1 where one fails.
    """
    from gitconfigmgr.app.config_tests import run_config_tests
    from gitconfigmgr.cli.commands.check_command import relative_paths
    from gitconfigmgr.cli.tested import show
    from gitconfigmgr.wiring.trees import open_repository

    state = options.state(ctx, rev, now, staged=staged)
    repository = open_repository(state)
    inside = relative_paths(state.folder, paths) if rev is None and not staged else [path.strip("/") for path in paths]
    show(run_config_tests(repository, inside, coverage=coverage), format_, repository.read)
