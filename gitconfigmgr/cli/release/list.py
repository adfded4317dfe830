"""`gitconfigmgr release list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "list",
    epilog="""\b
Examples:
  gitconfigmgr release list
  gitconfigmgr release list --to directory:published --format json""",
)
@common.to
@common.keys
@click.option("--limit", type=click.IntRange(1), default=20, metavar="N", show_default=True, help="At most so many.")
@options.output_format("text", "json")
@click.pass_context
def command(ctx: click.Context, destinations: tuple[str, ...], keys: Path | None, limit: int, format_: str) -> None:
    """List the releases of a published tree, newest first."""
    from itertools import islice

    from gitconfigmgr.app.release.tending import BY_HAND, receipts
    from gitconfigmgr.model.names import many

    tree = common.tree_of(common.releasing(ctx, None, destinations, keys))
    found = list(islice(receipts(tree), limit))
    if format_ == "json":
        options.print_json({"releases": found})
        return
    for item in found:
        kinds = {override["refusal"] for override in item["overrides"]}
        note = f"  ({BY_HAND})" if kinds == {BY_HAND} else "  (refusals set aside)" if kinds else ""
        what = many(len(item["targets"]), "target")
        click.echo(f"{item['release']:>5}  {item['published_at']}  {item['commit'][:12]}  {what}{note}")
