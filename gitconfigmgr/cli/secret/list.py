"""`gitconfigmgr secret list`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.secret import session


@click.command(
    "list",
    epilog="""\b
Examples:
  gitconfigmgr secret list configs/acme/chat/production.yaml
  gitconfigmgr secret list acme/chat -e production --format json""",
)
@click.argument("where", metavar="FILE|NS")
@session.environment
@options.output_format("text", "json")
@click.pass_context
def command(ctx: click.Context, where: str, environment: str | None, format_: str) -> None:
    """List the keys of an encrypted file with their types. No key is needed, and no value is shown."""
    from gitconfigmgr.app.secrets.values import list_values

    bench, path = session.Session(ctx).target(where, environment)
    found = list_values(bench, path)
    if format_ == "json":
        options.print_json({"path": path, "values": [item._asdict() for item in found]})
        return
    width = max((len(session.safe(item.key)) for item in found), default=0)
    for item in found:
        state = "secret" if item.encrypted else "in plaintext, against the rule" if _exposed(item) else "plain"
        click.echo(f"{session.safe(item.key):{width}}  {item.type:5}  {state}")


def _exposed(item: object) -> bool:
    return bool(getattr(item, "selected")) and getattr(item, "type") != "null"  # noqa: B009
