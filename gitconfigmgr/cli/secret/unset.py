"""`gitconfigmgr secret unset`."""

from __future__ import annotations

import click

from gitconfigmgr.cli.secret import session


@click.command(
    "unset",
    epilog="""\b
Examples:
  gitconfigmgr secret unset configs/acme/chat/production.yaml api.key
  gitconfigmgr secret unset acme/chat api.key -e production""",
)
@click.argument("where", metavar="FILE|NS")
@click.argument("key")
@session.environment
@session.base
@click.pass_context
def command(ctx: click.Context, where: str, key: str, environment: str | None, base: str | None) -> None:
    """Remove a key, or an item of a list, from an encrypted file."""
    from gitconfigmgr.app.secrets.values import unset_value

    bench, path = session.Session(ctx, base).target(where, environment)
    unset_value(bench, path, key)
    click.echo(f"removed {key} from {path}")
