"""The message authentication code: SHA-512 over the plaintext of all values, in order, without separators."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gitconfigmgr.secrets.errors import FormatError, TamperedError
from gitconfigmgr.secrets.scalars import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.secrets.scalars import Scalar
    from gitconfigmgr.secrets.tokens import DataKey

_SEED = hashlib.sha256(b"sops").digest()  # keeps the codes of the two modes apart


def digest(values: Iterable[tuple[Scalar, bool]], *, only_encrypted: bool) -> str:
    """The code of values that come with whether the rule selects them; null does not count."""
    code = hashlib.sha512(_SEED if only_encrypted else b"")
    for value, selected in values:
        if value is not None and (selected or not only_encrypted):
            code.update(to_bytes(value))
    return code.hexdigest().upper()


def stamp(now: datetime) -> str:
    """A time as `lastmodified` has it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def normal_stamp(text: object) -> str:
    """`lastmodified` as the associated data of the code. Raises FormatError."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise FormatError("`lastmodified` of the sops block is no time", "restore the file from Git")
    return stamp(moment)


def check(expected: str, mac: object, lastmodified: object, key: DataKey) -> None:
    """Raises TamperedError unless the stored code is that of the content."""
    from hmac import compare_digest

    hint = "somebody changed the file without the key: look at its history, and restore it from Git"
    if not isinstance(mac, str) or not mac:
        raise TamperedError("the message authentication code is missing", hint)
    try:
        stored, kind = key.open(mac, normal_stamp(lastmodified).encode())
    except TamperedError:
        stored, kind = "", ""
    if kind != "str" or not compare_digest(str(stored).encode("utf-8", "surrogateescape"), expected.encode()):
        raise TamperedError("the message authentication code does not fit the content", hint)
