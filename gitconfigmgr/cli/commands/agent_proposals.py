"""`gitconfigmgr agent propose`, `proposals` and `withdraw`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from gitconfigmgr.model.names import KeyPath


def add_to(group: click.Group, file: Any) -> None:
    """Make them commands of `agent`; `file` is its option."""
    for command in (propose, proposals, withdraw):
        group.add_command(file(command))


@click.command(
    "propose",
    epilog="""\b
Examples:
  gitconfigmgr agent propose acme/chat api.timeout=60 -m 'the line is slow here'
  gitconfigmgr agent propose acme/chat --remove api.proxy -m 'there is none in this shop'""",
)
@click.argument("namespace", metavar="NS")
@click.argument("changes", nargs=-1, metavar="KEY=VALUE...")
@click.option("--remove", "removed", multiple=True, metavar="KEY", help="A key that is to go; may be repeated.")
@click.option("--text", is_flag=True, help="Values are text as they stand, not JSON.")
@click.option("-m", "--message", required=True, metavar="REASON", help="Why.")
def propose(
    path: Path, namespace: str, changes: tuple[str, ...], removed: tuple[str, ...], message: str, *, text: bool
) -> None:
    """Propose a change of what is released, also while the endpoint is away.

    It is kept on disk, sent at the next poll that reaches the endpoint, and becomes a branch of the repository. Where
    the settings say `local_overrides`, applications of this machine see it until it is settled. VALUE is JSON, or text.
    """
    from gitconfigmgr.agent import main

    sets = [_given(change, text=text) for change in changes]
    gone = [_path(key) for key in removed]
    if not sets and not gone:
        raise click.UsageError("Name what is to change: KEY=VALUE, or --remove KEY.")
    queued, shown = main.propose(path, namespace, sets, gone, message)
    click.echo(f"proposal {queued.number} waits to be sent")
    if shown:
        click.echo("applications of this machine see it at the agent's next poll, or on SIGHUP")


@click.command("proposals")
@click.option("--json", "as_json", is_flag=True, help="All of it.")
def proposals(path: Path, *, as_json: bool) -> None:
    """List what this machine has proposed, and what has become of it."""
    import json

    from gitconfigmgr.agent.main import open_proposing
    from gitconfigmgr.agent.settings import read_settings

    found = open_proposing(read_settings(path)).all()
    if as_json:
        click.echo(json.dumps([item._asdict() for item in found], indent=2))
        return
    for item in found:
        keys = ", ".join(str(change["path"]).lstrip("/").replace("/", ".") for change in item.data["patch"])
        outcome = item.outcome
        parts = [outcome.get("branch"), outcome.get("reason"), *outcome.get("findings", ())]
        told = "; ".join(str(part) for part in parts if part)
        line = f"{item.number}  {item.state}  {item.data['namespace']}  {keys}  {item.data['reason']}"
        click.echo(f"{line}  ({told})" if told else line)


@click.command("withdraw")
@click.argument("number", type=click.IntRange(min=1))
def withdraw(path: Path, number: int) -> None:
    """Take a proposal back: it is not sent, and applications see the released value again."""
    from gitconfigmgr.agent.main import open_proposing
    from gitconfigmgr.agent.settings import read_settings

    before = open_proposing(read_settings(path)).withdraw(number)
    click.echo(f"proposal {number} is withdrawn")
    if before.id:
        click.echo(f"the endpoint has it already, as {before.id}: what becomes of it there is decided there")


def _given(change: str, *, text: bool) -> tuple[KeyPath, Any]:
    import json

    key, equals, value = change.partition("=")
    if not equals:
        raise click.UsageError(f"{change} is not KEY=VALUE.")
    if text:
        return _path(key), value
    try:
        return _path(key), json.loads(value)
    except ValueError:
        return _path(key), value


def _path(key: str) -> KeyPath:
    from gitconfigmgr.model.names import PathSyntaxError, parse_path

    try:
        return parse_path(key)
    except PathSyntaxError:
        raise click.UsageError(f"{key} is no path of keys, such as api.timeout.") from None
