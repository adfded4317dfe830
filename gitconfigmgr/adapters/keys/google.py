"""Google Cloud KMS."""

from __future__ import annotations

import os
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed, load, wrapped_bytes
from gitconfigmgr.secrets import ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.secrets.metadata import Recipient

_SECONDS = 15
_NAME = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+\Z")


class GoogleProvider(ports.OneByOne):
    """See KeyProvider. `allowed` are resource ids; `client` makes the SDK's client."""

    kind = "gcp_kms"

    def __init__(self, allowed: Allowed, client: Callable[[], Any] | None = None, seconds: float = _SECONDS) -> None:
        self._allowed = allowed
        self._make = client or _client
        self._made: Any = None
        self._seconds = seconds

    def wrap(self, recipient: Recipient, key: bytes) -> ports.Wrapped:
        answer = self.call(recipient, "encrypt", {"name": recipient["resource_id"], "plaintext": key})
        return ports.Wrapped(recipient, b64encode(answer.ciphertext).decode())

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        self._check(recipient)
        data = wrapped_bytes(recipient, enc)
        return bytes(self.call(recipient, "decrypt", {"name": recipient["resource_id"], "ciphertext": data}).plaintext)

    def _check(self, recipient: Recipient) -> None:
        resource = recipient["resource_id"]
        if not _NAME.match(resource):
            raise ports.UnusableRecipientError(
                f"{recipient} is no key", "write projects/P/locations/L/keyRings/R/cryptoKeys/K"
            )
        self._allowed.require(resource)

    def call(self, recipient: Recipient, name: str, request: dict[str, Any]) -> Any:
        """The answer to one request about a key, such as for a signature."""
        self._check(recipient)
        errors, auth = load("google.api_core.exceptions", "gcp"), load("google.auth.exceptions", "gcp")
        try:
            if self._made is None:
                self._made = self._make()
            return getattr(self._made, name)(request=request, timeout=self._seconds, retry=None)
        except (errors.PermissionDenied, errors.Unauthenticated):
            raise ports.KeyDeniedError(
                f"{recipient} denies the use of the key",
                "ask for the role CryptoKey Encrypter/Decrypter; of a key that signs, Signer/Verifier",
            ) from None
        except auth.GoogleAuthError:
            raise ports.KeyDeniedError(
                "there are no Google credentials here", "gcloud auth application-default login"
            ) from None
        except errors.ResourceExhausted:
            raise ports.KeyThrottledError(f"{recipient} asks to come back later", "wait a moment") from None
        except errors.FailedPrecondition:
            raise ports.DisabledKeyError(
                f"{recipient} is switched off or destroyed", "enable its version in KMS"
            ) from None
        except (errors.InvalidArgument, errors.NotFound):
            raise ports.WrongKeyError(
                f"{recipient} cannot open this: another key, or damaged", "check the resource id"
            ) from None
        except errors.GoogleAPIError as error:
            raise ports.KeyUnreachableError(
                f"{recipient} cannot be reached ({type(error).__name__})", "check the network"
            ) from None


def _client() -> Any:
    # handlers of gRPC's own would abort our forked processes, none of which speaks to the service
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    return load("google.cloud.kms", "gcp").KeyManagementServiceClient()
