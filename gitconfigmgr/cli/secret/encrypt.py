"""`gitconfigmgr secret encrypt`."""

from __future__ import annotations

import click

from gitconfigmgr.cli.secret import session


@click.command(
    "encrypt",
    epilog="""\b
Examples:
  gitconfigmgr secret encrypt configs/acme/chat/production.yaml
  gitconfigmgr secret encrypt --name secrets/prod.env - < prod.env > secrets/prod.env""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@session.name
@click.option("--reseal", is_flag=True, help="Take encrypted files that were changed by hand; you vouch for them.")
@click.option("--passphrase", is_flag=True, help="For a passphrase, on one person's machine; SOPS cannot open that.")
@session.base
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[str, ...],
    name: str | None,
    reseal: bool,  # noqa: FBT001 - click passes flags so
    passphrase: bool,  # noqa: FBT001 - click passes flags so
    base: str | None,
) -> None:
    """Encrypt files in place, by the first rule of the nearest .sops.yaml that matches.

    All files are encrypted before the first is written. With - for a file, standard input goes to standard output.
    """
    from gitconfigmgr.app.secrets.files import encrypt_bytes, encrypt_files

    here = session.Session(ctx, base, confirm=passphrase)
    if files == ("-",):
        bench, path = here.file(session.stdin_name(name))
        data = session.read_input()
        session.write_output(encrypt_bytes(bench, path, data, reseal=reseal, passphrase=passphrase))
        return
    bench, paths = here.files(files)
    for path in encrypt_files(bench, paths, reseal=reseal, passphrase=passphrase):
        click.echo(f"encrypted {path}")
