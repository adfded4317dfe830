"""`log` and `show`: the versions of a target, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.records import ROLLBACK
from gitconfigmgr.model.names import Target

if TYPE_CHECKING:
    from gitconfigmgr.app.records import Chronicle
    from gitconfigmgr.history.records import Version
    from gitconfigmgr.model.revisions import Commit


@dataclass(frozen=True, slots=True)
class Entry:
    """A version with the commit that made it."""

    version: Version
    commit: Commit
    target: Target


@dataclass(frozen=True, slots=True)
class Log:
    """`entries` are newest first; those of an earlier name of the namespace have another target."""

    target: Target
    branch: str | None
    entries: list[Entry]
    total: int


def log(
    chronicle: Chronicle, namespace: str, environment: str, *, follow: bool = False, limit: int | None = None
) -> Log:
    """The versions of a target, newest first. Raises UsageError where it has none."""
    target = Target(namespace, environment)
    versions = chronicle.versions(target)
    if not versions:
        chronicle.version(target, 1)
    found = [(version, target) for version in versions[::-1]]
    names = {namespace}
    at = versions
    while follow and at[0].renamed_from and at[0].renamed_from not in names:
        names.add(at[0].renamed_from)
        earlier = Target(at[0].renamed_from, environment)
        begin = chronicle.place(at[0].commit)
        at = [v for v in chronicle.versions(earlier) if (chronicle.place(v.commit) or 0) < (begin or 0)]
        found += [(version, earlier) for version in at[::-1]]
        if not at:
            break
    entries = [Entry(version, chronicle.commit(version), owner) for version, owner in found[:limit]]
    return Log(target, chronicle.lineage.branch, entries, len(found))


def entry_of(chronicle: Chronicle, version: Version, target: Target | None = None) -> Entry:
    """One version with its commit."""
    return Entry(version, chronicle.commit(version), target or Target("", ""))


def numbered(chronicle: Chronicle, namespace: str, environment: str, number: int | None) -> tuple[Target, Version, Any]:
    """A version (None: the newest) and its document. Raises UsageError where it has none."""
    target = Target(namespace, environment)
    if number is None:
        number = max(1, len(chronicle.versions(target)))
    version = chronicle.version(target, number)
    return target, version, chronicle.document(target, number)


def reason(commit: Commit) -> str:
    """The message of a commit without its trailers."""
    text = commit.message.rstrip()
    return text.rpartition("\n\n")[0].rstrip() if commit.trailers else text


def trailers(commit: Commit) -> list[tuple[str, str]]:
    """The trailers that people wrote: tickets, reviews, sign-offs."""
    return [(key, value) for key, value in commit.trailers if key != ROLLBACK]


def as_json(found: Log) -> dict[str, Any]:
    """The shape of `log --format json` (docs/formats.md)."""
    return {
        "namespace": found.target.namespace,
        "environment": found.target.environment,
        "versions": [record(entry, found.branch) for entry in found.entries],
    }


def record(entry: Entry, branch: str | None) -> dict[str, Any]:
    """One version for programs."""
    version, commit = entry.version, entry.commit
    return {
        "namespace": entry.target.namespace,
        "version_number": version.number,
        "change_type": version.change_type,
        "changed_by": commit.author,
        "changed_at": commit.time.isoformat(),
        "change_reason": reason(commit),
        "trailers": [{"key": key, "value": value} for key, value in trailers(commit)],
        "diff": version.diff,
        "inverse": version.inverse,
        "diff_summary": version.summary,
        "git_commit": commit.id,
        "git_branch": branch,
        "git_author": commit.author,
        "git_committer": commit.committer,
        "authored_at": commit.authored.isoformat(),
        "is_rollback": version.change_type == "rollback",
        "rollback_to": version.rollback_to,
        "equal_to": version.equal_to,
        "renamed_from": version.renamed_from,
        "broken": version.broken,
        "errors": list(version.errors),
        "digest": version.digest or None,
    }
