"""What goes wrong with an encrypted file. No message, and nothing an error holds, has plaintext or a key in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.errors import GitConfigError
from gitconfigmgr.model.names import show_path

if TYPE_CHECKING:
    from gitconfigmgr.model.names import KeyPath


class SecretsError(GitConfigError):
    """Base of the errors of this stage; `line` is where in the file, from 1, where that is known."""

    exit_status = 1

    def __init__(self, message: str, hint: str | None = None, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line else message, hint)
        self.line = line


class FormatError(SecretsError):
    """The text is not what this format, or SOPS, allows."""


class NotEncryptedError(SecretsError):
    """The file has no SOPS metadata."""

    exit_status = 2


class TamperedError(SecretsError):
    """The content is not what was encrypted: a token, its place or the message authentication code does not fit."""


class RefusedError(SecretsError):
    """SOPS would change this value, or this request would leave the file worse than it was."""


class RulesError(SecretsError):
    """The creation rules cannot be used, or none of them matches."""

    exit_status = 2


def shown_path(path: KeyPath) -> str:
    """A path for messages."""
    return show_path(path) or "the top level"
