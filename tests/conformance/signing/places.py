"""What the suite asks of each place that a key can be in: an entry, a signer, and ways to make it refuse."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pyrage
import pytest

from gitconfigmgr.adapters.keys import azure
from gitconfigmgr.adapters.signing.folder import KeyFolder
from gitconfigmgr.model.settings import KeyServices
from tests.conformance.keys.services import OpenBao, closed_port
from tests.conformance.publishers.vault import server
from tests.conformance.signing.fakes import AwsKms, SigningGoogle, SigningVault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitconfigmgr.release.keyset import KeyEntry

_KEY_VAULT = azure.KeyVaultProvider  # as it is before a test puts another in its place
SERVICE = ("denied", "throttled", "disabled", "unreachable")


class Place:
    """One place with the keys `one`, which signs, and `two`. `refusals` are the states it can be brought into."""

    refusals: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[tuple[str, ...]] = ("Ed25519",)
    remote = False
    final: ClassVar[tuple[str, ...]] = ()
    """States that it does not come back from."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = patch
        self.environment: dict[str, str] = {}
        self.services = KeyServices()

    def keys(self, **changes: Any) -> KeyFolder:
        """A new object on the same keys."""
        services = changes.get("services", self.services)
        return KeyFolder(self.folder, lambda: services, environment=changes.get("environment", self.environment))

    def entry(self, name: str, kind: str = "") -> KeyEntry:
        """Make a key, of the first of `kinds` where none is named, and describe it. None signs that is of kind `none`."""
        raise NotImplementedError

    def prepare(self, how: str) -> None:
        """Before the keys of a test are made that brings it into a state."""

    def asked(self, entry: KeyEntry) -> str:
        """The address that a person would name the key by."""
        return entry.at

    def replace(self, name: str) -> None:
        """Another key, of another type where there is one, in the place of this one."""
        raise NotImplementedError

    @contextmanager
    def refusing(self, how: str) -> Iterator[None]:
        raise NotImplementedError
        yield

    def close(self) -> None:
        pass


class PlainFile(Place):
    suffix = ""

    def recipient(self) -> str | None:
        return None

    def entry(self, name: str, kind: str = "") -> KeyEntry:
        return self.keys().make(name, self.recipient())

    def replace(self, name: str) -> None:
        self.keys().make(f"{name}-other", self.recipient())
        (self.folder / f"{name}-other.pem{self.suffix}").replace(self.folder / f"{name}.pem{self.suffix}")


class AgeFile(PlainFile):
    refusals = ("denied",)
    suffix = ".age"

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, patch)
        self.identity = pyrage.x25519.Identity.generate()
        self.environment = {"SOPS_AGE_KEY": str(self.identity), "HOME": str(folder)}

    def recipient(self) -> str | None:
        return str(self.identity.to_public())

    @contextmanager
    def refusing(self, how: str) -> Iterator[None]:
        before, self.environment = self.environment, {"HOME": str(self.folder)}
        yield
        self.environment = before


class Transit(Place):
    refusals = ("denied", "throttled", "disabled", "sealed", "unreachable")
    final = ("sealed", "unreachable")
    remote = True

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, patch)
        self.own: OpenBao | None = None
        self.mount = f"transit-{time.monotonic_ns()}"
        self._use(server())

    def _use(self, server: OpenBao) -> None:
        self.server, self.client = server, server.client
        self.client.sys.enable_secrets_engine("transit", path=self.mount)
        self.environment = {"VAULT_TOKEN": "root"}
        self.services = KeyServices(vault=(server.address,))

    def prepare(self, how: str) -> None:
        if how not in self.final:
            return
        self.own = OpenBao(self.folder)
        self._use(self.own)

    def entry(self, name: str, kind: str = "") -> KeyEntry:
        self.client.secrets.transit.create_key(
            name, key_type="aes256-gcm96" if kind == "none" else "ed25519", mount_point=self.mount
        )
        return self.keys().take(name, f"transit:{self.server.address}/{self.mount}/{name}")

    def asked(self, entry: KeyEntry) -> str:
        return entry.at.rpartition("/")[0]

    def replace(self, name: str) -> None:
        transit = self.client.secrets.transit
        transit.update_key_configuration(name, deletion_allowed=True, mount_point=self.mount)
        transit.delete_key(name, mount_point=self.mount)
        transit.create_key(name, key_type="rsa-2048", mount_point=self.mount)

    @contextmanager
    def refusing(self, how: str) -> Iterator[None]:
        if how == "denied":
            token = self.client.auth.token.create(policies=["default"])["auth"]["client_token"]
            before, self.environment = self.environment, {"VAULT_TOKEN": token}
            yield
            self.environment = before
        elif how == "throttled":
            body = {"rate": 0.01, "interval": "60s", "path": f"{self.mount}/"}
            self.client.adapter.post(f"/v1/sys/quotas/rate-limit/{self.mount}", json=body)
            for _ in range(5):
                try:
                    self.client.secrets.transit.read_key("one", mount_point=self.mount)
                except Exception:  # noqa: BLE001 - too many requests, as wanted
                    break
            yield
            self.client.adapter.delete(f"/v1/sys/quotas/rate-limit/{self.mount}")
        elif how == "disabled":
            transit = self.client.secrets.transit
            transit.rotate_key("one", mount_point=self.mount)
            transit.update_key_configuration("one", min_encryption_version=2, mount_point=self.mount)
            yield
            transit.update_key_configuration("one", min_encryption_version=1, mount_point=self.mount)
        elif how == "sealed":
            self.client.sys.seal()
            yield
        else:
            self.server.close()
            yield

    def close(self) -> None:
        if self.own is not None:
            self.own.close()


