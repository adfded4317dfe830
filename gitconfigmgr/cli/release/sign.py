"""`gitconfigmgr release sign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "sign",
    epilog="""\b
Examples:
  gitconfigmgr release sign
  gitconfigmgr release sign --to directory:published --keys my-keys --yes""",
)
@common.to
@common.keys
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def command(ctx: click.Context, destinations: tuple[str, ...], keys: Path | None, yes: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Add your signature to a release that waits for it; the last one publishes it."""
    import sys

    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.model.names import many

    tree = common.tree_of(common.releasing(ctx, None, destinations, keys))
    waiting = tree.waiting()
    if waiting is None:
        click.echo("nothing waits for a signature")
        return
    click.echo(f"release {waiting['release']}")
    for item in waiting["targets"]:
        secrets = ", with other secrets" if item["sealed"] else ""
        what = (
            f"version {item['version']} of {str(item['commit'])[:12]}, {item['digest']}{secrets}"
            if item["digest"]
            else ""
        )
        click.echo(f"  {item['change_type']:<8} {item['namespace']} {item['environment']}  {what}".rstrip())
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody is here to be asked: sign it?", "pass --yes")
        click.confirm("sign it", abort=True)
    found = tree.sign(waiting["seen"])
    if not found.added and found.missing and "online" not in found.missing:
        raise UsageError(
            "none of the keys here can sign it, or they have signed already", "see `gitconfigmgr keys status`"
        )
    signed = "signed; " if found.added else ""
    if not found.missing:
        click.echo(f"{signed}release {found.number} is published")
    elif "online" in found.missing:
        click.echo(
            f"{signed}release {found.number} has all signatures; whoever has the online key publishes it by `release sign`"
        )
    else:
        click.echo(f"{signed}{many(max(found.missing.values()), 'more signature')} needed")
