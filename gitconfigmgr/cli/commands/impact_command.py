"""`gitconfigmgr impact`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from gitconfigmgr.app.select import Selection, State
    from gitconfigmgr.pipeline import Repository

_SETTING = re.compile(
    r'((?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^="\[])*)=(.*)', re.DOTALL
)  # KEY=VALUE; = may stand in the key


@click.command(
    "impact",
    epilog="""\b
Examples:
  gitconfigmgr impact                                  the edits of the work tree
  gitconfigmgr impact origin/main...HEAD
  gitconfigmgr impact acme api.timeout                 who uses it, who overrides it
  gitconfigmgr impact --set acme api.timeout=30        before the edit""",
)
@click.argument("words", nargs=-1, metavar="[A..B | NS KEY]")
@click.option("--set", "given", nargs=2, metavar="NS KEY=VALUE", help="What setting this value would do.")
@click.option("--layer", default="base", show_default=True, metavar="ENV", help="The layer that --set is about.")
@options.namespaces
@options.environments
@options.rev
@options.staged
@options.output_format("text", "json")
@click.pass_context
def command(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    words: tuple[str, ...],
    given: tuple[str, str] | None,
    layer: str,
    namespaces: tuple[str, ...],
    environments: tuple[str, ...],
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    format_: str,
) -> None:
    """Tell whom an edit reaches: for each edited key, which targets change and which are shielded, and where.

    With NS KEY instead of revisions: which targets take the key from this namespace, override it, or refer to it.
    """
    selection = options.selection(namespaces, environments)
    if len(words) > 2 or (given and words):
        raise click.UsageError("Name A..B, or NS KEY, or --set NS KEY=VALUE.")
    if len(words) == 2:
        _usage(options.state(ctx, rev, staged=staged), words, selection, format_)
    elif given:
        _before_the_edit(options.state(ctx, rev, staged=staged), given, layer, selection, format_)
    else:
        if rev is not None:
            raise click.UsageError("Name revisions as A..B; --rev goes with NS KEY and with --set.")
        _between(options.state(ctx), words[0] if words else None, selection, format_, staged=staged)


def _usage(state: State, words: tuple[str, ...], selection: Selection, format_: str) -> None:
    from gitconfigmgr.app.impact import usage, usage_json
    from gitconfigmgr.cli.history.impact_text import usage_text
    from gitconfigmgr.wiring.trees import open_repository

    found = usage(open_repository(state), words[0].strip("/"), words[1], selection)
    if format_ == "json":
        options.print_json(usage_json(found))
    else:
        click.echo(usage_text(found))


def _before_the_edit(state: State, given: tuple[str, str], layer: str, selection: Selection, format_: str) -> None:
    from gitconfigmgr.app.setting import set_key, typed_value
    from gitconfigmgr.source.overlay_tree import EditedTree
    from gitconfigmgr.wiring.trees import open_repository

    found = _SETTING.match(given[1])
    if found is None:
        raise click.UsageError("Write --set NS KEY=VALUE.")
    before = open_repository(state)
    hint = "impact asks about namespaces that are there; `gitconfigmgr set --create --dry-run` about others"
    change = set_key(before, given[0], layer, found[1], typed_value(found[2]), hint=hint)
    after = open_repository(state, EditedTree(before.tree, change.files))
    _report(before, after, ("now", "after the edit"), selection, format_)


def _between(state: State, revisions: str | None, selection: Selection, format_: str, *, staged: bool) -> None:
    from gitconfigmgr.app.ranges import read_range
    from gitconfigmgr.wiring.changes import open_range

    before, after, names = open_range(state, read_range(revisions), staged=staged)
    _report(before, after, names, selection, format_)


def _report(before: Repository, after: Repository, names: tuple[str, str], selection: Selection, format_: str) -> None:
    from gitconfigmgr.app.impact import as_json, impact
    from gitconfigmgr.cli.history.impact_text import as_text

    found = impact(before, after, selection)
    if format_ == "json":
        options.print_json(as_json(found, names))
    else:
        protected = [name for name, item in after.settings.environments.items() if item.protected]
        click.echo(as_text(found, names, protected))
