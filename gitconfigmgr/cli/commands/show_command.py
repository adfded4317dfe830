"""`gitconfigmgr show`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options


@click.command(
    "show",
    epilog="""\b
Examples:
  gitconfigmgr show acme/chat -e production --version 17
  gitconfigmgr show acme/chat -e production --version 17 --format json""",
)
@click.argument("namespace")
@options.environment
@click.option("--version", "number", type=click.IntRange(1), metavar="N", help="The version; default: the newest.")
@options.rev
@options.output_format("text", "json")
@options.no_cache
@click.pass_context
def command(
    ctx: click.Context,
    namespace: str,
    environment: str,
    number: int | None,
    rev: str | None,
    format_: str,
    no_cache: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Print the effective document of a recorded version.

    Text is YAML below a heading of comments; JSON is the document alone. A secret shows as <secret>, in JSON by its kind.
    """
    from gitconfigmgr.app.log import entry_of, numbered
    from gitconfigmgr.cli.history.log_text import heading
    from gitconfigmgr.cli.history.values import block
    from gitconfigmgr.wiring.trees import open_chronicle

    chronicle = open_chronicle(options.state(ctx, rev), cached=not no_cache)
    target, version, document = numbered(chronicle, namespace.strip("/"), environment, number)
    if format_ == "json":
        options.print_json(document)
        return
    click.echo("\n".join([*heading(target, entry_of(chronicle, version)), *block(document, None)]))
