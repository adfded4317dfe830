"""`gitconfigmgr verify`."""

from __future__ import annotations

from pathlib import Path

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common


@click.command(
    "verify",
    epilog="""\b
Examples:
  gitconfigmgr verify published --root 1.root.json
  gitconfigmgr verify https://config.example.com/acme --root 1.root.json
  gitconfigmgr verify published --source .

Exit status: 0 everything holds, 1 something does not.""",
)
@click.argument("address", metavar="DIR|URL")
@click.option(
    "--root", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The root metadata that you trust; default: that of the key folder.",
)  # fmt: skip
@click.option("--tenant", metavar="NAME", help="Which tenant, where there are several.")
@click.option(
    "--source", type=click.Path(path_type=Path, file_okay=False), metavar="REPO",
    help="Build every bundle again from its commit, and compare.",
)  # fmt: skip
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="GITCONFIGMGR_TOKEN_FILE",
    metavar="FILE",
    help="A token that reads all of the tenant, for an endpoint; or GITCONFIGMGR_TOKEN_FILE.",
)
@click.option(
    "--ca",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Certificate authorities beside those of the system.",
)
@common.keys
@options.output_format("text", "json")
@click.pass_context
def command(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    address: str,
    root: Path | None,
    tenant: str | None,
    source: Path | None,
    token_file: Path | None,
    ca: Path | None,
    keys: Path | None,
    format_: str,
) -> None:
    """Verify signatures, digests, attestations and freshness of a published tree.

    Keys come from the root that you name, never from the tree.
    """
    from datetime import UTC, datetime

    from gitconfigmgr.app.select import State
    from gitconfigmgr.app.verify import as_json, verify
    from gitconfigmgr.model.names import many
    from gitconfigmgr.wiring.releases import open_published
    from gitconfigmgr.wiring.trees import open_repository

    read, local, trusted = open_published(Path(ctx.find_root().obj), address, tenant, root, keys, token_file, ca)
    rebuild = None if source is None else lambda commit: open_repository(State(source, rev=commit))
    found = verify(read, trusted, datetime.now(UTC), rebuild, whole=local)
    if format_ == "json":
        options.print_json(as_json(found))
    else:
        for item in found.warnings:
            click.echo(f"warning: {item.place}: {item.message}", err=True)
        for item in found.problems:
            click.echo(f"error: {item.place}: {item.message}", err=True)
        what = f"release {found.release}: {many(found.targets, 'target')}, {many(found.files, 'file')} verified"
        if found.rebuilt is not None:
            what += f", {found.rebuilt} of {found.targets} rebuilt to the same bytes"
        click.echo(f"{what}, {many(len(found.problems), 'problem')}" if found.problems else what)
    options.finish(1 if found.problems else 0)
