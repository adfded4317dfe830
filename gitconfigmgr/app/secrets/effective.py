"""Effective values with their secrets opened: what a service would see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.explain import effective
from gitconfigmgr.app.secrets.bench import about, data_key, kind_of_file
from gitconfigmgr.model.values import SEALED, Sealed, Segments, plain, scalar_text
from gitconfigmgr.secrets import opening
from gitconfigmgr.secrets.errors import TamperedError
from gitconfigmgr.secrets.tree import Leaf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.app.secrets.bench import Bench
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.secrets.scalars import Scalar


def effective_value(
    repository: Repository, bench: Bench, prefix: str, namespace: str, environment: str, key: str
) -> Any:
    """The plaintext of an effective value; `prefix` is where the config repository lies among the bench's files."""
    node = effective(repository, namespace, environment, key)
    return _Opener(repository, bench, prefix).value(node)


def effective_secrets(
    repository: Repository, bench: Bench, prefix: str, namespace: str, environment: str, *, everything: bool
) -> dict[str, str]:
    """The secrets of a target as environment variables, `api.key` as API_KEY; with `everything`, its plain values too.

    Raises UsageError where two keys would have one name.
    """
    from gitconfigmgr.app.secrets.environment import variables

    root = effective(repository, namespace, environment, None)
    opener = _Opener(repository, bench, prefix)
    return variables(
        (path, opener.value(node)) for path, node in _leaves(root, ()) if everything or node.flags & SEALED
    )


def _leaves(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    value = node.value
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(child, (*path, index))
    else:
        yield path, node


class _Opener:
    """Finds the file that a token stands in, verifies it as a whole, and gives the value."""

    def __init__(self, repository: Repository, bench: Bench, prefix: str) -> None:
        self._repository = repository
        self._bench = bench
        self._prefix = prefix
        self._opened: dict[str, dict[str, Scalar]] = {}

    def value(self, node: Node) -> Any:
        value = node.value
        if isinstance(value, dict):
            return {key: self.value(child) for key, child in value.items()}
        if isinstance(value, list):
            return [self.value(child) for child in value]
        if isinstance(value, Sealed):
            return self._token(value, node)
        if isinstance(value, Segments):
            return "".join(
                part if isinstance(part, str) else scalar_text(self._token(part, node)) for part in value.parts
            )
        return plain(node)

    def _token(self, sealed: Sealed, node: Node) -> Scalar:
        for path in self._candidates(sealed, node):
            values = self._values(path)
            if sealed.token in values:
                return values[sealed.token]
        raise TamperedError("a secret stands in no encrypted file", "run `gitconfigmgr secret status`")

    def _candidates(self, sealed: Sealed, node: Node) -> Iterator[str]:
        """The file of the node; then, as templates take values from others, every file with the token in it."""
        yield node.document.path
        needle = sealed.token.encode()
        for documents in self._repository.layout.documents.values():
            for path in documents.values():
                if needle in (self._repository.read(path) or b""):
                    yield path

    def _values(self, path: str) -> dict[str, Scalar]:
        if path not in self._opened:
            self._opened[path] = self._open(f"{self._prefix}{path}")
        return self._opened[path]

    def _open(self, path: str) -> dict[str, Scalar]:
        data = self._bench.read(path)
        if data is None or b"ENC[" not in data:
            return {}
        format_ = kind_of_file(path)
        with about(path):
            secrets = opening.read(data, format_)
            opened = opening.open_all(secrets, data_key(self._bench, data, format_))
        found = {}
        for item in opened:
            node = item.place.node
            if item.kind and isinstance(node, Leaf):
                found[str(node.value)] = item.value
        return found
