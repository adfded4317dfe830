"""The packaged catalogue is complete and names its sources; damaged tables are refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.check.llm.catalog import CAPABILITIES, FIELDS, CatalogError, Known, dated, read_catalog

from .support import SCHEMAS, read_packaged

DATA = (SCHEMAS / "llm/catalog.json").read_bytes()
CATALOG = read_catalog(DATA)
PROVIDERS = json.loads((SCHEMAS / "llm/model-endpoint.schema.json").read_bytes())["properties"]["provider"]["enum"]


def known(*own: bytes, **overrides: dict[str, object]) -> Known:
    return Known(lambda: DATA, lambda: list(own), {name.replace("__", "/"): facts for name, facts in overrides.items()})


def table(**models: object) -> bytes:
    raw = {
        "format": 1,
        "date": "2026-11-01",
        "sources": [{"name": "ours"}],
        "fields": list(FIELDS),
        "capabilities": list(CAPABILITIES),
    }
    return json.dumps(raw | {"models": {name.replace("__", "/"): row for name, row in models.items()}}).encode()


def test_every_known_fact_has_a_source() -> None:
    assert len(CATALOG) > 1_400
    for name, facts in CATALOG.all_facts().items():
        known_fields = {field for field in FIELDS if getattr(facts, field) is not None}
        assert known_fields <= set(facts.sources), name
        assert "mode" in known_fields, name


def test_all_providers_of_the_schema_are_covered() -> None:
    assert {name.split("/")[0] for name in CATALOG.ids()} == set(PROVIDERS) - {"self_hosted"}


def test_the_licences_are_beside_it() -> None:
    notice = (SCHEMAS / "llm/catalog.NOTICE.txt").read_text(encoding="utf-8")
    for source in CATALOG.sources:
        assert source["license"] == "-" or source["name"].split()[0].replace(".", "-") in notice.replace(".", "-")


def test_disagreement_is_kept() -> None:
    said = [
        facts.others["input_per_million"]
        for facts in CATALOG.all_facts().values()
        if "input_per_million" in facts.others
    ]
    assert said
    assert all(source in {each["name"] for each in CATALOG.sources} for pairs in said for _, source in pairs)


@pytest.mark.parametrize(
    ("provider", "model", "hint", "found"),
    [
        ("openai", "gpt-6.1-sol", "us", "openai/gpt-6.1-sol"),
        ("openai", "ft:gpt-4o:acme::abc", "us", "openai/gpt-4o"),
        ("bedrock", "eu.amazon.nova-2-lite-v1:0", "eu", "bedrock/eu.amazon.nova-2-lite-v1:0"),
        ("bedrock", "ca.anthropic.claude-sonnet-5-5", "ca", "bedrock/anthropic.claude-sonnet-5-5"),
        ("azure_openai", "gpt-6.1-terra", "eu", "azure_openai/eu/gpt-6.1-terra"),
        ("azure_openai", "gpt-6.1-terra", "jp", "azure_openai/gpt-6.1-terra"),
    ],
)
def test_spellings(provider: str, model: str, hint: str, found: str) -> None:
    facts = known().facts(provider, model, hint)
    assert facts is not None
    assert facts.id == found


def test_a_regional_deployment_has_the_limits_of_its_model() -> None:
    facts = known().facts("azure_openai", "text-embedding-3-large", "us")
    assert facts is not None
    assert facts.id == "azure_openai/us/text-embedding-3-large"
    assert facts.context_window in {8191, 8192}
    assert facts.input_per_million == 0.143


def test_the_repository_comes_first_and_settings_have_the_last_word() -> None:
    own = table(**{"openai__gpt-6.1-sol": [["chat", 1000], "00"]})
    facts = known(own, **{"openai__gpt-6.1-sol": {"max_output_tokens": 7}}).facts("openai", "gpt-6.1-sol")
    assert facts is not None
    assert (facts.context_window, facts.max_output_tokens) == (1000, 7)
    assert (facts.source("context_window"), facts.source("max_output_tokens")) == ("ours", "gitconfigmgr.yaml")


def test_the_base_wins_and_the_change_adds() -> None:
    base, change = (
        table(openai__a=[["chat", 1], "00"]),
        table(openai__a=[["chat", 2], "00"], openai__b=[["chat", 3], "00"]),
    )
    both = known(base, change)
    windows = [facts.context_window for name in "ab" if (facts := both.facts("openai", name))]
    assert windows == [1, 3]


def test_aliases() -> None:
    ids = {
        "m-latest",
        "gpt-5",
        "gpt-5-2025-08-07",
        "claude-5",
        "mistral-small",
        "mistral-small-2603",
        "command-r",
        "command-r-08-2024",
    }
    assert dated(ids) == {"m-latest", "gpt-5", "mistral-small", "command-r"}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{", b'{"format":2}', table(x=5), table(x=[["chat"], "01"]), table(x=[["chat", "1000"], "00"]),
        table(x=[["chat"], "0", {"mode": 5}]), table(x=[[True], "0"]), table(x=[["chat"] * 99, "0" * 99]),
        table().replace(b"2026-11-01", b"yesterday"),
    ],
)  # fmt: skip
def test_tables_with_holes_are_refused(data: bytes) -> None:
    with pytest.raises(CatalogError):
        read_catalog(data)
    holed = known(data)
    assert holed.facts("openai", "gpt-6.1-sol") is not None, "the packaged one still counts"
    assert holed.problem


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["format", "date", "sources", "fields", "models", "name", "a/b"]), inner, max_size=5
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    raw = {"format": 1, "date": "2026-11-01", "sources": [], "fields": list(FIELDS), "capabilities": []}
    for data in (
        value,
        raw | {"models": value},
        raw | {"models": {"a/b": value}},
        raw | {"sources": value, "models": {"a/b": [["chat"], "0"]}},
    ):
        try:
            catalog = read_catalog(json.dumps(data).encode())
        except CatalogError:
            continue
        catalog.all_facts()


def test_nothing_is_read_before_a_model_is_looked_up() -> None:
    asked: list[str] = []

    def packaged() -> bytes:
        asked.append("packaged")
        return read_packaged("llm/catalog.json") or b""

    lazy = Known(packaged, list, {})
    assert not asked
    assert lazy.facts("openai", "gpt-6.1-sol") is not None
    lazy.facts("openai", "gpt-6-luna")
    assert asked == ["packaged"]
