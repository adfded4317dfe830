"""Whether text of a key's shape is a key, or an example, a placeholder, or a word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EXAMPLE = re.compile(
    rb"example|placeholder|change_?-?me|redacted|your[_-]|[_-]your|dummy|sample|insert|replace|not-?a-?real|fake-?key"
    rb"|test-?key|secret-?key|api[_-]?key|goes-?here|123456|012345|abcdef|qwerty|(.)\1{6}",
    re.IGNORECASE,
)
_SCHEMES = re.compile(
    rb"(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|valkeys?|amqps?|mssql|sqlserver|oracle|clickhouse"
    rb"|cockroachdb|neo4j(?:\+s)?|bolt|nats|snowflake|redshift)(?:\+[a-z0-9]{1,20})?\Z",
    re.IGNORECASE,
)
_STAND_INS = frozenset(
    b"password passwd pass pwd pw secret user username root admin postgres mysql redis mongo guest test testing dev "
    b"development local localhost changeit default token key foo bar xxx hunter2 masked removed hidden".split()
)


def is_random(body: bytes) -> bool:
    """Whether text was drawn at random: many characters, changing between upper case, lower case and digits.

    Words joined by `-` and `_` change seldom for each joint; a drawn text has few joints and many changes.
    """
    if _EXAMPLE.search(body):
        return False
    text = body.replace(b"-", b"").replace(b"_", b"")
    joints = len(body) - len(text)
    changes = sum(map(_differs, text, text[1:]))
    return len(set(text)) >= min(10, len(text) // 3) and changes >= len(text) / 10 + 1.2 * joints


def is_example(text: bytes) -> bool:
    """Whether text says of itself that it stands for a key."""
    return _EXAMPLE.search(text) is not None


def is_distinct(body: bytes) -> bool:
    """The weaker test, for shapes that are telling in themselves."""
    return len(set(body)) >= 7 and not _EXAMPLE.search(body)


def _differs(one: int, two: int) -> bool:
    return _KIND[one] != _KIND[two]


_KIND = bytes(
    1 if chr(code).isdigit() else 2 if chr(code).isupper() else 3 if chr(code).islower() else 0 for code in range(128)
) + bytes(128)


def is_token(body: bytes) -> bool:
    """Whether this is the rest of a JSON web token that somebody signed, not the one of a tutorial."""
    header, _, rest = (b"eyJ" + body).partition(b".")
    payload = _decoded(rest.partition(b".")[0])
    if b'"alg"' not in _decoded(header) or b":" not in payload:
        return False
    return b'"1234567890"' not in payload and b"example" not in body


def _decoded(part: bytes) -> bytes:
    from base64 import urlsafe_b64decode

    try:
        return urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError:
        return b""


def is_credential(data: bytes, start: int, body: bytes) -> bool:
    """Whether what follows `://` at `start` are the user and password of a database, not stand-ins for them."""
    if not _SCHEMES.search(data, max(0, start - 40), start):
        return False
    user, _, rest = body.partition(b":")
    password = rest.rpartition(b"@")[0]
    lowered = password.lower()
    if lowered == user.lower() or lowered.strip(b"0123456789!") in _STAND_INS or len(set(password)) < 3:
        return False
    return not (_EXAMPLE.search(password) or any(mark in password for mark in _MARKS))


_MARKS = (b"${", b"$(", b"{{", b"{", b"%(", b"$", b"***", b"...", b"ENC[", b"%s", b"[", b"your", b"my-")


def is_pem(body: bytes) -> bool:
    """Whether the text after a header is a key's."""
    return len(set(body[-40:])) >= 12 and not re.search(rb"example|your", body, re.IGNORECASE)


TESTS: dict[str, Callable[[bytes], bool]] = {
    "random": is_random,
    "distinct": is_distinct,
    "jwt": is_token,
    "pem": is_pem,
    "any": bool,
}
