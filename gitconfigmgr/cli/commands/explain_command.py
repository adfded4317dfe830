"""`gitconfigmgr explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options

if TYPE_CHECKING:
    from datetime import date

    from gitconfigmgr.app.explain import Explanation
    from gitconfigmgr.model.values import Node


@click.command(
    "explain",
    epilog="""\b
Examples:
  gitconfigmgr explain acme/chat api.timeout -e production
  gitconfigmgr explain GCM201""",
)
@click.argument("what", metavar="NS|CODE")
@click.argument("key", required=False)
@click.option("-e", "--env", "environment", metavar="ENV", help="The environment.")
@options.rev
@options.staged
@options.output_format("text", "json")
@options.now
@click.pass_context
def command(  # noqa: PLR0917 - click passes each option by name
    ctx: click.Context,
    what: str,
    key: str | None,
    environment: str | None,
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    format_: str,
    now: date | None,
) -> None:
    """Tell why a key has its value, or what a diagnostic code means.

    Shows the winner with its position, everything it overrides, the directive, the references it came through, and
    the commit that wrote the line.
    """
    if key is None and what.upper().startswith("GCM"):
        _code(what.upper(), format_)
        return
    if key is None or environment is None:
        raise click.UsageError("Name a namespace, a key and an environment (-e), or a code such as GCM201.")
    from gitconfigmgr.app.explain import as_json, explain
    from gitconfigmgr.wiring.changes import open_history
    from gitconfigmgr.wiring.trees import open_repository

    state = options.state(ctx, rev, now, staged=staged)
    repository = open_repository(state)
    found = explain(repository, open_history(state, repository.tree), what.strip("/"), environment, key)
    if format_ == "json":
        options.print_json(as_json(found))
    else:
        click.echo("\n".join(_text(found)))


def _code(name: str, format_: str) -> None:
    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.model.codes import CODES
    from gitconfigmgr.model.names import closest

    code = CODES.get(name)
    if code is None:
        near = closest(name, list(CODES))
        raise UsageError(
            f"there is no code {name}", f"did you mean {near}?" if near else "docs/diagnostics.md lists them"
        )
    if format_ == "json":
        options.print_json(code._asdict())
        return
    click.echo(click.style(f"{code.code}: {code.title}", bold=True) + f" ({code.severity})")
    click.echo(f"\n{code.why}\n\n{code.remedy}")


def _text(found: Explanation) -> list[str]:
    from gitconfigmgr.cli.render import value_text
    from gitconfigmgr.resolve.provenance import lowers, notes

    node = found.node
    value = value_text(node)
    head = click.style(f"{found.target.namespace} {found.key}", bold=True) + f" in {found.target.environment}"
    lines = [head]
    lines += [f"  = {value}"] if "\n" not in value else ["  ="] + [f"    {line}" for line in value.split("\n")]
    lines.append(f"set       {_place(node)}")
    if found.commit is not None:
        commit = found.commit
        day = commit.time.date().isoformat()
        lines.append(f"commit    {commit.commit[:10]} {day} {commit.author}: {commit.summary}")
        if commit.boundary:
            lines.append("          or earlier: this clone is shallow")
    if node.directive:
        lines.append(f"directive {node.directive}")
    for name, text in notes(node).items():
        lines.append(f"{name:9} {text}" if text is not True else f"{name:9} yes")
    word = "merged" if isinstance(node.value, dict) else "overrides"
    for below in lowers(node):
        lines.append(f"{word:9} {_place(below)}{_value(below)}")
    for step in node.via:
        lines.append(f"through   {_place(step)}{_value(step)}")
    return lines


def _place(node: Node) -> str:
    from gitconfigmgr.app.explain import layer_name
    from gitconfigmgr.model.diagnostics import position_of

    position = position_of(node)
    return f"{position.path}:{position.line}:{position.column}  {layer_name(node.document)}"


def _value(node: Node) -> str:
    from gitconfigmgr.cli.render import short_value

    return f"  {short_value(node)}" if not isinstance(node.value, dict) else ""
