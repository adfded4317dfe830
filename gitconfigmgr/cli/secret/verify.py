"""`gitconfigmgr secret verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.secret import session

if TYPE_CHECKING:
    from gitconfigmgr.app.secrets.seals import Verdict


@click.command(
    "verify",
    epilog="""\b
Examples:
  gitconfigmgr secret verify
  gitconfigmgr secret verify --strict --key seal.key.pub
  gitconfigmgr secret verify --strict --manifest secrets.seal.json --key seal.key.pub --minimum 41

Ends with status 1 where a file is refused, 3 where one cannot be opened here.""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--strict", is_flag=True, help="Hold files against the signed seal; no key that opens them is needed.")
@click.option("--manifest", metavar="FILE", help="The seal; default: secrets.seal.json at the top of the repository.")
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="The public key of who seals.")
@click.option("--minimum", type=click.IntRange(0), default=0, metavar="N", help="Refuse a seal with a lower number.")
@options.output_format("text", "json")
@session.base
@click.pass_context
def command(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    files: tuple[str, ...],
    strict: bool,  # noqa: FBT001 - click passes flags so
    manifest: str | None,
    key: Path | None,
    minimum: int,
    format_: str,
    base: str | None,
) -> None:
    """Tell whether encrypted files are what was encrypted: every value and the code of each file.

    --strict also refuses what the format of SOPS leaves open. The newest seal seen here is remembered, and an older one
    refused; a build that remembers nothing gives --minimum.
    """
    from gitconfigmgr.app.secrets.seals import verify_files

    here = session.Session(ctx, base)
    number = None
    if strict:
        number, verdicts = _strict(here, files, manifest, key, minimum)
    elif manifest or key or minimum:
        raise click.UsageError("--manifest, --key and --minimum go with --strict.")
    else:
        bench, paths = here.files(files) if files else (here.bench()[0], None)
        verdicts = verify_files(bench, paths)
    _report(verdicts, number, format_)
    statuses = {item.status for item in verdicts}
    options.finish(next((status for status in (1, 2, 3) if status in statuses), 0))


def _strict(
    here: session.Session, files: tuple[str, ...], manifest: str | None, key: Path | None, minimum: int
) -> tuple[int, list[Verdict]]:
    from gitconfigmgr.app.secrets.seals import MANIFEST, verify_sealed
    from gitconfigmgr.wiring.secrets import open_seal_key, open_seal_memory

    if key is None:
        raise click.UsageError("Name the public key of who seals by --key, from a place that the change cannot touch.")
    public = open_seal_key(key, private=False)
    bench, path = here.file(manifest) if manifest else (here.bench()[0], MANIFEST)
    paths = here.files(files)[1] if files else None
    return verify_sealed(
        bench, path, bench.content(path), public, lambda: open_seal_memory(here.folder, public),
        minimum=minimum, paths=paths,
    )  # fmt: skip


def _report(verdicts: list[Verdict], number: int | None, format_: str) -> None:
    refused = [item for item in verdicts if item.problem]
    if format_ == "json":
        listed = [{"path": item.path, "problem": item.problem} for item in refused]
        options.print_json({"seal": number, "refused": listed})
        return
    for item in refused:
        click.echo(f"{click.style('refused', fg='red')} {session.safe(item.path)}: {session.safe(item.problem)}")
    if not refused:
        against = f"all files are as sealed, number {number}" if number is not None else f"{len(verdicts)} verified"
        click.echo(f"{click.style('ok', fg='green')}: {against}")
