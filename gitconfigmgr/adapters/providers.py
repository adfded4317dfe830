"""The key providers of this machine, each made when it is first asked for: settings are read and SDKs loaded only then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gitconfigmgr.secrets.ports import KeyProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gitconfigmgr.adapters.keys.extras import Allowed
    from gitconfigmgr.model.settings import KeyServices
    from gitconfigmgr.secrets.metadata import Recipient
    from gitconfigmgr.secrets.ports import KeyProviderError, Wrapped

_KINDS = ("age", "pgp", "passphrase", "hc_vault", "kms", "azure_kv", "gcp_kms")


class Providers(Mapping[str, KeyProvider]):
    """By the kind of recipient. `services` gives the allow-list; `ask` asks a person, and is None where nobody is there."""

    def __init__(self, services: Callable[[], KeyServices], ask: Callable[[str], str] | None) -> None:
        self._services = services
        self._ask = ask
        self._made: dict[str, KeyProvider] = {}

    def __getitem__(self, kind: str) -> KeyProvider:
        if kind not in _KINDS:
            raise KeyError(kind)
        if kind not in self._made:
            self._made[kind] = _Later(kind, lambda: self._make(kind))
        return self._made[kind]

    def __contains__(self, kind: object) -> bool:
        return kind in _KINDS

    def __iter__(self) -> Iterator[str]:
        return iter(_KINDS)

    def __len__(self) -> int:
        return len(_KINDS)

    def _make(self, kind: str) -> KeyProvider:
        if kind == "age":
            from gitconfigmgr.adapters.keys.age import AgeProvider

            return AgeProvider(ask=self._ask)
        if kind == "pgp":
            from gitconfigmgr.adapters.keys.pgp import PgpProvider

            return PgpProvider()
        if kind == "passphrase":
            from gitconfigmgr.adapters.keys.passphrase import PassphraseProvider

            ask = self._ask
            return PassphraseProvider((lambda: ask("passphrase of the file: ")) if ask else None)
        from gitconfigmgr.adapters.keys.services import provider_of

        return provider_of(kind, self._allowed(kind))

    def _allowed(self, kind: str) -> Allowed:
        from gitconfigmgr.adapters.keys.extras import Allowed

        services = self._services()
        names = {"hc_vault": services.vault, "kms": services.aws_kms, "azure_kv": services.azure_kv}
        return Allowed(names.get(kind, services.gcp_kms))


class _Later:
    """A provider that is made at its first call: a file that an age key opens asks for no settings of services."""

    def __init__(self, kind: str, make: Callable[[], KeyProvider]) -> None:
        self.kind = kind
        self._make = make
        self._made: KeyProvider | None = None

    def _provider(self) -> KeyProvider:
        if self._made is None:
            self._made = self._make()
        return self._made

    def wrap(self, recipient: Recipient, key: bytes) -> Wrapped:
        return self._provider().wrap(recipient, key)

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        return self._provider().unwrap(recipient, enc)

    def wrap_batch(self, requests: Sequence[tuple[Recipient, bytes]]) -> list[Wrapped]:
        return self._provider().wrap_batch(requests)

    def unwrap_batch(self, requests: Sequence[tuple[Recipient, str]]) -> list[bytes | KeyProviderError]:
        return self._provider().unwrap_batch(requests)

    def rewrap(self, recipient: Recipient, enc: str) -> Wrapped:
        return self._provider().rewrap(recipient, enc)

    def is_current(self, recipient: Recipient, enc: str) -> bool | None:
        return self._provider().is_current(recipient, enc)
