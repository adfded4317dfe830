"""What `log`, `show`, `blame` and `history` share: they ask about one target, along a line of commits."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from collections.abc import Callable


def of_target(command: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments that name a target and its history; the command gets `chronicle`, `namespace` and `environment`."""

    @wraps(command)
    def called(ctx: click.Context, *, namespace: str, rev: str | None, no_cache: bool, **given: Any) -> Any:
        from gitconfigmgr.wiring.trees import open_chronicle

        chronicle = open_chronicle(options.state(ctx, rev), cached=not no_cache)
        return command(chronicle=chronicle, namespace=namespace.strip("/"), **given)

    taken: Callable[..., Any] = click.pass_context(called)
    for option in (click.argument("namespace"), options.environment, options.rev, options.no_cache)[::-1]:
        taken = option(taken)
    return taken
