"""`gitconfigmgr keys`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.cli.release import common
from gitconfigmgr.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.adapters.signing.folder import KeyFolder
    from gitconfigmgr.release.keyset import KeyEntry, KeySet

_role = click.option(
    "--role", "shares", multiple=True, metavar="ROLE=T/N", help="T of N keys sign for the role, such as root=2/3."
)
_at = click.option(
    "--at",
    "places",
    multiple=True,
    metavar="ROLE=ADDRESS",
    help="A key that is there: transit:URL/ENGINE/KEY, awskms:ARN.",
)
_age = click.option("--age", "recipient", metavar="RECIPIENT", help="Encrypt key files for this age recipient.")
_plain = click.option("--plain", is_flag=True, help="Leave key files in plaintext, for their owner alone.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")
_tenant = click.option("--tenant", metavar="NAME", help="Default: release.tenant of gitconfigmgr.yaml.")


@click.group(
    "keys",
    no_args_is_help=True,
    epilog="""\b
Examples:
  gitconfigmgr keys init --yes
  gitconfigmgr keys init --role root=2/3 --role release:production=2/2
  gitconfigmgr keys rotate online
  gitconfigmgr keys status

docs/release.md says what to keep where.""",
)
def command() -> None:
    """Make and rotate the keys that sign releases."""


@command.command(
    "init",
    epilog="""\b
Examples:
  gitconfigmgr keys init --yes
  gitconfigmgr keys init --at online=transit:https://vault.example.com:8200/transit/online --yes

Roles: root (offline; 2 of 3), targets (delegates to projects; offline where
projects are few), online (snapshot and timestamp), release (bundles), and
release:ENV for an environment with keys of its own.""",
)
@_role
@_at
@_age
@_plain
@_tenant
@common.keys
@_yes
@click.pass_context
def init(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    shares: tuple[str, ...],
    places: tuple[str, ...],
    recipient: str | None,
    plain: bool,  # noqa: FBT001 - click passes flags so
    tenant: str | None,
    keys: Path | None,
    yes: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Make the keys of a tenant in a folder of their own, and the root metadata that applications trust.

    Key files are encrypted for your age identity (one is made where you have none), unless --age or --plain says
    otherwise.
    """
    from gitconfigmgr.app.release import keys as use

    wanted = use.plans(shares, places)
    vault = _vault(ctx, keys, tenant)
    if vault.exists():
        raise UsageError(f"there is a key set in {vault.folder}", "`gitconfigmgr keys rotate`, or another --keys")
    _confirm(f"make keys in {vault.folder}", yes=yes)
    make = _maker(vault, recipient, plain=plain)
    made = use.init(vault, vault.tenant, wanted, make, vault.take, datetime.now(UTC))
    _advise(vault, made)


@command.command(
    "rotate",
    epilog="""\b
Examples:
  gitconfigmgr keys rotate online --yes
  gitconfigmgr keys rotate release:production --role 2/3
  gitconfigmgr keys rotate root --renew

What is published follows at the next release, or by `gitconfigmgr resign`.""",
)
@click.argument("role")
@click.option("--role", "share", metavar="T/N", help="T of N keys sign from now on.")
@click.option("--at", "places", multiple=True, metavar="ADDRESS", help="A key that is there, as for init.")
@_age
@_plain
@_tenant
@common.keys
@click.option("--renew", is_flag=True, help="Keep the keys; a new version of the root that lives longer.")
@_yes
@click.pass_context
def rotate(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    role: str,
    share: str | None,
    places: tuple[str, ...],
    recipient: str | None,
    plain: bool,  # noqa: FBT001 - click passes flags so
    tenant: str | None,
    keys: Path | None,
    renew: bool,  # noqa: FBT001 - click passes flags so
    yes: bool,  # noqa: FBT001 - click passes flags so
) -> None:
    """Give a role new keys. The keys of the root have to be here, except for `release`."""
    from gitconfigmgr.app.release import keys as use

    vault = _vault(ctx, keys, tenant)
    now = datetime.now(UTC)
    if renew:
        use.renew_root(vault, now)
        click.echo(f"wrote a new version of the root into {vault.folder}; `gitconfigmgr resign` publishes it")
        return
    wanted = None
    if share or places:
        wanted = use.plans([f"{role}={share}"] if share else [], [f"{role}={place}" for place in places])[role]
    _confirm(f"give {role} new keys", yes=yes)
    make = _maker(vault, recipient, plain=plain)
    made = use.rotate(vault, role, wanted, make, vault.take, now)
    names = ", ".join(made.roles[role].keys)
    click.echo(f"{role}: signed by {names} from the next release or `gitconfigmgr resign` on")


