"""What this stage asks of key services."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.secrets.metadata import Recipient


class KeyProviderError(OutsideError):
    """A key service did not wrap or unwrap. The message names the recipient and the reason, never key material."""


class KeyDeniedError(KeyProviderError):
    """The service knows who asks, and does not allow it; or nothing here says who asks."""


class KeyThrottledError(KeyProviderError):
    """The service asks to come back later. The only error for which the same call may be repeated."""


class KeyUnreachableError(KeyProviderError):
    """No answer within the time, or none that is one."""


class WrongKeyError(KeyProviderError):
    """The key of the recipient is not the one that wrapped this, or the wrapped text is damaged."""


class DisabledKeyError(KeyProviderError):
    """The key exists and is switched off, scheduled for deletion, or too old by policy."""


class NotAllowedError(KeyProviderError):
    """The address or name of the service is not on the allow-list: nothing was contacted."""


class UnusableRecipientError(KeyProviderError):
    """The recipient does not parse, or this kind can only be read."""

    exit_status = 2


class NotInstalledError(UsageError, KeyProviderError):
    """The SDK of the service is not installed here; other recipients are tried all the same."""


class Wrapped(NamedTuple):
    """A wrapped key; `recipient` carries what the service settled, such as the version of its key."""

    recipient: Recipient
    enc: str


class KeyProvider(Protocol):
    """Wraps data keys, or shares of them, for the recipients of one kind.

    Key material is bytes of any length up to 64. Every call may be repeated: a wrap gives another text each time, and
    all of them unwrap. Calls are safe from several threads. Only services on the allow-list that the provider was made
    with are contacted, whatever a recipient says; redirects are not followed. Nothing is kept after a call but
    credentials and connections. A service is asked with a time limit, and never asked again after an error.

    Raises the KeyProviderErrors above.
    """

    kind: str
    """The list of the sops block that its recipients are in."""

    def wrap(self, recipient: Recipient, key: bytes) -> Wrapped:
        """Wrap a key under the newest version of the recipient's key."""
        ...

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        """The key that `wrap` was given."""
        ...

    def wrap_batch(self, requests: Sequence[tuple[Recipient, bytes]]) -> list[Wrapped]:
        """As `wrap`, in as few calls as the service allows. All or an error."""
        ...

    def unwrap_batch(self, requests: Sequence[tuple[Recipient, str]]) -> list[bytes | KeyProviderError]:
        """As `unwrap`; the failure of one is its own result and does not touch the others."""
        ...

    def rewrap(self, recipient: Recipient, enc: str) -> Wrapped:
        """The same key under the newest version of the recipient's key; inside the service where it can do that."""
        ...

    def is_current(self, recipient: Recipient, enc: str) -> bool | None:
        """Whether the newest version wrapped it; None where only the service could tell and does not."""
        ...


class OneByOne:
    """The batches of a service that has none."""

    def wrap(self, recipient: Recipient, key: bytes) -> Wrapped:
        raise NotImplementedError

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        raise NotImplementedError

    def wrap_batch(self, requests: Sequence[tuple[Recipient, bytes]]) -> list[Wrapped]:
        return [self.wrap(recipient, key) for recipient, key in requests]

    def unwrap_batch(self, requests: Sequence[tuple[Recipient, str]]) -> list[bytes | KeyProviderError]:
        return [self._result(recipient, enc) for recipient, enc in requests]

    def _result(self, recipient: Recipient, enc: str) -> bytes | KeyProviderError:
        try:
            return self.unwrap(recipient, enc)
        except KeyProviderError as error:
            return error

    def rewrap(self, recipient: Recipient, enc: str) -> Wrapped:
        return self.wrap(recipient, self.unwrap(recipient, enc))

    def is_current(self, recipient: Recipient, enc: str) -> bool | None:  # noqa: ARG002 - the port's shape
        return None
