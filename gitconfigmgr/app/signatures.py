"""`check --signatures`: the commits of a change held against the keys that the base allows.

The file is OpenSSH's allowed_signers: `principals [options] keytype key [comment]`. A commit passes where its signature
holds, its key is listed, a principal matches the committer's address, and the key was valid at the time of the commit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.model.revisions import SignedCommit
    from gitconfigmgr.rules import Rules

NAMESPACE = "git"
_FIELD = re.compile(r'(?:[^\s"]|"[^"]*")+')
_KINDS = re.compile(r"(sk-)?(ssh|ecdsa)-[\w.@-]+\Z")
_TIME = re.compile(r"(\d{8})(\d{4})?(\d{2})?Z?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Signer:
    """One line of the file: whose key it is, for what, and from when to when."""

    principals: tuple[str, ...]
    key: str
    namespaces: tuple[str, ...]
    after: datetime | None
    before: datetime | None
    line: int

    def speaks_for(self, address: str) -> bool:
        """Whether a principal matches; one with `!` that matches forbids."""
        matching = [name for name in self.principals if fnmatchcase(address.lower(), name.lstrip("!").lower())]
        return bool(matching) and not any(name.startswith("!") for name in matching)


def read_signers(path: str, data: bytes) -> tuple[list[Signer], list[Diagnostic]]:
    """The signers of a file, and a finding for each line that is none."""
    signers: list[Signer] = []
    findings = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                signers.append(_signer(line, number))
            except _LineError as error:
                findings.append(Diagnostic("GCM644", f"no signer: {error}", Position(path, number)))
    return signers, findings


def with_signatures(checked: Checked, rules: Rules, commits: Iterable[SignedCommit], path: str) -> Checked:
    """The check with what is wrong about the signatures; `rules` has the allowed signers at `path`."""
    data = rules.read(path)
    if data is None:
        name = checked.base.name if checked.base else "the base"
        help_ = f"have {path} merged first, in a change of its own"
        found = [Diagnostic("GCM644", f"there is no {path} at {name}", help=help_)]
    else:
        signers, found = read_signers(path, data)
        found += judge(commits, signers, path)
    return replace(checked, diagnostics=collate([*checked.diagnostics, *found]))


def judge(commits: Iterable[SignedCommit], signers: list[Signer], path: str) -> list[Diagnostic]:
    """A finding for each commit that no allowed signature covers."""
    return [found for commit in commits if (found := _judged(commit, signers, path)) is not None]


def _judged(commit: SignedCommit, signers: list[Signer], path: str) -> Diagnostic | None:
    name = f"commit {commit.commit[:12]} by {commit.committer}"
    if commit.status == "unsigned":
        return Diagnostic("GCM640", f"{name} is not signed", rule=path)
    if commit.status == "unverifiable":
        return Diagnostic("GCM643", f"{name}: {commit.why}", rule=path)
    if commit.status == "bad":
        return Diagnostic("GCM641", f"{name}: {commit.why}", rule=path)
    print_ = fingerprint(commit.key)
    if commit.namespace != NAMESPACE:
        return Diagnostic("GCM641", f"{name}: its signature is for {commit.namespace!r}, not for git", rule=path)
    known = [signer for signer in signers if signer.key == commit.key]
    if not known:
        return Diagnostic("GCM641", f"{name} is signed by {print_}, which {path} does not list", rule=path)
    theirs = [signer for signer in known if signer.speaks_for(commit.committer)]
    if not theirs:
        whose = ", ".join(known[0].principals)
        message = f"{name} is signed by {print_}, the key of {whose}"
        return Diagnostic("GCM641", message, Position(path, known[0].line), rule=path)
    if not any(_holds(signer, commit.time) for signer in theirs):
        message = f"{name} is signed by {print_}, which was not valid on {commit.time:%Y-%m-%d}"
        return Diagnostic("GCM642", message, Position(path, theirs[0].line), rule=path)
    return None


def fingerprint(key: str) -> str:
    """`SHA256:...` of a key in base64, as ssh-keygen prints it."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _holds(signer: Signer, time: datetime) -> bool:
    if signer.after is not None and time < signer.after:
        return False
    if signer.before is not None and time >= signer.before:
        return False
    return any(fnmatchcase(NAMESPACE, name) for name in signer.namespaces)


class _LineError(ValueError):
    """A line that is no signer."""


def _signer(line: str, number: int) -> Signer:
    fields = _FIELD.findall(line)
    if len(fields) < 3:
        raise _LineError("a line has principals, a kind of key, and the key")
    principals, rest = fields[0], fields[1:]
    options: dict[str, str] = {}
    if not _KINDS.match(rest[0]):
        options, rest = _options(rest[0]), rest[1:]
    if len(rest) < 2 or not _KINDS.match(rest[0]):
        raise _LineError(f"{rest[0]!r} is no kind of key")
    try:
        base64.b64decode(rest[1], validate=True)
    except binascii.Error:
        raise _LineError("the key is not base64") from None
    return Signer(
        principals=tuple(principals.strip('"').split(",")),
        key=rest[1],
        namespaces=tuple(options.get("namespaces", "*").split(",")),
        after=_time(options.get("valid-after")),
        before=_time(options.get("valid-before")),
        line=number,
    )


def _options(text: str) -> dict[str, str]:
    found = {}
    for part in re.findall(r'(?:[^,"]|"[^"]*")+', text):
        name, _, value = part.partition("=")
        if name.lower() not in {"namespaces", "valid-after", "valid-before"}:
            raise _LineError(f"the option {name} is not known here")
        found[name.lower()] = value.strip('"')
    return found


def _time(text: str | None) -> datetime | None:
    """`YYYYMMDD[HHMM[SS]][Z]`, always in UTC, so that the verdict is the same everywhere."""
    if text is None:
        return None
    match = _TIME.match(text)
    digits = match[1] + (match[2] or "0000") + (match[3] or "00") if match else ""
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise _LineError(f"{text!r} is no time such as 20261231") from None
