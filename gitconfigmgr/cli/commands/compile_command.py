"""`gitconfigmgr compile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from datetime import date


@click.command(
    "compile",
    epilog="""\b
Examples:
  gitconfigmgr compile -o compiled
  gitconfigmgr compile -o compiled --rev v1.4.0 -n 'acme/*' -e production
  gitconfigmgr compile -o compiled --format yaml

Writes DIR/<namespace>/<env>.json (RFC 8785), <env>.provenance.json beside it,
and DIR/manifest.json. The folder is replaced as a whole, or not at all.""",
)
@click.option(
    "-o", "--output", "folder", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where to."
)
@options.rev
@options.namespaces
@options.environments
@options.output_format("json", "yaml")
@options.jobs
@options.no_cache
@click.option("--timings", is_flag=True, help="Tell how long it took, on standard error.")
@options.now
@click.pass_context
def command(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    folder: Path,
    rev: str | None,
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    format_: str,
    jobs: int | None,
    no_cache: bool,  # noqa: FBT001 - click passes flags so
    timings: bool,  # noqa: FBT001 - click passes flags so
    now: date | None,
) -> None:
    """Write the effective document of every target."""
    import time

    from gitconfigmgr.app.compile import compile_all
    from gitconfigmgr.cli import render
    from gitconfigmgr.model.names import many
    from gitconfigmgr.wiring.folders import open_output, program_identity
    from gitconfigmgr.wiring.trees import open_repository

    started = time.perf_counter()
    repository = open_repository(options.state(ctx, rev, now))
    selection = options.selection(namespaces, environments)
    output, store = open_output(folder, cached=not no_cache)
    outcome = compile_all(
        repository, selection, output, store, identity=program_identity(), jobs=jobs, suffix=f".{format_}"
    )
    report = render.TextReport(repository.read)
    for item in outcome.diagnostics:
        click.echo(report.show(item) + "\n", err=True)
    if not outcome.written:
        errors = many(render.count(outcome.diagnostics)["errors"], "error")
        click.echo(f"{errors}, nothing was written", err=True)
        options.finish(1)
    if timings:
        click.echo(f"{time.perf_counter() - started:.3f} s after start-up", err=True)
    targets, documents = many(len(outcome.entries), "target"), many(outcome.documents, "document")
    click.echo(f"{targets} from {documents} in {folder}")
