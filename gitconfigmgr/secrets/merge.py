"""Three-way merge of encrypted files by key path, for Git's merge driver.

Tokens show which values changed, so no key is needed to see that; lists count as one value. The code is made anew where
a key is at hand, and marked as pending where none is: SOPS and `check --strict` refuse the file until it is finished.
Where both sides changed a value, ours stays and the path is a conflict: the file itself stays whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.model.values import MAC_PENDING
from gitconfigmgr.secrets.errors import RefusedError, TamperedError
from gitconfigmgr.secrets.metadata import Group, Metadata, as_data
from gitconfigmgr.secrets.opening import SecretFile, open_all, read
from gitconfigmgr.secrets.sealing import resealed
from gitconfigmgr.secrets.tokens import associated, looks_encrypted
from gitconfigmgr.secrets.tree import Alias, Branch, Comment, Edit, Entry, Leaf, edited, to_data

if TYPE_CHECKING:
    from datetime import datetime

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.secrets.tokens import DataKey


@dataclass(frozen=True)
class Merged:
    """`conflicts` are the paths that both sides changed; ours is in the file. `pending`: the code is to be made."""

    data: bytes
    conflicts: tuple[KeyPath, ...]
    pending: bool


class _Change(NamedTuple):
    document: int
    path: KeyPath
    kind: str  # set, add or remove
    entry: Entry | None


def merge(base: bytes, ours: bytes, theirs: bytes, format_: str, key: DataKey | None, now: datetime) -> Merged:
    """Merge three versions of a file. Raises RefusedError where no merge by path is possible, TamperedError."""
    sides = (read(base, format_), read(ours, format_), read(theirs, format_))
    _comparable(sides, key)
    if key is not None:
        for side in sides[1:]:
            open_all(side, key)  # a file that was tampered with must not get a new code
    finder = _Finder(key)
    for index, (old, mine, other) in enumerate(zip(*(side.file.documents for side in sides), strict=True)):
        finder.compare(index, (), (), old.root, mine.root, other.root)
    metadata, clashes = _metadata(*(side.metadata for side in sides))
    text = _applied(sides[1], sides[2], finder.changes)
    if metadata.groups != sides[1].metadata.groups:
        store = sides[1].store
        given = bool((sides[1].file.metadata or {}).get("unencrypted_suffix"))
        text = store.with_metadata(store.read(text), as_data(replace(metadata, default_rule=given)))
    conflicts = tuple(dict.fromkeys([*finder.conflicts, *clashes]))
    if text.encode() == ours:
        return Merged(ours, conflicts, pending=False)
    if key is not None:
        return Merged(resealed(text.encode(), format_, key, now), conflicts, pending=False)
    store = sides[1].store
    return Merged(store.stamped(store.read(text), metadata.lastmodified, MAC_PENDING).encode(), conflicts, pending=True)


def is_pending(metadata: Metadata) -> bool:
    """Whether a merge left the code to be made."""
    return metadata.mac == MAC_PENDING


def finish(data: bytes, format_: str, key: DataKey, now: datetime) -> bytes:
    """Make the code of a merged file. Raises RefusedError where it does not wait for one."""
    if not is_pending(read(data, format_).metadata):
        raise RefusedError("the file does not wait for its code", "nothing to do")
    return resealed(data, format_, key, now)


def _comparable(sides: tuple[SecretFile, SecretFile, SecretFile], key: DataKey | None) -> None:
    _, ours, theirs = sides
    if len({len(side.file.documents) for side in sides}) != 1:
        raise RefusedError("the versions have different numbers of documents", "merge them by hand with `secret edit`")
    if ours.metadata.selection != theirs.metadata.selection:
        raise RefusedError("the versions encrypt by different rules", "bring one side to the rule of the other first")
    known = {stanza.enc for stanza in ours.metadata.stanzas()}
    if key is None and not any(stanza.enc in known for stanza in theirs.metadata.stanzas()):
        raise RefusedError(
            "one side has a new data key", "merge where a key is at hand, or rotate again after the merge"
        )


class _Finder:
    """What theirs changed against base, and where ours changed it too."""

    def __init__(self, key: DataKey | None) -> None:
        self.key = key
        self.changes: list[_Change] = []
        self.conflicts: list[KeyPath] = []

    def compare(
        self, index: int, path: KeyPath, keys: tuple[str, ...], base: Branch | None, ours: Branch, theirs: Branch
    ) -> None:
        for name in dict.fromkeys(entry.key for branch in (ours, theirs, base) if branch for entry in branch.items()):
            assert name is not None
            old = base.find(name) if base else None
            mine, other = ours.find(name), theirs.find(name)
            here, here_keys = (*path, name), (*keys, name)
            if _is_map(mine) and _is_map(other) and (old is None or _is_map(old)):
                assert mine is not None
                assert other is not None
                self.compare(index, here, here_keys, _branch(old) if old else None, _branch(mine), _branch(other))
            else:
                self._entry(index, here, here_keys, old, mine, other)

    def _entry(
        self,
        index: int,
        path: KeyPath,
        keys: tuple[str, ...],
        old: Entry | None,
        mine: Entry | None,
        other: Entry | None,
    ) -> None:
        if self._same(other, old, keys) or self._same(other, mine, keys):
            return
        if not self._same(mine, old, keys):
            self.conflicts.append(path)
        elif other is None:
            self.changes.append(_Change(index, path, "remove", None))
        else:
            self.changes.append(_Change(index, path, "add" if mine is None else "set", other))

    def _same(self, one: Entry | None, two: Entry | None, keys: tuple[str, ...]) -> bool:
        if one is None or two is None:
            return one is two
        return self._alike(to_data(one.node), to_data(two.node), keys)

    def _alike(self, one: Any, two: Any, keys: tuple[str, ...]) -> bool:
        if type(one) is not type(two):
            return False
        if isinstance(one, dict):
            return list(one) == list(two) and all(self._alike(one[name], two[name], (*keys, name)) for name in one)
        if isinstance(one, list):
            return len(one) == len(two) and all(self._alike(a, b, keys) for a, b in zip(one, two, strict=True))
        if one == two or self.key is None or not (looks_encrypted(one) and looks_encrypted(two)):
            return bool(one == two)
        try:  # the same value set on both sides has two tokens
            return self.key.open(one, associated(keys)) == self.key.open(two, associated(keys))
        except TamperedError:
            return False


def _is_map(entry: Entry | None) -> bool:
    return entry is not None and isinstance(entry.node, Branch) and entry.node.is_map


def _branch(entry: Entry) -> Branch:
    assert isinstance(entry.node, Branch)
    return entry.node


def _applied(ours: SecretFile, theirs: SecretFile, changes: list[_Change]) -> str:
    """Ours with the changes of theirs, one after the other: an edit moves what comes after it."""
    text = ours.file.text
    for change in changes:
        file = ours.store.read(text)
        branch = file.documents[change.document].root
        parent: Entry | None = None
        for part in change.path[:-1]:
            found = branch.find(part)
            assert found is not None
            parent, branch = found, _branch(found)
        entry = branch.find(change.path[-1])
        if change.kind == "remove":
            assert entry is not None
            edit = ours.store.remove(file, branch, entry, parent)
        elif change.kind == "set":
            assert entry is not None
            assert change.entry is not None
            edit = ours.store.replace(file, branch, entry, to_data(change.entry.node))
            if (
                isinstance(entry.node, Leaf)
                and isinstance(change.entry.node, Leaf)
                and looks_encrypted(change.entry.node.value)
            ):
                edit = ours.store.token(file, entry.node, str(change.entry.node.value))
        else:
            assert change.entry is not None
            raw = _raw(theirs, change, branch) if ours.store.name == "yaml" and not branch.flow else None
            edit = ours.store.insert(file, branch, change.entry.key, to_data(change.entry.node))
            edit = Edit(edit.start, edit.end, raw) if raw and edit.text.startswith("\n") else edit
        text = edited(text, [edit])
    return text


def _raw(theirs: SecretFile, change: _Change, into: Branch) -> str | None:
    """The text of an added entry with the comments above it, where the indentation is the same."""
    branch = theirs.file.documents[change.document].root
    for part in change.path[:-1]:
        found = branch.find(part)
        assert found is not None
        branch = _branch(found)
    entry = change.entry
    assert entry is not None
    if branch.flow or branch.column != into.column or isinstance(entry.node, Alias):
        return None
    text = theirs.file.text
    start = entry.start
    at = branch.entries.index(entry)
    while (
        at and isinstance(comment := branch.entries[at - 1], Comment) and not comment.element and comment.start < start
    ):
        start, at = comment.start, at - 1
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip():
        return None
    end = text.find("\n", entry.node.end)
    return "\n" + text[line : len(text) if end < 0 else end]


def _metadata(base: Metadata, ours: Metadata, theirs: Metadata) -> tuple[Metadata, list[KeyPath]]:
    """Recipients added or removed on either side; several groups on both sides are a conflict."""
    before, mine, other = (tuple(map(_names, item.groups)) for item in (base, ours, theirs))
    if other in (before, mine):
        return ours, []
    if mine == before:
        return ours.with_groups(theirs.groups, theirs.threshold), []
    if not len(before) == len(mine) == len(other) == 1:
        return ours, [("sops", "key_groups")]
    removed = set(before[0]) - set(other[0])
    group: Group = tuple(stanza for stanza in ours.groups[0] if stanza.recipient not in removed)
    known = {stanza.recipient for stanza in group} | set(before[0])
    group += tuple(stanza for stanza in theirs.groups[0] if stanza.recipient not in known)
    return ours.with_groups((group,), 0), []


def _names(group: Group) -> tuple[Any, ...]:
    return tuple(stanza.recipient for stanza in group)
