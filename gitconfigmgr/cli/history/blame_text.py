"""`blame` for a terminal: one line for each value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli.history.values import safe, short
from gitconfigmgr.model.names import show_path

if TYPE_CHECKING:
    from gitconfigmgr.app.blame import Blamed


def as_text(found: Blamed) -> str:
    """The table."""
    rows = [(line, safe(show_path(line.path)), person(line.commit.author)) for line in found.lines]
    number = max((len(str(line.version.number)) for line, _, _ in rows), default=1)
    author = min(20, max((len(name) for _, _, name in rows), default=0))
    lines = []
    for line, key, name in rows:
        head = f"{line.version.number:>{number}} {line.commit.id[:10]} {moment(line.commit.time)} {name[:author]:<{author}}"
        lines.append(f"{click.style(head, dim=True)}  {key}: {short(line.value, 80)}")
    return "\n".join(lines)


def person(author: str) -> str:
    """The name of an author, without the address."""
    return safe(author.partition(" <")[0])


def moment(time: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%MZ}"
