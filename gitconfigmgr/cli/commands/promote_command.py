"""`gitconfigmgr promote`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.history import committing

if TYPE_CHECKING:
    from gitconfigmgr.cli.editing import How


@click.command(
    "promote",
    epilog="""\b
Examples:
  gitconfigmgr diff --envs staging..production -n acme/chat
  gitconfigmgr promote acme/chat --from staging --to production --dry-run
  gitconfigmgr promote acme/chat llm.temperature prompts --from staging --to production
  gitconfigmgr promote acme/chat --layer --from staging --to production -m "Release 12" """,
)
@click.argument("namespace", metavar="NS")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--from", "first", required=True, metavar="ENV", help="The environment whose values are carried.")
@click.option("--to", "second", required=True, metavar="ENV", help="The environment that gets them.")
@click.option("--layer", is_flag=True, help="What the layer's file says, with references, not effective values.")
@options.rev
@committing.how
@click.pass_context
def command(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    namespace: str,
    keys: tuple[str, ...],
    first: str,
    second: str,
    layer: bool,  # noqa: FBT001 - click passes flags so
    rev: str | None,
    how: How,
) -> None:
    """Make one commit that carries values from one environment to another: some keys, or all but secrets.

    The diff is shown first. The secrets of the environment stay; other targets keep their documents, but for those that
    refer to this one where --force is given.
    """
    from gitconfigmgr.app.promote import promote, promote_layer
    from gitconfigmgr.cli.editing import diff_text

    work = committing.Work(options.state(ctx, rev), how)
    names = (first, second)
    namespace = namespace.strip("/")
    carry = promote_layer if layer else promote
    change = carry(work.repository, work.reopen, namespace, keys, names, others=how.force)
    if how.format_ == "text" and not how.dry_run:
        click.echo(diff_text(work.place.tree, change.files), nl=False)
    work.finish(change, f"Promote {', '.join(keys) or namespace} from {first} to {second}")
