"""Emitted objects, held against validators that others made of the official types, where somebody has installed them."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml

from gitconfigmgr.model.names import Target
from gitconfigmgr.release.emit.envoy import emit_envoy
from gitconfigmgr.release.emit.kubernetes import KubernetesForm, emit_kubernetes
from tests.unit.publishing.objects import VECTORS
from tests.unit.publishing.test_kubernetes import CHAT, DOCUMENT, ORIGIN, VALUES
from tests.unit.publishing.test_litellm import documents

FORMS = (KubernetesForm(), KubernetesForm(secrets="secret", immutable=True),
         KubernetesForm(secrets="external", store="vault", path="gitconfigmgr/acme", namespace="llm"))  # fmt: skip


def accepted(objects):
    folder = os.environ.get("KUBERNETES_MODELS")
    if not folder:
        pytest.skip("see tests/vectors/kubernetes/README.md")
    program = ["node", "--input-type=module", "-e", (VECTORS / "accept.mjs").read_text()]
    done = subprocess.run(program, cwd=folder, input=json.dumps(objects), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_emitted_is_accepted():
    found = []
    for form in FORMS:
        emitted = [emit_kubernetes(CHAT, DOCUMENT, VALUES, ORIGIN, form).files["manifests.yaml"]]
        emitted += [
            emit_envoy(Target("acme/gateway", "production"), document, {}, {}, form, "").files["gateway.yaml"]
            for document in documents()
        ]
        found += [item for data in emitted for item in yaml.safe_load_all(data)]
    count = sum(item["kind"] in ("ConfigMap", "Secret", "ExternalSecret", "BackendTLSPolicy") for item in found)
    assert accepted(found) == f"accepted {count}\n"
    assert count > 40


@pytest.mark.parametrize(
    "spec", [{"data": [{"secretKey": "a b", "remoteRef": {"key": "x"}}]}, {"data": [{"secretKey": "a"}]}]
)
def test_what_is_wrong_is_not(spec):
    item = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "x"},
        "spec": {"secretStoreRef": {"name": "s", "kind": "SecretStore"}, **spec},
    }
    assert "refused ExternalSecret x: data" in accepted([item])
