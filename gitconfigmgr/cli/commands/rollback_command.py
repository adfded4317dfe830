"""`gitconfigmgr rollback`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.history import committing

if TYPE_CHECKING:
    from gitconfigmgr.cli.editing import How


@click.command(
    "rollback",
    epilog="""\b
Examples:
  gitconfigmgr log acme/chat -e production
  gitconfigmgr rollback acme/chat -e production --to 17 --dry-run
  gitconfigmgr rollback acme/chat -e production --to 17 -m "Timeouts at the gateway"
  gitconfigmgr -C config.git rollback acme/chat -e production --to 17 --rev main -m "..." """,
)
@click.argument("namespace", metavar="NS")
@options.environment
@click.option("--to", "number", type=click.IntRange(1), required=True, metavar="N", help="The version to go back to.")
@options.rev
@committing.how
@click.pass_context
def command(ctx: click.Context, namespace: str, environment: str, number: int, rev: str | None, how: How) -> None:
    """Make one commit after which the effective document is that of a recorded version.

    The smallest edit of the target's own layers is looked for, and proven before it is committed: the document equals
    the version exactly, and no other target changes. Where a layer that other environments share has to change, these
    keep their values by their own files. Where other targets refer to this one, --force lets them change with it.
    """
    from gitconfigmgr.app.rollback import rollback
    from gitconfigmgr.model.names import Target

    if not how.message.strip() and not how.dry_run:
        raise click.UsageError("A rollback needs a reason: -m REASON.")
    work = committing.Work(options.state(ctx, rev), how)
    target = Target(namespace.strip("/"), environment)
    found = rollback(work.repository, work.reopen, work.chronicle(), target, number, others=how.force)
    work.finish(found.change, f"Roll {target} back to version {number}", found.trailer)
