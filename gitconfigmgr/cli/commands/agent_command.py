"""`gitconfigmgr agent`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli.commands.agent_proposals import add_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.adapters.edge.tuf_client import TufClient
    from gitconfigmgr.client import Config

FILE = click.option(
    "-f", "--file", "path", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", default="agent.toml",
    envvar="GITCONFIGMGR_AGENT", show_default=True, help="The settings of the agent.",
)  # fmt: skip


@click.group(
    "agent",
    epilog="""\b
Examples:
  gitconfigmgr agent run -f /etc/gitconfigmgr/agent.toml
  gitconfigmgr agent init --wait 60
  gitconfigmgr agent status
  gitconfigmgr agent exec -e OPENAI_API_KEY=acme/chat:api.key -- python app.py
  gitconfigmgr agent pin --until 2026-12-01 -m 'incident 42'""",
)
def command() -> None:
    """Follow a published tree: verify it, keep it, and serve it to this machine."""


@command.command("run")
@FILE
def run(path: Path) -> None:
    """Follow until the process is ended. SIGHUP polls at once."""
    from gitconfigmgr.agent import main

    main.run(path)


@command.command("init")
@FILE
@click.option(
    "--wait", type=click.FloatRange(min=0), default=60, show_default=True, metavar="SECONDS", help="How long."
)
def init(path: Path, wait: float) -> None:
    """Have something verified in place before applications start, then end."""
    from gitconfigmgr.agent import main
    from gitconfigmgr.model.names import many

    status = main.init(path, wait)
    click.echo(f"{status['state']}: release {status['release']}, {many(len(status['namespaces']), 'namespace')}")


@command.command("status")
@FILE
@click.option("--json", "as_json", is_flag=True, help="All of it.")
@click.option(
    "--probe", type=click.Choice(["live", "ready"]), help="Print nothing: exit status 0 where it answers, or is ready."
)
@click.option(
    "--wait", type=click.FloatRange(min=0), default=0, metavar="SECONDS", help="With --probe: ask again, this long."
)
def status(path: Path, *, as_json: bool, probe: str | None, wait: float) -> int:
    """Ask the running agent what it serves. Exit status 1 unless it is ready or pinned."""
    import json

    from gitconfigmgr.agent.settings import read_settings
    from gitconfigmgr.client import Config, ConfigError
    from gitconfigmgr.errors import OutsideError, UsageError

    settings = read_settings(path)
    if not settings.socket and not settings.listen:
        raise UsageError("the agent has neither `socket` nor `listen`", "set one in its settings")
    socket = str(settings.socket) if settings.socket else None
    client = Config("", socket=socket, url=None if socket else f"http://{settings.listen}")
    if probe is not None:
        return 0 if _probed(client, probe, wait) else 1
    try:
        found = client.status()
    except ConfigError as error:
        raise OutsideError(str(error), "start it: gitconfigmgr agent run") from None
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(f"{found['state']}  release {found['release']}  age {found['age']:.0f} s  {found['environment']}")
        if found["reason"]:
            click.echo(f"last failure: {found['reason']}")
        for name, version in found["namespaces"].items():
            click.echo(f"  {name}  version {version}")
    return 0 if found["state"] in ("ready", "pinned") else 1


def _probed(client: Config, probe: str, seconds: float) -> bool:
    import time

    from gitconfigmgr.client import ConfigError

    ends = time.monotonic() + seconds
    while True:
        try:
            if client.ready() or probe == "live":
                return True
        except ConfigError:
            pass
        if time.monotonic() >= ends:
            return False
        time.sleep(min(0.5, max(0.0, ends - time.monotonic())))


@command.command("exec", context_settings={"ignore_unknown_options": True})
@FILE
@click.option("-e", "--env", "wanted", multiple=True, metavar="NAME=NAMESPACE:KEY", help="A variable; may be repeated.")
@click.argument("arguments", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD...")
def exec_(path: Path, wanted: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Run a program with values, secrets too, in its environment. It replaces this process."""
    import os

    from gitconfigmgr.agent import main
    from gitconfigmgr.errors import UsageError

    variables = main.environment_of(path, wanted)
    try:
        os.execvpe(arguments[0], list(arguments), {**os.environ, **variables})  # noqa: S606 - that is the command
    except FileNotFoundError:
        raise UsageError(f"there is no program {arguments[0]}") from None


@command.command("pin")
@FILE
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), required=True, help="When it ends, UTC."
)
@click.option("-m", "--message", required=True, metavar="REASON", help="Why.")
def pin(path: Path, until: object, message: str) -> None:
    """Keep this machine at what it serves, until a day. Freshness is followed all the same."""
    from datetime import UTC, datetime

    from gitconfigmgr.agent import main
    from gitconfigmgr.errors import UsageError

    assert isinstance(until, datetime)
    ends = until.replace(tzinfo=UTC)
    if ends <= datetime.now(UTC):
        raise UsageError(f"{ends:%Y-%m-%d %H:%M} is over", "a pin ends at a time to come")
    main.pin(path, ends.timestamp(), message)
    click.echo(f"pinned until {ends:%Y-%m-%d %H:%M} UTC; seen at the next poll")


@command.command("unpin")
@FILE
def unpin(path: Path) -> None:
    """Let the agent of this machine follow again."""
    from gitconfigmgr.agent import main

    main.pin(path, None, "")
    click.echo("not pinned")


@command.group(
    "tuf",
    epilog="""\b
Examples:
  gitconfigmgr agent tuf --metadata-dir md init 1.root.json
  gitconfigmgr agent tuf --metadata-dir md --metadata-url https://tuf.example.com/metadata refresh""",
)
@click.option("--metadata-dir", "folder", type=click.Path(path_type=Path), required=True, help="What is trusted.")
@click.option("--metadata-url", "url", metavar="URL", default="", help="The metadata of the repository.")
@click.option("--target-name", "name", metavar="PATH", default="", help="The target to download.")
@click.option("--target-base-url", "targets_url", metavar="URL", default="", help="The targets of the repository.")
@click.option("--target-dir", "targets", type=click.Path(path_type=Path), default=Path(), help="Where targets go.")
@click.pass_context
def tuf(context: click.Context, /, **given: object) -> None:
    """A client of any TUF repository, as the official conformance suite calls it. Exit status 1 for any failure."""
    from gitconfigmgr.agent import main

    main.load_libraries()
    context.obj = given


@tuf.command("init")
@click.argument("root", type=click.Path(path_type=Path))
@click.pass_obj
def tuf_init(given: dict[str, Any], root: Path) -> int:
    """Trust the root metadata of a file."""
    return _tuf(given, lambda client: client.init(root))


@tuf.command("refresh")
@click.pass_obj
def tuf_refresh(given: dict[str, Any]) -> int:
    """Bring the metadata up to date."""
    return _tuf(given, lambda client: client.refresh(given["url"]))


@tuf.command("download")
@click.pass_obj
def tuf_download(given: dict[str, Any]) -> int:
    """Download a target and verify it."""
    return _tuf(
        given, lambda client: client.download(given["url"], given["name"], given["targets_url"], given["targets"])
    )


def _tuf(given: dict[str, Any], do: Callable[[TufClient], object]) -> int:
    from gitconfigmgr.adapters.edge.tuf_client import TufClient
    from gitconfigmgr.errors import OutsideError

    try:
        do(TufClient(given["folder"]))
    except OutsideError as error:
        click.echo(f"error: {error}", err=True)
        return 1
    return 0


add_to(command, FILE)
