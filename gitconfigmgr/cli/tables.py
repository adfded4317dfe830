"""A command that has commands: a table of them, each module imported when its command runs."""

from __future__ import annotations

from importlib import import_module
from typing import ClassVar

import click

from gitconfigmgr.errors import UsageError


class CommandTable(click.Group):
    """`table` has a line of help for each name; the module of a name is in `package`, with `_` for `-`."""

    table: ClassVar[dict[str, str]] = {}
    package: ClassVar[str] = ""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in self.table:
            return None
        found = import_module(f"{self.package}.{cmd_name.replace('-', '_')}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.table and not args[0].startswith("-"):
            from gitconfigmgr.model.names import closest

            near = closest(args[0], list(self.table))
            hint = f"did you mean {near}?" if near else f"see gitconfigmgr {self.name} --help"
            raise UsageError(f"there is no command {self.name} {args[0]}", hint)
        return super().resolve_command(ctx, args)
