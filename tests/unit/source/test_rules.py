"""The settings that a change is judged by: nothing of the old ones can be loosened, and what is new can be used."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconfigmgr.model.settings import Settings
from gitconfigmgr.source.rules import differences, under
from gitconfigmgr.source.settings import read_settings

OLD = "version: 1\nenvironments: {staging: , production: {extends: staging, protected: true}}\n"


def settings(text: str) -> Settings:
    found, findings = read_settings("gitconfigmgr.yaml", "", text.encode())
    assert not findings
    return found


def test_an_environment_that_is_new_stands_on_the_old_ones() -> None:
    new = settings(
        "version: 1\nenvironments: {staging: , production: , canary: {extends: production, protected: true}}\n"
    )
    found = under(settings(OLD), new).environments
    assert found["production"].chain == ("base", "staging", "production"), "as the base has it"
    assert found["production"].protected
    assert found["canary"].chain == ("base", "staging", "production", "canary")
    assert found["canary"].protected


def test_an_environment_that_is_gone_is_not_compiled_and_stays_in_chains() -> None:
    found = under(settings(OLD), settings("version: 1\nenvironments: {production: {protected: true}}\n"))
    assert found.compiled_environments() == ["production"]
    assert found.environments["production"].chain == ("base", "staging", "production")


def test_an_environment_cannot_be_made_abstract_or_unprotected() -> None:
    found = under(settings(OLD), settings("version: 1\nenvironments: {staging: , production: {abstract: true}}\n"))
    assert found.compiled_environments() == ["staging", "production"]
    assert found.environments["production"].protected


def test_bindings_are_added_and_never_taken_away() -> None:
    old = settings("version: 1\nschemas: [{schema: a.json}, {schema: b.json, path: x}]\n")
    found = under(old, settings("version: 1\nschemas: [{schema: b.json, path: x}, {schema: c.json}]\n"))
    assert [item.schema for item in found.schemas] == ["a.json", "b.json", "c.json"]


NAMES = st.sampled_from(["dev", "qa", "staging", "production"])
FLAGS = st.fixed_dictionaries({"protected": st.booleans(), "abstract": st.booleans()})
LINES = st.fixed_dictionaries(
    {
        "environments": st.dictionaries(NAMES, FLAGS, min_size=1),
        "precedence": st.sampled_from(["environment", "namespace"]),
        "leak_guard": st.sampled_from(["error", "warn", "off"]),
        "limits": st.fixed_dictionaries({"depth": st.integers(1, 256)}),
        "schemas": st.lists(st.fixed_dictionaries({"schema": st.sampled_from(["a.json", "b.json"])}), max_size=2),
        "signatures": st.sampled_from(["allowed_signers", "other"]),
    }
)


@given(LINES, LINES)
def test_whatever_a_change_says_the_old_rules_hold(old: dict[str, object], new: dict[str, object]) -> None:
    import json

    before, after = (settings(json.dumps({"version": 1} | lines)) for lines in (old, new))
    found = under(before, after)
    for name, environment in before.environments.items():
        gone = name not in after.environments
        assert found.environments[name] == environment._replace(abstract=environment.abstract or gone)
    assert found.schemas[: len(before.schemas)] == before.schemas
    kept = {field.name for field in fields(Settings)} - {"environments", "schemas", "blob_id"}
    assert all(getattr(found, name) == getattr(before, name) for name in kept)
    assert under(before, before) == before
    assert replace(under(found, after), blob_id="") == replace(found, blob_id=""), "once is enough"


@pytest.mark.parametrize(
    ("new", "found"),
    [
        ("version: 1\n# a comment\nenvironments:\n  staging:\n  production: {protected: true, extends: staging}\n", []),
        (OLD.replace("true", "false"), [("environments.production.protected", "changed", 2)]),
        (OLD + "leak_guard: off\n", [("leak_guard", "added", 3)]),
        ("version: 1\n", [("environments", "removed", 1)]),
    ],
)
def test_differences_of_settings_are_named(new: str, found: list[tuple[str, str, int]]) -> None:
    items = differences("gitconfigmgr.yaml", OLD.encode(), new.encode())
    assert [(item.key, item.what, item.position.line) for item in items] == found
