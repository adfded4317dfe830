"""A person's edit of a file in plaintext. What they typed is never lost, and never kept readable."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from gitconfigmgr.app.secrets.bench import FileError, about, kind_of_file
from gitconfigmgr.errors import GitConfigError, OutsideError
from gitconfigmgr.secrets import keyring, opening, sealing
from gitconfigmgr.secrets.errors import NotEncryptedError, RefusedError
from gitconfigmgr.secrets.selection import Selection
from gitconfigmgr.secrets.tokens import DataKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.secrets.metadata import Group


class Edited(Protocol):
    """A text after an editor; `failure` says how the editor ended, where that was not well."""

    @property
    def text(self) -> bytes: ...
    @property
    def failure(self) -> str: ...


class Desk(NamedTuple):
    """The outside of an edit: the editor; whether to open it again after an error; where to keep what cannot be saved."""

    edit: Callable[[str, bytes], Edited]
    again: Callable[[GitConfigError], bool]
    keep: Callable[[str, bytes], str]


class NotSavedError(GitConfigError):
    """The file is as it was, and the text is kept."""

    def __init__(self, error: GitConfigError, place: str, path: str) -> None:
        hint = f"your text is kept, encrypted: gitconfigmgr secret edit {path} --resume {place}"
        super().__init__(str(error), hint)
        self.exit_status = error.exit_status


class _Sheet(NamedTuple):
    """One edit: the file before (None for a new one), its plaintext, and the key for it."""

    path: str
    before: bytes | None
    plain: bytes
    key: DataKey
    groups: tuple[Group, ...]
    selection: Selection
    threshold: int


def edit_file(bench: Bench, path: str, desk: Desk, resume: bytes | None = None) -> bool:
    """Open a file in an editor and encrypt what is saved; whether it changed. Unchanged values keep their tokens.

    `resume` is a text kept by an edit that failed. Raises FileError, NotSavedError.
    """
    with about(path):
        sheet = _open(bench, path)
        text = sheet.plain if resume is None else _resumed(bench, resume)
    while True:
        edited = desk.edit(path, text)
        text = edited.text
        if text == sheet.plain and not edited.failure:
            return False
        try:
            if edited.failure:
                raise OutsideError(f"the editor {edited.failure}; nothing was written", "save, and end the editor well")
            _save(bench, sheet, text)
        except GitConfigError as error:
            if text == sheet.plain:
                raise
            if not edited.failure and desk.again(error):
                continue
            raise NotSavedError(error, desk.keep(path, _kept(bench, sheet, text)), path) from None
        return True


def _open(bench: Bench, path: str) -> _Sheet:
    before = bench.read(path)
    format_ = kind_of_file(path)
    if before is None:
        rule = bench.rule_for(path)
        key = DataKey.new()
        groups = keyring.wrap(key, rule.groups, rule.threshold, bench.providers, bench.now())
        return _Sheet(path, None, b"", key, groups, rule.selection, rule.threshold)
    try:
        metadata = opening.read(before, format_).metadata
    except NotEncryptedError:
        hint = f"run `gitconfigmgr secret encrypt {path}`, or edit it as it is"
        raise NotEncryptedError("the file is not encrypted", hint) from None
    key = keyring.unwrap(metadata, bench.providers)
    plain = opening.decrypt(before, format_, key)
    return _Sheet(path, before, plain, key, metadata.groups, metadata.selection, metadata.threshold)


def _save(bench: Bench, sheet: _Sheet, text: bytes) -> None:
    format_ = kind_of_file(sheet.path)
    with about(sheet.path):
        if not text.strip():
            raise RefusedError("the text is empty", "remove the file instead, if that is meant")
        if sheet.before is None:
            after = sealing.encrypt(
                text, format_, sheet.key, sheet.groups, sheet.selection, bench.now(), threshold=sheet.threshold
            )
        else:
            after = sealing.encrypt_again(text, sheet.before, format_, sheet.key, bench.now())
        if bench.read(sheet.path) != sheet.before:
            raise RefusedError("the file was changed by somebody else meanwhile", "edit it again from there")
        bench.write(sheet.path, after)


def _kept(bench: Bench, sheet: _Sheet, text: bytes) -> bytes:
    """Any text, encrypted for those who can open the file."""
    return sealing.encrypt(text, "binary", sheet.key, sheet.groups, Selection(), bench.now(), threshold=sheet.threshold)


def _resumed(bench: Bench, kept: bytes) -> bytes:
    try:
        return opening.decrypt(kept, "binary", keyring.unwrap(opening.read(kept, "binary").metadata, bench.providers))
    except GitConfigError as error:
        raise FileError("the kept text", error) from None
