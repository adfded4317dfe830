"""`gitconfigmgr secret rekey`."""

from __future__ import annotations

import click

from gitconfigmgr.cli.secret import session


@click.command(
    "rekey",
    epilog="""\b
Examples:
  gitconfigmgr secret rekey --all
  gitconfigmgr secret rekey configs/acme/chat/production.yaml
  gitconfigmgr secret rekey --all --rewrap""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@session.all_files
@click.option("--rewrap", is_flag=True, help="Also wrap under the newest version of each key service's key.")
@session.base
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], everything: bool, rewrap: bool, base: str | None) -> None:  # noqa: FBT001 - click passes flags so
    """Bring the recipients of files to their rules in .sops.yaml. Data keys and values stay.

    Whoever was removed may still know the data key: `secret rotate-key`, or `secret offboard`, takes that away too.
    """
    from gitconfigmgr.app.secrets.keys import rekey_files

    bench, paths = session.Session(ctx, base).encrypted(files, everything=everything)
    changed = rekey_files(bench, paths, rewrap=rewrap)
    for path in changed:
        click.echo(f"rekeyed {path}")
    if not changed:
        click.echo("nothing to change")
