"""The rig of OCI registries: Debian's docker-registry, one for the whole run of a process."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import requests

from gitconfigmgr.adapters.publishers import oci
from gitconfigmgr.model.publishing import Destination
from tests.conformance.keys.services import free_port
from tests.conformance.publishers.rigs import Killed, Rig, as_json
from tests.conformance.publishers.vault import on_write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.adapters.publishers.oci import OciPublisher
    from gitconfigmgr.model.names import Target

_numbers = count()
_CONFIG = """
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {folder}}}
  maintenance: {{readonly: {{enabled: {readonly}}}}}
http: {{addr: "127.0.0.1:{port}"{tls}}}
{more}
"""


class Registry:
    """A server on a folder."""

    def __init__(
        self, folder: Path, *, readonly: bool = False, more: str = "", tls: tuple[Path, Path] | None = None
    ) -> None:
        program = shutil.which("docker-registry") or "/usr/bin/docker-registry"
        self.host = f"127.0.0.1:{free_port()}"
        config = folder / f"config-{readonly}.yml"
        text = _CONFIG.format(
            folder=folder / "data", port=self.host.rpartition(":")[2], readonly=str(readonly).lower(), more=more,
            tls=f", tls: {{certificate: {tls[0]}, key: {tls[1]}}}" if tls else "",
        )  # fmt: skip
        config.write_text(text)
        self.process = subprocess.Popen(
            [program, "serve", str(config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(requests.RequestException):
                requests.get(
                    f"{'https' if tls else 'http'}://{self.host}/v2/", timeout=5, verify=str(tls[0]) if tls else True
                )
                return
            time.sleep(0.02)
        raise AssertionError("docker-registry did not start: apt-get install docker-registry")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@cache
def server() -> tuple[Registry, Path]:
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    made = Registry(Path(folder.name))

    def end() -> None:
        made.close()
        folder.cleanup()

    atexit.register(end)
    return made, Path(folder.name)


class OciRig(Rig):
    kind: ClassVar[str] = "oci"
    secrets: ClassVar[str] = "sealed"
    wraps: ClassVar[list[dict[str, str]]] = [{"kek_id": "test", "encrypted_dek": "none"}]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.registry, self.data = server()
        self.host = self.registry.host
        self.repository = f"acme/config-{next(_numbers)}"

    def publisher(self, **options: Any) -> OciPublisher:
        context = self.context(
            wrap=lambda _: self.wraps,
            environment=options.pop("environment", {}),
            signing=options.pop("signing", None) or self.context().signing,
        )
        address = options.pop("address", f"{self.host}/{self.repository}:live")
        return oci.open_publisher(Destination("oci", address, {"insecure": True} | options), context)

    def manifest(self, name: str = "live") -> Any:
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        answer = requests.get(f"http://{self.host}/v2/{self.repository}/manifests/{name}", headers=accept, timeout=60)
        return None if answer.status_code == 404 else answer

    def blob(self, layer: Any) -> bytes:
        """By its digest, and found to be it."""
        answer = requests.get(f"http://{self.host}/v2/{self.repository}/blobs/{layer['digest']}", timeout=60)
        answer.raise_for_status()
        assert layer["digest"] == "sha256:" + hashlib.sha256(answer.content).hexdigest()
        assert layer["size"] == len(answer.content)
        return answer.content

    def layers(self, target: Target) -> dict[str, bytes]:
        """The blobs of a target by media type, as a reader that has only the manifest finds them."""
        found = self.manifest()
        stem = f"{target.namespace}/{target.environment}."
        return {
            layer["mediaType"]: self.blob(layer)
            for layer in (found.json()["layers"] if found is not None else ())
            if layer["annotations"]["org.opencontainers.image.title"].startswith(stem)
        }

    def read(self, target: Target) -> Any:
        data = self.layers(target).get(oci.BUNDLE)
        return None if data is None else as_json(data)

    def snapshot(self) -> Any:
        place = self.data / "data" / "docker" / "registry" / "v2" / "repositories" / self.repository
        found = {}
        for at, _, names in os.walk(place):
            found |= {f"{at}/{name}": os.stat(f"{at}/{name}").st_mtime_ns for name in names}
        return found

    def everything(self) -> bytes:
        found = self.manifest()
        if found is None:
            return b""
        blobs = [self.blob(layer) for layer in (found.json()["config"], *found.json()["layers"])]
        return json.dumps(found.json()).encode() + b"".join(blobs)

    @contextmanager
    def interrupt(self, step: int) -> Iterator[None]:
        numbers = count()

        def act(_: str) -> None:
            if next(numbers) >= step:
                raise Killed

        with on_write(act, f"http://{self.host}"):
            yield
