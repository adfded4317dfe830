"""Effective values with their secrets opened: what a service would see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.explain import effective
from gitconfigmgr.app.secrets.bench import about
from gitconfigmgr.app.secrets.environment import leaves, variables
from gitconfigmgr.app.secrets.unlocking import Locker
from gitconfigmgr.model.values import SEALED, Sealed, Segments, plain, scalar_text
from gitconfigmgr.secrets.errors import TamperedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.secrets.ports import KeyProvider
    from gitconfigmgr.secrets.scalars import Scalar


def effective_value(
    repository: Repository, providers: Mapping[str, KeyProvider], namespace: str, environment: str, key: str
) -> Any:
    """The plaintext of an effective value."""
    node = effective(repository, namespace, environment, key)
    return _Opener(repository, providers).value(node)


def effective_secrets(
    repository: Repository,
    providers: Mapping[str, KeyProvider],
    namespace: str,
    environment: str,
    *,
    everything: bool,
) -> dict[str, str]:
    """The secrets of a target as environment variables, `api.key` as API_KEY; with `everything`, its plain values too.

    Raises UsageError where two keys would have one name.
    """
    root = effective(repository, namespace, environment, None)
    opener = _Opener(repository, providers)
    found = leaves(root, lambda node: node.value)
    return variables((path, opener.value(node)) for path, node in found if everything or node.flags & SEALED)


class _Opener:
    """Gives the values of nodes, of their secrets the plaintext."""

    def __init__(self, repository: Repository, providers: Mapping[str, KeyProvider]) -> None:
        self._locker = Locker(repository, providers)

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
        path = self._locker.home(sealed.token, node.document.path)
        with about(path):
            value = self._locker.value(sealed.token, path)
            if value is None:
                raise TamperedError("a secret stands in no encrypted file", "run `gitconfigmgr secret status`")
            return value
