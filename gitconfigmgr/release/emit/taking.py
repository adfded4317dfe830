"""A document that is taken apart for another format: what nobody takes is a loss, and none is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.model.names import show_path
from gitconfigmgr.release.emit.opened import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.model.names import KeyPath


class Emitted(NamedTuple):
    """Files by their path below the target's folder, and what they do not say: key paths, each with what became of it.

    `private` are the files that hold plaintext secrets.
    """

    files: dict[str, bytes]
    losses: list[tuple[str, str]]
    private: frozenset[str] = frozenset()


class Taking:
    """Hands out values by their path, and remembers which."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._taken: set[KeyPath] = set()
        self._lost: dict[KeyPath, str] = {}

    def look(self, *path: str | int) -> Any:
        """A value, still to be taken; None where there is none."""
        at = self._document
        for part in path:
            if isinstance(at, list):
                at = dict(enumerate(at))
            if not isinstance(at, dict) or part not in at:
                return None
            at = at[part]
        return at

    def take(self, *path: str | int) -> Any:
        """A value with all that is in it; None where there is none."""
        self._taken.add(path)
        return self.look(*path)

    def text(self, *path: str | int) -> str | None:
        """A text, taken; what is none, such as a secret, stays to be lost."""
        value = self.look(*path)
        return str(self.take(*path)) if isinstance(value, str) and value else None

    def names(self, *path: str | int) -> list[str]:
        """The keys of a map; none where there is none."""
        value = self.look(*path)
        return list(value) if isinstance(value, dict) else []

    def lose(self, message: str, *path: str | int) -> None:
        """Say what becomes of a value that the other format has no word for, where there is one that was not taken."""
        if path not in self._taken and self.look(*path) is not None:
            self.say(message, *path)

    def say(self, message: str, *path: str | int) -> None:
        """Say what is lost of a value that was taken in part or in another sense."""
        self._taken.add(path)
        self._lost[path] = f"{self._lost[path]}; {message}" if path in self._lost else message

    def losses(self, otherwise: str) -> list[tuple[str, str]]:
        """What was lost, in the order of the document; `otherwise` is said of what nobody asked for."""
        found = list(self._walk((), self._document, otherwise))
        return [(show_path(path), message) for path, message in found]

    def _walk(self, path: KeyPath, value: Any, otherwise: str) -> Iterator[tuple[KeyPath, str]]:
        if path in self._lost:
            yield path, self._lost[path]
        if path in self._taken:
            return
        below = [taken for taken in self._taken if taken[: len(path)] == path]
        if not below and path:
            yield path, otherwise
            return
        if is_secret(value) or not isinstance(value, (dict, list)):
            return
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from self._walk((*path, key), child, otherwise)
