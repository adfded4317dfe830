"""The judge: where it looks, what it says, and that no document can break it."""

from __future__ import annotations

import json
import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.check.library import _ROLES
from gitconfigmgr.check.llm.budgets import sums
from gitconfigmgr.check.llm.document import _TAKES
from gitconfigmgr.check.llm.judge import LlmJudge
from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.model.diagnostics import Position
from gitconfigmgr.model.metadata import Metadata
from gitconfigmgr.model.names import Target
from gitconfigmgr.model.settings import Environment, Models, SchemaBinding
from gitconfigmgr.model.subjects import Subject
from gitconfigmgr.model.values import plain

from .support import SOL, SONNET, codes, endpoints, judged, make_judge, node, read_packaged

PROMPT = """
prompts:
  answer:
    version: "1.0.0"
    use: {use}
    messages: [{{role: user, content: "{{{{ text }}}}"}}]
    variables: {{text: {{type: string, max_chars: 4000}}}}
    parameters: {{max_tokens: {tokens}}}
"""


def prompt(use: str = "sol", tokens: int = 1000) -> str:
    return PROMPT.format(use=use, tokens=tokens)


def subject(text: str) -> Subject:
    return Subject(Target("acme", "production"), node(text), Environment("production", ("base",)), {}, lambda: None)


# -- where it looks ----------------------------------------------------------------------------------------------------


def test_places_are_known_by_schema_and_not_by_name() -> None:
    own = {
        "type": "object",
        "properties": {
            "brain": {"type": "array", "items": {"$ref": "gcm:llm/model-endpoint.schema.json"}},
            "cortex": {
                "additionalProperties": {"anyOf": [{"$ref": "gcm:llm/fallback-chain.schema.json"}, {"type": "null"}]}
            },
            "asks": {"type": "string", "x-gcm-role": "use"},
        },
    }
    bound = [SchemaBinding("schemas/own.json", ("**",), (), Position("gitconfigmgr.yaml"))]
    schemas = SchemaSet(bound, {"schemas/own.json": json.dumps(own).encode()}.get, read_packaged)
    judge = LlmJudge(Models(), schemas.view, dict, list, read_packaged)
    text = """
brain: [{provider: openai, model: gpt-4ooo}]
cortex: {one: {targets: [{endpoint: none}]}, two: null}
models: {endpoints: {unseen: {provider: openai, model: gpt-4ooo}}}
asks: nobody
"""
    found = {item.key: item.code for item in judge.judge(subject(text))}
    assert found == {"brain.0.model": "GCM530", "cortex.one.targets.0.endpoint": "GCM520", "asks": "GCM520"}


def test_without_a_binding_nothing_is_judged_or_read() -> None:
    judge = LlmJudge(Models(), SchemaSet([], lambda _: None, read_packaged).view, dict, list, pytest.fail)
    assert judge.judge(subject(endpoints(SOL))) == []


def test_a_document_without_models_does_not_read_the_catalogue() -> None:
    judge = make_judge()
    judge.judge(subject("prompts: {}\nlimits: {daily_requests: 5}\nother: [1, 2]"))
    assert "packaged" not in judge.known.__dict__


# -- rules that a command cannot show ----------------------------------------------------------------------------------


def test_the_date_is_asked_for_only_where_it_decides() -> None:
    asked: list[int] = []

    def today() -> date:
        asked.append(1)
        return date(2026, 11, 22)

    judge = make_judge(Models(catalog_max_age_days=0))
    place = Target("acme", "production"), Environment("production", ("base",))
    judge.judge(Subject(place[0], node(endpoints(SOL)), place[1], {}, today))
    assert not asked
    judge.judge(
        Subject(place[0], node(endpoints(SOL.replace("gpt-6.1-sol", "gpt-4.1-2025-04-14"))), place[1], {}, today)
    )
    assert asked


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (prompt(tokens=1000), prompt(tokens=1000), False),
        (prompt(tokens=1000), prompt(tokens=1100), False),
        (prompt(tokens=1000), prompt(tokens=4000), True),
        (prompt(tokens=4000), prompt(tokens=1000), False),
        ("", prompt(tokens=4000), False),
    ],
)
def test_a_request_that_becomes_dearer(before: str, after: str, *, found: bool) -> None:
    text, base = endpoints(SOL, SONNET, more=after), endpoints(SOL, SONNET, more=before)
    assert ("GCM574" in codes(text, before=base)) == found
    assert "GCM574" not in codes(text)


