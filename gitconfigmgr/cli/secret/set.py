"""`gitconfigmgr secret set`."""

from __future__ import annotations

import click

from gitconfigmgr.cli.secret import session


@click.command(
    "set",
    epilog="""\b
Examples:
  gitconfigmgr secret set configs/acme/chat/production.yaml api.key
  openssl rand -hex 32 | gitconfigmgr secret set acme/chat session.key -e production
  gitconfigmgr secret set acme/chat limits.rps -e staging --type int < rps.txt""",
)
@click.argument("where", metavar="FILE|NS")
@click.argument("key")
@session.environment
@click.option("--type", "type_", type=click.Choice(["str", "int", "float", "bool"]), help="Default: the type it has.")
@click.option("--plain", is_flag=True, help="Set a value that the rule of the file leaves readable.")
@session.base
@click.pass_context
def command(
    ctx: click.Context,
    where: str,
    key: str,
    environment: str | None,
    type_: str | None,
    plain: bool,  # noqa: FBT001 - click passes flags so
    base: str | None,
) -> None:
    """Set one value, read from standard input or a hidden prompt, never from an argument.

    The line end at the end of the input does not count. Three lines of the file change. A file that is not there is made.
    """
    from gitconfigmgr.app.secrets.values import parsed, set_value

    parsed(key)
    bench, path = session.Session(ctx, base).target(where, environment)
    text = session.typed_value(f"value of {key}")
    changed = set_value(bench, path, key, text, type_, plain=plain)
    click.echo(f"set {key} in {path}" if changed else f"{key} in {path} has this value already")
