"""`gitconfigmgr models`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli import options
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from datetime import date

    from gitconfigmgr.app.models import Source, Use
    from gitconfigmgr.check.llm.catalog import Facts, Known

_MOST_PASSED_OVER = 10
_SHOWN = {
    "mode": "mode", "context_window": "reads at most", "total_window": "reads and writes at most",
    "max_output_tokens": "writes at most", "input_per_million": "USD a million tokens read",
    "cached_input_per_million": "USD a million tokens read from the cache",
    "output_per_million": "USD a million tokens written", "long_context": "above so many tokens: USD read, USD written",
    "embedding_dimensions": "length of a vector", "retires": "switched off on", "status": "status",
    "floating": "an alias that the provider moves", "capabilities": "can do",
    "sampling": "takes sampling parameters", "refused_efforts": "efforts it does not have",
}  # fmt: skip


@click.group("models")
def command() -> None:
    """Show the catalogue of models, and keep the repository's own table of it.

    The catalogue comes with the program; no network is ever asked.
    """


@command.command(
    "list",
    epilog="""\b
Examples:
  gitconfigmgr models list                    what the repository uses
  gitconfigmgr models list --all --provider anthropic""",
)
@click.option("--all", "everything", is_flag=True, help="The whole catalogue, not only what is used.")
@click.option("--provider", metavar="NAME", help="Only models of this provider.")
@options.output_format("text", "json")
@click.pass_context
def list_(ctx: click.Context, everything: bool, provider: str | None, format_: str) -> None:  # noqa: FBT001 - click passes flags so
    """List the models that the repository uses."""
    from gitconfigmgr.app import models
    from gitconfigmgr.wiring.trees import open_repository

    repository = open_repository(options.state(ctx))
    tables = models.known(repository)
    _damaged(tables)
    if everything:
        ids = [name for name in tables.ids() if provider is None or name.startswith(f"{provider}/")]
        rows = [models.Use(*_halves(name), tables.by_id(name), 0) for name in ids]
    else:
        rows = [use for use in models.used(repository) if provider is None or use.provider == provider]
    if format_ == "json":
        options.print_json({"models": [_as_json(use) for use in rows]})
        return
    click.echo(_table([("model", "window", "output", "in", "out", "until", "targets"), *map(_cells, rows)]))


@command.command("show", epilog="\b\nExamples:\n  gitconfigmgr models show anthropic/claude-sonnet-4-5")
@click.argument("name", metavar="PROVIDER/MODEL")
@options.output_format("text", "json")
@click.pass_context
def show(ctx: click.Context, name: str, format_: str) -> None:
    """Show what is known of a model, and who says so."""
    from gitconfigmgr.app import models
    from gitconfigmgr.wiring.trees import open_repository

    repository = open_repository(options.state(ctx))
    _damaged(models.known(repository))
    facts = models.shown(repository, name)
    if format_ == "json":
        options.print_json(_facts(facts))
        return
    click.echo(facts.id)
    for field, words in _SHOWN.items():
        value = getattr(facts, field)
        if value is None:
            continue
        click.echo(f"  {words}: {_text(value)}  ({facts.source(field)})")
        for other, source in facts.others.get(field, []):
            click.echo(f"    {_text(other)} by {source}")


@command.command(
    "lock",
    epilog="""\b
Examples:
  gitconfigmgr models lock
  gitconfigmgr models lock --check            for CI: is the file up to date?""",
)
@click.option("--check", "only_check", is_flag=True, help="Write nothing; status 1 where the file is not up to date.")
@click.pass_context
def lock(ctx: click.Context, only_check: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Write models.lock.json: the facts of the models in use.

    What is locked already stays as it is, whatever later catalogues say; `models update` brings it up to date.
    """
    from gitconfigmgr.app import models
    from gitconfigmgr.wiring.trees import open_repository

    repository = open_repository(options.state(ctx))
    _write(ctx, models.lock(repository), only_check=only_check)


@command.command(
    "update",
    epilog="""\b
Examples:
  gitconfigmgr models update                  to the catalogue of this program
  gitconfigmgr models update --from model_prices_and_context_window.json
  gitconfigmgr models update --from "litellm 1.109.1=prices.json" \\
    --from "models.dev 1.0.398=api.json" --now 2026-11-22 -o catalog.json""",
)
@click.option(
    "--from",
    "files",
    multiple=True,
    metavar="[NAME=]FILE",
    help="A table of LiteLLM, models.dev or the Anthropic SDK; the first that knows a fact decides.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write the whole table there instead."
)
@options.now
@click.pass_context
def update(ctx: click.Context, files: tuple[str, ...], output: str | None, now: date | None) -> None:
    """Bring models.lock.json up to date, and tell what changed."""
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.app import models
    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.wiring.trees import open_repository

    given = [_named_file(item) for item in files]
    repository = None if output else open_repository(options.state(ctx, now=now))
    day = now or (repository.today() if repository is not None else None)
    if given and day is None:
        raise UsageError("the day of the table is not known", "name it by --now 2026-12-31")
    sources = models.sources_of(given)
    for source in sources:
        _passed_over(source)
    catalog = models.make_catalog(sources, day) if given and day is not None else None
    if output:
        if catalog is None:
            raise UsageError("there is nothing to write", "name tables by --from")
        write_atomically(Path(output), catalog)
        return
    assert repository is not None
    _write(ctx, models.updated(repository, catalog), only_check=False)


