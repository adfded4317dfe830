"""The charts and manifests: valid by the official schemas, restricted, consistent, and written from one another."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from gitconfigmgr import __version__
from gitconfigmgr.agent.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
PAGES = ("application.yaml", "endpoint.yaml", "endpoint-autoscaled.yaml")
HELM = shutil.which("helm")


@cache
def schemas() -> dict[str, Any]:
    return orjson.loads((ROOT / "tests/vectors/kubernetes/workloads.json").read_bytes())


def schema_of(resource: dict[str, Any]) -> dict[str, Any]:
    group, _, version = resource["apiVersion"].rpartition("/")
    wanted = {"group": group, "version": version, "kind": resource["kind"]}
    name = next(
        name for name, item in schemas()["$defs"].items() if wanted in item.get("x-kubernetes-group-version-kind", ())
    )
    return schemas() | {"$ref": f"#/$defs/{name}"}


def resources(page: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / page).read_text(encoding="utf-8")))


def resource(page: str, kind: str) -> dict[str, Any]:
    return next(item for item in resources(page) if item["kind"] == kind)


def renderer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("render", DEPLOY / "render.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", PAGES)
def test_the_manifests_are_valid(page: str) -> None:
    for item in resources(page):
        errors = [
            f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema_of(item)).iter_errors(item)
        ]
        assert not errors, item["kind"]


def test_the_schemas_refuse_a_field_that_does_not_exist() -> None:
    broken = resource("endpoint.yaml", "Deployment")
    broken["spec"]["template"]["spec"]["containers"][0]["redinessProbe"] = {}
    assert not Draft202012Validator(schema_of(broken)).is_valid(broken)


@pytest.mark.parametrize("page", PAGES)
def test_pods_meet_the_restricted_standard(page: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, and what it does not ask."""
    pod = resource(page, "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"}
    assert all(
        volume.keys() & {"emptyDir", "configMap", "secret", "persistentVolumeClaim"} for volume in pod["volumes"]
    )
    for container in [*pod.get("initContainers", ()), *pod["containers"]]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("page", PAGES)
