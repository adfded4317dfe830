"""`gitconfigmgr fix`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options


@click.command(
    "fix",
    epilog="""\b
Examples:
  gitconfigmgr fix --diff
  gitconfigmgr fix configs/acme""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--diff", "show", is_flag=True, help="Show the edits, write nothing; status 1 where there are any.")
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...], show: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Apply the fixes that a program can make: quotes, line ends, byte order marks, tabs.

    The smallest edits: comments, order and layout stay. Values that were read alike stay alike.
    """
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.app.fix import fixes
    from gitconfigmgr.app.select import find_root
    from gitconfigmgr.cli.commands.check_command import relative_paths
    from gitconfigmgr.wiring import open_tree

    state = options.state(ctx)
    root = find_root(state.folder)
    found = fixes(open_tree(state), relative_paths(state.folder, paths))
    for item in found:
        if show:
            click.echo("".join(_diff(item.path, item.before, item.after)), nl=False)
        else:
            write_atomically(root / item.path, item.after.encode())
            click.echo(f"fixed {item.path}: {item.count} {'finding' if item.count == 1 else 'findings'}")
    if not found:
        click.echo("nothing to fix")
    options.finish(1 if show and found else 0)


def _diff(path: str, before: str, after: str) -> list[str]:
    from difflib import unified_diff

    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}")
    return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
