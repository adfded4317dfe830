"""`gitconfigmgr secret keygen`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "keygen",
    epilog="""\b
Examples:
  gitconfigmgr secret keygen
  gitconfigmgr secret keygen -o recovery.txt
  gitconfigmgr secret keygen --seal -o seal.key""",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Default: where SOPS looks for it."
)
@click.option("--seal", is_flag=True, help="A key that signs seals (Ed25519), instead of an age identity.")
def command(output: str | None, seal: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Make an age identity that only you can read, and print the recipient that goes into .sops.yaml.

    With --seal, a key for `secret seal` and beside it, as FILE.pub, the one for `secret verify --strict`.
    """
    from gitconfigmgr.wiring.secrets import make_age_identity, make_seal_key

    if seal:
        if output is None:
            raise click.UsageError("Name the file of the key by -o.")
        public = make_seal_key(Path(output))
        click.echo(f"wrote {output}, to keep secret, and {public}, to commit")
        return
    place, recipient = make_age_identity(Path(output) if output else None)
    click.echo(f"wrote {place}", err=True)
    click.echo(recipient)
