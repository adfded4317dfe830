"""What a merge can leave behind in any file: conflict markers, and encrypted files that nothing vouches for any more."""

from __future__ import annotations

import re

from gitconfigmgr.model.diagnostics import Diagnostic, Position

_OPEN = re.compile(rb"^<{7}(?: |\r?$)", re.MULTILINE)
_CLOSED = re.compile(rb"^>{7}(?: |\r?$)", re.MULTILINE)
_TOKEN = b"ENC[AES256_GCM,"


def merge_safety(path: str, data: bytes) -> list[Diagnostic]:
    """The findings in the bytes of a file; one for each conflict, and one for the file."""
    if b"\0" in data:
        return []
    found = []
    if _CLOSED.search(data):
        for match in _OPEN.finditer(data):
            line = data.count(b"\n", 0, match.start()) + 1
            found.append(Diagnostic("GCM650", "a merge conflict is not resolved", Position(path, line)))
    if not found and _TOKEN in data and b"sops" in data:
        found += _encrypted(path, data)
    return found


def _encrypted(path: str, data: bytes) -> list[Diagnostic]:
    from gitconfigmgr.app.secrets.bench import kind_of_file
    from gitconfigmgr.model.values import MAC_PENDING
    from gitconfigmgr.secrets import opening
    from gitconfigmgr.secrets.errors import NotEncryptedError, SecretsError

    kind = kind_of_file(path)
    if kind == "binary" and not data.lstrip().startswith(b"{"):
        return []  # text that quotes a token
    try:
        mac = opening.read(data, kind).metadata.mac
    except NotEncryptedError:
        return []
    except SecretsError as error:
        return [Diagnostic("GCM651", f"the encrypted file cannot be read: {error}", Position(path, error.line or 1))]
    if mac == MAC_PENDING:
        message = "a merge without a key left the mac of the sops block open"
        return [Diagnostic("GCM706", message, Position(path), help="run `gitconfigmgr secret finish`")]
    return [] if mac else [Diagnostic("GCM706", "the sops block has no mac", Position(path))]
