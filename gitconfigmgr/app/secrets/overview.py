"""The encrypted files of a repository: which they are, whether they are in order, and who can open them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.secrets.bench import kind_of_file
from gitconfigmgr.errors import GitConfigError
from gitconfigmgr.model.names import show_path
from gitconfigmgr.secrets import recipients
from gitconfigmgr.secrets.creation import NAME
from gitconfigmgr.secrets.errors import NotEncryptedError, RulesError, SecretsError
from gitconfigmgr.secrets.selection import places
from gitconfigmgr.secrets.stores.base import decoded
from gitconfigmgr.secrets.stores.registry import store_for
from gitconfigmgr.secrets.tree import Leaf
from gitconfigmgr.source.layout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.secrets.creation import Rule
    from gitconfigmgr.secrets.metadata import Metadata, Recipient
    from gitconfigmgr.secrets.recipients import Status

_MARKS = re.compile(rb'^[ \t]*"?sops"?[ \t]*:|^sops_[a-z]|^\[sops\]|"sops"[ \t]*:|ENC\[AES256_GCM,', re.MULTILINE)
_REFERENCE = re.compile(r"\$\{[^{}]*\}")
_SETTINGS = (NAME, ".gitattributes", "gitconfigmgr.yaml")


def encrypted_files(bench: Bench) -> dict[str, bytes]:
    """Path and content of every file that is encrypted, or was meant to be; in their order."""
    found = {}
    for path in bench.files():
        data = bench.read(path)
        if data is not None and _looks_encrypted(bench, path, data):
            found[path] = data
    return found


def _looks_encrypted(bench: Bench, path: str, data: bytes) -> bool:
    if not _MARKS.search(data) or path.rpartition("/")[2] in _SETTINGS:
        return False
    try:
        bench.parsed(path, data)
    except NotEncryptedError:
        return False
    except SecretsError:
        return kind_of_file(path) != "binary"  # a page that shows an encrypted value is none
    return True


def statuses(bench: Bench, paths: Iterable[str] | None = None) -> list[Status]:
    """Files against their rules, without a key: those named, or all that are encrypted or should be.

    Raises FileError where a `.sops.yaml` cannot be used, UsageError where a named file is not there.
    """
    if paths is not None:
        return [_status(bench, path, bench.content(path)) for path in paths]
    found = []
    for path in bench.files():
        data = bench.read(path)
        if data is None or path.rpartition("/")[2] in _SETTINGS:
            continue
        if _MARKS.search(data):
            status = _status(bench, path, data)
            if status.encrypted and not (status.problem and kind_of_file(path) == "binary"):
                found.append(status)
                continue
        exposed = _exposed(bench, path, data)
        if exposed is not None:
            found.append(exposed)
    return found


def _status(bench: Bench, path: str, data: bytes) -> Status:
    bench.rules_near(path)  # rules that cannot be read are one error, not one for each file
    return recipients.status(path, data, kind_of_file(path), lambda at: _rule_or_none(bench, at))


def _rule_or_none(bench: Bench, path: str) -> Rule | None:
    rules = bench.rules_near(path)
    return rules.rule_for(path) if rules else None


def _exposed(bench: Bench, path: str, data: bytes) -> Status | None:
    """The status of a file that a rule names by its path, and that is not encrypted; None for any other."""
    rules = bench.rules_near(path)
    try:
        rule = rules.rule_for(path) if rules else None
    except RulesError:
        return None
    if rule is None or not rule.path_regex:
        return None
    try:
        format_ = kind_of_file(path)
        plain: tuple[KeyPath, ...] = (("data",),) if format_ == "binary" else _selected(data, format_, rule)
    except SecretsError as error:
        return recipients.Status(path, encrypted=False, problem=str(error))
    return recipients.Status(path, encrypted=False, plaintext=plain) if plain else None


def _selected(data: bytes, format_: str, rule: Rule) -> tuple[KeyPath, ...]:
    file = store_for(format_).read(decoded(data))
    found = [place for document in file.documents for place in places(document.root, rule.selection)]
    return tuple(
        place.path
        for place in found
        if place.selected and isinstance(place.node, Leaf) and _worth_hiding(place.path, place.node.value)
    )


def _worth_hiding(path: KeyPath, value: object) -> bool:
    """Whether a value is one, and no directive of a layer such as `$required` and no reference."""
    directive = any(isinstance(part, str) and part.startswith("$") and part != "$value" for part in path)
    return value not in (None, "") and not directive and not (isinstance(value, str) and _REFERENCE.fullmatch(value))


def flaws(status: Status) -> list[str]:
    """What is amiss with a file, as people say it."""
    said = [status.problem] if status.problem else []
    if status.plaintext:
        said.append(f"in plaintext, though the rule encrypts it: {_some(status.plaintext)}")
    if status.damaged:
        said.append(f"cut off or edited: {_some(status.damaged)}")
    if status.encrypted and status.mac != "present" and not (status.problem and status.mac == "missing"):
        merged = "; run `gitconfigmgr secret finish`" if status.mac == "pending" else ""
        said.append(f"the message authentication code is {status.mac}{merged}")
    said += [f"not for {recipient}, whom the rule names" for recipient in status.missing]
    said += [f"for {recipient}, whom the rule does not name" for recipient in status.stale]
    if status.other_groups:
        said.append("the key groups are not those of the rule")
    if status.other_rule:
        said.append("encrypts by another rule than .sops.yaml has now")
    return said


def _some(paths: Sequence[KeyPath]) -> str:
    shown = ", ".join(map(show_path, paths[:5]))
    return f"{shown} and {len(paths) - 5} more" if len(paths) > 5 else shown


def as_json(status: Status) -> dict[str, Any]:
    """The shape of one file in `secret status --format json`."""
    return {
        "path": status.path,
        "encrypted": status.encrypted,
        "in_order": status.in_order,
        "secrets": len(status.secrets),
        "plaintext": [show_path(path) for path in status.plaintext],
        "damaged": [show_path(path) for path in status.damaged],
        "recipients": [str(item) for item in status.recipients],
        "missing": [str(item) for item in status.missing],
        "stale": [str(item) for item in status.stale],
        "other_rule": status.other_rule,
        "other_groups": status.other_groups,
        "mac": status.mac if status.encrypted else None,
        "lastmodified": status.lastmodified or None,
        "problem": status.problem or None,
    }


@dataclass(frozen=True)
class Reader:
    """A recipient and the files it opens. `crosses`: files of protected environments, and files of others."""

    recipient: Recipient
    files: tuple[str, ...]
    crosses: bool


def readers(bench: Bench, protected: Mapping[str, bool]) -> list[Reader]:
    """Who can open what; `protected` tells it of the files that belong to an environment."""
    metadata: dict[str, Metadata] = {}
    for path, data in encrypted_files(bench).items():
        try:
            metadata[path] = bench.parsed(path, data).metadata
        except GitConfigError:
            continue  # `status` tells of it
    return [
        Reader(recipient, tuple(files), {protected[path] for path in files if path in protected} == {True, False})
        for recipient, files in sorted(recipients.readers(metadata).items(), key=lambda item: str(item[0]))
    ]


def git_patterns(bench: Bench, prefix: str | None) -> list[str]:
    """The patterns of .gitattributes: the layers below `prefix`, and each encrypted file elsewhere."""
    layers = [] if prefix is None else [f"{prefix}{ROOT}/**/*.yaml"]
    inside = None if prefix is None else f"{prefix}{ROOT}/"
    others = [path for path in encrypted_files(bench) if not (inside and path.startswith(inside))]
    return layers + [_pattern(path) for path in others]


def _pattern(path: str) -> str:
    """A path as a pattern that matches nothing else."""
    literal = re.sub(r"([\\*?\[\]])", r"\\\1", path)
    return (
        '"/{}"'.format(literal.replace("\\", "\\\\").replace('"', '\\"'))
        if re.search(r"[\s\"]", path)
        else f"/{literal}"
    )
