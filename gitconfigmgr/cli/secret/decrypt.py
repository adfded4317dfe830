"""`gitconfigmgr secret decrypt`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.secret import session


@click.command(
    "decrypt",
    epilog="""\b
Examples:
  gitconfigmgr secret decrypt configs/acme/chat/production.yaml
  gitconfigmgr secret decrypt secrets/prod.env --format json
  git show v1.4.0:secrets/prod.env | gitconfigmgr secret decrypt --name secrets/prod.env -""",
)
@click.argument("file", metavar="FILE")
@click.option("--in-place", is_flag=True, help="Replace the file by its plaintext, instead of printing it.")
@session.name
@options.output_format("text", "json")
@session.base
@click.pass_context
def command(ctx: click.Context, file: str, in_place: bool, name: str | None, format_: str, base: str | None) -> None:  # noqa: FBT001 - click passes flags so
    """Print a file in plaintext, verified; or replace it.

    Text keeps the file as it was before it was encrypted. JSON prints its values, a list where it has several documents.
    """
    from gitconfigmgr.app.secrets.files import decrypt_bytes, decrypt_data, decrypt_in_place

    here = session.Session(ctx, base)
    bench, path = here.file(session.stdin_name(name) if file == "-" else file)
    if in_place:
        if file == "-" or format_ == "json":
            raise click.UsageError("--in-place goes with a file, and with no --format.")
        decrypt_in_place(bench, path)
        click.echo(f"decrypted {path}")
        return
    data = session.read_input() if file == "-" else bench.content(path)
    if format_ == "json":
        options.print_json(decrypt_data(bench, path, data))
    else:
        session.write_output(decrypt_bytes(bench, path, data))
