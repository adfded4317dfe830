"""`gitconfigmgr secret edit`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli.secret import session

if TYPE_CHECKING:
    from gitconfigmgr.errors import GitConfigError


@click.command(
    "edit",
    epilog="""\b
Examples:
  gitconfigmgr secret edit configs/acme/chat/production.yaml
  EDITOR="code --wait" gitconfigmgr secret edit acme/chat -e production

The editor is that of SOPS_EDITOR, VISUAL or EDITOR. Swap files beside the text vanish
with it; editors that keep backups elsewhere have to be told not to.""",
)
@click.argument("where", metavar="FILE|NS")
@session.environment
@click.option("--resume", type=click.Path(exists=True, dir_okay=False), metavar="KEPT", help="Go on with a kept text.")
@session.base
@click.pass_context
def command(ctx: click.Context, where: str, environment: str | None, resume: str | None, base: str | None) -> None:
    """Open a file in plaintext in your editor, and encrypt what you save. A file that is not there is made.

    Values that you do not touch keep their encrypted form; without a change nothing is written. The plaintext lies in a
    private folder, in memory where possible, and is removed however the command ends. A text that cannot be saved is kept
    encrypted.
    """
    from pathlib import Path

    from gitconfigmgr.app.secrets.editing import edit_file
    from gitconfigmgr.wiring.secrets import open_desk

    here = session.Session(ctx, base)
    bench, path = here.target(where, environment)
    kept = Path(resume).read_bytes() if resume else None
    changed = edit_file(bench, path, open_desk(here.folder, _again), kept)
    if changed and resume:
        Path(resume).unlink(missing_ok=True)
    click.echo(f"encrypted {path}" if changed else f"{path} is unchanged")


def _again(error: GitConfigError) -> bool:
    """Whether to open the editor again; nobody is asked where nobody is there."""
    if not sys.stdin.isatty():
        return False
    click.echo(f"error: {error}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
    return click.confirm("open the editor again?", default=True, err=True)
