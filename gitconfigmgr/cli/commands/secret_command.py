"""`gitconfigmgr secret` and the table of its commands."""

from __future__ import annotations

import click

from gitconfigmgr.cli.tables import CommandTable

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


class Subcommands(CommandTable):
    """The commands of the table; what nobody expected of them shows no value."""

    table = COMMANDS
    package = "gitconfigmgr.cli.secret"

    def invoke(self, ctx: click.Context) -> object:
        from gitconfigmgr.cli.secret.session import withheld

        with withheld():
            return super().invoke(ctx)


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
