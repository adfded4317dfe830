"""Encrypted files opened with the keys at hand, and verified: many at once, and the documents of a repository as needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.app.secrets.bench import kind_of_file
from gitconfigmgr.secrets import keyring, opening
from gitconfigmgr.secrets.errors import SecretsError
from gitconfigmgr.secrets.tree import Leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.secrets.opening import Opened, SecretFile
    from gitconfigmgr.secrets.ports import KeyProvider
    from gitconfigmgr.secrets.scalars import Scalar
    from gitconfigmgr.secrets.tokens import DataKey

_TOKEN = re.compile(rb"ENC\[AES256_GCM,[^\]\s]*\]")


class Unlocked(NamedTuple):
    """A file, its data key, and all its values."""

    file: SecretFile
    key: DataKey
    opened: list[Opened]

    def __repr__(self) -> str:
        return "<unlocked file>"

    def by_token(self) -> dict[str, Scalar]:
        """The plaintext of each token."""
        found: dict[str, Scalar] = {}
        for item in self.opened:
            node = item.place.node
            if item.kind and isinstance(node, Leaf):
                found[str(node.value)] = item.value
        return found


def by_name(path: str, data: bytes) -> SecretFile:
    """An encrypted file, of the format that its name says."""
    return opening.read(data, kind_of_file(path))


def unlock(
    files: Mapping[str, bytes],
    providers: Mapping[str, KeyProvider],
    parse: Callable[[str, bytes], SecretFile] = by_name,
) -> dict[str, Unlocked | SecretsError]:
    """Open and verify files; what is wrong with one is its own result. Each key service is asked in batches."""
    found: dict[str, Unlocked | SecretsError] = {}
    read: dict[str, SecretFile] = {}
    for path, data in files.items():
        try:
            read[path] = parse(path, data)
        except SecretsError as error:
            found[path] = error
    keys = keyring.unwrap_many([file.metadata for file in read.values()], providers)
    for (path, file), key in zip(read.items(), keys, strict=True):
        found[path] = key if isinstance(key, SecretsError) else _verified(file, key)
    return {path: found[path] for path in files}


def _verified(file: SecretFile, key: DataKey) -> Unlocked | SecretsError:
    try:
        return Unlocked(file, key, opening.open_all(file, key))
    except SecretsError as error:
        return error


class Locker:
    """The documents of a config repository, which are opened when a token of theirs is first asked for."""

    def __init__(self, repository: Repository, providers: Mapping[str, KeyProvider]) -> None:
        self._repository = repository
        self._providers = providers
        self._held: dict[str, frozenset[bytes]] = {}
        self._opened: dict[str, dict[str, Scalar] | SecretsError] = {}

    def home(self, token: str, path: str) -> str:
        """The document with a token in it: `path`, else, as templates take values from others, whichever has it."""
        needle = token.encode()
        return next((place for place in self._places(path) if needle in self._tokens(place)), path)

    def open(self, paths: Iterable[str]) -> dict[str, SecretsError]:
        """Open documents, all at once; those that could not be."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self._opened]
        files = {path: self._repository.read(path) or b"" for path in wanted}
        for path, found in unlock(files, self._providers).items():
            self._opened[path] = found if isinstance(found, SecretsError) else found.by_token()
        return {path: found for path, found in self._opened.items() if isinstance(found, SecretsError)}

    def value(self, token: str, path: str) -> Scalar | None:
        """The plaintext of a token in a document; None where there is no such token. Raises SecretsError."""
        self.open([path])
        found = self._opened[path]
        if isinstance(found, SecretsError):
            raise found
        return found.get(token)

    def _places(self, first: str) -> Iterator[str]:
        yield first
        for documents in self._repository.layout.documents.values():
            yield from documents.values()

    def _tokens(self, path: str) -> frozenset[bytes]:
        if path not in self._held:
            self._held[path] = frozenset(_TOKEN.findall(self._repository.read(path) or b""))
        return self._held[path]
