"""`gitconfigmgr unset`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import editing, options

if TYPE_CHECKING:
    from datetime import date


@click.command(
    "unset",
    epilog="""\b
Examples:
  gitconfigmgr unset acme/chat api.timeout -e production
  gitconfigmgr unset acme/chat api.timeout --commit -m "The default will do"
  gitconfigmgr set acme/chat api.timeout --json '{"$delete": true}' -e production   remove what a lower layer sets""",
)
@click.argument("namespace", metavar="NS")
@click.argument("key")
@editing.layer
@options.rev
@options.now
@editing.how
@click.pass_context
def command(
    ctx: click.Context,
    namespace: str,
    key: str,
    environment: str,
    rev: str | None,
    now: date | None,
    how: editing.How,
) -> None:
    """Remove a key from the file of a layer, with the comments that belong to it.

    Lower layers then decide. Maps that hold nothing else go too, and a file that is left empty.
    """
    from gitconfigmgr.app.setting import unset_key

    state = options.state(ctx, rev, now)
    place, before = editing.begin(state, how)
    editing.carry_out(state, how, place, before, unset_key(before, namespace, environment, key))
