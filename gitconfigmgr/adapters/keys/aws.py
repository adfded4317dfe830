"""AWS KMS."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed, load, wrapped_bytes
from gitconfigmgr.secrets import ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.secrets.metadata import Recipient

_SECONDS = 15
_DISABLED = frozenset(("DisabledException", "KMSInvalidStateException", "KeyUnavailableException"))
_WRONG = frozenset(
    ("InvalidCiphertextException", "IncorrectKeyException", "NotFoundException", "InvalidKeyUsageException")
)
_THROTTLED = frozenset(("ThrottlingException", "Throttling", "LimitExceededException", "TooManyRequestsException"))
_DENIED = frozenset(("AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "ExpiredTokenException",
                     "InvalidSignatureException", "InvalidClientTokenId"))  # fmt: skip


class KmsProvider(ports.OneByOne):
    """See KeyProvider. `allowed` are ARNs of keys and roles, and `profile:NAME` for profiles that files may name."""

    kind = "kms"

    def __init__(
        self, allowed: Allowed, session: Callable[[str | None], Any] | None = None, seconds: float = _SECONDS
    ) -> None:
        self._allowed = allowed
        self._session = session or _session
        self._seconds = seconds
        self._clients: dict[tuple[str, str, str], Any] = {}

    def wrap(self, recipient: Recipient, key: bytes) -> ports.Wrapped:
        answer = self.call(recipient, "encrypt", Plaintext=key, EncryptionContext=_context(recipient))
        return ports.Wrapped(recipient, b64encode(answer["CiphertextBlob"]).decode())

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        self._check(recipient)
        blob = wrapped_bytes(recipient, enc)
        return bytes(
            self.call(recipient, "decrypt", CiphertextBlob=blob, EncryptionContext=_context(recipient))["Plaintext"]
        )

    def rewrap(self, recipient: Recipient, enc: str) -> ports.Wrapped:
        arn, context = recipient["arn"], _context(recipient)
        self._check(recipient)
        answer = self._asked(
            recipient,
            lambda client: client.re_encrypt(
                CiphertextBlob=wrapped_bytes(recipient, enc), SourceKeyId=arn, DestinationKeyId=arn,
                SourceEncryptionContext=context, DestinationEncryptionContext=context,
            ),
        )  # fmt: skip
        return ports.Wrapped(recipient, b64encode(answer["CiphertextBlob"]).decode())

    def call(self, recipient: Recipient, name: str, **arguments: Any) -> Any:
        """The answer to one request about a key, such as for a signature."""
        self._check(recipient)
        return self._asked(recipient, lambda client: getattr(client, name)(KeyId=recipient["arn"], **arguments))

    def _check(self, recipient: Recipient) -> None:
        for name in filter(None, (recipient["arn"], recipient["role"])):
            self._allowed.require(name)

    def _asked(self, recipient: Recipient, call: Callable[[Any], Any]) -> Any:
        core = load("botocore.exceptions", "aws")
        try:
            return call(self._client(recipient))
        except core.ClientError as error:
            raise _failure(recipient, str(error.response.get("Error", {}).get("Code", ""))) from None
        except (core.NoCredentialsError, core.PartialCredentialsError, core.ProfileNotFound):
            raise ports.KeyDeniedError("there are no AWS credentials here", "log in, or set AWS_PROFILE") from None
        except core.BotoCoreError as error:
            raise ports.KeyUnreachableError(
                f"{recipient} cannot be reached ({type(error).__name__})", "check the network"
            ) from None

    def _client(self, recipient: Recipient) -> Any:
        profile = recipient["aws_profile"] if f"profile:{recipient['aws_profile']}" in self._allowed else ""
        parts = recipient["arn"].split(":")
        if len(parts) < 6:
            raise ports.UnusableRecipientError(f"{recipient} is no ARN", "write arn:aws:kms:REGION:ACCOUNT:key/ID")
        place = (parts[3], recipient["role"], profile)
        if place not in self._clients:
            self._clients[place] = self._connected(*place)
        return self._clients[place]

    def _connected(self, region: str, role: str, profile: str) -> Any:
        config = load("botocore.config", "aws").Config(
            connect_timeout=self._seconds, read_timeout=self._seconds, retries={"total_max_attempts": 1}
        )
        session = self._session(profile or None)
        given: dict[str, str] = {}
        if role:
            sts = session.client("sts", region_name=region, config=config)
            found = sts.assume_role(RoleArn=role, RoleSessionName="sops@gitconfigmgr")["Credentials"]
            given = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"],
                     "aws_session_token": found["SessionToken"]}  # fmt: skip
        return session.client("kms", region_name=region, config=config, **given)


def _session(profile: str | None) -> Any:
    return load("boto3", "aws").Session(profile_name=profile)


def _context(recipient: Recipient) -> dict[str, str]:
    return dict(recipient["context"] or ())


def _failure(recipient: Recipient, code: str) -> ports.KeyProviderError:
    if code in _DENIED:
        return ports.KeyDeniedError(
            f"{recipient} denies the use of the key",
            "ask for kms:Encrypt and kms:Decrypt; of a key that signs, kms:Sign and kms:GetPublicKey",
        )
    if code in _DISABLED:
        return ports.DisabledKeyError(f"{recipient} is switched off or about to be deleted", "enable it in KMS")
    if code in _THROTTLED:
        return ports.KeyThrottledError(f"{recipient} asks to come back later", "wait a moment")
    if code in _WRONG:
        return ports.WrongKeyError(f"{recipient} cannot open this: another key or context, or damaged", "check the ARN")
    return ports.KeyUnreachableError(f"{recipient} failed ({code[:60]})", "try again later")
