"""Which items of two lists are one another's: by a member that identifies them, else by what they hold."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.history.documents import Secret, same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.model.names import KeyPath

    Identity = Callable[[KeyPath], str | None]

Pair = tuple[int | None, int | None]  # an index in the old list, one in the new; None: it has no counterpart
USUAL = ("name", "id", "key")
_MOST_WORK = 1_000_000  # steps of the search for the best match


def no_identity(path: KeyPath) -> str | None:  # noqa: ARG001 - the signature of an identity
    """No schema says what identifies the items of a list."""
    return None


def identifying(old: list[Any], new: list[Any], asked: str | None) -> str | None:
    """The member that identifies the items of both lists: the one asked for, else a usual one; None where none does."""
    names = (asked, *USUAL) if asked else USUAL
    return next((name for name in names if (old or new) and _unique(old, name) and _unique(new, name)), None)


def _unique(items: list[Any], name: str) -> bool:
    seen = set()
    for item in items:
        if type(item) is not dict or type(item.get(name)) not in (str, int):
            return False
        seen.add((type(item[name]), item[name]))
    return len(seen) == len(items)


def align(old: list[Any], new: list[Any], member: str | None) -> list[Pair]:
    """Pairs in an order in which both lists are run through from left to right."""
    if member is not None:
        return _run(_identities(old, member), _identities(new, member), exact=True)
    start = 0
    shorter = min(len(old), len(new))
    while start < shorter and same(old[start], new[start]):
        start += 1
    end = 0
    while end < shorter - start and same(old[-1 - end], new[-1 - end]):
        end += 1
    pairs: list[Pair] = [(index, index) for index in range(start)]
    middle = _middle(old[start : len(old) - end], new[start : len(new) - end])
    pairs += [(None if i is None else i + start, None if j is None else j + start) for i, j in middle]
    return pairs + [(len(old) - end + n, len(new) - end + n) for n in range(end)]


def _middle(old: list[Any], new: list[Any]) -> list[Pair]:
    if len(old) == len(new) and 2 * sum(map(same, old, new)) >= len(old):
        return _side_by_side(0, len(old), 0, len(new))  # a few items changed where they are
    return _run(list(map(_content, old)), list(map(_content, new)), exact=False)


def _identities(items: list[Any], member: str) -> list[str]:
    return [f"{type(item[member]).__name__} {item[member]}" for item in items]


def _content(item: Any) -> str:
    """Equal for items that are `same`."""
    if type(item) is Secret:
        return f"secret {item.token}"
    if type(item) is dict:
        return "{" + ",".join(f"{key!r}:{_content(item[key])}" for key in sorted(item)) + "}"
    if type(item) is list:
        return "[" + ",".join(map(_content, item)) + "]"
    if type(item) is str:
        return orjson.dumps(item).decode()
    return repr(item)


def _run(old: Sequence[str], new: Sequence[str], *, exact: bool) -> list[Pair]:
    """Equal keys in common order are pairs; what lies between is paired in its order, unless `exact`."""
    pairs: list[Pair] = []
    at_old = at_new = 0
    for i, j, length in [*_blocks(old, new), (len(old), len(new), 0)]:
        if exact:
            pairs += [(n, None) for n in range(at_old, i)]
            pairs += [(None, n) for n in range(at_new, j)]
        else:
            pairs += _side_by_side(at_old, i, at_new, j)
        pairs += [(i + n, j + n) for n in range(length)]
        at_old, at_new = i + length, j + length
    return pairs


def _blocks(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, int]]:
    """Runs of equal keys, in the order of both. In lists that would take long, by keys that both have once."""
    from difflib import SequenceMatcher

    counts = Counter(new)
    if sum(counts[key] for key in old) * len(old) <= _MOST_WORK:
        return [(i, j, n) for i, j, n in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()]
    places = {key: index for index, key in enumerate(new) if counts[key] == 1}
    once = Counter(old)
    return [(i, j, 1) for i, j in _rising([(i, places[k]) for i, k in enumerate(old) if once[k] == 1 and k in places])]


def _rising(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of points whose second number rises (patience sorting)."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(points):
        place = bisect_left(tops, j)
        before.append(ends[place - 1] if place else -1)
        tops[place : place + 1] = [j]
        ends[place : place + 1] = [number]
    found = []
    at = ends[-1] if ends else -1
    while at >= 0:
        found.append(points[at])
        at = before[at]
    return found[::-1]


def _side_by_side(i1: int, i2: int, j1: int, j2: int) -> list[Pair]:
    both = min(i2 - i1, j2 - j1)
    pairs: list[Pair] = [(i1 + n, j1 + n) for n in range(both)]
    return [*pairs, *((i, None) for i in range(i1 + both, i2)), *((None, j) for j in range(j1 + both, j2))]
