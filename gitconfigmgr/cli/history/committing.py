"""What `rollback`, `restore` and `promote` share: they end in one commit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli import editing, options

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.app.change import Change
    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.app.select import State
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Destination, Tree


def how(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that commits; it gets them as an `editing.How`."""
    from functools import wraps

    @wraps(command)
    def called(*args: Any, **given: Any) -> Any:
        names = ("dry_run", "message", "branch", "force", "verify", "format_")
        said = editing.How(commit=True, **{name: given.pop(name) for name in names})
        if said.force and not said.message.strip():
            raise click.UsageError("--force needs a reason: -m REASON.")
        return command(*args, how=said, **given)

    for option in (
        click.option("-m", "--message", default="", metavar="REASON", help="Why; the message of the commit."),
        click.option("--dry-run", is_flag=True, help="Show the edit and what it means, commit nothing."),
        click.option("--branch", metavar="NAME", help="The branch that gets the commit; default: HEAD's."),
        click.option("--force", is_flag=True, help="Commit although it brings new errors or changes other targets; needs -m."),
        click.option("--no-verify", "verify", is_flag=True, flag_value=False, default=True, help="Skip the hooks pre-commit and commit-msg."),
        options.output_format("text", "json"),
    )[::-1]:  # fmt: skip
        called = option(called)
    return called


class Work:
    """The branch that gets the commit, its repository, and its history."""

    def __init__(self, state: State, how: editing.How) -> None:
        self.state = state
        self.how = how
        self.place: Destination
        self.repository: Repository
        self.place, self.repository = editing.begin(state, how)

    def chronicle(self) -> Chronicle:
        """The history of the branch, up to where the commit goes."""
        from gitconfigmgr.wiring.trees import open_chronicle

        return open_chronicle(replace(self.state, rev=editing.commit_below(self.place)))

    def reopen(self, tree: Tree) -> Repository:
        """The repository of an edited tree."""
        from gitconfigmgr.wiring.trees import open_repository

        return open_repository(self.state, tree, editing.commit_below(self.place))

    def finish(self, change: Change, message: str, trailer: str = "") -> None:
        """Judge and commit. `message` where the user gave none."""
        text = self.how.message.strip() or message
        if trailer:
            text = f"{text}\n\n{trailer}"
        editing.carry_out(self.state, replace(self.how, message=text), self.place, self.repository, change)
