"""What a format knows: to read a file with positions, and to write values into its text without touching the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from gitconfigmgr.secrets.errors import FormatError
from gitconfigmgr.secrets.tree import Branch, Edit, edited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gitconfigmgr.secrets.scalars import Scalar
    from gitconfigmgr.secrets.tree import Comment, Entry, File, Leaf


class Store(Protocol):
    """One format. All methods are pure; texts are whole files."""

    name: str
    has_default_rule: bool
    """Whether SOPS writes `unencrypted_suffix` where no rule is given."""

    def read(self, text: str) -> File:
        """Parse a file, encrypted or not. Raises FormatError."""
        ...

    def value(self, file: File, leaf: Leaf, value: Scalar) -> Edit:
        """Put plaintext in a leaf's place. Raises RefusedError where the format cannot hold it."""
        ...

    def token(self, file: File, leaf: Leaf, token: str) -> Edit:
        """Put a token in a leaf's place."""
        ...

    def comment(self, file: File, comment: Comment, text: str, *, element: bool) -> Edit:
        """Put a text in a comment's place; `element` writes a list item, as SOPS does with comments in lists."""
        ...

    def with_metadata(self, file: File, data: Mapping[str, Any]) -> str:
        """The file with this metadata, in place of what it had."""
        ...

    def stamped(self, file: File, lastmodified: str, mac: str) -> str:
        """The file with a new time and code, and nothing else changed."""
        ...

    def without_metadata(self, file: File, edits: Iterable[Edit] = ()) -> str:
        """The file without its metadata, after some edits of its values and comments."""
        ...

    def insert(self, file: File, branch: Branch, key: str | None, value: Any) -> Edit:
        """Add an entry at the end of a branch; `value` is plain data."""
        ...

    def replace(self, file: File, branch: Branch, entry: Entry, value: Any) -> Edit:
        """Put plain data of any kind in an entry's place."""
        ...

    def remove(self, file: File, branch: Branch, entry: Entry, parent: Entry | None) -> Edit:
        """Drop an entry; `parent` is the entry that holds the branch."""
        ...


def stamped_block(store: Store, file: File, texts: Mapping[str, str], written: Callable[[str], str] = str) -> str:
    """The file with some texts of its metadata block anew, for formats whose blocks hold them as they are `written`."""
    entry = file.documents[0].metadata
    assert entry is not None
    assert isinstance(entry.node, Branch)
    edits = []
    for name, text in texts.items():
        found = entry.node.find(name)
        if found is None:
            edits.append(store.insert(file, entry.node, name, text))
        else:
            edits.append(Edit(found.node.start, found.node.end, written(text)))
    return edited(file.text, edits)


def decoded(data: bytes) -> str:
    """The text of a file. Raises FormatError where it is not UTF-8."""
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(f"byte 0x{data[error.start]:02x} is not UTF-8", "save the file as UTF-8", line) from None
