"""When an agent asks: each instance at moments of its own, so that a thousand do not come at once. Seconds."""

from __future__ import annotations

import hashlib

_FIRST, _HINT = 8.0, 1.0
_DOUBLINGS = 16


def next_poll(interval: float, instance: str, now: float) -> float:
    """The next moment of this instance."""
    offset = offset_of(instance, interval)
    return ((now - offset) // interval + 1) * interval + offset


def while_empty(interval: float, instance: str, attempts: int) -> float:
    """From one attempt to the next while there is nothing to serve: about a second, then twice as long each time."""
    return min(interval, 2.0 ** min(attempts - 1, 20) * (0.5 + offset_of(instance, 1.0)))


def offset_of(instance: str, interval: float) -> float:
    """Into the interval: SHA-256 of the instance's id."""
    drawn = int.from_bytes(hashlib.sha256(instance.encode()).digest()[:8])
    return drawn / 2**64 * interval


def after_hint(instance: str, since_last: float) -> float:
    """From a hint to its poll: within a second, and never two polls in one second, whoever hints."""
    return max(offset_of(instance, _HINT), _HINT - since_last)


def reconnect(instance: str, attempt: int, interval: float) -> float:
    """Until a lost connection is made again: anywhere in a time that doubles up to the interval; `attempt` from 0."""
    most = min(interval, _FIRST * 2 ** min(attempt, _DOUBLINGS))
    return offset_of(f"{instance} {attempt}", most)
