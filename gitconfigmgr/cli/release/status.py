"""`gitconfigmgr release status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "status",
    epilog="""\b
Examples:
  gitconfigmgr release status
  gitconfigmgr release status --format json""",
)
@common.to
@common.keys
@options.output_format("text", "json")
@click.pass_context
def command(ctx: click.Context, destinations: tuple[str, ...], keys: Path | None, format_: str) -> None:
    """Tell what is published, what is rolled out in part, what is pinned and by whom."""
    from datetime import UTC, datetime

    from gitconfigmgr.app.release.tending import status, trusted_of

    tree = common.tree_of(common.releasing(ctx, None, destinations, keys))
    trusted_of(tree)
    held = tree.held()
    found = status(tree, datetime.now(UTC).date())
    if format_ == "json":
        ending = dict(held.ending)
        options.print_json({"release": held.number, "commit": held.commit, "targets": found, "ending": ending})
        return
    for role, said in held.ending.items():
        click.echo(f"warning: {role} {said}", err=True)
    click.echo(f"release {held.number} of {str(held.commit)[:12]}")
    for item in found:
        said = []
        if item["rollout"]:
            said.append(f"{item['rollout']['percent']} percent, the others version {item['rollout']['from']}")
        if item["pin"]:
            said.append(f"pinned by {item['pin']['owner']} until {item['pin']['until']}: {item['pin']['reason']}")
        if item["pin_ended"]:
            said.append("its pin has ended")
        shown = f"  ({'; '.join(said)})" if said else ""
        click.echo(f"{item['version']:>5}  {item['namespace']} {item['environment']}{shown}")
    waiting = tree.waiting()
    if waiting is not None:
        click.echo(f"release {waiting['release']} waits for signatures: `gitconfigmgr release sign`")
