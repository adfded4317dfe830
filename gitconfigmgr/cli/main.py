"""The program: finds the command, and is the one place that turns errors into an exit status.

Start-up is a feature: a hook starts a process on every commit. So the commands are a table, and the module of a
command is imported when it runs.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from gitconfigmgr import __version__
from gitconfigmgr.errors import GitConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "init": "Make a new config repository that passes check.",
    "demo": "Show the whole story in a temporary folder.",
    "dev": "Compile on change, and release into an OpenBao server on this machine.",
    "check": "Check everything: files, merge, references, schemas.",
    "pr-report": "Tell reviewers on one page what a change does.",
    "scan": "Look for keys and private keys in all files of the repository.",
    "fix": "Apply the fixes that a program can make.",
    "fmt": "Format files, and keep comments and values as they are.",
    "compile": "Write the effective document of every target.",
    "test": "Run the config unit tests of the repository.",
    "policy": "List policies, and run their inline tests.",
    "get": "Print an effective value.",
    "explain": "Tell why a key has its value, or what a code means.",
    "layers": "List the files a target is made of, lowest first.",
    "diff": "Show how effective documents differ, and why.",
    "impact": "Tell whom an edit reaches, and who is shielded.",
    "log": "List the versions of a target.",
    "show": "Print the document of a recorded version.",
    "blame": "Tell which version made every value what it is.",
    "history": "Write a page about the history of a target.",
    "rollback": "Commit what makes a target as it was at a version.",
    "restore": "Commit what brings a deleted namespace back.",
    "promote": "Commit values of one environment to another.",
    "release": "Check, sign and publish what changed.",
    "verify": "Verify a published tree.",
    "resign": "Renew the metadata of a published tree before it ends.",
    "serve": "Serve a published tree to agents, and tell them of releases.",
    "agent": "Follow a published tree, and serve it on this machine.",
    "fleet": "See what the agents of an endpoint run.",
    "proposals": "Make changes that agents propose into branches.",
    "keys": "Make and rotate the keys that sign releases.",
    "set": "Set a value in the file of a layer, and touch nothing else.",
    "unset": "Remove a key from the file of a layer.",
    "mv": "Rename a key, or move a namespace, references included.",
    "secret": "Keep secrets encrypted in the repository.",
    "models": "Show the catalogue of models, and lock what is used of it.",
    "import": "Turn another tool's repository into one of ours.",
    "editor": "Write schemas and settings for editors.",
}
EPILOG = """\b
Examples:
  gitconfigmgr demo
  gitconfigmgr check
  gitconfigmgr explain acme/chat api.timeout -e production
  gitconfigmgr compile -o compiled --rev HEAD

Exit status: 0 clean, 1 findings, 2 usage or settings, 3 something outside
failed (git, files, network), 4 a bug in the program, 130 interrupted."""


class Commands(click.Group):
    """The commands of the table, loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"gitconfigmgr.cli.commands.{cmd_name.replace('-', '_')}_command")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from gitconfigmgr.model.names import closest

            near = closest(args[0], list(COMMANDS))
            raise UsageError(f"there is no command {args[0]}", f"did you mean {near}?" if near else "see --help")
        return super().resolve_command(ctx, args)


@click.command(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(__version__, "-V", "--version", message="gitconfigmgr %(version)s")
@click.option("-C", "folder", metavar="DIR", default=".", help="Work in this folder, as git -C does.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the output.")
@click.pass_context
def cli(ctx: click.Context, folder: str, color: str) -> None:
    """Compile layered YAML in Git to effective configuration, with the origin of every value."""
    ctx.obj = folder
    automatic = False if os.environ.get("NO_COLOR") else None  # https://no-color.org
    ctx.color = {"always": True, "never": False, "auto": automatic}[color]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process; called with no arguments, without the interpreter's clean-up."""
    if argv is not None:
        sys.exit(run(list(argv)))
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        status = status or _closed_pipe()
    os._exit(status)  # freeing a large corpus node by node takes a tenth of a run


def run(argv: list[str]) -> int:  # noqa: PLR0911 - each way to end has its status
    """Run the command line; the exit status."""
    if argv in (["--version"], ["-V"]):
        click.echo(f"gitconfigmgr {__version__}")
        return 0
    gc.disable()  # nodes form no cycles worth collecting in a process this short; parsing takes a third less time
    sys.setrecursionlimit(20_000)  # documents nest up to 256 deep, references up to 32 of them
    try:
        result = cli.main(argv, prog_name="gitconfigmgr", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except click.ClickException as error:
        return _misused(error)
    except BrokenPipeError:
        return _closed_pipe()
    except GitConfigError as error:
        return _expected(error)
    except OSError as error:
        click.echo(f"error: {error.filename or ''}: {error.strerror or error}".replace(": :", ":"), err=True)
        return 3
    except Exception:  # noqa: BLE001 - the one place: a bug is reported, with what a maintainer needs
        return _bug()
    return result if isinstance(result, int) else 0


def _misused(error: click.ClickException) -> int:
    message = error.format_message().rstrip(".")
    click.echo(f"error: {message[:1].lower()}{message[1:]}", err=True)
    context = getattr(error, "ctx", None)
    click.echo(f"hint: see {context.command_path if context else 'gitconfigmgr'} --help", err=True)
    return 2


def _expected(error: GitConfigError) -> int:
    findings = getattr(error, "findings", None)
    if findings:
        from gitconfigmgr.cli.render import TextReport

        report = TextReport(getattr(error, "read"))  # noqa: B009 - the errors with findings carry both
        click.echo("\n\n".join(report.show(item) for item in findings), err=True)
    else:
        click.echo(f"error: {error}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
    return error.exit_status


def _closed_pipe() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _bug() -> int:
    import platform
    import traceback
    from pathlib import Path

    lines = traceback.format_exc().splitlines()
    click.echo("error: this is a bug in gitconfigmgr, please report it with what follows", err=True)
    click.echo(f"gitconfigmgr {__version__}, Python {platform.python_version()}, {platform.system()}", err=True)
    home = str(Path(__file__).parents[2])
    shown = [line.replace(home, "").replace(sys.prefix, "").replace(sys.base_prefix, "") for line in lines]
    click.echo("\n".join(shown), err=True)
    return 4


if __name__ == "__main__":
    main()
