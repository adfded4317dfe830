"""`gitconfigmgr log`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.history.asking import of_target

if TYPE_CHECKING:
    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.app.story import Chapter


@click.command(
    "log",
    epilog="""\b
Examples:
  gitconfigmgr log acme/chat -e production
  gitconfigmgr log acme/chat -e production --graph
  gitconfigmgr log acme/chat -e production --limit 3 --patch""",
)
@of_target
@click.option("--graph", is_flag=True, help="Draw where rollbacks lead.")
@click.option("--patch", is_flag=True, help="Show the changes of each version.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the newest N.")
@click.option("--follow", is_flag=True, help="Go on with the name the namespace had before.")
@options.output_format("text", "json")
def command(  # noqa: PLR0917 - click passes each option by name
    chronicle: Chronicle,
    namespace: str,
    environment: str,
    graph: bool,  # noqa: FBT001 - click passes flags so
    patch: bool,  # noqa: FBT001
    limit: int | None,
    follow: bool,  # noqa: FBT001
    format_: str,
) -> None:
    """List the versions of a target, newest first.

    A version is a commit of the branch (first parents) that changed the effective document: by which change, when, by
    whom and why. Versions are counted from the first commit, so their numbers stay.
    """
    from gitconfigmgr.app.log import as_json, log
    from gitconfigmgr.cli.history.log_text import as_text

    found = log(chronicle, namespace, environment, follow=follow, limit=limit)
    if format_ == "json":
        options.print_json(as_json(found))
    else:
        chapters: list[Chapter] = []
        if patch:
            from gitconfigmgr.app.story import told

            chapters = told(chronicle, found.entries)
        plain = not (sys.stdout.encoding or "").lower().startswith("utf")
        click.echo(as_text(found, graph=graph, chapters=chapters, ascii_only=plain))
