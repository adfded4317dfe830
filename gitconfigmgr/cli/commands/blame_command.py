"""`gitconfigmgr blame`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options


@click.command(
    "blame",
    epilog="""\b
Examples:
  gitconfigmgr blame acme/chat -e production
  gitconfigmgr blame acme/chat llm -e production --format json""",
)
@click.argument("namespace")
@click.argument("key", required=False)
@options.environment
@options.rev
@options.output_format("text", "json")
@options.no_cache
@click.pass_context
def command(
    ctx: click.Context,
    namespace: str,
    key: str | None,
    environment: str,
    rev: str | None,
    format_: str,
    no_cache: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Tell for every effective value which version made it so: commit, date and author.

    With a KEY only the values below it. What `explain` says of a line, this says of the value: a line may be old and
    effective only since an override above it went.
    """
    from gitconfigmgr.app.blame import as_json, blame
    from gitconfigmgr.cli.history.blame_text import as_text
    from gitconfigmgr.wiring.trees import open_chronicle

    chronicle = open_chronicle(options.state(ctx, rev), cached=not no_cache)
    found = blame(chronicle, namespace.strip("/"), environment, key)
    if format_ == "json":
        options.print_json(as_json(found))
    else:
        click.echo(as_text(found))
