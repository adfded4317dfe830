"""`gitconfigmgr secret offboard`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.secret import session


@click.command(
    "offboard",
    epilog="""\b
Examples:
  gitconfigmgr secret offboard --dry-run age1qfsd...
  gitconfigmgr secret offboard age1qfsd...""",
)
@click.argument("recipient", metavar="RECIPIENT")
@click.option("--dry-run", is_flag=True, help="Only tell what they could read.")
@options.output_format("text", "json")
@session.base
@click.pass_context
def command(ctx: click.Context, recipient: str, dry_run: bool, format_: str, base: str | None) -> None:  # noqa: FBT001 - click passes flags so
    """Take a recipient out of every file, with new data keys, and list the secrets that have to be changed.

    What somebody could read once, they may have kept: old commits stay readable to them. So each secret of the list has to
    be replaced where it was issued. Remove the recipient from .sops.yaml first.
    """
    from gitconfigmgr.app.secrets.keys import offboard, plan_leave
    from gitconfigmgr.model.names import many, show_path

    bench, _ = session.Session(ctx, base).bench()
    leave = plan_leave(bench, recipient)
    changed = [] if dry_run else offboard(bench, leave)
    exposed = [{"path": item.path, "alone": item.alone, "remaining_recipients": item.remaining,
                "keys": [show_path(path) for path in item.secrets]} for item in leave.exposures]  # fmt: skip
    if format_ == "json":
        options.print_json({"recipient": str(leave.recipient), "rules": leave.ruled, "changed": changed,
                            "exposed": exposed})  # fmt: skip
        return
    for place in leave.ruled:
        click.echo(f"still named in {place}")
    for path in changed:
        click.echo(f"took {leave.recipient} out of {session.safe(path)}, with a new data key")
    click.echo(f"{'could read' if dry_run else 'change these, which they could read'}:")
    for item in leave.exposures:
        shared = "" if item.alone else "  (together with others)"
        click.echo(f"  {session.safe(item.path)}: {many(len(item.secrets), 'secret')}{shared}")
        for secret in item.secrets:
            click.echo(f"      {session.safe(show_path(secret))}")
