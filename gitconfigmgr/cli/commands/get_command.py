"""`gitconfigmgr get`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from datetime import date


@click.command(
    "get",
    epilog="""\b
Examples:
  gitconfigmgr get acme/chat api.timeout -e production
  gitconfigmgr get acme/chat -e staging --format json
  gitconfigmgr get acme/chat models.endpoints.0.id -e production --rev v1.4.0""",
)
@click.argument("namespace")
@click.argument("key", required=False)
@options.environment
@options.rev
@options.staged
@options.output_format("text", "json", "yaml")
@options.now
@click.pass_context
def command(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    namespace: str,
    key: str | None,
    environment: str,
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    format_: str,
    now: date | None,
) -> None:
    """Print the effective value of a KEY, or the whole document.

    Text prints a scalar as it is and anything else as YAML. A secret shows as <secret>.
    """
    from gitconfigmgr.app.explain import effective
    from gitconfigmgr.cli.render import value_text
    from gitconfigmgr.model.values import plain
    from gitconfigmgr.wiring.trees import open_repository

    node = effective(open_repository(options.state(ctx, rev, now, staged=staged)), namespace, environment, key)
    if format_ == "json":
        options.print_json(plain(node))
    else:
        click.echo(value_text(node, always_yaml=format_ == "yaml"))
