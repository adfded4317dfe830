"""`gitconfigmgr fmt`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from gitconfigmgr.app.select import State


@click.command(
    "fmt",
    epilog="""\b
Examples:
  gitconfigmgr fmt
  gitconfigmgr fmt --diff configs/acme
  gitconfigmgr fmt --check --staged        what the next commit holds""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--check", "only_check", is_flag=True, help="List the files, write nothing; status 1 where there are any."
)
@click.option("--diff", "show", is_flag=True, help="Show the changes, write nothing; status 1 where there are any.")
@options.staged
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[str, ...],
    only_check: bool,  # noqa: FBT001 - click passes flags so
    show: bool,  # noqa: FBT001
    staged: bool,  # noqa: FBT001
) -> None:
    """Format the layer files, the metadata and the settings; comments and the order of keys stay.

    Two spaces for each level, lists below their key, one space after a colon, no blanks at line ends, at most one empty
    line in a row. Each file is read before and after: where a value would change, the file is left alone. Encrypted
    files keep the layout that `sops` gives them.
    """
    from gitconfigmgr.app.fmt import format_files
    from gitconfigmgr.cli.commands.check_command import relative_paths
    from gitconfigmgr.cli.editing import diff_text
    from gitconfigmgr.wiring.trees import open_tree

    if staged and not (only_check or show):
        raise click.UsageError("--staged goes with --check or --diff: the index is not written.")
    state = options.state(ctx, staged=staged)
    tree = open_tree(state)
    found = format_files(tree, relative_paths(state.folder, paths))
    failed = [item for item in found if item.reason]
    done = {item.path: item.after for item in found if not item.reason}
    if show:
        click.echo(diff_text(tree, done), nl=False)
    elif only_check:
        click.echo("".join(f"{path}\n" for path in done), nl=False)
    else:
        _write(state, done)
    for item in failed:
        click.echo(f"{item.path}: left as it is: {item.reason}", err=True)
    if not found:
        click.echo("nothing to format")
    options.finish(1 if failed or (done and (show or only_check)) else 0)


def _write(state: State, done: dict[str, bytes]) -> None:
    from gitconfigmgr.wiring.changes import open_destination

    open_destination(state, commit=False, branch=None).save(done, "")
    for path in done:
        click.echo(f"formatted {path}")
