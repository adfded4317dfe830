"""Sections `models` of documents, whatever is in them: emitters see what was never held against a schema, too."""

from __future__ import annotations

from hypothesis import strategies as st

from gitconfigmgr.release.emit.envoy_backends import _SERVICES

SECRET = {"$secret": {"type": "string", "kind": "api_key"}}
NAMES = st.sampled_from(["a", "b", "c", "answer", "X_y", "ü", "long" * 70])
TEXTS = st.sampled_from(["m", "eu-west-1", "", "2024-10-21", "none", "r.x", "Ä b", "v" * 300, SECRET])
SECTIONS = {
    name: st.fixed_dictionaries({}, optional=dict.fromkeys(keys, TEXTS))
    for name, keys in {
        "azure": ("resource", "deployment", "api_version"), "bedrock": ("region", "role_arn", "inference_profile"),
        "vertex": ("project", "location", "service_account_ref"),
    }.items()
}  # fmt: skip
SECONDS = st.one_of(st.integers(1, 99_999), st.floats(0.001, 600), st.just(3_600_000))
ENDPOINTS = st.fixed_dictionaries(
    {"provider": st.sampled_from([*_SERVICES, "unheard_of"])},
    optional={
        "model": TEXTS, "mode": st.sampled_from(["chat", "rerank"]), "status": st.sampled_from(["draining", "disabled"]),
        "base_url": st.sampled_from(["https://x.example/v1", "http://10.0.0.1", "http://h:0/", "ftp://x", "https://", "", SECRET]),
        "api_key": st.sampled_from([SECRET, "sk-plaintext"]), "timeout_seconds": SECONDS,
        "api_key_ref": st.sampled_from(["vault:kv/x#k", "vault:", "env:X", "x", ""]),
        "openrouter": st.just({"only": ["azure"]}), **SECTIONS,
    },
)  # fmt: skip
TARGET_LISTS = st.lists(
    st.fixed_dictionaries(
        {"endpoint": NAMES},
        optional={
            "max_attempts": st.integers(1, 99), "timeout_seconds": SECONDS,
            "when": st.lists(st.sampled_from(["rate_limited", "overloaded", "timeout", "unavailable", "content_filtered"])),
        },
    ),
    max_size=5,
)  # fmt: skip
CHAINS = st.fixed_dictionaries(
    {"targets": TARGET_LISTS},
    optional={
        "max_total_seconds": SECONDS,
        "breaker": st.fixed_dictionaries({"failures": st.integers(1, 99), "cool_down_seconds": SECONDS}),
    },
)
MODELS = st.fixed_dictionaries(
    {"endpoints": st.dictionaries(NAMES, ENDPOINTS, min_size=1, max_size=4)},
    optional={"fallbacks": st.dictionaries(NAMES, CHAINS, max_size=3)},
)