@command.command(
    "status",
    epilog="""\b
Examples:
  gitconfigmgr keys status
  gitconfigmgr keys status --format json""",
)
@_tenant
@common.keys
@options.output_format("text", "json")
@click.pass_context
def status(ctx: click.Context, tenant: str | None, keys: Path | None, format_: str) -> None:
    """Tell who signs for what, which keys are here, and when the root ends."""
    from gitconfigmgr.app.release import keys as use

    found = use.status(_vault(ctx, keys, tenant), datetime.now(UTC))
    if format_ == "json":
        options.print_json(found)
        return
    root = found["root"]
    click.echo(f"tenant {found['tenant']}, root version {root['version']}, until {root['expires']}")
    if root["renew"]:
        click.echo("warning: half of its life is over: `gitconfigmgr keys rotate root --renew`", err=True)
    for role in found["roles"]:
        click.echo(f"{role['role']}: {role['threshold']} of {len(role['keys'])}")
        for key in role["keys"]:
            where = "here" if key["here"] else "elsewhere"
            click.echo(f"  {key['name']:<14} {key['keyid'][:12]}  {where:<9}  {key['at']}")


def _vault(ctx: click.Context, keys: Path | None, tenant: str | None) -> KeyFolder:
    from gitconfigmgr.cli.secret.session import asker
    from gitconfigmgr.wiring.releases import open_keys

    return open_keys(Path(ctx.find_root().obj), keys, tenant, asker())


def _maker(vault: KeyFolder, recipient: str | None, *, plain: bool) -> Callable[[str], KeyEntry]:
    """What makes a key. Whom its file is encrypted for is found with the first one: an identity is only made for use."""
    if plain and recipient:
        raise click.UsageError("--age and --plain name two different things.")

    @cache
    def for_whom() -> str | None:
        if plain or recipient:
            return recipient
        found, made = vault.own_recipient()
        if made is not None:
            click.echo(f"made an age identity: {made}", err=True)
        return found

    return lambda name: vault.make(name, for_whom())


def _confirm(what: str, *, yes: bool) -> None:
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"nobody is here to be asked: {what}?", "pass --yes")
    click.confirm(what, abort=True)


def _advise(vault: KeyFolder, made: KeySet) -> None:
    """What to keep where."""
    click.echo(f"{vault.folder}: {len(made.keys)} keys of tenant {made.tenant}, keys.json and 1.root.json")
    click.echo("keep offline, and not all in one place: " + ", ".join(_files(made, ("root",))))
    click.echo(
        "keep away from CI, needed where a project or an environment is new: " + ", ".join(_files(made, ("targets",)))
    )
    shared = [name for name, role in made.roles.items() if role.threshold > 1 and name.startswith("release")]
    others = [name for name in made.roles if name not in ("root", "targets", *shared)]
    for name in shared:
        role = made.roles[name]
        click.echo(
            f"give to those who sign for {name}, not all to one ({role.threshold} of {len(role.keys)} have to sign): "
            + ", ".join(_files(made, (name,)))
        )
    click.echo("give to the job that releases: " + ", ".join(["keys.json", "1.root.json", *_files(made, others)]))
    click.echo("give to applications, by a way that you trust: 1.root.json")


def _files(made: KeySet, roles: Sequence[str]) -> list[str]:
    names = dict.fromkeys(key for role in roles for key in made.roles[role].keys)
    return [made.keys[name].at.removeprefix("file:").removeprefix("age:") for name in names]
