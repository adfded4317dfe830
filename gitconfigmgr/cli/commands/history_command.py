"""`gitconfigmgr history`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli.history.asking import of_target

if TYPE_CHECKING:
    from gitconfigmgr.app.records import Chronicle


@click.command(
    "history",
    epilog="""\b
Examples:
  gitconfigmgr history acme/chat -e production --html chat.html
  gitconfigmgr history acme/chat -e production --html - --limit 50 > chat.html""",
)
@of_target
@click.option("--html", "file", required=True, metavar="FILE", help="Write the page to a file; - is standard output.")
@click.option(
    "--limit", type=click.IntRange(1), default=500, show_default=True, metavar="N", help="The newest N versions."
)
def command(
    chronicle: Chronicle,
    namespace: str,
    environment: str,
    file: str,
    limit: int,
) -> None:
    """Write one page about a target: its timeline, what each version changed, and where every value comes from.

    The page is one file. It asks for nothing from anywhere, runs no script, and opens from a disk; secrets are masked.
    """
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.app.story import story
    from gitconfigmgr.cli.history.page import page

    text = page(story(chronicle, namespace, environment, limit))
    if file == "-":
        click.echo(text, nl=False)
    else:
        write_atomically(Path(file), text.encode())
        click.echo(f"{file}: {len(text.encode()) // 1024 + 1} KiB")