def test_a_dearer_price_is_named_where_it_stands() -> None:
    cheap = SOL.replace("mode: chat", "mode: chat, price: {currency: USD, input_per_million: 1, output_per_million: 4}")
    dear = cheap.replace("output_per_million: 4", "output_per_million: 9")
    [finding] = [
        item
        for item in judged(endpoints(dear, more=prompt()), before=endpoints(cheap, more=prompt()))
        if item.code == "GCM574"
    ]
    assert finding.key == "models.endpoints.sol.price"


def test_the_price_of_a_long_context_counts() -> None:
    limits = "limits: {budget: {max_request_usd: %s}}"
    text = endpoints(SOL, more=prompt().replace("4000", "1500000"))
    needs = 500_002 * 4 / 1e6 + 1000 * 15 / 1e6
    assert "GCM571" in codes(text + limits % round(needs - 0.01, 3))
    assert "GCM571" not in codes(text + limits % round(needs + 0.01, 3))


def test_a_variant_is_held_against_its_own_endpoint() -> None:
    small = SOL.replace("sol:", "small:").replace("922000", "2000").replace("128000", "1500")
    text = endpoints(SOL, small, more=prompt())
    variant = '    variants: {b: {weight: 10, use: small, messages: [{role: user, content: "{{ text }}"}], parameters: {max_tokens: 1400}}}\n'
    assert "GCM544" not in codes(text)
    assert "GCM544" in codes(text + variant)


def test_a_variant_with_another_answer_is_held_against_the_prompt_s_endpoint() -> None:
    text = endpoints(SOL.replace("922000", "20000").replace("128000", "16000"), more=prompt())
    variant = "    variants: {b: {weight: 10, parameters: {max_tokens: %s}}}\n"
    assert "GCM544" not in codes(text + variant % 15000)
    assert "GCM544" in codes(text + variant % 19000)


@pytest.mark.parametrize(
    ("when", "fits"),
    [("[context_too_long]", True), ("[context_too_long, overloaded]", True), (None, True), ("[overloaded]", False)],
)
def test_a_fallback_for_long_requests_takes_what_does_not_fit(when: str | None, *, fits: bool) -> None:
    target = "{endpoint: sonnet}" if when is None else f"{{endpoint: sonnet, when: {when}}}"
    chains = f"  fallbacks:\n    one: {{targets: [{{endpoint: sol}}, {target}]}}\n"
    text = endpoints(
        SOL.replace("922000", "200000"), SONNET, more=chains + prompt("one") + "    token_budget: 500000\n"
    )
    assert ("GCM544" not in codes(text)) == fits


def test_windows_are_held_against_the_widest_before() -> None:
    small = SOL.replace("sol:", "small:").replace("922000", "1000")
    middle = SOL.replace("sol:", "middle:").replace("922000", "500000")
    chains = "  fallbacks:\n    one: {targets: [{endpoint: sonnet}, {endpoint: small, when: [overloaded]}, {endpoint: middle}]}\n"
    found = [item for item in judged(endpoints(SONNET, small, middle, more=chains)) if item.code == "GCM524"]
    assert [item.key for item in found] == ["models.fallbacks.one.targets.2.endpoint"]


