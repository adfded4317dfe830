"""`gitconfigmgr secret get`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.secret import session


@click.command(
    "get",
    epilog="""\b
Examples:
  gitconfigmgr secret get configs/acme/chat/production.yaml api.key
  gitconfigmgr secret get acme/chat api.key -e production
  git show HEAD~1:secrets/prod.env | gitconfigmgr secret get --name secrets/prod.env - API_KEY""",
)
@click.argument("where", metavar="FILE|NS")
@click.argument("key")
@session.environment
@session.name
@options.output_format("text", "json")
@session.base
@click.pass_context
def command(
    ctx: click.Context,
    where: str,
    key: str,
    environment: str | None,
    name: str | None,
    format_: str,
    base: str | None,
) -> None:
    """Print one value in plaintext; the file is verified.

    Of a file, what stands there. Of a namespace in an environment, the effective value: merged, references resolved.
    """
    from gitconfigmgr.app.secrets.values import get_value

    here = session.Session(ctx, base)
    if environment is not None:
        from gitconfigmgr.app.secrets.effective import effective_value

        repository, bench, _ = here.repository()
        value = effective_value(repository, bench.providers, where, environment, key)
    else:
        bench, path = here.file(session.stdin_name(name) if where == "-" else where)
        value = get_value(bench, path, session.read_input() if where == "-" else bench.content(path), key)
    if format_ == "json":
        options.print_json(value)
    else:
        click.echo(session.value_text(value))
