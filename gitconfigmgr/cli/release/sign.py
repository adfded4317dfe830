"""`gitconfigmgr release sign`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli.release import common

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    "sign",
    epilog="""\b
Examples:
  gitconfigmgr release sign
  gitconfigmgr release sign --to directory:published --keys my-keys --yes""",
)
@common.to
@common.keys
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def command(ctx: click.Context, destinations: tuple[str, ...], keys: Path | None, yes: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Add your signature to a release that waits for it; the last one publishes it."""
    import sys

    from gitconfigmgr.app.release.tending import tell
    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.model.names import many

    work = common.releasing(ctx, None, destinations, keys)
    tree = common.tree_of(work)
    waiting = tree.waiting()
    if waiting is None:
        click.echo("nothing waits for a signature")
        return
    _show(tree, waiting)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody is here to be asked: sign it?", "pass --yes")
        click.confirm("sign it", abort=True)
    found = tree.sign(waiting["seen"])
    if not found.added and found.missing and "online" not in found.missing:
        raise UsageError(
            "none of the keys here can sign it, or they have signed already", "see `gitconfigmgr keys status`"
        )
    signed = "signed; " if found.added else ""
    if not found.missing:
        click.echo(f"{signed}release {found.number} is published")
        problem = tell(tree, found.number, work.notify)
        if problem:
            click.echo(f"note: {problem}", err=True)
    elif "online" in found.missing:
        click.echo(
            f"{signed}release {found.number} has all signatures; whoever has the online key publishes it by `release sign`"
        )
    else:
        click.echo(f"{signed}{many(max(found.missing.values()), 'more signature')} needed")


def _show(tree: Any, waiting: dict[str, Any]) -> None:
    """What the signature is for, by the bytes that would be published: not by what anybody says of them."""
    from gitconfigmgr.app.release.contents import sealed_for
    from gitconfigmgr.app.release.contents import waiting as difference
    from gitconfigmgr.cli.history.diff_text import as_text
    from gitconfigmgr.release.rollout import described
    from gitconfigmgr.release.trust import custom_of

    click.echo(f"release {waiting['release']}")
    for item in waiting["targets"]:
        custom = custom_of(item["after"]) if item["after"] else {}
        what = f"  {custom.get('change', 'delete'):<8} {item['target'].namespace} {item['target'].environment}"
        if item["after"]:
            digest = item["after"].hashes["sha256"]
            what += f"  version {custom.get('version')} of {str(custom.get('commit'))[:12]}, sha256:{digest}"
        click.echo(what)
        if item["sealed"]:
            click.echo(f"           secrets sealed for {', '.join(sealed_for(tree.read, item['sealed']))}")
        if item["extras"]:
            click.echo(f"           for {described(custom)}")
    before, now = f"release {waiting['before']}", f"release {waiting['release']}"
    click.echo(f"\n{as_text(difference(tree, waiting['targets']), (before, now), full=True)}\n")
