"""`gitconfigmgr editor`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options


@click.command(
    "editor",
    epilog="""\b
Examples:
  gitconfigmgr editor

Visual Studio Code with the YAML extension reads .vscode/settings.json by
itself; docs/editors.md tells how to set up others.""",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Write schemas and settings for editors.

    In a layer nothing is required and directives are allowed, so each bound schema gets an overlay variant below
    .vscode/gitconfigmgr. Other settings in .vscode/settings.json stay as they are.
    """
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.app.editor import SETTINGS, editor_files
    from gitconfigmgr.app.select import find_root
    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.wiring.trees import open_repository

    state = options.state(ctx)
    root = find_root(state.folder)
    present = root / SETTINGS
    try:
        files = editor_files(open_repository(state), present.read_bytes() if present.is_file() else None)
    except ValueError:
        hint = "it may hold comments; take them out, or move it aside and merge it by hand"
        raise UsageError(f"{SETTINGS} cannot be read as JSON", hint) from None
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(root / path, data)
        click.echo(f"wrote {path}")
