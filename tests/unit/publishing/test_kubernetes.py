"""ConfigMaps, Secrets and ExternalSecrets: valid by the official schemas, named apart, bounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import Target
from gitconfigmgr.release.emit.kubernetes import KubernetesForm, emit_kubernetes, object_name
from tests.unit.publishing.objects import decoded, faults, objects

CHAT = Target("acme/assistants/chat-api", "production")
SECRET = {"$secret": {"type": "string", "kind": "api_key"}}
DOCUMENT = {
    "limit": 1,
    "api": {"key": SECRET, "urls": [{"$segments": ["https://u:", SECRET, "@x"]}]},
    "text": "'\"\\\n: - {",
}
VALUES = {("api", "key"): "s3cret", ("api", "urls", 0): "https://u:p@x"}
ORIGIN = {"gitconfigmgr/commit": "c" * 40}

SEGMENT = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,80}", fullmatch=True)
TARGETS = st.builds(lambda parts, env: Target("/".join(parts), env), st.lists(SEGMENT, min_size=1, max_size=6), SEGMENT)


def emit(form, document=DOCUMENT, values=None):
    emitted = emit_kubernetes(CHAT, document, values, ORIGIN, form)
    return emitted, objects(emitted.files["manifests.yaml"])


def test_a_config_map_has_the_document_with_shapes_for_secrets():
    emitted, (config,) = emit(KubernetesForm(namespace="llm"))
    assert json.loads(config["data"]["config.json"]) == DOCUMENT
    assert config["metadata"]["name"] == "acme.assistants.chat-api.production"
    assert config["metadata"]["namespace"] == "llm"
    assert [path for path, _ in emitted.losses] == ["api.key", "api.urls.0"]
    assert not emitted.private


def test_a_secret_has_the_values_by_the_names_of_variables():
    emitted, (_, secret) = emit(KubernetesForm(secrets="secret"), values=VALUES)
    assert decoded(secret) == {"API_KEY": "s3cret", "API_URLS_0": "https://u:p@x"}
    assert emitted.private == {"manifests.yaml"}
    assert not emitted.losses


def test_an_external_secret_names_where_the_vault_publisher_writes():
    emitted, (_, external) = emit(KubernetesForm(secrets="external", store="vault", path="gitconfigmgr/acme"))
    assert external["spec"]["data"] == [
        {"secretKey": name, "remoteRef": {"key": f"gitconfigmgr/acme/acme/assistants/chat-api/production/{name}", "property": "key"}}
        for name in ("API_KEY", "API_URLS_0")
    ]  # fmt: skip
    assert external["spec"]["target"]["name"] == "acme.assistants.chat-api.production"
    assert not emitted.losses


def test_immutable_objects_have_another_name_for_another_content():
    form = KubernetesForm(secrets="secret", immutable=True)
    first, again = (emit(form, values=VALUES)[1] for _ in range(2))
    other = emit(form, {**DOCUMENT, "limit": 2}, VALUES)[1]
    names = [[item["metadata"]["name"] for item in found] for found in (first, again, other)]
    assert names[0] == names[1]
    assert names[0][0] != names[2][0], "the ConfigMap changed"
    assert names[0][1] == names[2][1], "the Secret did not"
    assert all(item["immutable"] for item in first)


@given(TARGETS, TARGETS)
def test_names_are_valid_and_differ(one, other):
    for target in (one, other):
        for part in ("", "sonnet", "chain answer"):
            item = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": object_name(target, part)}}
            assert not faults(item)
    assert (object_name(one) == object_name(other)) == (one == other)
    assert object_name(one, "a") != object_name(one, "b")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Target("a/b", "c"), Target("a.b", "c")),
        (Target("a-b", "c"), Target("a_b", "c")),
        (Target("a/b", "c"), Target("a", "b.c")),
        (Target("a" * 300, "c"), Target("a" * 301, "c")),
        (Target("a-", "c"), Target("a", "c")),
    ],
)
def test_what_kubernetes_cannot_tell_apart_has_two_names(one, other):
    assert object_name(one) != object_name(other)


def test_nobody_can_take_the_name_of_another_target():
    taken = object_name(Target("a_b", "c"))
    namespace, _, environment = taken.rpartition(".")
    assert object_name(Target(namespace.replace(".", "/") or "x", environment)) != taken


def test_more_than_a_mebibyte_is_refused():
    with pytest.raises(UsageError, match="larger"):
        emit(KubernetesForm(), {"text": "x" * (1024 * 1024)})
    with pytest.raises(UsageError, match="larger"):
        emit(KubernetesForm(secrets="secret"), {"a": SECRET}, {("a",): "x" * 800_000})


def test_yaml_keeps_what_other_readers_take_for_something_else():
    document = {
        "a": "yes",
        "b": "0o17",
        "c": "1e3",
        "d": "~",
        "e": "2001-01-01",
        "f": "\u2028\u0085\ufeff",
        "g": "12:30:45",
        "h": "ä€😀",
    }
    _, (config,) = emit(KubernetesForm(), document)
    assert json.loads(config["data"]["config.json"]) == document
