"""Version vectors, and which of two proposals counts."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gitconfigmgr.sync.proposals import (
    Entry,
    Operation,
    Proposal,
    State,
    applied,
    as_data,
    decide,
    entry_data,
    later,
    may_become,
    read_entry,
    read_proposal,
)
from gitconfigmgr.sync.protection import check_pattern, protects
from gitconfigmgr.sync.vectors import Order, bump, compare, merge

from .sample import sample

VECTORS = some.dictionaries(some.sampled_from("abcd"), some.integers(0, 4))
TURNED = {Order.AFTER: Order.BEFORE, Order.BEFORE: Order.AFTER}


@given(VECTORS, VECTORS, VECTORS)
def test_merging(a: dict[str, int], b: dict[str, int], c: dict[str, int]) -> None:
    assert merge(a, b) == merge(b, a)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert compare(merge(a, a), a) is Order.SAME
    assert compare(merge(a, b), a) in (Order.AFTER, Order.SAME)


@given(VECTORS, VECTORS, VECTORS)
def test_comparing(a: dict[str, int], b: dict[str, int], c: dict[str, int]) -> None:
    assert compare(b, a) is TURNED.get(compare(a, b), compare(a, b))
    assert compare(a, a) is Order.SAME
    assert (compare(a, b) in (Order.AFTER, Order.SAME)) == (compare(merge(a, b), a) is Order.SAME)
    if compare(a, b) is Order.AFTER and compare(b, c) is Order.AFTER:
        assert compare(a, c) is Order.AFTER


@given(VECTORS, some.sampled_from("abcd"), some.sampled_from("abcd"))
def test_counting(a: dict[str, int], one: str, other: str) -> None:
    assert compare(bump(a, one), a) is Order.AFTER
    if one != other:
        assert compare(bump(a, one), bump(a, other)) is Order.CONCURRENT


# -- deciding --------------------------------------------------------------------------------------------------------

KEYS = some.sampled_from([("a",), ("a", "b"), ("c",)])


@some.composite
def concurrent(draw: some.DrawFn) -> list[Proposal]:
    """Each by an instance that knows of no other."""
    number = draw(some.integers(2, 4))
    return [
        sample(f"node-{n}", at=draw(some.integers(1, 3)), path=draw(KEYS), value=n, vector={f"node-{n}": 1})
        for n in range(number)
    ]


@given(concurrent())
def test_in_whichever_order_they_come_the_last_writer_of_a_key_counts(given_: list[Proposal]) -> None:
    results = set()
    for order in permutations(given_):
        standing: dict[str, Entry] = {}
        for new in order:
            verdict = decide(new, list(standing.values()), ())
            if verdict.won is None:
                for beaten in verdict.beaten:
                    del standing[beaten.id]
                standing[new.id] = Entry(new, State.PROPOSED, {}, "", 0)
        last = max(given_, key=lambda item: (item.at, item.instance, item.id))
        assert last.id in standing, "nothing is later than it"
        kept = [entry.proposal for entry in standing.values()]
        assert not any(decide(a, [standing[b.id]], ()).won for a in kept for b in kept if a is not b and later(a, b))
        if all(item.patch[0].path == given_[0].patch[0].path for item in given_):
            results.add(frozenset(standing))
            assert standing.keys() == {last.id}
    assert len(results) <= 1


def entry(proposal: Proposal, state: State = State.PROPOSED) -> Entry:
    return Entry(proposal, state, {}, "agents", 0)


def test_who_knew_of_the_other_counts_whatever_the_clocks_say() -> None:
    first = sample("a", at=100, vector={"a": 1})
    second = sample("a", at=50, value=2, vector={"a": 2})
    assert decide(second, [entry(first)], ()).beaten == (first,)
    assert decide(first, [entry(second)], ()).won == second
    other = sample("b", at=50, vector={"b": 1, "a": 1})
    assert decide(other, [entry(first)], ()).won is None


def test_of_two_that_did_not_know_of_each_other_the_later_counts() -> None:
    early, late = sample("a", at=1, vector={"a": 1}), sample("b", at=2, vector={"b": 1})
    assert decide(early, [entry(late)], ()).won == late
    assert decide(late, [entry(early)], ()).beaten == (early,)
    assert decide(late, [entry(early, State.MERGED)], ()) == (None, ()), "what is merged is not taken back"
    tie = sample("b", at=1, vector={"b": 1})
    assert decide(early, [entry(tie)], ()).won == tie


def test_what_came_by_a_release_was_known() -> None:
    late, early = sample("a", at=9, vector={"a": 1}), sample("b", at=1, vector={"b": 1})
    assert decide(early, [entry(late, State.MERGED)], ()).won == late
    assert decide(early, [entry(late, State.MERGED)], {late.id}).won is None


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [(("a",), ("a",), True), (("a",), ("a", "b"), True), (("a", "b"), ("a", "c"), False), (("a",), ("b",), False)],
)
def test_keys_meet(one: tuple[str, ...], other: tuple[str, ...], meet: bool) -> None:
    a, b = sample("a", path=one), sample("b", path=other, at=1, vector={"b": 1})
    assert (decide(b, [entry(a)], ()).won == a) is meet
    elsewhere = a._replace(environment="staging")
    assert decide(b, [entry(elsewhere)], ()).won is None


# -- reading ---------------------------------------------------------------------------------------------------------


def test_the_same_content_has_the_same_id_and_survives_the_inbox() -> None:
    one = sample("a", at=100.25)
    assert read_proposal(as_data(one), "acme", 1e9) == one
    assert read_proposal(as_data(one), "globex", 1e9).id != one.id
    whole = Entry(one, State.LOST, {"won": "x"}, "agents", 1e9)
    assert read_entry(entry_data(whole)) == whole


def test_a_clock_that_is_ahead_wins_nothing() -> None:
    assert read_proposal(as_data(sample("a", at=5000)), "acme", 100).at == 100


@pytest.mark.parametrize(
    "change",
    [
        {"patch": []}, {"patch": None}, {"patch": [{"op": "test", "path": "/a", "value": 1}]},
        {"patch": [{"op": "move", "path": "/a", "from": "/b"}]}, {"patch": [{"op": "add", "path": "/a"}]},
        {"patch": [{"op": "add", "path": "", "value": 1}]}, {"patch": [{"op": "add", "path": "/a//b", "value": 1}]},
        {"patch": [{"op": "add", "path": "/$force", "value": 1}]},
        {"patch": [{"op": "add", "path": "/a", "value": {"$force": "x"}}]},
        {"patch": [{"op": "add", "path": "/a", "value": ["${vault:kv/x#y}"]}]},
        {"patch": [{"op": "add", "path": "/a", "value": "{{ x }}"}]},
        {"patch": [{"op": "add", "path": "/a", "value": "x" * 70_000}]},
        {"patch": [{"op": "add", "path": "/a", "value": 1}, {"op": "remove", "path": "/a/b"}]},
        {"namespace": "../x"}, {"namespace": "Acme"}, {"namespace": ""}, {"environment": "a\nb"}, {"instance": None},
        {"base": None}, {"base": {"release": -1}}, {"at": "now"}, {"at": "2026-01-01T00:00:00"}, {"reason": " "},
        {"vector": {}}, {"vector": {"a": 0}}, {"vector": {"a": "1"}}, {"vector": {"b": 1}},
    ],
)  # fmt: skip
def test_what_is_no_proposal_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        read_proposal(as_data(sample("a")) | change, "acme", 1e9)


def test_a_settled_proposal_stays_settled() -> None:
    assert may_become(State.RECEIVED, State.PROPOSED)
    assert not may_become(State.LOST, State.PROPOSED)
    assert not may_become(State.MERGED, State.LOST)


def test_applying() -> None:
    document = {"a": {"b": 1, "c": 2}, "l": [1], "s": {"$secret": "v1"}}
    patch = [Operation(("a", "b"), 5), Operation(("a", "c"), remove=True), Operation(("x", "y"), [1])]
    assert applied(document, patch) == {"a": {"b": 5}, "l": [1], "s": {"$secret": "v1"}, "x": {"y": [1]}}
    assert document["a"] == {"b": 1, "c": 2}
    assert applied(document, [Operation(("q", "r"), remove=True)]) == document
    for path in (("l", "0"), ("s", "x"), ("a", "b", "c")):
        with pytest.raises(ValueError):
            applied(document, [Operation(path, 1)])


@pytest.mark.parametrize(
    ("pattern", "path", "protected"),
    [
        ("acme/*:api.key", ("api", "key"), True), ("acme/*:api.key", ("api",), True),
        ("acme/*:api.key", ("api", "key", "below"), True), ("acme/*:api.key", ("api", "timeout"), False),
        ("acme/chat:*", ("anything",), True), ("acme/search:*", ("anything",), False), ("*:limit", ("limit",), True),
    ],
)  # fmt: skip
def test_protected_keys(pattern: str, path: tuple[str, ...], protected: bool) -> None:
    check_pattern(pattern)
    assert protects([pattern], "acme/chat", path) is protected


@pytest.mark.parametrize("pattern", ["acme/chat", "acme/**:x", ":x", "acme/chat:", "acme/chat:a..b", "Acme:x"])
def test_patterns_are_checked(pattern: str) -> None:
    with pytest.raises(ValueError):
        check_pattern(pattern)
