"""Every transition of the replica, one by one, and what holds in any order of events."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconfigmgr.sync.replica import (
    UNCONDITIONAL,
    Activate,
    Activated,
    Broken,
    Candidate,
    Due,
    Failed,
    Hinted,
    Loaded,
    Notify,
    Offered,
    Phase,
    Pin,
    Pinned,
    Poll,
    Replica,
    Report,
    Unchanged,
    Version,
    phase,
    step,
)
from gitconfigmgr.sync.schedule import next_poll, offset_of, while_empty

NOW = 1_000_000.0
DAY = 86_400.0


def candidate(number: int = 1, version: int = 1, *, signed: float = NOW, life: float = DAY) -> Candidate:
    return Candidate(number, signed, signed + life, {"a/b": Version(version, version, f"{version:064}")}, f'"{number}"')


def ready(number: int = 1, version: int = 1) -> Replica:
    found = candidate(number, version)
    replica, effects = step(Replica(), Offered(found), NOW)
    assert effects == (Activate(found),)
    assert phase(replica, NOW) is Phase.NOT_READY, "an offer is not served before it is activated"
    return step(replica, Activated(found), NOW)[0]


def test_begins_not_ready_and_polls_without_conditions() -> None:
    assert phase(Replica(), NOW) is Phase.NOT_READY
    assert step(Replica(), Due(), NOW)[1] == (Poll(None, thorough=True),)


def test_activation_is_what_makes_it_ready_and_notifies() -> None:
    found = candidate()
    replica, effects = step(step(Replica(), Offered(found), NOW)[0], Activated(found), NOW)
    assert effects == (Notify(("a/b",)),)
    assert phase(replica, NOW) is Phase.READY


def test_metadata_that_was_signed_anew_changes_nothing_for_applications() -> None:
    replica, effects = step(ready(), Activated(candidate(2, signed=NOW + 60)), NOW + 60)
    assert effects == ()
    assert (replica.since, replica.expires) == (NOW, NOW + 60 + DAY)


def test_loaded_from_disk_is_stale_until_the_publisher_answers() -> None:
    replica, effects = step(Replica(), Loaded(candidate(), {"a/b": 1}, NOW - 5), NOW)
    assert effects == (Notify(("a/b",)),)
    assert phase(replica, NOW) is Phase.STALE
    assert phase(step(replica, Unchanged(proof=True), NOW)[0], NOW) is Phase.READY


def test_silence_makes_stale_and_the_end_of_the_metadata_expired() -> None:
    replica = step(ready(), Failed("connection refused"), NOW)[0]
    assert phase(replica, NOW + 300) is Phase.READY
    assert phase(replica, NOW + 301) is Phase.STALE
    assert phase(replica, NOW + DAY) is Phase.EXPIRED
    assert replica.active == candidate()


def test_unchanged_keeps_contact_and_proves_nothing() -> None:
    replica = ready()
    time = NOW
    while time < NOW + DAY:
        time += 60
        replica = step(replica, Unchanged(proof=False), time)[0]
        stale = time - NOW > 300 + UNCONDITIONAL * 60
        assert phase(replica, time) is (Phase.EXPIRED if time >= NOW + DAY else Phase.STALE if stale else Phase.READY)
    assert (replica.proved, replica.expires) == (NOW, NOW + DAY)


def test_every_twentieth_poll_is_unconditional() -> None:
    replica, etags = ready(), []
    for _ in range(3 * UNCONDITIONAL):
        replica, (effect,) = step(replica, Due(), NOW)
        etags.append(effect.etag)  # type: ignore[union-attr]
        replica = step(replica, Unchanged(proof=False), NOW)[0]
    assert [index for index, etag in enumerate(etags) if etag is None] == [0, UNCONDITIONAL, 2 * UNCONDITIONAL]
    assert set(etags) == {None, '"1"'}


def test_a_poll_that_is_under_way_is_not_begun_again() -> None:
    busy = step(ready(), Due(), NOW)[0]
    assert step(busy, Due(), NOW)[1] == ()
    assert step(busy, Hinted(9), NOW)[1] == ()
    assert step(step(busy, Failed("x"), NOW)[0], Due(), NOW)[1] != ()


def test_a_hint_with_an_older_number_is_nothing() -> None:
    assert step(ready(5), Hinted(4), NOW)[1] == ()
    assert step(ready(5), Hinted(5), NOW)[1] == ()
    assert isinstance(step(ready(5), Hinted(6), NOW)[1][0], Poll)


@pytest.mark.parametrize(
    "offer",
    [candidate(1, 3), candidate(6, 2), candidate(6, 3, signed=NOW - 2 * DAY), candidate(6, 3, life=0)],
    ids=["older timestamp", "older version", "expired", "no life"],
)
def test_refuses_what_is_older_or_over(offer: Candidate) -> None:
    before = ready(5, 3)
    after, effects = step(before, Offered(offer), NOW)
    assert [type(effect) for effect in effects] == [Report]
    assert (after.active, after.proved, after.expires) == (before.active, before.proved, before.expires)


def test_a_target_that_was_removed_does_not_come_back_older() -> None:
    gone = replace(candidate(6), targets={})
    replica = step(ready(5, 3), Activated(gone), NOW)[0]
    assert step(replica, Offered(candidate(7, 2)), NOW)[0].reason == "a/b: version 2 is older than 3"
    assert step(replica, Offered(candidate(7, 4)), NOW)[1] == (Activate(candidate(7, 4)),)


def test_outside_the_cohort_an_older_version_is_given_by_a_newer_signature() -> None:
    given = replace(candidate(6), targets={"a/b": Version(4, 1, "f" * 64)})
    assert step(ready(5, 3), Offered(given), NOW)[1] == (Activate(given),)


def test_a_failed_activation_is_tried_again_and_its_etag_not_kept() -> None:
    offer = candidate(2, 2)
    replica = step(step(ready(), Offered(offer), NOW)[0], Failed("disk full"), NOW)[0]
    assert replica.active is not None
    assert replica.active.etag == '"1"'
    assert step(replica, Offered(offer), NOW)[1] == (Activate(offer),)


def test_the_same_failure_is_reported_once() -> None:
    replica, effects = step(ready(), Failed("refused"), NOW)
    assert effects == (Report("refused"),)
    assert step(replica, Failed("refused"), NOW)[1] == ()


def test_a_pin_holds_content_and_not_freshness() -> None:
    pinned = step(ready(), Pinned(Pin(NOW + 2 * DAY, "incident")), NOW)[0]
    offer = candidate(2, 2, signed=NOW + DAY / 2)
    held, effects = step(pinned, Offered(offer), NOW + DAY / 2)
    assert [type(effect) for effect in effects] == [Report]
    assert held.active == candidate()
    assert phase(held, NOW + DAY + 1) is Phase.PINNED, "the publisher said more, and it was verified"
    assert step(held, Due(), NOW)[1] == (Poll(None, thorough=True),), "what waits is asked for as a whole"
    free = step(held, Pinned(None), NOW)[0]
    assert step(free, Offered(offer), NOW + DAY / 2)[1] == (Activate(offer),)
    assert step(held, Offered(offer), NOW + 2 * DAY)[1][0] != Activate(offer), "expired by then"


def test_a_pin_ends() -> None:
    pinned = step(ready(), Pinned(Pin(NOW + 60, "incident")), NOW)[0]
    assert phase(pinned, NOW) is Phase.PINNED
    assert phase(pinned, NOW + 60) is Phase.READY


def test_fatal_follows_nothing_and_keeps_what_it_has() -> None:
    broken, effects = step(ready(), Broken("no root"), NOW)
    assert effects == (Report("no root"),)
    for event in (Due(), Offered(candidate(9, 9)), Activated(candidate(9, 9)), Hinted(9), Unchanged(proof=True)):
        assert step(broken, event, NOW) == (broken, ())
    assert phase(broken, NOW) is Phase.FATAL
    assert broken.active == candidate()


def test_a_clock_set_back_does_not_make_old_metadata_young() -> None:
    replica = step(Replica(), Loaded(candidate(life=-1), {}, NOW), NOW - 10 * DAY)[0]
    assert phase(replica, NOW - 10 * DAY) is Phase.EXPIRED


def test_a_thousand_agents_spread_over_the_interval() -> None:
    assert offset_of("node-1", 60) == int.from_bytes(hashlib.sha256(b"node-1").digest()[:8]) / 2**64 * 60
    slots = [0] * 10
    for number in range(1000):
        due = next_poll(60, f"node-{number}", NOW)
        assert NOW < due <= NOW + 60
        slots[int((due - NOW) // 6) % 10] += 1
    assert min(slots) > 60
    assert max(slots) < 150


candidates = st.builds(
    lambda number, version, signed, life: candidate(number, version, signed=NOW + signed, life=life),
    st.integers(1, 5), st.integers(1, 5), st.integers(-5, 5), st.integers(-2, 8),
)  # fmt: skip
events = st.one_of(
    st.builds(Due), st.builds(Hinted, st.integers(0, 9)), st.builds(Unchanged, st.booleans()),
    candidates.map(Offered), st.builds(Failed, st.sampled_from(["a", "b"])), st.builds(Broken, st.just("x")),
    st.just(Pinned(Pin(NOW + 3, "x"))), st.just(Pinned(None)),
)  # fmt: skip


@given(st.lists(st.tuples(events, st.integers(-5, 10), st.booleans()), max_size=40))
def test_in_any_order(sequence: list[tuple[object, int, bool]]) -> None:
    """Never older than signed, the last good never lost, only verified bytes extend freshness, polls at least bare in 20."""
    replica, highest, bare = Replica(), 0, 0
    for event, offset, works in sequence:
        now, before = NOW + offset, replica
        replica, effects = step(replica, event, now)  # type: ignore[arg-type]
        for effect in effects:
            if isinstance(effect, Activate):
                assert isinstance(event, Offered)
                assert effect.candidate.targets["a/b"].signed >= highest
                assert effect.candidate.expires > now
                replica = step(replica, Activated(effect.candidate) if works else Failed("disk"), now)[0]
                highest = effect.candidate.targets["a/b"].signed if works else highest
            if isinstance(effect, Poll):
                bare = 0 if effect.etag is None else bare + 1
                assert bare < UNCONDITIONAL
        if before.active is not None:
            assert replica.active is not None
        if not isinstance(event, Offered):
            assert replica.expires == before.expires
            assert replica.active == before.active
        if isinstance(event, Unchanged) and not event.proof:
            assert replica.proved == before.proved


@given(st.floats(1, 3600), st.text(max_size=8))
def test_an_agent_with_nothing_to_serve_asks_soon_and_then_less_often(interval: float, instance: str) -> None:
    waits = [while_empty(interval, instance, attempt) for attempt in range(1, 40)]
    assert 0.5 <= waits[0] <= 1.5
    assert waits == sorted(waits)
    assert waits[-1] == interval
