"""`gitconfigmgr mv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import editing, options

if TYPE_CHECKING:
    from datetime import date


@click.command(
    "mv",
    epilog="""\b
Examples:
  gitconfigmgr mv acme/chat api.timeout api.timeout_seconds
  gitconfigmgr mv acme/chat limits api.limits -e production
  gitconfigmgr mv --namespace acme/chat acme/assistants/chat --commit -m "Chat joins the assistants" """,
)
@click.argument("names", nargs=-1, required=True, metavar="NS KEY NEWKEY")
@click.option("--namespace", "whole", is_flag=True, help="Move a namespace: mv --namespace OLD NEW.")
@click.option("-e", "--env", "environment", metavar="ENV", help="Only the file of this layer; default: all of them.")
@options.rev
@options.now
@editing.how
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    whole: bool,  # noqa: FBT001 - click passes flags so
    environment: str | None,
    rev: str | None,
    now: date | None,
    how: editing.How,
) -> None:
    """Rename or move a key in the files of its namespace, or move a namespace.

    Comments go with it, and references that name it are mended. What a namespace inherits depends on where it lies: the
    targets whose values change are shown.
    """
    from gitconfigmgr.app.moving import move_namespace, rename_key

    if len(names) != (2 if whole else 3):
        raise click.UsageError("Write mv --namespace OLD NEW." if whole else "Write mv NS KEY NEWKEY.")
    if whole and environment is not None:
        raise click.UsageError("A namespace moves in all environments; leave -e out.")
    state = options.state(ctx, rev, now)
    place, before = editing.begin(state, how)
    if whole:
        change = move_namespace(before, names[0], names[1])
    else:
        change = rename_key(before, names[0], names[1], names[2], environment)
    editing.carry_out(state, how, place, before, change)