def test_a_window_that_is_shared_by_prompt_and_answer() -> None:
    """gpt-5 reads 272,000 and reads and writes 400,000: the answer has room of its own."""
    five = SOL.replace("gpt-6.1-sol", "gpt-5").replace("922000", "272000")
    fits = prompt(tokens=100000) + "    token_budget: 270000\n"
    assert "GCM544" not in codes(endpoints(five, more=fits))
    assert "GCM544" in codes(endpoints(five, more=fits.replace("270000", "310000")))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("model: claude-sonnet-5-5, parameters: {temperature: 1}", None),
        ("model: claude-sonnet-5-5, parameters: {temperature: 0.5}", "GCM541"),
        ("model: claude-haiku-4-5-20251001, context_window: 200000, parameters: {temperature: 0.5}", None),
        ("model: claude-haiku-4-5-20251001, context_window: 200000, parameters: {temperature: 1.5}", "GCM540"),
        ("model: claude-sonnet-5-5, parameters: {seed: 5}", "GCM541"),
        ("model: claude-sonnet-5-5, parameters: {dimensions: 5}", "GCM541"),
    ],
)
def test_parameters(change: str, code: str | None) -> None:
    made = f"\n    a: {{provider: anthropic, mode: chat, region: us, max_output_tokens: 1000, {change}}}"
    found = [item for item in codes(endpoints(made)) if item.startswith("GCM54")]
    assert found == ([code] if code else [])


def test_an_endpoint_that_is_switched_off_is_not_asked_after() -> None:
    gone = SOL.replace("gpt-6.1-sol", "gpt-4-32k").replace(
        "mode: chat", 'mode: chat, status: disabled, retires: "2020-01-01"'
    )
    assert "GCM531" not in codes(endpoints(gone))


def test_a_chain_in_a_chain_is_followed() -> None:
    chains = """
  fallbacks:
    outer: {targets: [{endpoint: inner}, {endpoint: sonnet}]}
    inner: {targets: [{endpoint: tiny}]}
"""
    tiny = "\n    tiny: {provider: self_hosted, model: m, mode: embedding, region: local, context_window: 10}"
    found = judged(endpoints(SONNET, tiny, more=chains))
    assert [(item.code, item.key) for item in found] == [("GCM523", "models.fallbacks.outer.targets.1.endpoint")]


def test_chains_in_chains_have_an_end() -> None:
    def line(length: int) -> str:
        chains = "".join(f"    c{n}: {{targets: [{{endpoint: c{n + 1}}}]}}\n" for n in range(length))
        return endpoints(SOL, more=f"  fallbacks:\n{chains}    c{length}: {{targets: [{{endpoint: sol}}]}}\n")

    assert "GCM521" not in codes(line(8))
    assert "GCM521" in codes(line(9))


def test_every_circle_is_named_once() -> None:
    chains = """
  fallbacks:
    a: {targets: [{endpoint: b}, {endpoint: c}]}
    b: {targets: [{endpoint: a}]}
    c: {targets: [{endpoint: c}, {endpoint: b}]}
"""
    found = [item.message for item in judged(endpoints(SOL, more=chains)) if item.code == "GCM521"]
    assert found == ["fallbacks go in a circle: a -> b -> a", "c falls back on itself"]


def test_fallbacks_as_litellm_writes_them() -> None:
    """There a group is named as the model it begins with; here a name is one thing, and the circle is found all the same."""
    chains = "  fallbacks: {sol: {targets: [{endpoint: sonnet}]}, sonnet: {targets: [{endpoint: sol}]}}\n"
    assert codes(endpoints(SOL, SONNET, more=chains)) == ["GCM521", "GCM522"]


# -- no document can break it ------------------------------------------------------------------------------------------

