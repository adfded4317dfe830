"""What the commands around releases share."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from gitconfigmgr.app.release.gate import Gate
    from gitconfigmgr.app.release.run import Releasing
    from gitconfigmgr.app.release.tending import Tending
    from gitconfigmgr.model.bundles import Publication

keys = click.option(
    "--keys", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="The key folder; default: GITCONFIGMGR_KEYS, or the one in your configuration.",
)  # fmt: skip
to = click.option(
    "--to", "destinations", multiple=True, metavar="KIND:ADDRESS", help="Publish there; default: what the settings say."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
reason = click.option("-m", "--message", "reason", metavar="REASON", help="Why; it is kept in the receipt.")


def releasing(
    ctx: click.Context,
    rev: str | None,
    destinations: tuple[str, ...],
    keys: Path | None,
    gate: Gate | None = None,
    *,
    cached: bool = True,
) -> Releasing:
    """What a release of the revision works with; HEAD where none is named."""
    from gitconfigmgr.cli import options
    from gitconfigmgr.cli.secret.session import asker
    from gitconfigmgr.wiring.releases import open_releasing

    return open_releasing(options.state(ctx, rev or "HEAD"), destinations, keys, gate, asker(), cached=cached)


def actor() -> str:
    """Who runs this, for the receipt."""
    import getpass
    import os

    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if os.environ.get(name):
            return os.environ[name]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def ci_outputs(values: dict[str, object]) -> None:
    """Outputs of a step, where CI has a file for them."""
    import os

    place = os.environ.get("GITHUB_OUTPUT")
    if place:
        with Path(place).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())


def tree_of(work: Releasing) -> Any:
    """The published tree among the destinations. Raises UsageError where there is none, or more than one."""
    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.release.ports import tree_of as tree

    trees = [publisher for _, publisher in work.publishers if tree(publisher)]
    if len(trees) != 1:
        found = "none" if not trees else "several"
        raise UsageError(f"of the destinations, {found} is a published tree", "name one: --to directory:PATH")
    return trees[0]


def by_hand(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command that changes what is published; it is called with what acts on the tree, and its own."""

    @to
    @reason
    @keys
    @click.pass_context
    @wraps(command)
    def run(
        ctx: click.Context, /, destinations: tuple[str, ...], keys: Path | None, reason: str | None, **given: Any
    ) -> None:
        command(_tending(releasing(ctx, None, destinations, keys), Path(ctx.find_root().obj), reason), **given)

    return run


def _tending(work: Releasing, folder: Path, reason: str | None) -> Tending:
    """What acts on the published tree. Raises UsageError without a reason."""
    from datetime import UTC, datetime

    from gitconfigmgr.app.release.tending import Tending
    from gitconfigmgr.app.select import State
    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.wiring.trees import open_repository

    if not (reason or "").strip():
        raise UsageError("it needs a reason", "say why by -m: it is kept in the receipt")
    return Tending(
        tree_of(work),
        lambda commit: open_repository(State(folder, rev=commit)),
        work.secrets.of,
        datetime.now(UTC),
        actor(),
        str(reason),
        work.notify,
    )


def day(text: str) -> date:
    """A date of the command line."""
    from datetime import date as parse

    try:
        return parse.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text!r} is no date such as 2026-12-31") from None


def changed(publication: Publication, number: int, what: str) -> None:
    """Say what has changed, or what it waits for."""
    for target, item in sorted(publication.targets.items()):
        if item.changed:
            click.echo(f"{target}: {what}")
    for note in publication.notes:
        click.echo(f"note: {note}", err=True)
    if publication.waiting:
        click.echo(f"release {number} waits for signatures")
    else:
        click.echo(f"release {number} published")
