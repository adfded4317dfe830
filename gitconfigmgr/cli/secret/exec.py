"""`gitconfigmgr secret exec`."""

from __future__ import annotations

import os
import sys

import click

from gitconfigmgr.cli.secret import session
from gitconfigmgr.errors import OutsideError


@click.command(
    "exec",
    epilog="""\b
Examples:
  gitconfigmgr secret exec secrets/prod.env -- ./server --port 8080
  gitconfigmgr secret exec acme/chat -e production -- env""",
)
@session.environment
@click.option("--flatten", is_flag=True, help="Nested keys too: api.key becomes API_KEY.")
@click.option("--plain", is_flag=True, help="Of a namespace, the values that are no secrets too.")
@session.base
@click.argument("where", metavar="FILE|NS")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="-- CMD...")
@click.pass_context
def command(
    ctx: click.Context,
    where: str,
    argv: tuple[str, ...],
    environment: str | None,
    flatten: bool,  # noqa: FBT001 - click passes flags so
    plain: bool,  # noqa: FBT001 - click passes flags so
    base: str | None,
) -> None:
    """Run a program with secrets in its environment, and nowhere else.

    Of a file, its values under their names. Of a namespace in an environment, its effective secrets: api.key is API_KEY.
    The program takes this one's place and status, and does not get the identity that opened the files.
    """
    from gitconfigmgr.app.secrets.environment import child_environment, file_variables

    if not argv:
        raise click.UsageError("Name the program to run after --.")
    here = session.Session(ctx, base)
    if environment is not None:
        from gitconfigmgr.app.secrets.effective import effective_secrets

        repository, bench, _ = here.repository()
        secrets = effective_secrets(repository, bench.providers, where, environment, everything=plain)
    else:
        secrets = file_variables(*here.file(where), flatten=flatten)
    _replace(argv, child_environment(os.environ, secrets))


def _replace(argv: tuple[str, ...], variables: dict[str, str]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(argv[0], argv, variables)  # noqa: S606 - the program that the user names
    except FileNotFoundError:
        raise OutsideError(f"there is no program {argv[0]}", "correct its name") from None
    except OSError as error:
        raise OutsideError(f"{argv[0]} cannot be run: {error.strerror}", "check its mode") from None
