"""`gitconfigmgr demo`."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

import click

from gitconfigmgr.cli.options import finish

BROKEN_FILE = "configs/acme/assistants/chat-api/production.yaml"
GOOD, BAD = "    replicas: 12\n", "    replicas: twelve\n"


@click.command(
    "demo",
    epilog="""\b
Examples:
  gitconfigmgr demo
  gitconfigmgr demo --into /tmp/acme-config""",
)
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="DIR", help="Use this new folder, not a temporary one."
)
def command(into: Path | None) -> None:
    """Show the whole story in a temporary folder: compile, break a value, see the finding, fix it, compile again, release it.

    Nothing has to be installed or started, and nothing is sent anywhere.
    """
    from gitconfigmgr.wiring.folders import create_demo

    folder = into or Path(tempfile.mkdtemp(prefix="gitconfigmgr-demo-"))
    create_demo(folder)
    _say(f"A company's configuration, under Git, in {folder}")
    _run(folder, "check")
    _run(folder, "get acme/assistants/chat-api service.runtime.replicas -e production")
    _run(folder, "explain acme/assistants/chat-api service.runtime.request_timeout_seconds -e production")
    _run(folder, "compile -o {folder}/compiled")

    _say(f"Now someone edits {BROKEN_FILE}: replicas: 12 becomes replicas: twelve")
    broken = folder / BROKEN_FILE
    text = broken.read_text()
    broken.write_text(text.replace(GOOD, BAD))
    _run(folder, "check", expected=1)
    _run(folder, "compile -o {folder}/compiled", expected=1)

    _say("The compiled files are as they were. The edit is taken back:")
    broken.write_text(text)
    _run(folder, "check")
    _run(folder, "compile -o {folder}/compiled")
    _release(folder)
    _next(folder)


def _release(folder: Path) -> None:
    """Sign and publish, where the libraries for it are installed."""
    from importlib.util import find_spec

    if find_spec("tuf") is None:
        _say("To sign and publish it: pip install 'gitconfigmgr[release]'")
        return
    _say("Signed, and published into a folder that any web server can serve:")
    _run(folder, "keys init --keys {folder}/keys --plain --yes")
    _run(folder, "release --rev HEAD --keys {folder}/keys --to directory:{folder}/published -e production")
    _say("What is published is verified, and built again from the commit:")
    _run(folder, "verify {folder}/published --root {folder}/keys/1.root.json --source {folder}")


def _say(text: str) -> None:
    click.echo()
    click.echo(click.style(f"# {text}", bold=True))


def _run(folder: Path, line: str, expected: int = 0) -> None:
    from gitconfigmgr.cli.main import run

    sys.stdout.flush()
    click.echo()
    shown = line.replace("{folder}/", "").replace("{folder}", ".")
    click.echo(click.style(f"$ gitconfigmgr {shown}", fg="cyan"))
    color = click.get_current_context().color
    colors = [] if color is None else ["--color", "always" if color else "never"]
    sys.stdout.flush()
    status = run([*colors, "-C", str(folder), *shlex.split(line.replace("{folder}", shlex.quote(str(folder))))])
    if status != expected:
        click.echo(f"error: the demo expected status {expected}, not {status}", err=True)
        finish(status or 4)


def _next(folder: Path) -> None:
    click.echo()
    click.echo(click.style("# Try it yourself:", bold=True))
    click.echo(f"""
  cd {folder}
  gitconfigmgr explain acme/assistants/chat-api databases.conversations.pool -e production
  gitconfigmgr layers acme/assistants/chat-api -e production
  gitconfigmgr check --help

  gitconfigmgr init my-config        # a repository of your own""")
