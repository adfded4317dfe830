"""Shamir's secret sharing over GF(2^8) modulo 0x11B, with the layout of SOPS: the bytes of y, then x."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gitconfigmgr.secrets.errors import TamperedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _tables() -> tuple[list[int], list[int]]:
    exp, log = [0] * 510, [0] * 256
    value = 1
    for power in range(255):
        exp[power] = exp[power + 255] = value
        log[value] = power
        value ^= (value << 1) ^ (0x11B if value & 0x80 else 0)  # times the generator 3
    return exp, log


_EXP, _LOG = _tables()


def split(secret: bytes, shares: int, threshold: int, random: Callable[[int], bytes] = os.urandom) -> list[bytes]:
    """`shares` parts, any `threshold` of which give the secret."""
    if not 2 <= threshold <= shares <= 255:
        raise ValueError("2 <= threshold <= shares <= 255")
    coefficients = [secret] + [random(len(secret)) for _ in range(threshold - 1)]
    return [_evaluated(coefficients, x) for x in range(1, shares + 1)]


def _evaluated(coefficients: list[bytes], x: int) -> bytes:
    total = [0] * len(coefficients[0])
    for row in reversed(coefficients):  # Horner
        total = [(_EXP[_LOG[y] + _LOG[x]] if y else 0) ^ c for y, c in zip(total, row, strict=True)]
    return bytes([*total, x])


def combine(shares: Sequence[bytes]) -> bytes:
    """The secret of at least `threshold` shares; fewer give another value, which nothing here can tell."""
    points = sorted({share[-1]: share[:-1] for share in shares}.items()) if shares else []
    lengths = {len(y) for _, y in points}
    if len(points) != len(shares) or len(points) < 2 or len(lengths) != 1 or points[0][0] == 0:
        raise TamperedError("the shares of the key groups do not belong together", "restore the file from Git")
    total = [0] * lengths.pop()
    for x, y in points:
        weight = sum(_LOG[other] - _LOG[other ^ x] for other, _ in points if other != x) % 255
        total = [t ^ (_EXP[_LOG[byte] + weight] if byte else 0) for t, byte in zip(total, y, strict=True)]
    return bytes(total)
