"""A document as Kubernetes manifests: a ConfigMap, and a Secret or an ExternalSecret for its secrets."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.model.names import many, show_path
from gitconfigmgr.model.values import scalar_text
from gitconfigmgr.release.emit.opened import is_secret, leaves, variable_names
from gitconfigmgr.release.emit.taking import Emitted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.names import KeyPath, Target

BYTES = 1024 * 1024  # of the data of a ConfigMap or a Secret
NAME = 253  # the longest name of an object
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_LOOKS_HASHED = re.compile(r".*-[0-9a-f]{10}\Z")


class KubernetesForm(NamedTuple):
    """`secrets`: out, secret or external, the last from the store of this name and kind, below the key `path`.

    `immutable` objects have a name that ends in the hash of their content.
    """

    namespace: str = ""
    immutable: bool = False
    secrets: str = "out"
    store: str = ""
    store_kind: str = "ClusterSecretStore"
    path: str = ""


def emit_kubernetes(
    target: Target,
    document: Any,
    values: Mapping[KeyPath, Any] | None,
    annotations: Mapping[str, str],
    form: KubernetesForm,
) -> Emitted:
    """One file, `manifests.yaml`. The ConfigMap has the document with shapes in place of secrets, as config.json."""
    text = canonical_json(document).decode()
    objects = [_object("ConfigMap", "v1", object_name(target), {"data": {"config.json": text}}, annotations, form)]
    names = variable_names(path for path, leaf in leaves(document) if is_secret(leaf))
    losses = []
    if names and form.secrets == "out":
        losses = [(show_path(path), "a secret: left out, as the option secrets is out") for path in names]
    elif names and form.secrets == "external":
        objects.append(_external(target, names, annotations, form))
    elif names:
        assert values is not None
        data = {name: b64encode(scalar_text(values[path]).encode()).decode() for path, name in names.items()}
        objects.append(
            _object("Secret", "v1", object_name(target), {"type": "Opaque", "data": data}, annotations, form)
        )
    for item in objects:
        _refuse_large(target, item)
    private = frozenset({"manifests.yaml"} if names and form.secrets == "secret" else ())
    return Emitted({"manifests.yaml": to_yaml(objects)}, losses, private)


def object_name(target: Target, part: str = "") -> str:
    """A name valid by RFC 1123, another for every target, and for every part of one.

    Segments that are labels are joined by dots; for all others, and for parts, a hash says what the name cannot.
    """
    segments = [*target.namespace.split("/"), target.environment]
    plain = ".".join(segments)
    if not part and all(map(_LABEL.match, segments)) and len(plain) < NAME - 20 and not _LOOKS_HASHED.match(plain):
        return plain
    mark = hashlib.sha256(f"{target.namespace}@{target.environment}@{part}".encode()).hexdigest()[:10]
    labels = [re.sub(r"[^a-z0-9-]", "-", item).strip("-") or "x" for item in (*segments, *([part] if part else []))]
    return f"{'.'.join(labels)[: NAME - 22].rstrip('-.')}-{mark}"


def to_yaml(objects: list[Any]) -> bytes:
    """Documents of YAML, as any reader of 1.1 and 1.2 takes them."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    apart = json.loads(json.dumps(objects))  # what is shared would be written as an alias
    text = yaml.dump_all(apart, Dumper=dumper, sort_keys=False, allow_unicode=True, width=2**30, explicit_start=True)
    return text.encode() if isinstance(text, str) else bytes(text)


def metadata(name: str, namespace: str, annotations: Mapping[str, str]) -> dict[str, Any]:
    """The metadata of an object of ours."""
    made: dict[str, Any] = {"name": name}
    if namespace:
        made["namespace"] = namespace
    return made | {"labels": {"app.kubernetes.io/managed-by": "gitconfigmgr"}, "annotations": dict(annotations)}


def _object(
    kind: str, version: str, name: str, content: dict[str, Any], annotations: Mapping[str, str], form: KubernetesForm
) -> dict[str, Any]:
    if form.immutable:
        mark = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
        name, content = f"{name}-{mark}", {"immutable": True, **content}
    return {"apiVersion": version, "kind": kind, "metadata": metadata(name, form.namespace, annotations), **content}


def _external(
    target: Target, names: Mapping[KeyPath, str], annotations: Mapping[str, str], form: KubernetesForm
) -> dict[str, Any]:
    """Its remote keys are those that the vault publisher's layout litellm writes."""
    folder = f"{form.path}/{target.namespace}/{target.environment}"
    spec = {
        "refreshInterval": "1h",
        "secretStoreRef": {"name": form.store, "kind": form.store_kind},
        "target": {"name": object_name(target), "creationPolicy": "Owner"},
        "data": [
            {"secretKey": name, "remoteRef": {"key": f"{folder}/{name}", "property": "key"}} for name in names.values()
        ],
    }
    made = metadata(object_name(target), form.namespace, annotations)
    return {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": made, "spec": spec}


def _refuse_large(target: Target, item: Mapping[str, Any]) -> None:
    data = item.get("data")
    if isinstance(data, dict) and sum(len(key) + len(value.encode()) for key, value in data.items()) > BYTES:
        message = f"the {item['kind']} of {target} is larger than {many(BYTES, 'byte')}, and Kubernetes takes no more"
        raise UsageError(message, "split the namespace, or keep what is large elsewhere")
