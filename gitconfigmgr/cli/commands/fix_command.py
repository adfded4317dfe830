"""`gitconfigmgr fix`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from gitconfigmgr.app.select import State


@click.command(
    "fix",
    epilog="""\b
Examples:
  gitconfigmgr fix --diff
  gitconfigmgr fix configs/acme
  gitconfigmgr fix --redundancy --diff""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--diff", "show", is_flag=True, help="Show the edits, write nothing; status 1 where there are any.")
@click.option("--redundancy", is_flag=True, help="Remove values that change nothing in any target, instead.")
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[str, ...],
    show: bool,  # noqa: FBT001 - click passes flags so
    redundancy: bool,  # noqa: FBT001
) -> None:
    """Apply the fixes that a program can make: quotes, line ends, byte order marks, tabs.

    The smallest edits: comments, order and layout stay. Values that were read alike stay alike.
    """
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.app.fix import fixes
    from gitconfigmgr.app.select import find_root
    from gitconfigmgr.cli.commands.check_command import relative_paths
    from gitconfigmgr.cli.editing import unified
    from gitconfigmgr.wiring.trees import open_tree

    state = options.state(ctx)
    if redundancy:
        _remove(state, relative_paths(state.folder, paths), show=show)
    root = find_root(state.folder)
    found = fixes(open_tree(state), relative_paths(state.folder, paths))
    for item in found:
        if show:
            click.echo(unified(item.before, item.after, f"a/{item.path}", f"b/{item.path}"), nl=False)
        else:
            write_atomically(root / item.path, item.after.encode())
            click.echo(f"fixed {item.path}: {item.count} {'finding' if item.count == 1 else 'findings'}")
    if not found:
        click.echo("nothing to fix")
    options.finish(1 if show and found else 0)


def _remove(state: State, paths: list[str], *, show: bool) -> NoReturn:
    """What `check --redundancy` finds; every target is compiled before anything is written."""
    from gitconfigmgr.app.redundancy import removed
    from gitconfigmgr.cli.editing import diff_text
    from gitconfigmgr.source.overlay_tree import EditedTree
    from gitconfigmgr.wiring.changes import open_destination
    from gitconfigmgr.wiring.trees import open_repository

    place = open_destination(state, commit=False, branch=None)
    tree = place.tree
    change = removed(open_repository(state, tree), paths, lambda files: open_repository(state, EditedTree(tree, files)))
    for note in change.notes:
        click.echo(note, err=True)
    if show:
        click.echo(diff_text(tree, change.files), nl=False)
    else:
        place.save(change.files, "")
        click.echo("".join(f"fixed {path}\n" for path in sorted(change.files)) or "nothing to fix\n", nl=False)
    options.finish(1 if show and change.files else 0)
