"""`gitconfigmgr scan`.

A hook runs it on every commit, so it goes to the adapter directly: wiring loads the compiler, which nothing here needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gitconfigmgr.app.scan import Scanned
    from gitconfigmgr.model.contents import Content


@click.command(
    "scan",
    epilog="""\b
Examples:
  gitconfigmgr scan                        the work tree, untracked files included
  gitconfigmgr scan --staged               what the next commit changes
  gitconfigmgr scan --range origin/main..HEAD
  gitconfigmgr scan --range HEAD           all history
  gitconfigmgr scan --staged --merge-safety
  gitconfigmgr scan prompts .env --format json""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@options.staged
@click.option("--range", "range_", metavar="A..B", help="All that these commits added, even if it is gone again.")
@options.output_format("text", "json")
@click.option("--max-size", type=click.IntRange(1, 1024), default=16, show_default=True, metavar="MB",
              help="Larger text files are reported, not scanned.")  # fmt: skip
@click.option("--merge-safety", is_flag=True,
              help="Look for conflict markers and encrypted files that nothing vouches for, instead of keys.")  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[str, ...],
    staged: bool,  # noqa: FBT001 - click passes flags so
    range_: str | None,
    format_: str,
    max_size: int,
    merge_safety: bool,  # noqa: FBT001
) -> None:
    """Look for keys and private keys in all files of the repository.

    With PATHs only in these. Ends with status 1 where there is one.
    """
    from gitconfigmgr.adapters.git.revision import open_repository
    from gitconfigmgr.app.scan import scan

    if staged and range_ is not None:
        raise click.UsageError("--staged and --range name two different states.")
    folder = Path(ctx.find_root().obj)
    repository = open_repository(folder)
    root = _root(folder, repository, inside=staged or range_ is not None)
    names = _names(folder, root, paths, must_exist=not (staged or range_))
    contents = _contents(repository, root, names, range_, staged=staged)
    if merge_safety:
        from gitconfigmgr.app import merge_safety as safety

        scanned = scan(contents, max_size * 1024 * 1024, safety.merge_safety)
    else:
        scanned = scan(contents, max_size * 1024 * 1024)
    if not scanned.files and not (staged or range_):
        raise click.UsageError(f"There is no file to scan{' in ' + ' '.join(paths) if paths else ''}.")
    _print(scanned, format_)
    options.finish(1 if any(item.severity == "error" for item in scanned.diagnostics) else 0)


def staged_contents(folder: Path) -> Iterator[Content]:
    """What the next commit changes below the config repository."""
    from gitconfigmgr.adapters.git.revision import open_repository

    repository = open_repository(folder)
    return _contents(repository, _root(folder, repository, inside=True), [], None, staged=True)


def _contents(repository: Any, root: Path, names: list[str], range_: str | None, *, staged: bool) -> Iterator[Content]:
    from gitconfigmgr.adapters.git.contents import Contents

    top = Path(repository.workdir).resolve() if repository.workdir else root
    prefix = "" if root == top else f"{root.relative_to(top).as_posix()}/"
    contents = Contents(repository, prefix)
    wanted = _wanted(names)
    if range_ is not None:
        return contents.added(range_, wanted)
    if staged:
        return contents.staged(wanted)
    return contents.work_tree(wanted, [name for name in names if name != "."])


def _wanted(names: list[str]) -> Callable[[str], bool]:
    if not names or "." in names:
        return lambda _: True
    exact, below = frozenset(names), tuple(f"{name}/" for name in names)
    return lambda path: path in exact or path.startswith(below)


def _root(folder: Path, repository: Any, *, inside: bool) -> Path:
    """The config repository, or the top of the work tree: paths in findings begin there."""
    from gitconfigmgr.app.select import find_root
    from gitconfigmgr.errors import UsageError

    if repository.workdir is None:
        if not inside:
            raise UsageError("a bare repository has no work tree", "name commits: `--range A..B`")
        return Path(repository.path).resolve()
    top = Path(repository.workdir).resolve()
    try:
        root = find_root(folder)
    except UsageError:
        return top
    return root if root == top or top in root.parents else top


def _names(folder: Path, root: Path, paths: tuple[str, ...], *, must_exist: bool) -> list[str]:
    """Paths as given, from the root."""
    found = []
    for path in paths:
        place = (folder / path).absolute()
        if must_exist and not place.exists() and not place.is_symlink():
            raise click.UsageError(f"There is no {path}.")
        place = place.parent.resolve() / place.name if place.name != ".." else place.resolve()
        if place != root and root not in place.parents:
            raise click.UsageError(f"{path} lies outside {root.name}.")
        found.append(place.relative_to(root).as_posix())
    return found


def _print(scanned: Scanned, format_: str) -> None:
    from gitconfigmgr.cli import render
    from gitconfigmgr.model.diagnostics import collate
    from gitconfigmgr.model.names import many

    findings = collate(scanned.diagnostics)
    counts = render.count(findings)
    if format_ == "json":
        summary = counts | {"files": scanned.files}
        options.print_json({"diagnostics": render.records(findings), "summary": summary})
        return
    report = render.TextReport(scanned.sources.get)
    for item in findings:
        click.echo(report.show(item) + "\n")
    files = many(scanned.files, "file")
    if findings:
        click.echo(f"{many(counts['errors'], 'error')}, {many(counts['warnings'], 'warning')} in {files}")
    else:
        click.echo(click.style("ok", fg="green", bold=True) + f": {files}, no findings")