KEYS = [
    "models", "endpoints", "fallbacks", "routing", "defaults", "prompts", "limits", "caches", "budget", "targets",
    "endpoint", "when", "rules", "weights", "use", "default", "messages", "content", "role", "variables", "variants",
    "fixtures", "parameters", "max_tokens", "provider", "model", "region", "price", "context_window", "monthly_usd",
    "type", "trust", "pattern", "enum", "a",
]  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**12)
    | st.integers(-9, 9).map(lambda number: number / 4)
    | st.sampled_from(
        ["openai", "gpt-5", "a", "system", "untrusted", "{{ a }}", "eu", "global", "2026-01-01", "chat", "string", "("]
    )
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_a_document_of_any_shape_is_judged(endpoint: Any, chain: Any, prompted: Any) -> None:
    document = {
        "models": {
            "endpoints": {"a": endpoint, "b": endpoint},
            "fallbacks": {"a": chain, "c": chain},
            "routing": chain,
            "defaults": endpoint,
        },
        "prompts": {
            "a": prompted,
            "b": {"messages": prompted, "use": "a", "variables": prompted, "variants": {"a": prompted}},
        },
        "limits": prompted,
        "caches": {"a": chain},
    }
    text = json.dumps(document)
    before = plain(node(text))
    judged(text, protected=True, before=text, classification="restricted", residency="[eu]", processors="[bedrock]")
    assert plain(node(text)) == before


def test_many_targets_are_cheap() -> None:
    """After the first, a judgement of a small document takes little; the bound is far above what is measured."""
    judge = make_judge()
    one = subject(endpoints(SOL, SONNET, more=prompt()))
    judge.judge(one)
    started = time.process_time()
    for _ in range(100):
        judge.judge(one)
    assert time.process_time() - started < 5


def test_every_role_is_taken_up() -> None:
    assert set(_TAKES) == set(_ROLES)


@pytest.mark.parametrize("role", ["endpont", "", 5, ["use"], None])
def test_a_role_that_is_none_is_refused(role: Any) -> None:
    bound = [SchemaBinding("schemas/own.json", ("**",), (), Position("gitconfigmgr.yaml"))]
    schemas = SchemaSet(bound, {"schemas/own.json": json.dumps({"x-gcm-role": role}).encode()}.get, read_packaged)
    schemas.view("acme")
    assert [item.message for item in schemas.findings] == ["schemas/own.json: x-gcm-role names no role"]


# -- budgets together --------------------------------------------------------------------------------------------------


def summed(spends: dict[str, float], **budgets: float) -> list[str]:
    """What is said of namespaces with these budgets, where documents allow so much in production."""
    metadata = {
        name.replace("_", "/"): Metadata(name, root=node(f"budget: {{monthly_usd: {sum_}}}", f"{name}.yaml"))
        for name, sum_ in budgets.items()
    }
    found = sums(metadata, {Target(name, "production"): dollars for name, dollars in spends.items()})
    return [f"{item.position.path}: {item.message}" for item in found if item.position]


def test_a_budget_in_between_stands_for_what_is_below_it() -> None:
    spends = {"acme/shop/chat": 90, "acme/shop/mail": 80, "acme/web": 40}
    assert summed(spends, acme=200) == [
        "acme.yaml: the budgets below are 210 USD together in production, more than the 200 here"
    ]
    assert summed(spends, acme=200, acme_shop=180) == [
        "acme.yaml: the budgets below are 220 USD together in production, more than the 200 here"
    ]
    assert summed(spends, acme=200, acme_shop=160) == [
        "acme_shop.yaml: the budgets below are 170 USD together in production, more than the 160 here"
    ]


def test_budgets_of_namespaces_alone_are_summed() -> None:
    assert summed({}, acme=100, acme_shop=60, acme_web=60) == [
        "acme.yaml: the budgets below are 120 USD together, more than the 100 here"
    ]


def test_a_part_that_is_more_by_itself_is_a_finding_of_its_own() -> None:
    assert summed({"acme/web": 400, "acme/shop": 1}, acme=200) == []


def test_the_budget_of_global_is_over_all() -> None:
    assert summed({"acme/web": 60, "initech/web": 60}, **{"global": 100})
