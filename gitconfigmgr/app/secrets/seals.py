"""Verify encrypted files with their keys, seal the state of all of them, and hold files against a seal without a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.app.secrets.bench import FileError, about, kind_of_file, status_of
from gitconfigmgr.app.secrets.overview import encrypted_files
from gitconfigmgr.app.secrets.unlocking import unlock
from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.secrets import seals
from gitconfigmgr.secrets.errors import SecretsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.ports import StateStore

MANIFEST = "secrets.seal.json"


class Verdict(NamedTuple):
    """One file; `problem` is empty where it is what was encrypted. `status` is the exit status of the problem."""

    path: str
    problem: str = ""
    status: int = 0


def verify_files(bench: Bench, paths: Iterable[str] | None = None) -> list[Verdict]:
    """Decrypt files and check their codes: those that are named, or all."""
    files = {path: bench.content(path) for path in paths} if paths is not None else encrypted_files(bench)
    found = unlock(files, bench.providers, bench.parsed)
    return [_failed(path, each) if isinstance(each, SecretsError) else Verdict(path) for path, each in found.items()]


def _failed(path: str, error: GitConfigError) -> Verdict:
    return Verdict(path, str(error), status_of(error))


def seal_files(
    bench: Bench, manifest: str, key: Ed25519PrivateKey, commit: str, memory: Callable[[], StateStore]
) -> tuple[int, list[str]]:
    """Verify every encrypted file, and sign the state of them all into a manifest; its number, and their paths.

    Raises FileError for the first file that is not what was encrypted: what is sealed has been verified.
    """
    files = {path: data for path, data in encrypted_files(bench).items() if path != manifest}
    if not files:
        raise UsageError("there is no encrypted file to seal", "see `gitconfigmgr secret status`")
    for path, found in unlock(files, bench.providers, bench.parsed).items():
        with about(path):
            if isinstance(found, SecretsError):
                raise found
    store = memory()
    sequence = max(_last(store), _previous(bench, manifest, key.public_key())) + 1
    entries = {path: seals.seal_entry(data, kind_of_file(path)) for path, data in files.items()}
    bench.write(manifest, seals.sign_manifest(entries, sequence, commit, key))
    store.save({"sequence": sequence})
    return sequence, list(files)


def _previous(bench: Bench, manifest: str, key: Ed25519PublicKey) -> int:
    before = bench.read(manifest)
    if before is None:
        return 0
    with about(manifest):
        return int(seals.open_manifest(before, key)["sequence"])


def _last(store: StateStore) -> int:
    known = (store.load() or {}).get("sequence", 0)
    return known if isinstance(known, int) else 0


def verify_sealed(
    bench: Bench, manifest: str, data: bytes, key: Ed25519PublicKey, memory: Callable[[], StateStore],
    *, minimum: int = 0, paths: Iterable[str] | None = None,
) -> tuple[int, list[Verdict]]:  # fmt: skip
    """Hold files against a manifest, without a key that opens them; its number, and the files that are refused.

    An older manifest than one seen before is refused. Without `paths`, files that are missing are, too.
    """
    store = memory()
    try:
        payload = seals.open_manifest(data, key, max(minimum, _last(store)))
    except SecretsError as error:
        raise FileError(manifest, error) from None
    present = _present(bench, payload["files"], manifest)
    refused = [Verdict(item.path, item.reason, 1) for item in seals.verify_strict(payload, present)]
    if paths is not None:
        wanted = set(paths)
        unknown = sorted(wanted - set(present) - set(payload["files"]))
        refused = [item for item in refused if item.path in wanted]
        refused += [Verdict(path, "is not sealed, and not encrypted", 1) for path in unknown]
    if not refused:
        store.save({"sequence": payload["sequence"]})
    return int(payload["sequence"]), refused


def _present(bench: Bench, sealed: Mapping[str, object], manifest: str) -> dict[str, tuple[bytes, str]]:
    """Every file that is encrypted, and every file that was: one that was replaced by plaintext is refused."""
    found = {path: (data, kind_of_file(path)) for path, data in encrypted_files(bench).items() if path != manifest}
    for path in sealed:
        if path not in found:
            data = bench.read(path)
            if data is not None:
                found[path] = (data, kind_of_file(path))
    return found
