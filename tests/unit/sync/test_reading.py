"""What a reader is given, in each phase and at each path."""

from __future__ import annotations

import pytest

from gitconfigmgr.sync.reading import Board, Policy, Served, find, locate, origin, servable, token, visible
from gitconfigmgr.sync.replica import Phase

DOCUMENT = {"a": {"b.c": [1, {"d": 2}]}, "a.b": 3, "e": None}


def served(name: str, policy: Policy = Policy.SERVE, version: int = 1) -> Served:
    return Served(name, version, "f" * 64, {"key": {"$secret": {}}}, {"key": "open"}, policy)


@pytest.mark.parametrize(
    ("path", "value"),
    [("", DOCUMENT), ("a.b", 3), ("a.b.c.0", 1), ("a.b.c.1.d", 2), ("e", None)],
)
def test_finds(path: str, value: object) -> None:
    assert find(DOCUMENT, path) == value


@pytest.mark.parametrize("path", ["x", "a.x", "a.b.c.2", "a.b.c.x", "e.f", "a.b.c.-1"])
def test_what_is_not_there(path: str) -> None:
    with pytest.raises(KeyError):
        find(DOCUMENT, path)


def test_the_longest_namespace_wins() -> None:
    board = Board(1, "", {"a": served("a"), "a/b": served("a/b")})
    found = locate(board, ["a", "b", "key"])
    assert found is not None
    assert (found[0].namespace, found[1]) == ("a/b", ("key",))
    assert locate(board, ["c"]) is None


def test_policies_count_when_it_has_expired() -> None:
    for phase in Phase:
        over = phase is Phase.EXPIRED
        assert visible(served("a"), phase) == (True, {"key": "open"})
        assert visible(served("a", Policy.CLOSED), phase)[1] == ({"key": {"$secret": {}}} if over else {"key": "open"})
        assert visible(served("a", Policy.REFUSE), phase)[0] is not over


def test_readiness() -> None:
    board = Board(1, "", {"a": served("a"), "b": served("b", Policy.REFUSE)})
    assert not servable(board, Phase.NOT_READY)
    assert not servable(board, Phase.FATAL)
    assert servable(board, Phase.STALE)
    assert not servable(board, Phase.EXPIRED)


def test_the_token_changes_with_versions() -> None:
    one = Board(1, "", {"a": served("a")})
    assert token(one) == token(Board(2, "x", {"a": served("a")}))
    assert token(one) != token(Board(1, "", {"a": served("a", version=2)}))


def test_where_a_value_comes_from() -> None:
    documents = [{"path": "base.yaml"}, {"path": "production.yaml"}]
    hosts = {"at": {"at": [1, 5, 1], "directive": "$append"}, "items": [[0, 9, 9], [1, 6, 3]]}
    keys = {"a": {"at": [0, 1, 1], "keys": {"b.c": hosts}}, "a.b": [1, 2, 3], "whole": {"at": [0, 7, 7], "lock": "x"}}
    known = {"documents": documents, "values": {"at": [0, 1, 1], "keys": keys}}
    for path, source in (
        ("", "base.yaml:1:1"),
        ("a.b", "production.yaml:2:3"),
        ("a.b.c", "production.yaml:5:1"),
        ("a.b.c.0", "base.yaml:9:9"),
        ("whole.below", "base.yaml:7:7"),
    ):
        assert origin(known, path)["source"] == source
    for path in ("x", "a.x"):
        with pytest.raises(KeyError):
            origin(known, path)
