"""A passphrase, for one person's machine: Argon2id, then AES-256-GCM. Ours alone: SOPS passes such entries over."""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from gitconfigmgr.secrets.ports import KeyDeniedError, OneByOne, UnusableRecipientError, Wrapped, WrongKeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from gitconfigmgr.secrets.metadata import Recipient

_COST = (3, 4, 65_536)  # passes, lanes, KiB: RFC 9106's choice for machines with little memory
_BOUND = (10, 16, 1 << 20)  # a file must not make the reader spend more
_ENC = re.compile(r"argon2id:t=([0-9]{1,3}),p=([0-9]{1,3}),m=([0-9]{1,8}):([A-Za-z0-9+/=]+)\Z")
_INFO = b"gitconfigmgr passphrase v1"


class PassphraseProvider(OneByOne):
    """See KeyProvider. `ask` gets the passphrase; it is asked once, when it is first needed."""

    kind = "passphrase"

    def __init__(self, ask: Callable[[], str] | None) -> None:
        self._ask = ask
        self._given: bytes | None = None

    def wrap(self, recipient: Recipient, key: bytes) -> Wrapped:
        nonce = os.urandom(12)
        sealed = self._cipher(recipient, _COST).encrypt(nonce, key, _INFO)
        passes, lanes, memory = _COST
        return Wrapped(recipient, f"argon2id:t={passes},p={lanes},m={memory}:{b64encode(nonce + sealed).decode()}")

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        from cryptography.exceptions import InvalidTag

        match = _ENC.match(enc)
        cost = (int(match[1]), int(match[2]), int(match[3])) if match else (0, 0, 0)
        if (
            not match
            or any(value > bound for value, bound in zip(cost, _BOUND, strict=True))
            or cost[2] < 8 * cost[1]
            or not all(cost)
        ):
            raise WrongKeyError("the passphrase entry of the file is damaged", "restore the file from Git")
        try:
            data = b64decode(match[4], validate=True)
            return self._cipher(recipient, cost).decrypt(data[:12], data[12:], _INFO)
        except (InvalidTag, ValueError):
            raise WrongKeyError("the passphrase does not open the file", "try again") from None

    def is_current(self, recipient: Recipient, enc: str) -> bool | None:  # noqa: ARG002 - the port's shape
        return enc.startswith("argon2id:t={},p={},m={}:".format(*_COST))

    def _cipher(self, recipient: Recipient, cost: tuple[int, int, int]) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        try:
            salt = b64decode(recipient["salt"], validate=True)
        except ValueError:
            salt = b""
        if len(salt) < 16:
            raise UnusableRecipientError("the salt of a passphrase entry is none", "make the entry anew")
        passes, lanes, memory = cost
        derived = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory).derive(
            self._passphrase()
        )
        return AESGCM(derived)

    def _passphrase(self) -> bytes:
        if self._given is None:
            if self._ask is None:
                raise KeyDeniedError("a passphrase is needed, and nobody can be asked", "run this in a terminal")
            self._given = self._ask().encode()
        if not self._given:
            raise KeyDeniedError("the passphrase is empty", "type one")
        return self._given
