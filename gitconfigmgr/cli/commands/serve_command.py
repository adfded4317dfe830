"""`gitconfigmgr serve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitconfigmgr.sync.endpoint import Tokens

STATE = click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Where tokens and statuses are kept; or GITCONFIGMGR_ENDPOINT_STATE.",
)  # fmt: skip
FILE = click.Path(path_type=Path, dir_okay=False)


class _Serve(click.Group):
    """What is no subcommand is the folder that `run` serves."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "run", self.commands["run"], args


@click.group(
    "serve",
    cls=_Serve,
    context_settings={"ignore_unknown_options": True},
    epilog="""\b
Examples:
  gitconfigmgr serve token create laptop --tenant acme --expires 30
  gitconfigmgr serve published
  gitconfigmgr serve published --listen 0.0.0.0:8443 --tls-cert tls.pem --tls-key tls.key

`gitconfigmgr serve published` is short for `gitconfigmgr serve run published`.""",
)
def command() -> None:
    """Serve a published tree to agents, and tell them of releases."""


@command.command("run")
@click.argument("source", metavar="DIR")
@click.option("--listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT", help="Port 0: any.")
@STATE
@click.option("--tls-cert", type=FILE, metavar="FILE", help="The certificate chain, PEM.")
@click.option("--tls-key", type=FILE, metavar="FILE", help="Its private key, PEM.")
@click.option("--client-ca", type=FILE, metavar="FILE", help="Only clients with a certificate of these authorities.")
@click.option("--identities", type=FILE, metavar="FILE", help="endpoint.toml: identity providers and certificates.")
@click.option("--anonymous", is_flag=True, help="Let anybody read. Bundles hold no secrets in the open.")
@click.option("--plain-http", is_flag=True, help="Without TLS also where other machines come in.")
@click.option(
    "--rate", type=click.FloatRange(min=0), default=1000.0, show_default=True, help="Requests a second of one token."
)
@click.option(
    "--address-rate", type=click.FloatRange(min=0), default=20.0, show_default=True,
    help="Requests a second of one address without a token that counts.",
)  # fmt: skip
@click.option(
    "--root", "roots", multiple=True, metavar="TENANT=FILE",
    help="Root metadata that uploads are verified from; else the first root of the tree. May be repeated.",
)  # fmt: skip
@click.option(
    "--upload-mebibytes", type=click.IntRange(min=1), default=64, show_default=True, help="Of one release that is sent."
)
@click.option("--connections", type=click.IntRange(min=64), default=20_000, show_default=True, help="At most.")
def run(source: str, listen: str, state: Path | None, roots: tuple[str, ...], **more: object) -> None:
    """Serve a folder, or s3://bucket/prefix, until the process is ended."""
    import os

    from gitconfigmgr.server.main import serve
    from gitconfigmgr.server.settings import ServeSettings, default_state, read_roots

    known = read_roots(roots)
    serve(ServeSettings(source, state or default_state(os.environ), listen, roots=known, **more))  # type: ignore[arg-type]  # options by name


@command.group("token")
def token() -> None:
    """Make and revoke the tokens that clients show."""


@token.command("create")
@click.argument("name")
@click.option("--tenant", required=True, help="Whose tree it opens.")
@click.option(
    "--scope", "scopes", multiple=True, default=("read", "status"), show_default=True,
    type=click.Choice(["read", "status", "propose", "publish", "fleet"]), help="May be repeated.",
)  # fmt: skip
@click.option("-e", "--environment", "environments", multiple=True, metavar="ENV", help="May be repeated; else all.")
@click.option("-n", "--namespace", "namespaces", multiple=True, metavar="PATTERN", help="acme/chat, acme/*; else all.")
@click.option("--expires", type=click.FloatRange(min=0, min_open=True), metavar="DAYS", help="Else it does not.")
@STATE
def create(
    name: str, tenant: str, scopes: tuple[str, ...], environments: tuple[str, ...], namespaces: tuple[str, ...],
    expires: float | None, state: Path | None,
) -> None:  # fmt: skip
    """Print a new token, once: only its digest is kept."""
    import time

    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.model.names import SEGMENT
    from gitconfigmgr.sync.access import Ability, Grant, key_of, new_token
    from gitconfigmgr.sync.endpoint import Token

    if not SEGMENT.match(tenant):
        raise UsageError(f"{tenant} is no name of a tenant", "small letters, digits, dots and dashes")
    now = time.time()
    made = new_token()
    ends = now + expires * 86_400 if expires is not None else None
    abilities = frozenset(Ability(item) for item in scopes)
    grant = Grant(tenant, abilities, environments or ("*",), namespaces or ("*",), name, key_of(made), ends)
    _tokens(state).add(Token(grant, now))
    click.echo(made)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@STATE
def list_(*, as_json: bool, state: Path | None) -> None:
    """List the tokens that count. No token is shown, for none is kept."""
    import json
    import time
    from datetime import UTC, datetime

    listed = []
    for grant in (item.grant for item in _tokens(state).all() if item.revoked is None):
        ends = None if grant.expires is None else f"{datetime.fromtimestamp(grant.expires, UTC):%Y-%m-%d}"
        shown = {
            "tenant": grant.tenant,
            "name": grant.name,
            "scopes": sorted(grant.abilities),
            "environments": list(grant.environments),
            "namespaces": list(grant.namespaces),
            "expires": ends,
            "expired": grant.expires is not None and grant.expires <= time.time(),
        }
        listed.append(shown)
        if not as_json:
            until = "expired" if shown["expired"] else f"until {ends}" if ends else "without end"
            allowed = [",".join(names) for names in (sorted(grant.abilities), grant.environments, grant.namespaces)]
            click.echo("  ".join([grant.tenant, grant.name, *allowed, until]))
    if as_json:
        click.echo(json.dumps(listed, indent=2))


@token.command("revoke")
@click.argument("name")
@click.option("--tenant", required=True, help="Whose it is.")
@STATE
def revoke(name: str, tenant: str, state: Path | None) -> None:
    """Have a token count no more; a running endpoint sees it within a second or two."""
    import time

    from gitconfigmgr.errors import UsageError

    if not _tokens(state).revoke(tenant, name, time.time()):
        raise UsageError(f"there is no token {name} of {tenant}", "see gitconfigmgr serve token list")
    click.echo(f"revoked {name} of {tenant}")


@command.command("openapi")
def openapi() -> None:
    """Print the OpenAPI document of the endpoint."""
    import json

    from gitconfigmgr.server.openapi import document

    click.echo(json.dumps(document(), indent=2))


def _tokens(state: Path | None) -> Tokens:
    import os

    from gitconfigmgr.adapters.endpoint.stores import open_stores
    from gitconfigmgr.server.settings import default_state

    return open_stores(state or default_state(os.environ)).tokens
