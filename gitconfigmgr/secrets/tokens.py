"""`ENC[AES256_GCM,data:...,iv:...,tag:...,type:...]`: one encrypted scalar, and the key that opens it."""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.secrets.errors import TamperedError
from gitconfigmgr.secrets.scalars import Scalar, from_bytes, to_bytes, type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

TYPES = frozenset(("str", "int", "float", "bool", "time", "bytes", "comment"))
KEY_BYTES = 32
_NONCE_BYTES = 32  # not the usual 12: this is what SOPS writes
_TAG_BYTES = 16
_BASE64 = "[A-Za-z0-9+/]+={0,2}"
_TOKEN = re.compile(rf"ENC\[AES256_GCM,data:({_BASE64}),iv:({_BASE64}),tag:({_BASE64}),type:([a-z]{{1,10}})\]\Z")


class Token(NamedTuple):
    """The parts of a token; `type` is not authenticated by the format."""

    data: bytes
    iv: bytes
    tag: bytes
    type: str


def looks_encrypted(value: object) -> bool:
    """Whether a value is meant as a token, well-formed or not."""
    return isinstance(value, str) and value.startswith("ENC[AES256_GCM,")


def parse(text: str) -> Token | None:
    """The parts of a token; None where it is cut off or edited."""
    match = _TOKEN.match(text)
    if not match or match[4] not in TYPES:
        return None
    try:
        token = Token(b64decode(match[1]), b64decode(match[2]), b64decode(match[3]), match[4])
    except ValueError:
        return None
    return token if len(token.tag) == _TAG_BYTES and 8 <= len(token.iv) <= 128 else None


def associated(keys: Sequence[str]) -> bytes:
    """The associated data of a place: the map keys from the root; list indexes and documents are not in it."""
    return (":".join(keys) + ":").encode("utf-8", "surrogateescape")


class DataKey:
    """The key of one file. Shows nothing of itself."""

    __slots__ = ("_cipher", "_raw")

    def __init__(self, raw: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(raw) != KEY_BYTES:
            raise TamperedError("the data key has not 32 bytes", "the recipients' entries of the file are damaged")
        self._raw = raw
        self._cipher = AESGCM(raw)

    @classmethod
    def new(cls) -> DataKey:
        """A fresh key from the system's generator."""
        return cls(os.urandom(KEY_BYTES))

    def __repr__(self) -> str:
        return "<data key>"

    __reduce__ = None  # type: ignore[assignment]  # never pickled

    def __eq__(self, other: object) -> bool:
        from hmac import compare_digest

        return isinstance(other, DataKey) and compare_digest(self._raw, other._raw)

    __hash__ = None  # type: ignore[assignment]

    def reveal(self) -> bytes:
        """The bytes, for wrapping."""
        return self._raw

    def seal(self, value: Scalar, aad: bytes, kind: str | None = None) -> str:
        """The token of a value at a place; the empty string is its own token."""
        if value == "" and isinstance(value, str):
            return ""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, to_bytes(value), aad)
        data, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        parts = ",".join(
            f"{name}:{b64encode(part).decode()}" for name, part in (("data", data), ("iv", nonce), ("tag", tag))
        )
        return f"ENC[AES256_GCM,{parts},type:{kind or type_of(value)}]"

    def open(self, text: str, aad: bytes) -> tuple[Scalar, str]:
        """The value and the type of a token at a place. Raises TamperedError, which shows neither."""
        from cryptography.exceptions import InvalidTag

        token = parse(text)
        if token is None:
            raise TamperedError("an encrypted value is cut off or edited", "restore it from Git")
        try:
            data = self._cipher.decrypt(token.iv, token.data + token.tag, aad)
        except InvalidTag:
            raise TamperedError("an encrypted value does not fit its key and place", "restore it from Git") from None
        return from_bytes(data, token.type), token.type
