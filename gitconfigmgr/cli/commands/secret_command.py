"""`gitconfigmgr secret`: a table of its own, as in cli/main.py."""

from __future__ import annotations

from importlib import import_module

import click

from gitconfigmgr.errors import GitConfigError, UsageError

COMMANDS = {
    "encrypt": "Encrypt files in place, by their creation rules.",
    "decrypt": "Print a file in plaintext.",
    "edit": "Edit a file in plaintext; what is saved is encrypted.",
    "set": "Set a value, read from standard input or a prompt.",
    "unset": "Remove a key.",
    "get": "Print a value in plaintext.",
    "list": "List keys and types, without a key.",
    "status": "Tell what is encrypted, for whom, and what is amiss.",
    "recipients": "Tell who can open what.",
    "exec": "Run a program with secrets in its environment.",
    "rekey": "Bring recipients to the rules; data keys stay.",
    "rotate-key": "Give files new data keys.",
    "offboard": "Take a recipient out of everything.",
    "verify": "Tell whether files are what was encrypted.",
    "seal": "Sign the state of all encrypted files.",
    "install-git": "Teach Git to merge and show encrypted files.",
    "finish": "Make the codes that a merge without a key left open.",
    "merge": "Merge three versions, for Git.",
    "textconv": "Show keys, types and marks, for git diff.",
    "keygen": "Make an age identity, or a key that signs seals.",
}


class Subcommands(click.Group):
    """The commands of the table, loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f"gitconfigmgr.cli.secret.{cmd_name.replace('-', '_')}").command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("gitconfigmgr"):
                raise
            hint = "install it: pip install 'gitconfigmgr[secrets]'"
            raise UsageError(f"{error.name} is needed and not installed", hint) from None
        except (click.ClickException, click.Abort, click.exceptions.Exit, GitConfigError, OSError):
            raise
        except Exception as error:
            _withhold(error)
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from gitconfigmgr.model.names import closest

            near = closest(args[0], list(COMMANDS))
            hint = f"did you mean {near}?" if near else "see gitconfigmgr secret --help"
            raise UsageError(f"there is no command secret {args[0]}", hint)
        return super().resolve_command(ctx, args)


def _withhold(error: BaseException | None) -> None:
    """Take the texts out of an error that nobody expected: they may quote a value, and the report of a bug shows them."""
    while error is not None:
        if not isinstance(error, GitConfigError):
            error.args = ("<withheld>",)
        error = error.__cause__ or error.__context__


@click.command(
    "secret",
    cls=Subcommands,
    no_args_is_help=True,
    epilog="""\b
Examples:
  gitconfigmgr secret encrypt configs/acme/chat/production.yaml
  gitconfigmgr secret set acme/chat api.key -e production
  gitconfigmgr secret edit configs/acme/chat/production.yaml
  gitconfigmgr secret status

Files are those of SOPS. docs/secrets.md begins at the beginning.""",
)
def command() -> None:
    """Keep secrets encrypted in the repository, and work with them."""
