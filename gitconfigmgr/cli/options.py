"""The options that commands share, each written once."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from gitconfigmgr.app.select import Selection, State

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


class _Date(click.ParamType[date]):
    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date such as 2026-12-31", param, ctx)


rev = click.option("--rev", metavar="REV", help="The state of a commit, branch or tag, without a checkout.")
staged = click.option("--staged", is_flag=True, help="What the index holds, instead of the work tree.")
now = click.option("--now", type=_Date(), metavar="DATE", help="The date for $until; default: the commit's.")
environment = click.option("-e", "--env", "environment", required=True, metavar="ENV", help="The environment.")
namespaces = click.option(
    "-n", "--namespace", "namespaces", multiple=True, metavar="NS", help="Only these, * and ? allowed."
)
environments = click.option(
    "-e", "--env", "environments", multiple=True, metavar="ENV", help="Only these environments."
)
no_cache = click.option("--no-cache", is_flag=True, help="Look at everything, even what has not changed.")
jobs = click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Processes; default: one for each core.")


def output_format(*choices: str) -> Callable[[F], F]:
    """`--format`, the first one being the default."""
    help_ = "How to print it."
    return click.option(
        "--format", "format_", type=click.Choice(choices), default=choices[0], show_default=True, help=help_
    )


def state(ctx: click.Context, rev: str | None = None, now: date | None = None, *, staged: bool = False) -> State:
    """The state that the options name."""
    if rev is not None and staged:
        raise click.UsageError("--rev and --staged name two different states.")
    return State(Path(ctx.find_root().obj), rev, staged, now)


def selection(namespaces: tuple[str, ...], environments: tuple[str, ...]) -> Selection:
    """The targets that the options name."""
    return Selection(namespaces, environments)


def finish(status: int) -> NoReturn:
    """End the command with an exit status."""
    click.get_current_context().exit(status)


def print_json(data: Any) -> None:
    """Indented JSON to standard output."""
    import orjson

    sys.stdout.flush()
    click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
