"""What the use cases of encrypted files share: the files, the clock, the keys, and errors that name the file."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.secrets import creation, keyring, opening
from gitconfigmgr.secrets.errors import NotEncryptedError, RulesError, SecretsError
from gitconfigmgr.secrets.stores.registry import format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from gitconfigmgr.secrets.creation import Rule, Rules
    from gitconfigmgr.secrets.opening import SecretFile
    from gitconfigmgr.secrets.ports import KeyProvider
    from gitconfigmgr.secrets.tokens import DataKey

_SAVED = ".sops"  # a file under its own name and this ending is kept as bytes


@dataclass(frozen=True)
class Bench:
    """Files by their path from the top of the repository, as it is now.

    `read` gives None for what is no regular file. `write` replaces a file as a whole or leaves it as it was.
    """

    read: Callable[[str], bytes | None]
    write: Callable[[str, bytes], None]
    files: Callable[[], Sequence[str]]
    now: Callable[[], datetime]
    providers: Mapping[str, KeyProvider]
    _rules: dict[str, Rules | FileError | None] = field(default_factory=dict)
    _parsed: dict[str, tuple[bytes, SecretFile]] = field(default_factory=dict)

    def content(self, path: str) -> bytes:
        """The bytes of a file. Raises UsageError where there is none."""
        data = self.read(path)
        if data is None:
            raise UsageError(f"there is no file {path}, or it is a link", "correct the path")
        return data

    def parsed(self, path: str, data: bytes) -> SecretFile:
        """An encrypted file, parsed once while it stays the same. Raises NotEncryptedError, FormatError."""
        before, found = self._parsed.get(path, (None, None))
        if found is None or before != data:
            found = opening.read(data, kind_of_file(path))
            self._parsed[path] = (data, found)
        return found

    def rules_near(self, path: str) -> Rules | None:
        """The nearest `.sops.yaml` of a file. Raises FileError where it cannot be used."""
        for name in creation.candidates(path):
            if name not in self._rules:
                self._rules[name] = self._read_rules(name)
            found = self._rules[name]
            if isinstance(found, FileError):
                raise found
            if found is not None:
                return found
        return None

    def rule_for(self, path: str) -> Rule:
        """The creation rule of a file. Raises RulesError where there is none, FileError as above."""
        rules = self.rules_near(path)
        if rules is None:
            hint = "write one beside it, or at the top of the repository; docs/secrets.md has an example"
            raise RulesError(f"there is no {creation.NAME} for {path}", hint)
        return rules.rule_for(path)

    def _read_rules(self, name: str) -> Rules | FileError | None:
        data = self.read(name)
        try:
            return None if data is None else creation.read_rules(name, data)
        except RulesError as error:
            return FileError(name, error)


class FileError(GitConfigError):
    """An error of the secrets stage, with the file it is about and the exit status of its kind."""

    def __init__(self, path: str, error: GitConfigError) -> None:
        text, line = str(error), getattr(error, "line", None)
        text = text.removeprefix(f"line {line}: ").removeprefix(f"{path}: ")
        place = f"{path}:{line}" if line else path
        super().__init__(text if path in text else f"{place}: {text}", error.hint)
        self.path = path
        self.exit_status = status_of(error)


def status_of(error: GitConfigError) -> int:
    """2 where the request or the rules are wrong, 3 where something outside failed, 1 where the file itself is."""
    if isinstance(error, NotEncryptedError | RulesError):
        return 2
    if isinstance(error, SecretsError) and error.exit_status == SecretsError.exit_status:
        return 1
    return error.exit_status


@contextmanager
def about(path: str) -> Iterator[None]:
    """Errors from inside name the file."""
    try:
        yield
    except GitConfigError as error:
        if isinstance(error, FileError) or hasattr(error, "findings"):
            raise
        raise FileError(path, error) from None


def data_key(bench: Bench, data: bytes, format_: str) -> DataKey:
    """The data key of an encrypted file. Raises NotEncryptedError, FormatError, NoKeyError."""
    return keyring.unwrap(opening.read(data, format_).metadata, bench.providers)


def kind_of_file(path: str) -> str:
    """The format of a file by its name."""
    return "binary" if path.endswith(_SAVED) else format_of(path)
