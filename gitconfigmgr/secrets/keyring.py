"""Data keys and the recipients that can open them, over all kinds of key services and over key groups."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from gitconfigmgr.secrets import shamir
from gitconfigmgr.secrets.errors import RulesError, SecretsError
from gitconfigmgr.secrets.mac import stamp
from gitconfigmgr.secrets.metadata import Group, Metadata, Recipient, Stanza, needed
from gitconfigmgr.secrets.ports import KeyDeniedError, KeyProviderError, NotInstalledError
from gitconfigmgr.secrets.tokens import DataKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gitconfigmgr.secrets.ports import KeyProvider

RecipientGroups = tuple[tuple[Recipient, ...], ...]
_FIRST = ("age", "pgp")  # asked before the services: they cost nothing


class NoKeyError(SecretsError):
    """Nothing here opens the file; the message says what each recipient answered."""

    exit_status = 3


def wrap(
    key: DataKey, groups: RecipientGroups, threshold: int, providers: Mapping[str, KeyProvider], now: datetime,
    kept: Mapping[Recipient, Stanza] | None = None,
) -> tuple[Group, ...]:  # fmt: skip
    """The key for all recipients; a share for each group where there are several.

    `kept` are entries to use again: those of a file with one group whose data key stays.
    """
    if not groups or not all(groups):
        raise RulesError("no recipient is named", "name at least one in every key group of .sops.yaml")
    shares = _shares(key, groups, threshold)
    kept = kept if kept and len(groups) == 1 else {}
    wanted: dict[str, list[tuple[Recipient, bytes]]] = defaultdict(list)
    for recipients, share in zip(groups, shares, strict=True):
        for recipient in recipients:
            if recipient not in kept:
                wanted[recipient.kind].append((recipient, share))
    made: dict[tuple[Recipient, bytes], Stanza] = {}
    for kind, requests in wanted.items():
        wrapped = _provider(kind, providers).wrap_batch(requests)
        for request, item in zip(requests, wrapped, strict=True):
            made[request] = Stanza(item.recipient, item.enc, stamp(now))
    return tuple(
        tuple(kept.get(recipient) or made[recipient, share] for recipient in recipients)
        for recipients, share in zip(groups, shares, strict=True)
    )


def _shares(key: DataKey, groups: RecipientGroups, threshold: int) -> list[bytes]:
    if len(groups) == 1:
        return [key.reveal()]
    count = needed(threshold, len(groups))
    if not 2 <= count <= len(groups) <= 255:
        raise RulesError(f"shamir_threshold {count} does not fit {len(groups)} key groups", "use 2 up to their number")
    return shamir.split(key.reveal(), len(groups), count)


def _provider(kind: str, providers: Mapping[str, KeyProvider]) -> KeyProvider:
    if kind not in providers:
        raise RulesError(f"recipients of kind {kind} cannot be written", f"known here: {', '.join(sorted(providers))}")
    return providers[kind]


def unwrap(metadata: Metadata, providers: Mapping[str, KeyProvider]) -> DataKey:
    """The data key of a file. Raises NoKeyError."""
    result = unwrap_many([metadata], providers)[0]
    if isinstance(result, NoKeyError):
        raise result
    return result


def unwrap_many(files: Sequence[Metadata], providers: Mapping[str, KeyProvider]) -> list[DataKey | NoKeyError]:
    """The data keys of many files, each kind of service asked in batches, and only for what is still missing."""
    states = [_Search(metadata) for metadata in files]
    kinds = dict.fromkeys((*_FIRST, *(stanza.recipient.kind for file in files for stanza in file.stanzas())))
    for kind in kinds:
        provider = providers.get(kind)
        for _ in range(max((len(file.stanzas()) for file in files), default=0)):
            asked = [(state, *found) for state in states if (found := state.next(kind))]
            if not asked:
                break
            if provider is None:
                results: list[bytes | KeyProviderError] = [_unknown(kind)] * len(asked)
            else:
                results = _unwrapped(provider, [(stanza.recipient, stanza.enc) for _, _, stanza in asked])
            for (state, group, stanza), result in zip(asked, results, strict=True):
                state.take(group, stanza, result)
    return [state.result() for state in states]


def _unknown(kind: str) -> KeyProviderError:
    return KeyProviderError(f"this machine cannot open recipients of kind {kind}")


def _unwrapped(provider: KeyProvider, requests: list[tuple[Recipient, str]]) -> list[bytes | KeyProviderError]:
    try:
        return provider.unwrap_batch(requests)
    except KeyProviderError as error:
        return [error] * len(requests)


class _Search:
    """What is known of one file's key so far."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.needed = 1 if len(metadata.groups) == 1 else needed(metadata.threshold, len(metadata.groups))
        self.shares: dict[int, bytes] = {}
        self.tried: set[int] = set()
        self.failures: list[tuple[Recipient, KeyProviderError]] = []

    def next(self, kind: str) -> tuple[int, Stanza] | None:
        """An entry of this kind, in a group not opened yet, that has not been tried."""
        if len(self.shares) >= self.needed:
            return None
        for index, group in enumerate(self.metadata.groups):
            if index in self.shares:
                continue
            for stanza in group:
                if stanza.recipient.kind == kind and id(stanza) not in self.tried:
                    self.tried.add(id(stanza))
                    return index, stanza
        return None

    def take(self, group: int, stanza: Stanza, result: bytes | KeyProviderError) -> None:
        if isinstance(result, bytes):
            self.shares[group] = result
        else:
            self.failures.append((stanza.recipient, result))

    def result(self) -> DataKey | NoKeyError:
        if len(self.shares) >= self.needed:
            values = list(self.shares.values())
            try:
                return DataKey(values[0] if len(self.metadata.groups) == 1 else shamir.combine(values))
            except SecretsError as error:
                return NoKeyError(str(error), error.hint)
        groups = f"{len(self.shares)} of {self.needed} key groups could be opened; " if self.needed > 1 else ""
        shown = "; ".join(f"{recipient}: {error}" for recipient, error in self.failures[:10])
        more = " ..." if len(self.failures) > 10 else ""
        return NoKeyError(f"no key here opens the file: {groups}{shown}{more}", self._hint())

    def _hint(self) -> str:
        """What helps: with what is wrong on this machine, or with the one recipient there is."""
        here = [error.hint for _, error in self.failures if len(self.failures) == 1 or _is_local(error)]
        return next(filter(None, here), "ask one of its recipients to add yours")


def _is_local(error: KeyProviderError) -> bool:
    return isinstance(error, NotInstalledError) or (isinstance(error, KeyDeniedError) and "chmod" in (error.hint or ""))


def kept_stanzas(metadata: Metadata) -> dict[Recipient, Stanza]:
    """The entries that a change of recipients can keep: those that wrap the whole key."""
    if len(metadata.groups) != 1:
        return {}
    kept = {stanza.recipient.without_version(): stanza for stanza in metadata.groups[0]}
    return kept | {stanza.recipient: stanza for stanza in metadata.groups[0]}


def rewrapped(metadata: Metadata, providers: Mapping[str, KeyProvider], now: datetime) -> tuple[Group, ...]:
    """The same data key under the newest version of every recipient's key; entries that are current stay."""
    return tuple(tuple(_rewrapped(stanza, providers, now) for stanza in group) for group in metadata.groups)


def _rewrapped(stanza: Stanza, providers: Mapping[str, KeyProvider], now: datetime) -> Stanza:
    provider = providers.get(stanza.recipient.kind)
    if provider is None or provider.is_current(stanza.recipient, stanza.enc):
        return stanza
    made = provider.rewrap(stanza.recipient, stanza.enc)
    return Stanza(made.recipient, made.enc, stamp(now))
