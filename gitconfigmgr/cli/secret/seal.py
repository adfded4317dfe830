"""`gitconfigmgr secret seal`."""

from __future__ import annotations

from pathlib import Path

import click

from gitconfigmgr.cli.secret import session


@click.command(
    "seal",
    epilog="""\b
Examples:
  gitconfigmgr secret keygen --seal -o ~/.config/gitconfigmgr/seal.key
  gitconfigmgr secret seal --key ~/.config/gitconfigmgr/seal.key""",
)
@click.option("--key", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The key that signs.")
@click.option("--manifest", metavar="FILE", help="Default: secrets.seal.json at the top of the repository.")
@session.base
@click.pass_context
def command(ctx: click.Context, key: Path, manifest: str | None, base: str | None) -> None:
    """Verify all encrypted files, and sign their state: paths, keys, types, recipients, rules and content.

    `secret verify --strict` holds files against it, without a key that opens them. It refuses what SOPS accepts: renamed
    and moved keys, changed types, replaced and copied files, and older versions.
    """
    from gitconfigmgr.app.secrets.seals import MANIFEST, seal_files
    from gitconfigmgr.model.names import many
    from gitconfigmgr.wiring.changes import head_commit
    from gitconfigmgr.wiring.secrets import open_seal_key, open_seal_memory

    here = session.Session(ctx, base)
    signer = open_seal_key(key, private=True)
    bench, path = here.file(manifest) if manifest else (here.bench()[0], MANIFEST)
    number, sealed = seal_files(
        bench, path, signer, head_commit(here.folder), lambda: open_seal_memory(here.folder, signer.public_key())
    )
    click.echo(f"sealed {many(len(sealed), 'file')} in {path}, number {number}")
