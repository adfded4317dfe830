"""The pure parts: grants, limits, what metadata says of a tree."""

from __future__ import annotations

import contextlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconfigmgr.http.answers import matches
from gitconfigmgr.release import layout
from gitconfigmgr.server.answers import accepted
from gitconfigmgr.server.catalogue import DamagedError, may_read, read_catalogue
from gitconfigmgr.server.limits import Limiter
from gitconfigmgr.sync.access import Ability, Grant

READ = frozenset({Ability.READ})
NAMES = st.lists(st.sampled_from(["a", "b", "a-b"]), min_size=1, max_size=3).map("/".join)
PATTERNS = st.one_of(st.just("*"), NAMES, NAMES.map(lambda name: f"{name}/*"))


@given(NAMES, st.lists(PATTERNS, min_size=1, max_size=3), st.sampled_from(["dev", "prod"]))
def test_who_may_read_a_target_may_read_the_metadata_that_names_it(namespace, patterns, environment):
    grant = Grant("acme", READ, ("prod",), tuple(patterns))
    project = namespace.rpartition("/")[0]
    if grant.may_read(namespace, environment):
        assert environment == "prod"
        assert grant.may_read_project(project, environment)
        role = layout.role_of(type("T", (), {"namespace": namespace, "environment": environment})())
        assert may_read(grant, f"{layout.METADATA}/3.{role}.json", None)
        assert may_read(grant, layout.file_of(f"{namespace}.{environment}.json", "0" * 64), None)


@given(NAMES, NAMES)
def test_a_pattern_covers_what_is_below_it_and_no_name_that_begins_alike(namespace, folder):
    grant = Grant("acme", READ, namespaces=(f"{folder}/*",))
    assert grant.may_read(namespace, "x") == (
        namespace.split("/")[: len(folder.split("/"))] == folder.split("/") and namespace != folder
    )


@given(st.lists(st.floats(0, 2), max_size=200), st.integers(1, 50), st.integers(0, 20))
def test_no_more_than_the_rate_and_the_burst_come_through(gaps, rate, burst):
    limiter, now, taken = Limiter(rate, burst), 100.0, []
    for gap in gaps:
        now += gap / rate
        wait = limiter.wait("who", now)
        if wait == 0:
            taken.append(now)
        else:
            later = now + wait * 1.000001 + 1e-6
            assert limiter.over("who", later) == 0
    for index, first in enumerate(taken):
        for count, last in enumerate(taken[index:], 1):
            assert count <= burst + 1 + (last - first) * rate + 1e-6


def test_one_who_comes_too_often_does_not_hold_up_others():
    limiter = Limiter(1, 1)
    assert [limiter.wait("a", 0.0) > 0 for _ in range(5)] == [False, False, True, True, True]
    assert limiter.wait("b", 0.0) == 0
    assert Limiter(0, 0).wait("a", 0.0) == 0


def test_the_callers_that_are_remembered_are_bounded():
    limiter = Limiter(1000, 1)
    for number in range(150_000):
        limiter.wait(str(number), number / 1000)
    assert len(limiter._due) <= 65_536


@pytest.mark.parametrize(
    ("tags", "found"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"ab"', False), ("a", False), ("", False)],
)
def test_entity_tags(tags, found):
    assert matches(tags, '"a"') is found


def test_encodings_that_are_refused_are_not_taken():
    assert accepted("gzip, zstd;q=0, dcz;q=0.5, br ; q=0.0") == {"gzip", "dcz"}
    assert accepted("") == frozenset()


@given(
    st.recursive(
        st.none() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["signed", "meta", "snapshot.json", "version", "targets", "x-gcm"]), inner, max_size=4
            )
        ),
        max_leaves=20,
    )
)
def test_metadata_of_any_shape_is_read_or_said_to_be_damaged(value):
    data = orjson.dumps(value)
    with contextlib.suppress(DamagedError):
        read_catalogue(lambda path: data, None)