def test_what_selects_a_pod_finds_it(page: str) -> None:
    deployment = resource(page, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"] for item in deployment["spec"]["template"]["spec"]["containers"] for port in item["ports"]}
    selectors = [selector for item in resources(page) for selector in _selectors(item)]
    assert len(selectors) >= 2
    for selector in selectors:
        assert selector.items() <= labels.items()
    for item in resources(page):
        if item["kind"] == "HorizontalPodAutoscaler":
            assert item["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
            assert "replicas" not in deployment["spec"]
        if item["kind"] == "Service":
            assert {port["targetPort"] for port in item["spec"]["ports"]} <= ports


def _selectors(item: dict[str, Any]) -> Iterator[dict[str, str]]:
    spec = item.get("spec", {})
    if item["kind"] == "Service":
        yield spec["selector"]
    for name in ("selector", "podSelector"):
        if item["kind"] != "Service" and name in spec:
            yield spec[name]["matchLabels"]


def test_the_agent_is_a_native_sidecar_with_settings_that_it_takes(tmp_path: Path) -> None:
    pod = resource("application.yaml", "Deployment")["spec"]["template"]["spec"]
    (agent,) = pod["initContainers"]
    assert agent["restartPolicy"] == "Always"
    assert agent["startupProbe"]["exec"]["command"][-2:] == ["--probe", "ready"]
    settings = resource("application.yaml", "ConfigMap")
    assert settings["metadata"]["name"] in {volume.get("configMap", {}).get("name") for volume in pod["volumes"]}
    for name, text in settings["data"].items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = read_settings(tmp_path / "agent.toml")
    assert found.namespaces == ("acme/assistants/*",)
    places = {str(found.socket), str(found.state), str(found.token), str(found.identity), str(found.ca)}
    mounts = {mount["mountPath"] for mount in agent["volumeMounts"]}
    assert {str(Path(place).parent) for place in places} <= mounts | {"/var/lib"}
    assert pod["securityContext"]["fsGroup"] == agent["securityContext"]["runAsGroup"]


def test_the_roots_that_are_named_are_there() -> None:
    pod = resource("endpoint-autoscaled.yaml", "Deployment")["spec"]["template"]["spec"]
    named = [item.rpartition("=")[2] for item in pod["containers"][0]["args"] if item.startswith("--root=")]
    settings = resource("endpoint-autoscaled.yaml", "ConfigMap")
    [volume] = [
        item["name"] for item in pod["volumes"] if item.get("configMap", {}).get("name") == settings["metadata"]["name"]
    ]
    [mount] = [item["mountPath"] for item in pod["containers"][0]["volumeMounts"] if item["name"] == volume]
    assert named == [f"{mount}/{name}" for name in settings["data"]] == ["/etc/gitconfigmgr/roots/acme.1.root.json"]


def test_the_pages_are_those_of_the_charts() -> None:
    """Without helm, by the digest that stands in them."""
    for page in PAGES:
        first = (DEPLOY / "kubernetes" / page).read_text(encoding="utf-8").partition("\n")[0]
        assert first.endswith(renderer().digest()), "docs/deploy/render.py writes them; it needs helm"
    assert {path.name for path in (DEPLOY / "kubernetes").iterdir()} == set(PAGES) == set(renderer().PAGES)


def test_the_charts_are_of_this_version() -> None:
    for chart in ("gitconfigmgr", "example"):
        text = (DEPLOY / "helm" / chart / "Chart.yaml").read_text(encoding="utf-8")
        assert re.findall(r"^ *version: (.*)$", text, re.MULTILINE)[-1] == __version__


@pytest.mark.skipif(HELM is None, reason="helm is not installed")
def test_helm_gives_the_pages_again() -> None:
    assert HELM
    for name, text in renderer().pages(HELM).items():
        assert (DEPLOY / "kubernetes" / name).read_text(encoding="utf-8") == text


@pytest.mark.skipif(HELM is None, reason="helm is not installed")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "image.repository"),
        (["image.repository=r"], "endpoint.tls.secret"),
        (["image.repository=r", "endpoint.tls.secret=t", "endpoint.replicas=2"], "ReadWriteMany"),
        (
            ["image.repository=r", "endpoint.tls.secret=t", "endpoint.replicas=2", "endpoint.storage.claim=c"],
            "database",
        ),
        (["image.repository=r", "endpoint.tls.secret=t", "endpoint.replicas=0"], "replicas"),
        (["image.repository=r", "endpoint.tls.secret=t", "endpoint.tsl.secret=t"], "tsl"),
        (["image.repository=r", "endpoint.enabled=false", "agent.enabled=true"], "agent."),
    ],
)
def test_the_chart_refuses_what_cannot_work(values: list[str], said: str) -> None:
    assert HELM
    options = [option for value in values for option in ("--set", value)]
    command = [HELM, "template", "x", str(DEPLOY / "helm" / "gitconfigmgr"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.mark.skipif(HELM is None, reason="helm is not installed")
def test_settings_of_the_agent_come_through_quoting(tmp_path: Path) -> None:
    assert HELM
    given = {
        "image": {"repository": "r"},
        "endpoint": {"enabled": False},
        "agent": {
            "enabled": True, "address": 'https://x.example/a"b', "environment": 'p"\n', "namespaces": ["a/é", "*"],
            "root": '{"signed": "é\\n"}\n', "settings": 'listen = "127.0.0.1:8787"\n[policies]\n"a/b" = "refuse"',
        },
    }  # fmt: skip
    (tmp_path / "values.json").write_bytes(orjson.dumps(given))
    chart = str(DEPLOY / "helm" / "gitconfigmgr")
    command = [HELM, "template", "x", chart, "-f", str(tmp_path / "values.json")]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    data = yaml.safe_load(text)["data"]
    assert data["1.root.json"] == given["agent"]["root"]
    found = tomllib.loads(data["agent.toml"])
    assert (found["address"], found["environment"]) == (given["agent"]["address"], given["agent"]["environment"])
    assert found["namespaces"] == ["a/é", "*"]
    assert found["policies"] == {"a/b": "refuse"}
