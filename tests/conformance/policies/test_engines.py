"""What every policy engine keeps to: ports.PolicyEngine, as the program opens it."""

from __future__ import annotations

import os
import time

import pytest

from gitconfigmgr.adapters.policies.confined import Confined
from gitconfigmgr.adapters.policies.engines import _maker, open_engine
from gitconfigmgr.errors import UsageError

from .languages import CEL, REGO, Language, facts

LANGUAGES = pytest.mark.parametrize("language", [CEL, REGO], ids=lambda language: language.name)


@LANGUAGES
def test_a_rule_that_does_not_hold_is_a_breach_with_its_message_and_place(language: Language) -> None:
    engine = open_engine(language.name)
    assert engine.load([language.policy("bounded")]) == {}
    held, broken, absent = engine.run([("bounded", facts({"n": n} if n else {}), {"max": 3}) for n in (3, 4, 0)])
    assert held.applies
    assert not held.breaches + held.problems + absent.breaches + absent.problems
    (breach,) = broken.breaches
    assert (breach.rule, breach.message) == (language.rule, "4 is too much")
    assert breach.places in {(), (("n",),)}


@LANGUAGES
def test_parameters_are_those_of_the_call(language: Language) -> None:
    engine = open_engine(language.name)
    engine.load([language.policy("bounded")])
    strict, loose = engine.run([("bounded", facts({"n": 4}), {"max": most}) for most in (3, 4)])
    assert strict.breaches
    assert not loose.breaches


@LANGUAGES
def test_places_are_sorted_and_keys_with_dots_are_whole(language: Language) -> None:
    engine = open_engine(language.name)
    engine.load([language.policy("places")])
    (outcome,) = engine.run([("places", facts({"b": 9, "gpt-4.1": 9, "a": 1}), {"max": 3})])
    assert sorted(place for breach in outcome.breaches for place in breach.places) == [("b",), ("gpt-4.1",)]


@LANGUAGES
def test_whole_and_broken_numbers_compare(language: Language) -> None:
    engine = open_engine(language.name)
    engine.load([language.policy("places")])
    (outcome,) = engine.run([("places", facts({"a": 3.5, "b": 2.5}), {"max": 3})])
    assert [place for breach in outcome.breaches for place in breach.places] == [("a",)]


@LANGUAGES
@pytest.mark.parametrize("name", ["syntax", "name"])
def test_mistakes_are_problems_of_the_load_with_a_place(language: Language, name: str) -> None:
    engine = open_engine(language.name)
    found = engine.load([language.policy("bounded"), language.policy(name)])
    assert list(found) == [name]
    (problem,) = found[name]
    assert problem.position.path.startswith(f"policies/{name}.")
    assert problem.position.line > 1
    assert engine.run([("bounded", facts({"n": 4}), {"max": 3})])[0].breaches, "the sound policy works on"


@LANGUAGES
def test_an_error_while_evaluating_is_a_problem_and_no_pass(language: Language) -> None:
    engine = open_engine(language.name)
    assert engine.load([language.policy("division")]) == {}
    (outcome,) = engine.run([("division", facts({"zero": 0}), {})])
    assert outcome.problems
    assert "zero" in outcome.problems[0].message


@LANGUAGES
def test_a_secret_is_opaque_and_the_document_before_is_seen(language: Language) -> None:
    engine = open_engine(language.name)
    engine.load([language.policy("secret"), language.policy("old")])
    secret = {"key": {"$secret": {"type": "string", "kind": None}}}
    found, new, smaller, larger = engine.run([
        ("secret", facts(secret), {}), ("old", facts({"n": 4}), {}),
        ("old", facts({"n": 4}, {"n": 5}), {}), ("old", facts({"n": 4}, {"n": 3}), {}),
    ])  # fmt: skip
    assert found.breaches
    assert larger.breaches
    assert not new.breaches + smaller.breaches


@LANGUAGES
@pytest.mark.parametrize("name", ["endless", "memory"])
def test_what_takes_all_time_or_memory_is_stopped_and_the_others_work_on(language: Language, name: str) -> None:
    engine = Confined(_maker(language.name), seconds=1, memory=1 << 28)
    assert engine.load([language.policy("bounded"), language.policy(name)]) == {}
    document = {"n": 4, "l": list(range(99)), "s": "x" * 500_000}
    started = time.process_time() + os.times().children_user
    for _ in range(2):  # once stopped, it is not begun again
        good, bad, again = engine.run([
            ("bounded", facts(document), {"max": 3}), (name, facts(document), {}),
            ("bounded", facts(document), {"max": 5}),
        ])  # fmt: skip
        assert good.breaches
        assert not again.breaches
        assert "takes" in bad.problems[0].message
    assert time.process_time() + os.times().children_user - started < 10


@LANGUAGES
def test_a_fork_has_an_engine_of_its_own(language: Language) -> None:
    engine = open_engine(language.name)
    engine.load([language.policy("bounded")])
    call = ("bounded", facts({"n": 4}), {"max": 3})
    assert engine.run([call])[0].breaches
    pid = os.fork()
    if not pid:
        os._exit(0 if engine.run([call])[0].breaches else 1)
    assert engine.run([call])[0].breaches
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_rego_reaches_nothing_but_its_input() -> None:
    engine = open_engine("rego")
    calls = [
        'http.send({"url": "http://127.0.0.1/", "method": "get"})',
        "opa.runtime().env",
        "time.now_ns()",
        'rand.intn("a", 5)',
    ]
    for call in calls:
        module = f'package p\n\nimport rego.v1\n\nx := {call}\n\ndeny contains "x" if {{ x }}\n'
        policy = Language("rego", "deny", {"reach": module}).policy("reach")
        (problem,) = engine.load([policy])["reach"]
        assert "is not available" in problem.message
        assert (problem.position.line, problem.position.column) == (5, 6)


def test_an_unknown_language_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="no policy engine regoo") as caught:
        open_engine("regoo")
    assert caught.value.hint == "did you mean rego?"


def test_a_missing_extra_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "cel_expr_python.cel", None)
    with pytest.raises(UsageError, match="needed and not installed") as caught:
        open_engine("cel").load([CEL.policy("bounded")])
    assert caught.value.hint == "install it: pip install 'gitconfigmgr[policies]'"
