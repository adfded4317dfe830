"""`gitconfigmgr secret merge`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.secret import session


@click.command(
    "merge",
    epilog="""\b
Examples:
  git config merge.gitconfigmgr.driver 'gitconfigmgr secret merge %O %A %B %P'

Ends with status 1 where both sides changed one key.""",
)
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.argument("path")
@click.pass_context
def command(ctx: click.Context, base: Path, ours: Path, theirs: Path, path: str) -> None:
    """Merge three versions of an encrypted file by its keys, into OURS. `secret install-git` tells Git to call this.

    Without a key at hand the code of the file is left open; `secret finish` makes it. Files that are not encrypted are
    merged by lines, as Git does.
    """
    from gitconfigmgr.app.secrets.merging import merge_versions
    from gitconfigmgr.wiring.folders import merge_lines

    bench, _ = session.Session(ctx).bench()
    done = merge_versions(bench, path, base.read_bytes(), ours.read_bytes(), theirs.read_bytes())
    if done.data is None:
        options.finish(merge_lines(base, ours, theirs))
    ours.write_bytes(done.data)
    for key in done.conflicts:
        click.echo(f"{path}: both sides changed {session.safe(key)}; yours is in the file", err=True)
    if done.conflicts:
        name, key = shlex.quote(path), shlex.quote(session.safe(done.conflicts[0]))
        click.echo(f"hint: theirs is: git show :3:{name} | gitconfigmgr secret get --name {name} - {key}", err=True)
        click.echo(f"hint: set what holds: gitconfigmgr secret set {name} {key}; then git add {name}", err=True)
    if done.problem:
        click.echo(f"{path} cannot be merged by keys: {session.safe(done.problem)}; yours is in the file", err=True)
    if done.pending:
        click.echo(f"{path}: run `gitconfigmgr secret finish {path}` where a key is at hand", err=True)
    options.finish(0 if done.clean else 1)
