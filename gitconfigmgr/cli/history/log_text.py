"""Versions for a terminal: one after the other, or as a graph that shows where rollbacks lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.app.log import reason, trailers
from gitconfigmgr.cli.history.blame_text import moment, person
from gitconfigmgr.cli.history.graph import rails
from gitconfigmgr.cli.history.values import safe
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.app.log import Entry, Log
    from gitconfigmgr.app.story import Chapter
    from gitconfigmgr.model.names import Target

COLORS = {"create": "green", "update": "yellow", "delete": "red", "restore": "green", "rollback": "magenta"}


def as_text(found: Log, *, graph: bool, chapters: Sequence[Chapter] = (), ascii_only: bool = False) -> str:
    """The log, newest first; with what each version changed, where there are `chapters` for the entries."""
    head = f"{found.target}: {many(found.total, 'version')}"
    if len(found.entries) < found.total:
        head += f", the newest {len(found.entries)}"
    left = rails(found.entries, ascii_only=ascii_only) if graph else []
    blocks = []
    for index, entry in enumerate(found.entries):
        lines = _entry(entry, found, graph=graph)
        if chapters:
            lines += _changes(chapters[index])
        if graph:
            first, other = left[index]
            lines = [f"{first if n == 0 else other} {line}" for n, line in enumerate(lines)]
        blocks.append("\n".join(lines))
    return "\n".join([click.style(safe(head), bold=True), *blocks])


def heading(target: Target, entry: Entry) -> list[str]:
    """What stands above a version's document, as comments."""
    version, commit = entry.version, entry.commit
    made = f"{moment(commit.time)} {person(commit.author)}"
    return [
        click.style(f"# {safe(str(target))}, version {version.number} ({version.change_type})", bold=True),
        click.style(f"# {commit.id[:10]} {made}: {safe(commit.summary)}", dim=True),
    ]


def _entry(entry: Entry, found: Log, *, graph: bool) -> list[str]:
    version, commit = entry.version, entry.commit
    kind = "broken" if version.broken else version.change_type
    name = "" if entry.target == found.target else f" of {safe(entry.target.namespace)}"
    color = "red" if version.broken else COLORS[version.change_type]
    number = click.style(f"{version.number:>3}", bold=True)
    made = f"{moment(commit.time)}  {commit.id[:10]}  {person(commit.author)}"
    lines = [f"{number}{name}  {click.style(f'{kind:<8}', fg=color)}  {made}", f"     {safe(version.summary)}"]
    said = reason(commit).split("\n")[0]
    lines.append(click.style(f"     {safe(said)}", dim=True))
    if version.renamed_from:
        lines.append(f"     was {safe(version.renamed_from)} before")
    if not graph:
        lines += [click.style(f"     {safe(key)}: {safe(value)}", dim=True) for key, value in trailers(commit)]
    if version.broken:
        lines += [click.style(f"     ! {safe(error)}", fg="red") for error in version.errors[1:4]]
    return lines


def _changes(chapter: Chapter) -> list[str]:
    from gitconfigmgr.cli.history.diff_text import change_lines  # a log without them needs no compiler

    width = max((len(change.key) for change in chapter.changes if len(change.key) <= 40), default=0)
    return [f"     {line}" for change in chapter.changes for line in change_lines(change, "", width, None)]
