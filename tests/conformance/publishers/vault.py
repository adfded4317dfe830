"""The rigs of Vault: a real OpenBao server, one for the whole run of a process; each test has a mount of its own."""

from __future__ import annotations

import atexit
import json
import tempfile
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import requests

from gitconfigmgr.adapters.publishers.vault import open_publisher
from gitconfigmgr.model.publishing import Destination
from gitconfigmgr.model.settings import KeyServices
from tests.conformance.keys.services import OpenBao
from tests.conformance.publishers.rigs import Killed, Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.adapters.publishers.vault import VaultPublisher
    from gitconfigmgr.model.names import Target

WRITES = ("post", "put", "patch", "delete")
_mounts = count()


@cache
def server() -> OpenBao:
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    made = OpenBao(Path(folder.name))

    def end() -> None:
        made.close()
        folder.cleanup()

    atexit.register(end)
    return made


@contextmanager
def on_write(act: Any, address: str) -> Iterator[None]:
    """Call `act` with the URL before each request that writes to an address."""
    real = requests.Session.request

    def request(session: requests.Session, method: str, url: str, **options: Any) -> Any:
        if method.lower() in WRITES and url.startswith(address):
            act(url)
        return real(session, method, url, **options)

    requests.Session.request = request  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        requests.Session.request = real  # type: ignore[method-assign]


class VaultRig(Rig):
    """Layout tree, one JSON text for each target."""

    kind: ClassVar[str] = "vault"
    secrets: ClassVar[str] = "open"
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = server()
        self.client = self.server.client
        self.address = self.server.address
        self.mount = f"kv{next(_mounts)}"
        self.path = "gitconfigmgr/acme"
        self.client.sys.enable_secrets_engine("kv", path=self.mount, options={"version": "2"})
        self.token = "root"

    def publisher(self, **options: Any) -> VaultPublisher:
        """With the rig's token, in the rig's mount, where the options say nothing else."""
        environment = {"VAULT_TOKEN": self.token} | options.pop("environment", {})
        address = options.pop("address", self.address)
        context = self.context(environment=environment, services=KeyServices(vault=(address,)))
        return open_publisher(Destination("vault", address, {"mount": self.mount} | self.options | options), context)

    def pointer(self) -> Any:
        data = self.latest("_release")
        return json.loads(data["release"]) if data else {"targets": []}

    def latest(self, path: str, version: int | None = None) -> Any:
        """The data of an entry, by hvac alone, as a service would read it."""
        import hvac

        try:
            return self.client.secrets.kv.v2.read_secret_version(
                f"{self.path}/{path}", version=version, mount_point=self.mount, raise_on_deleted_version=True
            )["data"]["data"]
        except hvac.exceptions.InvalidPath:
            return None

    def read(self, target: Target) -> Any:
        for item in self.pointer()["targets"]:
            if (item["namespace"], item["environment"]) == target:
                ((path, (version, _)),) = item["own"]["entries"].items()
                return self.document(self.latest(path.removeprefix(f"{self.path}/"), version))
        return None

    def document(self, data: Any) -> Any:
        return json.loads(data["document"])

    def metadata(self, path: str) -> Any:
        return self.client.adapter.get(f"/v1/{self.mount}/metadata/{self.path}/{path}")["data"]

    def paths(self, folder: str = "") -> list[str]:
        import hvac

        try:
            keys = self.client.adapter.list(f"/v1/{self.mount}/metadata/{self.path}/{folder}")["data"]["keys"]
        except hvac.exceptions.InvalidPath:
            return []
        found = []
        for key in keys:
            found += self.paths(f"{folder}{key}") if key.endswith("/") else [f"{folder}{key}"]
        return found

    def snapshot(self) -> Any:
        """Every version and its time, and the metadata."""
        return {path: self.metadata(path) for path in self.paths()}

    def everything(self) -> bytes:
        return json.dumps(self.snapshot()).encode()

    @contextmanager
    def interrupt(self, step: int) -> Iterator[None]:
        numbers = count()

        def act(_: str) -> None:
            if next(numbers) >= step:
                raise Killed

        with on_write(act, self.address):
            yield

    def close(self) -> None:
        self.client.sys.disable_secrets_engine(self.mount)


class VaultFieldsRig(VaultRig):
    """Layout tree, the document itself as the data of the entry."""

    options: ClassVar[dict[str, Any]] = {"form": "fields"}

    def document(self, data: Any) -> Any:
        return data
