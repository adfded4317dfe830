"""`gitconfigmgr set`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import editing, options

if TYPE_CHECKING:
    from datetime import date


@click.command(
    "set",
    epilog="""\b
Examples:
  gitconfigmgr set acme/chat api.timeout 30 -e production
  gitconfigmgr set acme/chat 'models."gpt-4.1".max_tokens' 8192 --dry-run
  gitconfigmgr set acme/chat api.hosts --json '["a.example.com"]'
  gitconfigmgr set acme/chat prompts.system --text -f prompt.txt
  gitconfigmgr set acme/chat api.timeout 30 -e staging --commit -m "Slower calls"
  gitconfigmgr -C config.git set acme/chat api.timeout 30 --rev main --commit -m "..." """,
)
@click.argument("namespace", metavar="NS")
@click.argument("key")
@click.argument("value", required=False)
@editing.layer
@click.option("-f", "--file", "file", metavar="FILE", help="Read the value from a file; - is standard input.")
@click.option("--json", "how_typed", flag_value="json", help="The value is JSON; maps may be directives.")
@click.option("--text", "how_typed", flag_value="text", help="The value is text as it stands, not YAML.")
@click.option("--create", is_flag=True, help="Make the namespace where there is none.")
@options.rev
@options.now
@editing.how
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes each option by name
    ctx: click.Context,
    namespace: str,
    key: str,
    value: str | None,
    environment: str,
    file: str | None,
    how_typed: str | None,
    create: bool,  # noqa: FBT001 - click passes flags so
    rev: str | None,
    now: date | None,
    how: editing.How,
) -> None:
    """Set one value in the file of a layer, and leave every other line as it is.

    VALUE is YAML: 30, true, null, text, "1.20", [a, b]. Comments, order, quotes and layout stay; the file and the maps
    above the key are made where they are missing. The edit is checked before it is written, and refused where it
    brings an error that was not there. Secrets are set by `gitconfigmgr secret set`.
    """
    from gitconfigmgr.app.setting import set_key, typed_value

    text = _given(value, file)
    state = options.state(ctx, rev, now)
    place, before = editing.begin(state, how)
    typed = typed_value(text, how_typed or "yaml")
    editing.carry_out(state, how, place, before, set_key(before, namespace, environment, key, typed, create=create))


def _given(value: str | None, file: str | None) -> str:
    """The text of the value, from where it is given."""
    if (value is None) == (file is None):
        raise click.UsageError("Give one of VALUE and --file.")
    if file is None and value != "-":
        return str(value)
    data = sys.stdin.buffer.read() if file in {None, "-"} else Path(str(file)).read_bytes()
    if not data.strip():
        raise click.UsageError("The value is empty; null is written as null.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError("The value is not UTF-8.") from None
