"""`gitconfigmgr show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.history.asking import of_target

if TYPE_CHECKING:
    from gitconfigmgr.app.records import Chronicle


@click.command(
    "show",
    epilog="""\b
Examples:
  gitconfigmgr show acme/chat -e production --version 17
  gitconfigmgr show acme/chat -e production --version 17 --format json""",
)
@of_target
@click.option("--version", "number", type=click.IntRange(1), metavar="N", help="The version; default: the newest.")
@options.output_format("text", "json")
def command(
    chronicle: Chronicle,
    namespace: str,
    environment: str,
    number: int | None,
    format_: str,
) -> None:
    """Print the effective document of a recorded version.

    Text is YAML below a heading of comments; JSON is the document alone. A secret shows as <secret>, in JSON by its kind.
    """
    from gitconfigmgr.app.log import entry_of, numbered
    from gitconfigmgr.cli.history.log_text import heading
    from gitconfigmgr.cli.history.values import block

    target, version, document = numbered(chronicle, namespace, environment, number)
    if format_ == "json":
        options.print_json(document)
        return
    click.echo("\n".join([*heading(target, entry_of(chronicle, version)), *block(document, None)]))