def _passed_over(source: Source) -> None:
    if source.unusable:
        what = many(len(source.unusable), "fact") + (" is" if len(source.unusable) == 1 else " are")
        click.echo(f"note: {what} passed over in {source.name}:", err=True)
        for text in source.unusable[:_MOST_PASSED_OVER]:
            click.echo(f"  {text}", err=True)
        if len(source.unusable) > _MOST_PASSED_OVER:
            click.echo(f"  and {len(source.unusable) - _MOST_PASSED_OVER} more", err=True)


def _damaged(tables: Known) -> None:
    """Tell of a table of the repository's own that is not used."""
    if tables.own is not None and tables.problem is not None:
        click.echo(f"note: models.lock.json is damaged, and the packaged catalogue counts: {tables.problem}", err=True)
        click.echo("  write it anew by `gitconfigmgr models lock`, or restore it from Git", err=True)


def _named_file(text: str) -> tuple[str | None, bytes]:
    name, separator, path = text.rpartition("=")
    place = Path(path if separator else text)
    if not place.is_file():
        raise click.UsageError(f"There is no file {place}.")
    return name or None, place.read_bytes()


def _write(ctx: click.Context, data: bytes, *, only_check: bool) -> None:
    from gitconfigmgr.adapters.files import write_atomically
    from gitconfigmgr.app import models
    from gitconfigmgr.app.select import find_root
    from gitconfigmgr.check.llm.catalog import LOCK, CatalogError, read_catalog

    place = find_root(options.state(ctx).folder) / LOCK
    before = place.read_bytes() if place.is_file() else None
    new = read_catalog(data)
    try:
        old = read_catalog(before) if before is not None else None
    except CatalogError as error:
        click.echo(f"note: {LOCK} is damaged: {error}", err=True)
        old = None
    if before == data:
        click.echo(f"{LOCK} is up to date: {many(len(new), 'model')} of {new.date}")
        return
    if only_check:
        click.echo(f"{LOCK} is not up to date", err=True)
        options.finish(1)
    for change in models.changes(old.all_facts() if old else {}, new.all_facts()):
        click.echo(f"{change.id}: {_SHOWN[change.field]}: {_text(change.old)} -> {_text(change.new)}")
    write_atomically(place, data)
    click.echo(f"wrote {LOCK}: {many(len(new), 'model')} of {new.date}")


def _halves(name: str) -> tuple[str, str]:
    provider, _, model = name.partition("/")
    return provider, model


def _cells(use: Use) -> tuple[str, ...]:
    facts = use.facts
    name = facts.id if facts else f"{use.provider}/{use.model}"
    if facts is None:
        return (name, "not in the catalogue", "", "", "", "", str(use.targets))
    cells = (
        facts.context_window,
        facts.max_output_tokens,
        facts.input_per_million,
        facts.output_per_million,
        facts.retires,
    )
    return (name, *("" if cell is None else str(cell) for cell in cells), str(use.targets) if use.targets else "")


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    numbers = range(1, 5)
    lines = []
    for row in rows:
        cells = [cell.rjust(widths[at]) if at in numbers else cell.ljust(widths[at]) for at, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _as_json(use: Use) -> dict[str, Any]:
    found = {"provider": use.provider, "model": use.model, "targets": use.targets}
    return found | {"facts": None if use.facts is None else _facts(use.facts)}


def _facts(facts: Facts) -> dict[str, Any]:
    values = {field: getattr(facts, field) for field in _SHOWN if getattr(facts, field) is not None}
    if "capabilities" in values:
        values["capabilities"] = sorted(values["capabilities"])
    others = {
        field: [{"value": value, "source": source} for value, source in said] for field, said in facts.others.items()
    }
    return {"id": facts.id, **values, "sources": dict(facts.sources), "others": others}


def _text(value: object) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (frozenset, list)):
        words = sorted(value) if isinstance(value, frozenset) else value
        return ", ".join(str(word) for word in words)
    return str(value)
