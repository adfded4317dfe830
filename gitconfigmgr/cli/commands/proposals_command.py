"""`gitconfigmgr proposals`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.adapters.endpoint.remote import RemoteEndpoint
    from gitconfigmgr.app.proposals import Settled
    from gitconfigmgr.sync.proposals import Entry, Proposal, State

_FILE = click.Path(path_type=Path, dir_okay=False)


def _remote(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name an endpoint; the command gets it as `remote`."""
    from functools import wraps

    @wraps(command)
    def called(*args: Any, address: str, token_file: Path, ca: Path | None, **given: Any) -> Any:
        from gitconfigmgr.wiring.endpoints import open_remote

        return command(*args, remote=open_remote(address, token_file, ca), **given)

    for option in (
        click.option("--endpoint", "address", required=True, envvar="GITCONFIGMGR_ENDPOINT", metavar="URL", help="The address of the tenant; or GITCONFIGMGR_ENDPOINT."),
        click.option("--token-file", type=_FILE, required=True, envvar="GITCONFIGMGR_TOKEN_FILE", metavar="FILE", help="A token with the ability publish; or GITCONFIGMGR_TOKEN_FILE."),
        click.option("--ca", type=_FILE, metavar="FILE", help="Certificate authorities, where they are not the system's."),
    )[::-1]:  # fmt: skip
        called = option(called)
    return called


@click.group(
    "proposals",
    epilog="""\b
Examples:
  gitconfigmgr proposals list --endpoint https://config.example.com/acme --token-file publish.token
  gitconfigmgr proposals apply --onto main
  gitconfigmgr proposals settle 0b7ac0c4c5f4b2a1d3e8 refused -m 'the provider is being replaced'""",
)
def command() -> None:
    """Make changes that agents propose into branches."""


@command.command("apply")
@click.option("--onto", metavar="REV", help="What the branches begin from; default: HEAD.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each, change nothing.")
@click.option("--no-verify", "verify", is_flag=True, flag_value=False, default=True, help="Skip the hooks pre-commit and commit-msg.")  # fmt: skip
@options.output_format("text", "json")
@_remote
@click.pass_context
def apply(
    ctx: click.Context, remote: RemoteEndpoint, onto: str | None, format_: str, *, dry_run: bool, verify: bool
) -> None:
    """Settle what was received: each becomes a commit on a branch of its own, or is lost, refused, or left to a person."""
    from gitconfigmgr.app.proposals import is_merged, settle, won_by
    from gitconfigmgr.sync.proposals import State
    from gitconfigmgr.wiring.proposals import GitGround

    ground = GitGround(options.state(ctx, onto), verify=verify)
    told: list[dict[str, Any]] = []

    def tell(proposal: Proposal, state: State, outcome: Any) -> None:
        told.append({"id": proposal.id, "state": str(state), "outcome": dict(outcome), "was": _said(proposal)})
        if not dry_run:
            remote.post(f"v1/proposals/{proposal.id}", {"state": str(state), "outcome": dict(outcome)})
        if format_ == "text":
            click.echo(_line(told[-1]))

    entries = _entries(remote, (State.RECEIVED, State.PROPOSED, State.MERGED))
    standing = [entry for entry in entries if entry.state is not State.RECEIVED]
    for at, entry in enumerate(standing):
        if entry.state is State.PROPOSED and is_merged(entry, ground):
            standing[at] = entry._replace(state=State.MERGED)
            tell(entry.proposal, State.MERGED, {"commit": ground.commit})
    for entry in entries:
        if entry.state is State.RECEIVED:
            found = settle(entry.proposal, standing, ground, dry_run=dry_run)
            tell(entry.proposal, found.state, found.outcome)
            for beaten in found.beaten:
                tell(beaten, State.LOST, won_by(entry.proposal))
            standing = _after(standing, entry, found)
    if format_ == "json":
        options.print_json({"proposals": told})
    elif not told:
        click.echo("nothing to settle")


@command.command("list")
@click.option("--state", "states", multiple=True, metavar="STATE", help="Only these; may be repeated.")
@options.output_format("text", "json")
@_remote
def list_(remote: RemoteEndpoint, states: tuple[str, ...], format_: str) -> None:
    """List the proposals of the endpoint."""
    from gitconfigmgr.sync.proposals import State, entry_data

    try:
        wanted = tuple(map(State, states)) or tuple(State)
    except ValueError as error:
        raise click.UsageError(f"{error}; states are {', '.join(State)}.") from None
    entries = _entries(remote, wanted)
    if format_ == "json":
        options.print_json({"proposals": [entry_data(entry) for entry in entries]})
        return
    for entry in entries:
        proposal = entry.proposal
        click.echo(_line({"id": proposal.id, "state": entry.state, "outcome": entry.outcome, "was": _said(proposal)}))


@command.command("settle")
@click.argument("id_", metavar="ID")
@click.argument("state", type=click.Choice(["merged", "lost", "refused"]))
@click.option("-m", "--message", required=True, metavar="REASON", help="Why.")
@_remote
def settle_(remote: RemoteEndpoint, id_: str, state: str, message: str) -> None:
    """Say by hand what has become of a proposal."""
    from gitconfigmgr.errors import UsageError

    if not id_.isalnum():
        raise UsageError(f"{id_} is no id of a proposal", "see gitconfigmgr proposals list")
    remote.post(f"v1/proposals/{id_}", {"state": state, "outcome": {"reason": message}})
    click.echo(f"{id_} is {state}")


def _entries(remote: RemoteEndpoint, states: Sequence[State]) -> list[Entry]:
    from gitconfigmgr.errors import OutsideError
    from gitconfigmgr.sync.proposals import read_entry

    try:
        given = remote.get("v1/proposals", {"state": ",".join(states)})["proposals"]
        return [read_entry(item) for item in given]
    except (KeyError, TypeError, ValueError) as error:
        raise OutsideError(f"the endpoint answers something else: {error}", "is it of this version?") from None


def _after(standing: list[Entry], entry: Entry, found: Settled) -> list[Entry]:
    from gitconfigmgr.sync.proposals import State

    gone = {item.id for item in found.beaten}
    kept = [item for item in standing if item.proposal.id not in gone]
    return [*kept, entry._replace(state=found.state)] if found.state in (State.PROPOSED, State.MERGED) else kept


def _said(proposal: Proposal) -> str:
    return f"{proposal.namespace} in {proposal.environment}: {', '.join(proposal.keys)}, by {proposal.instance}"


def _line(told: dict[str, Any]) -> str:
    outcome = told["outcome"]
    won = outcome.get("won") or {}
    parts = [
        outcome.get("branch"),
        outcome.get("reason"),
        won.get("id") or won.get("commit"),
        *outcome.get("findings", ()),
    ]
    shown = "; ".join(str(part) for part in parts if part)
    return f"{told['id']}  {told['state']:<8}  {told['was']}{f'  ({shown})' if shown else ''}"
