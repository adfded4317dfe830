"""`gitconfigmgr history`."""

from __future__ import annotations

from pathlib import Path

import click

from gitconfigmgr.cli import options


@click.command(
    "history",
    epilog="""\b
Examples:
  gitconfigmgr history acme/chat -e production --html chat.html
  gitconfigmgr history acme/chat -e production --html - --limit 50 > chat.html""",
)
@click.argument("namespace")
@options.environment
@click.option("--html", "file", required=True, metavar="FILE", help="Write the page to a file; - is standard output.")
@click.option(
    "--limit", type=click.IntRange(1), default=500, show_default=True, metavar="N", help="The newest N versions."
)
@options.rev
@options.no_cache
@click.pass_context
def command(
    ctx: click.Context,
    namespace: str,
    environment: str,
    file: str,
    limit: int,
    rev: str | None,
    no_cache: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Write one page about a target: its timeline, what each version changed, and where every value comes from.

    The page is one file. It asks for nothing from anywhere, runs no script, and opens from a disk; secrets are masked.
    """
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.app.story import story
    from gitconfigmgr.cli.history.page import page
    from gitconfigmgr.wiring.trees import open_chronicle

    chronicle = open_chronicle(options.state(ctx, rev), cached=not no_cache)
    text = page(story(chronicle, namespace.strip("/"), environment, limit))
    if file == "-":
        click.echo(text, nl=False)
    else:
        write_atomically(Path(file), text.encode())
        click.echo(f"{file}: {len(text.encode()) // 1024 + 1} KiB")