class Aws(Place):
    refusals = SERVICE
    kinds = ("P256", "P384", "RSA")
    remote = True

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, patch)
        pytest.importorskip("boto3")
        self.fake = AwsKms()
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{self.fake.port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-west-2")  # not that of the keys: their ARN says where they are
        self.services = KeyServices(aws_kms=("arn:aws:kms:eu-central-1:111122223333:*",))

    def entry(self, name: str, kind: str = "") -> KeyEntry:
        return self.keys().take(name, f"awskms:{self.fake.make(name, kind or 'P256')}")

    def replace(self, name: str) -> None:
        self.fake.make(name, "RSA")

    @contextmanager
    def refusing(self, how: str) -> Iterator[None]:
        if how == "unreachable":
            with closed_port() as port, pytest.MonkeyPatch.context() as patch:
                patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
                yield
            return
        self.fake.mode = how
        yield
        self.fake.mode = ""

    def close(self) -> None:
        self.fake.close()


class Azure(Place):
    refusals = SERVICE
    kinds = ("P256", "P384")
    remote = True
    final = ("unreachable",)

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, patch)
        pytest.importorskip("azure.keyvault.keys")
        self.fake = SigningVault(folder)
        self.down = False
        patch.setattr("gitconfigmgr.adapters.keys.azure.KeyVaultProvider", self._provider)
        self.services = KeyServices(azure_kv=(self.fake.url,))

    def _provider(self, allowed: Any) -> Any:
        """The program has no setting for the certificate and the token of a fake: the provider is made with them."""
        from azure.core.credentials import AccessToken

        class Credential:
            def get_token(self, *_: str, **__: Any) -> AccessToken:
                return AccessToken("token", int(time.time()) + 3600)

        options = {"verify_challenge_resource": False, "connection_verify": str(self.fake.certificate)}
        return _KEY_VAULT(allowed, Credential(), options)

    def entry(self, name: str, kind: str = "") -> KeyEntry:
        self.fake.rotate(name, kind or "P256")
        return self.keys().take(name, f"azurekms:{self.fake.url.removeprefix('https:')}/keys/{name}")

    def replace(self, name: str) -> None:
        self.fake.keys[name].clear()
        self.fake.rotate(name, "P384")

    @contextmanager
    def refusing(self, how: str) -> Iterator[None]:
        if how == "unreachable":
            self.fake.close()
            self.down = True
            yield
            return
        self.fake.mode = how
        yield
        self.fake.mode = ""

    def close(self) -> None:
        if not self.down:
            self.fake.close()


class Google(Place):
    refusals = SERVICE
    kinds = ("P256", "P384", "RSA")
    remote = True

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, patch)
        pytest.importorskip("google.cloud.kms")
        self.fake = SigningGoogle()
        patch.setattr("gitconfigmgr.adapters.keys.google._client", self.fake.client)
        names = tuple(f"projects/p/locations/global/keyRings/r/cryptoKeys/{name}" for name in ("one", "two"))
        self.services = KeyServices(gcp_kms=names)

    def entry(self, name: str, kind: str = "") -> KeyEntry:
        return self.keys().take(name, f"gcpkms:{self.fake.make(name, kind or 'P256')}")

    def replace(self, name: str) -> None:
        self.fake.make(name, "P384")

    @contextmanager
    def refusing(self, how: str) -> Iterator[None]:
        self.fake.mode = "down" if how == "unreachable" else how
        yield
        self.fake.mode = ""

    def close(self) -> None:
        self.fake.close()


PLACES: dict[str, type[Place]] = {item.__name__: item for item in (PlainFile, AgeFile, Transit, Aws, Azure, Google)}
REMOTE = [name for name, item in PLACES.items() if item.remote]
KINDS = [(name, kind) for name, item in PLACES.items() for kind in item.kinds]
REFUSALS = [(name, how) for name, item in PLACES.items() for how in item.refusals]
