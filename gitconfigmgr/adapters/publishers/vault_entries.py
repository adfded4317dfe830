"""Writing the entries of one release to Vault: what is there already is not written again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.adapters.publishers.vault_client import MismatchError
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gitconfigmgr.adapters.publishers.vault_client import Entry, VaultClient
    from gitconfigmgr.model.bundles import Release
    from gitconfigmgr.model.names import Target

STRINGS = 800  # keys and texts in one request; OpenBao takes 1,000, and the request has some of its own
BYTES = 1024 * 1024 - 4096  # of an entry; Raft takes 1 MiB with what belongs to it
_WORKERS = 8
_AT_ONCE = 32  # entries whose plaintext is in memory together


class At(NamedTuple):
    """An entry that belongs to a release: its version, and a mark that changes with its value and tells nothing of it."""

    version: int
    mark: str


class Put(NamedTuple):
    """An entry that a release needs. `before` is what the last release had there."""

    path: str
    mark: str
    data: dict[str, Any]
    before: At | None


class Wanted(NamedTuple):
    """What a release needs of one target: entries to write, and those that stay as they are."""

    target: Target
    puts: list[Put]
    stays: dict[str, At]


class Writer:
    """`kept` is how many versions the mount keeps of an entry. `notes` tell what was found on the way."""

    def __init__(self, client: VaultClient, release: Release, kept: int) -> None:
        self._client = client
        self._release = release
        self._kept = kept
        self.notes: list[str] = []

    def write(self, targets: Iterable[Wanted]) -> Iterator[tuple[Target, dict[str, At]]]:
        """Each target with all its entries as they are now. Raises what the first write that failed raises."""
        batch: list[Wanted] = []
        with ThreadPoolExecutor(_WORKERS) as pool:
            for wanted in targets:
                batch.append(wanted)
                if sum(len(item.puts) for item in batch) >= _AT_ONCE:
                    yield from self._batch(pool, batch)
                    batch = []
            yield from self._batch(pool, batch)

    def _batch(self, pool: ThreadPoolExecutor, batch: list[Wanted]) -> Iterator[tuple[Target, dict[str, At]]]:
        jobs = [[pool.submit(self._put, wanted.target, put) for put in wanted.puts] for wanted in batch]
        try:
            for wanted, mine in zip(batch, jobs, strict=True):
                entries = dict(wanted.stays)
                for put, job in zip(wanted.puts, mine, strict=True):
                    entries[put.path] = At(job.result(), put.mark)
                yield wanted.target, entries
        finally:
            for job in (job for mine in jobs for job in mine):
                job.cancel()

    def _put(self, target: Target, put: Put) -> int:
        """The version of the entry that has the data."""
        body = text_of(put.data)
        if len(body.encode()) > BYTES:
            raise UsageError(f"{target} has {len(body)} bytes at {put.path}, and an entry of Vault holds 1 MiB",
                             "split the namespace, or keep what is large elsewhere")  # fmt: skip
        if strings(put.data) > STRINGS:
            raise UsageError(
                f"{target} has too many keys and texts for one write to Vault", "set the option form to json"
            )
        version = self._current(put, body)
        if put.before is not None and version == put.before.version:
            return version  # described when it was written: the pointer comes after that
        change = self._release.changes[target]
        bundle = self._release.bundles[target]
        described = {"commit": self._release.revision.commit, "version": str(change.version), "digest": bundle.digest}
        self._client.describe(put.path, described)
        return version

    def _current(self, put: Put, body: str) -> int:
        if put.before is None:
            try:
                return self._client.write(put.path, put.data, 0)
            except MismatchError:
                pass
        found = self._client.read(put.path)
        if found.data is not None and text_of(found.data) == body:
            return found.version
        self._keep_released(put, found)
        try:
            return self._client.write(put.path, put.data, found.version)
        except MismatchError:
            hint = "run it again when the other run has ended"
            raise OutsideError(f"somebody else writes {put.path} at this moment", hint) from None

    def _keep_released(self, put: Put, found: Entry) -> None:
        """Versions that no release names must not push out the one that the pointer names."""
        if put.before is None or found.version == put.before.version:
            return
        unnamed = found.version - put.before.version
        self.notes.append(f"{put.path} had {unnamed} newer than the last release's version, by hand or by a run that was "
                          "ended: they are no part of this release")  # fmt: skip
        if unnamed >= self._kept - 2:
            self._client.describe(put.path, {}, keep=unnamed + self._kept)


def text_of(data: Any) -> str:
    """The same text for the same data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def strings(value: Any) -> int:
    """How many keys and texts JSON has: what servers bound in a request."""
    if isinstance(value, dict):
        return len(value) + sum(map(strings, value.values()))
    if isinstance(value, list):
        return sum(map(strings, value))
    return isinstance(value, str)
