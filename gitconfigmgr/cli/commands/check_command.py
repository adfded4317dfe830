"""`gitconfigmgr check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from datetime import date


@click.command(
    "check",
    epilog="""\b
Examples:
  gitconfigmgr check                       the work tree
  gitconfigmgr check --staged              what the next commit holds
  gitconfigmgr check --rev origin/main -e production
  gitconfigmgr check configs/acme/chat --format json""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.rev
@options.staged
@options.namespaces
@options.environments
@options.output_format("text", "json")
@click.option("-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write the report to a file.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@options.now
@options.jobs
@options.no_cache
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by name
    ctx: click.Context,
    paths: tuple[str, ...],
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    format_: str,
    output: str | None,
    strict: bool,  # noqa: FBT001 - click passes flags so
    now: date | None,
    jobs: int | None,
    no_cache: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Check everything: files, merge, references, schemas.

    With PATHs only what these files take part in. Ends with status 1 where there is an error.
    """
    from gitconfigmgr.app.check import Checked, check
    from gitconfigmgr.cli import render
    from gitconfigmgr.pipeline import SettingsError
    from gitconfigmgr.wiring import open_memory, open_repository, program_identity

    state = options.state(ctx, rev, now, staged=staged)
    try:
        repository = open_repository(state)
    except SettingsError as error:
        if format_ != "json":
            raise
        options.print_json(render.as_json(Checked(error.findings, 0, 0)))
        options.finish(2)
    inside = relative_paths(state.folder, paths)
    checked = check(
        repository,
        options.selection(namespaces, environments),
        inside,
        None if no_cache else open_memory(state),
        identity=program_identity(),
        jobs=jobs,
    )
    if format_ == "json":
        import orjson

        text = orjson.dumps(render.as_json(checked), option=orjson.OPT_INDENT_2).decode()
    else:
        text = render.as_text(checked, repository.read)
    if output:
        from gitconfigmgr.adapters.files import write_atomically

        write_atomically(Path(output), (click.unstyle(text) + "\n").encode())
    else:
        click.echo(text)
    counts = render.count(checked.diagnostics)
    options.finish(1 if counts["errors"] or (strict and counts["warnings"]) else 0)


def relative_paths(folder: Path, paths: tuple[str, ...]) -> list[str]:
    """Paths as given, from the root of the config repository."""
    if not paths:
        return []
    from gitconfigmgr.app.select import find_root

    root = find_root(folder)
    found = []
    for path in paths:
        place = (folder / path).absolute()
        if not place.exists() and not place.is_symlink():
            raise click.UsageError(f"There is no {path}.")
        place = place.parent.resolve() / place.name if place.name != ".." else place.resolve()
        if place != root and root not in place.parents:
            raise click.UsageError(f"{path} lies outside the config repository.")
        found.append("configs" if place == root else place.relative_to(root).as_posix())
    return found
