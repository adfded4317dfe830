"""The pure rules of releases: rollouts, budgets, key sets, names, what a webhook is told."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner

from gitconfigmgr.app.release.keys import plans
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.bundles import Holding
from gitconfigmgr.model.names import Target
from gitconfigmgr.model.publishing import Budget
from gitconfigmgr.release import keyset, layout, notice
from gitconfigmgr.release.budget import exceeded, shape_of
from gitconfigmgr.release.rollout import (
    Baseline,
    Hold,
    Let,
    Pin,
    Publish,
    State,
    Widen,
    custom_of,
    pinned,
    state_of,
    step,
    takes_part,
)

TODAY = date(2026, 3, 1)
SHA = "a" * 64


def published(percent=100, version=2, state=None):
    return step(state or State(1, SHA, 10), Publish(version, "b" * 64, 20, percent, "salt"), TODAY)


def test_a_release_for_everybody_has_no_rollout():
    assert custom_of(published()) == {}


def test_outside_the_cohort_readers_keep_what_everybody_had():
    first = published(10)
    assert first.baseline == Baseline(1, SHA, 10)
    again = step(first, Publish(3, "c" * 64, 30, 20, "other"), TODAY)
    assert again.baseline == Baseline(1, SHA, 10), "not version 2, which few have seen"
    assert again.percent == 20


def test_the_first_version_of_a_target_is_for_everybody():
    assert custom_of(step(None, Publish(1, SHA, 10, 10, "salt"), TODAY)) == {}


def test_a_rollout_grows_and_ends():
    state = step(published(10), Widen(50), TODAY)
    assert custom_of(state)["rollout"]["percent"] == 50
    assert custom_of(step(state, Widen(100), TODAY)) == {}
    with pytest.raises(UsageError, match="can only grow"):
        step(state, Widen(49), TODAY)
    with pytest.raises(UsageError, match="no rollout"):
        step(published(), Widen(50), TODAY)


def test_a_pin_holds_to_the_end_of_its_day():
    pin = Pin("oncall", date(2026, 3, 5), "incident")
    state = step(State(1, SHA, 10), Hold(pin), TODAY)
    assert pinned(state, date(2026, 3, 5)) == pin
    assert pinned(state, date(2026, 3, 6)) is None
    with pytest.raises(UsageError, match="pinned by oncall until 2026-03-05: incident"):
        published(state=state)
    assert step(state, Publish(2, SHA, 10), date(2026, 3, 6)).pin is None
    assert step(state, Let(), TODAY).pin is None
    with pytest.raises(UsageError, match="is over"):
        step(state, Hold(pin), date(2026, 3, 5))


@given(st.integers(1, 99), st.booleans())
def test_what_is_published_gives_the_state_back(percent, is_pinned):
    state = published(percent)
    if is_pinned:
        state = step(state, Hold(Pin("x", date(2027, 1, 1), "y")), TODAY)
    assert state_of(Holding("c", state.version, state.length, f"sha256:{state.sha256}", custom_of(state))) == state


@given(st.text(min_size=1), st.integers(1, 100), st.integers(1, 100))
def test_who_takes_part_goes_on_taking_part(instance, one, other):
    few, many = sorted((one, other))
    if takes_part({"salt": "s", "percent": few}, instance):
        assert takes_part({"salt": "s", "percent": many}, instance)
    assert takes_part(None, instance)


def test_cohorts_have_about_the_size_they_are_said_to_have():
    drawn = sum(takes_part({"salt": "s", "percent": 25}, f"pod-{number}") for number in range(4000))
    assert 900 < drawn < 1100
    other = sum(
        takes_part({"salt": "t", "percent": 25}, f"pod-{n}") and takes_part({"salt": "s", "percent": 25}, f"pod-{n}")
        for n in range(4000)
    )
    assert 150 < other < 350, "another salt draws others"


def test_budgets():
    shape = shape_of({"a": {"b": [1, 2, 3]}, "c": 1}, 100)
    assert (shape.keys, shape.items, shape.depth) == (3, 3, 3)
    assert exceeded(shape, 0, Budget()) == []
    assert len(exceeded(shape, 0, Budget(bytes=99, keys=2, items=2, depth=2))) == 4
    grown = shape_of({}, 10_000)
    assert exceeded(grown, 4_999, Budget(growth=2)) == [
        "grows from 4,999 to 10,000 bytes, and the budget is a factor of 2"
    ]
    assert exceeded(grown, 5_000, Budget(growth=2)) == []
    assert exceeded(shape, 1, Budget(growth=2)) == [], "small documents may"


segment = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
name = segment.filter(layout.releasable)


@given(st.lists(segment, min_size=1, max_size=4), name, st.lists(segment, min_size=1, max_size=4), name)
def test_paths_and_roles_of_targets_are_their_own(one, env, other, env2):
    first, second = Target("/".join(one), env), Target("/".join(other), env2)
    assert layout.target_of(layout.path_of(first)) == first
    if first != second:
        assert layout.path_of(first) != layout.path_of(second)
        assert layout.path_of(first, layout.SEALED) != layout.path_of(second)
    assert layout.environment_of(layout.role_of(first)) == env
    if layout.role_of(first) == layout.role_of(second):
        assert (one[:-1], env) == (other[:-1], env2)


@given(st.lists(segment, min_size=1, max_size=4), name, st.lists(segment, min_size=1, max_size=4), name)
def test_a_role_may_sign_for_its_targets_and_for_no_others(one, env, other, env2):
    from tuf.api.metadata import DelegatedRole

    first, second = Target("/".join(one), env), Target("/".join(other), env2)
    role = DelegatedRole(
        layout.role_of(first), [], 1, terminating=True, paths=layout.patterns_of(layout.role_of(first))
    )
    for suffix in (layout.BUNDLE, layout.SEALED):
        assert role.is_delegated_path(layout.path_of(first, suffix))
        allowed = role.is_delegated_path(layout.path_of(second, suffix))
        assert allowed == (layout.role_of(second) == role.name)


@pytest.mark.parametrize("shares", [["root=0/1"], ["root=2/1"], ["x=1/1"], ["root"], ["release:A=1/1"], ["root=1/100"]])
def test_roles_that_cannot_be(shares):
    with pytest.raises(UsageError):
        plans(shares, [])


def test_a_key_set_with_one_key_under_two_names_is_refused():
    public = {"keyid": "1", "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "aa"}}
    keys = {"a": {"at": "file:a", "public": public}, "b": {"at": "file:b", "public": public | {"keyid": "2"}}}
    roles = {role: {"keys": ["a", "b"], "threshold": 2} for role in keyset.BASIC}
    data = json.dumps({"version": 1, "tenant": "acme", "keys": keys, "roles": roles}).encode()
    with pytest.raises(UsageError, match="2 of 1 different keys"):
        keyset.read(data, "keys.json")


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"version":1}', b'{"version":9}', b'{"version":1,"tenant":"a","keys":{},"roles":{}}']
)
def test_what_is_no_key_set(data):
    with pytest.raises(UsageError):
        keyset.read(data, "keys.json")


def test_the_notice_says_what_it_is():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    found = json.loads(notice.event("acme", {"release": 3}, now))
    assert (found["specversion"], found["id"], found["type"]) == ("1.0", "acme/3", notice.TYPE)
    signer = CryptoSigner.generate_ed25519()
    headers = notice.headers("https://x.example/h", b"{}", signer, now)
    assert headers["Signature-Input"].startswith(
        'gcm=("@method" "@target-uri" "content-type" "content-digest");created='
    )
