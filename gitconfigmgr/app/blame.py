"""`blame`: for every effective value, the version that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.attribution import attribute, leaves
from gitconfigmgr.history.documents import member, numbered
from gitconfigmgr.model.names import PathSyntaxError, Target, parse_items, show_path

if TYPE_CHECKING:
    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.history.records import Version
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.revisions import Commit


@dataclass(frozen=True, slots=True)
class Line:
    """A value, and the version and commit that made it so."""

    path: KeyPath
    value: Any
    version: Version
    commit: Commit


@dataclass(frozen=True, slots=True)
class Blamed:
    """`version` is the newest one that has a document."""

    target: Target
    version: Version
    lines: list[Line]


def blame(chronicle: Chronicle, namespace: str, environment: str, key: str | None) -> Blamed:
    """The values of a target, or those below a key, in the order of keys. Raises UsageError."""
    target = Target(namespace, environment)
    versions = [version for version in chronicle.versions(target) if version.digest or not version.broken]
    if not versions or not versions[-1].digest:
        chronicle.document(target, versions[-1].number if versions else 1)
    document: Any = {}
    known: Any = {}
    for version in versions:
        new = chronicle.document(target, version.number) if version.digest else {}
        known = attribute(document, known, new, version.number)
        document = new
    path = numbered(document, _path(key))
    there, value = member(document, path)
    if not there:
        raise UsageError(f"{namespace} has no key {key} in {environment}", "see `gitconfigmgr get`")
    by_number = {version.number: version for version in versions}
    commits = {}
    lines = []
    for at, leaf, number in leaves(value, member(known, path)[1]):
        if number not in commits:
            commits[number] = chronicle.commit(by_number[number])
        lines.append(Line((*path, *at), leaf, by_number[number], commits[number]))
    return Blamed(target, versions[-1], sorted(lines, key=lambda line: [str(part) for part in line.path]))


def _path(key: str | None) -> tuple[str, ...]:
    try:
        return parse_items(key) if key else ()
    except PathSyntaxError:
        raise UsageError(f"{key!r} is no path of keys", 'write a.b.c; a key with dots in quotes: a."b.c"') from None


def as_json(found: Blamed) -> dict[str, Any]:
    """The shape of `blame --format json` (docs/formats.md)."""
    return {
        "namespace": found.target.namespace,
        "environment": found.target.environment,
        "version_number": found.version.number,
        "values": [
            {
                "key": show_path(line.path),
                "value": line.value,
                "version_number": line.version.number,
                "commit": line.commit.id,
                "author": line.commit.author,
                "time": line.commit.time.isoformat(),
                "summary": line.commit.summary,
            }
            for line in found.lines
        ],
    }
