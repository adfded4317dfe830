"""What an endpoint asks of the outside: where the tree is, who has which token, and who else serves the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitconfigmgr.sync.access import Grant

MOST_BYTES = 64 * 1024 * 1024  # of one file


class Tree(Protocol):
    """A published tree: a folder for each tenant, as release.layout has it. Called from threads.

    Paths come checked: relative, of names without a leading dot but `.well-known`.
    """

    def tenants(self) -> Sequence[str]:
        """The tenants that something is published for."""
        ...

    def read(self, tenant: str, path: str) -> bytes | None:
        """A file; None where there is none. Raises OutsideError where that cannot be told."""
        ...

    def stamp(self, tenant: str) -> object:
        """Changes with the tenant's mutable files. Cheap, for it is asked several times a second."""
        ...


class Upload(NamedTuple):
    """What is to be written: files by path, and paths that are to be removed. `seconds` since 1970 is its time."""

    files: Mapping[str, bytes]
    removed: Sequence[str]
    seconds: int


class Shelf(Protocol):
    """A tree that can be written. Called from threads."""

    def change(self, tenant: str, decide: Callable[[Callable[[str], bytes | None]], Upload]) -> None:
        """Have `decide`, which is given what reads the tenant's files, say what to write, and write it: the timestamp
        last, and nothing where it raises. One at a time for each tenant, over all who write to the tree. Readers find
        the state before or the one after it, whatever moment the process is killed at."""
        ...

    def names(self, tenant: str, folder: str) -> Sequence[str]:
        """The names in a folder of the tenant's tree."""
        ...


class Token(NamedTuple):
    """A token as it is kept. `key` is its digest."""

    grant: Grant
    created: float
    revoked: float | None = None


class Tokens(Protocol):
    """The tokens of an endpoint. Called from threads."""

    def add(self, token: Token) -> None:
        """Raises UsageError where there is a token of this name that counts."""
        ...

    def revoke(self, tenant: str, name: str, at: float) -> bool:
        """Whether there was such a token that counted."""
        ...

    def all(self) -> Sequence[Token]: ...

    def stamp(self) -> object:
        """Changes with any token. Cheap."""
        ...
