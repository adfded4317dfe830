"""The rigs of publishers that write a folder of files in another format."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import yaml
from dotenv import dotenv_values

from gitconfigmgr.adapters.publishers import dotenv, kubernetes
from gitconfigmgr.model.publishing import Destination
from tests.conformance.publishers import directory
from tests.conformance.publishers.rigs import Rig, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.release.ports import Publisher


@contextmanager
def killing(step: int, below: str) -> Iterator[None]:
    """As the directory's rig does it, below another folder."""
    hook = directory._hook
    if not hook["installed"]:
        sys.addaudithook(directory._watch)
        hook["installed"] = True
    hook.update(step=step, count=0, below=below)
    try:
        yield
    finally:
        hook["step"] = None


class KubernetesRig(Rig):
    """ConfigMaps, as what applies the manifests would read them."""

    kind: ClassVar[str] = "kubernetes"
    secrets: ClassVar[str] = "out"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.out = folder / "manifests"

    def publisher(self, **options: Any) -> Publisher:
        return kubernetes.open_publisher(Destination("kubernetes", "manifests", options), self.context())

    def read(self, target: Target) -> Any:
        path = self.out / target.namespace / target.environment / "manifests.yaml"
        if not path.exists():
            return None
        (config,) = (item for item in yaml.safe_load_all(path.read_text()) if item["kind"] == "ConfigMap")
        return as_json(config["data"]["config.json"])

    def snapshot(self) -> Any:
        found = {}
        for at, _, names in os.walk(self.out):
            for name in names:
                stat = os.stat(f"{at}/{name}")
                with open(f"{at}/{name}", "rb") as file:
                    found[f"{at}/{name}"] = (stat.st_mtime_ns, stat.st_ino, file.read())
        return found

    def everything(self) -> bytes:
        return b"".join(content for _, _, content in self.snapshot().values())

    @contextmanager
    def interrupt(self, step: int) -> Iterator[None]:
        with killing(step, str(self.folder)):
            yield


class DotenvRig(KubernetesRig):
    """Variables, secrets among them, as python-dotenv reads them."""

    kind: ClassVar[str] = "dotenv"
    secrets: ClassVar[str] = "open"

    def publisher(self, **options: Any) -> Publisher:
        return dotenv.open_publisher(Destination("dotenv", "manifests", {"secrets": "open", **options}), self.context())

    def read(self, target: Target) -> Any:
        path = self.out / target.namespace / target.environment / ".env"
        if not path.exists():
            return None
        document: dict[str, Any] = {}
        for name, text in dotenv_values(path).items():
            key, _, index = name.lower().partition("_")
            value = _value(text or "")
            if index == "key":
                document[key] = {index: value}
            elif index:
                document.setdefault(key, []).append(value)
            else:
                document[key] = value
        return document


def _value(text: str) -> Any:
    try:
        return as_json(text.encode()) if text else None
    except ValueError:
        return text
