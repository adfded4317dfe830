"""`gitconfigmgr blame`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.history.asking import of_target

if TYPE_CHECKING:
    from gitconfigmgr.app.records import Chronicle


@click.command(
    "blame",
    epilog="""\b
Examples:
  gitconfigmgr blame acme/chat -e production
  gitconfigmgr blame acme/chat llm -e production --format json""",
)
@of_target
@click.argument("key", required=False)
@options.output_format("text", "json")
def command(
    chronicle: Chronicle,
    namespace: str,
    key: str | None,
    environment: str,
    format_: str,
) -> None:
    """Tell for every effective value which version made it so: commit, date and author.

    With a KEY only the values below it. What `explain` says of a line, this says of the value: a line may be old and
    effective only since an override above it went.
    """
    from gitconfigmgr.app.blame import as_json, blame
    from gitconfigmgr.cli.history.blame_text import as_text

    found = blame(chronicle, namespace, environment, key)
    if format_ == "json":
        options.print_json(as_json(found))
    else:
        click.echo(as_text(found))
