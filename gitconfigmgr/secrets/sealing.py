"""Writing an encrypted file. What did not change keeps its token, and the text around a value is never touched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gitconfigmgr.secrets import mac
from gitconfigmgr.secrets.errors import FormatError, RefusedError, SecretsError, TamperedError, shown_path
from gitconfigmgr.secrets.metadata import Metadata, as_data
from gitconfigmgr.secrets.opening import Opened, SecretFile, decrypt, open_all, read
from gitconfigmgr.secrets.scalars import to_bytes, type_of
from gitconfigmgr.secrets.selection import Selection, places
from gitconfigmgr.secrets.stores.base import decoded
from gitconfigmgr.secrets.stores.registry import store_for
from gitconfigmgr.secrets.tokens import associated, looks_encrypted
from gitconfigmgr.secrets.tree import Branch, Comment, Edit, Entry, File, Leaf, Place, edited

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.secrets.metadata import Group
    from gitconfigmgr.secrets.scalars import Scalar
    from gitconfigmgr.secrets.stores.base import Store
    from gitconfigmgr.secrets.tokens import DataKey

Known = dict[tuple[bytes, str, bytes], list[str]]  # place, type and plaintext -> tokens in their order
_MINUS_ZERO = to_bytes(-0.0)


def known_tokens(opened: Iterable[Opened]) -> Known:
    """The tokens of a file, to be used again where nothing changed."""
    known: Known = {}
    for item in opened:
        if item.kind:
            node = item.place.node
            token = node.text.rstrip() if type(node) is Comment else str(node.value) if type(node) is Leaf else ""
            known.setdefault((item.aad, item.kind, to_bytes(item.value)), []).append(token)
    return known


def encrypt(
    data: bytes, format_: str, key: DataKey, groups: tuple[Group, ...], selection: Selection, now: datetime,
    *, threshold: int = 0, known: Known | None = None, metadata: Metadata | None = None,
) -> bytes:  # fmt: skip
    """Encrypt a plaintext file. Raises RefusedError where SOPS would change a value, FormatError."""
    store = store_for(format_)
    text = _binary_text(data) if format_ == "binary" else decoded(data)
    file = store.read(text)
    if file.metadata is not None or any(document.metadata for document in file.documents):
        raise RefusedError("the file has a sops block already", "decrypt it first, or use `secret edit`")
    new = metadata or Metadata(groups, "", "", selection, threshold, default_rule=store.has_default_rule)
    sealing = _Sealing(store, file, key, new.selection, known or {}, strict=True)
    return _finished(store, sealing.run(), new, sealing.values, key, now)


def _binary_text(data: bytes) -> str:
    import json

    return '{\n\t"data": ' + json.dumps(data.decode("utf-8", "surrogateescape")) + "\n}\n"


def encrypt_again(plain: bytes, before: bytes, format_: str, key: DataKey, now: datetime) -> bytes:
    """Encrypt the edited plaintext of a file, with its metadata; unchanged values keep their tokens."""
    if plain == decrypt(before, format_, key):
        return before
    secrets = read(before, format_)
    known = known_tokens(open_all(secrets, key))
    metadata = _as_written(secrets)
    return encrypt(plain, format_, key, metadata.groups, metadata.selection, now, known=known, metadata=metadata)


def _as_written(secrets: SecretFile) -> Metadata:
    given = secrets.file.metadata or {}
    return replace(secrets.metadata, default_rule=bool(given.get("unencrypted_suffix")))


class _Sealing:
    """One pass over a file: plaintext at selected places becomes tokens."""

    def __init__(
        self, store: Store, file: File, key: DataKey, selection: Selection, known: Known, *, strict: bool
    ) -> None:
        self.store = store
        self.file = file
        self.key = key
        self.selection = selection
        self.known = {place: list(tokens) for place, tokens in known.items()}
        self.strict = strict  # a whole plaintext file: no tokens in it, and values as a person typed them
        self.values: list[tuple[Scalar, bool]] = []
        self.edits: list[Edit] = []

    def run(self) -> str:
        found = [place for document in self.file.documents for place in places(document.root, self.selection)]
        sealed_nodes = {id(place.node) for place in found if place.selected and not place.alias}
        for place in found:
            if type(place.node) is Comment:
                self._comment(place, place.node)
            elif type(place.node) is Leaf:
                if place.alias and (place.selected or id(place.node) in sealed_nodes):
                    raise self._refused(place, "is an alias, or has one, and is encrypted", "write the value out")
                self.values.append((self._leaf(place, place.node), place.selected))
        return edited(self.file.text, self.edits)

    def _refused(self, place: Place, what: str, hint: str) -> RefusedError:
        return RefusedError(f"{shown_path(place.path)} {what}", hint, self.file.line(place.node.start))

    def _leaf(self, place: Place, leaf: Leaf) -> Scalar:
        value = leaf.value
        if type(value) is float and value == 0 and to_bytes(value) == _MINUS_ZERO:
            raise self._refused(place, "is minus zero, which breaks SOPS", "write 0.0, or quote it if it is text")
        if not place.selected:
            if self.store.name == "json" and type(value) is int and abs(value) > 2**53:
                raise self._refused(place, "is a plain integer that older versions of SOPS round", "write it in quotes")
            return value
        if value is None or value == "":
            return value
        if looks_encrypted(value):
            return self._kept(place, leaf)
        aad = associated(place.keys)
        token = self._known(aad, type_of(value), value)
        if leaf.problem:
            raise self._refused(place, f"cannot be encrypted: {leaf.problem}", "write the value plainly")
        if token is None and self.strict and leaf.drift:
            raise self._refused(place, f"would change: {leaf.drift}", "write it in quotes if it is text")
        self.edits.append(self.store.token(self.file, leaf, token or self.key.seal(value, aad)))
        return value

    def _known(self, aad: bytes, kind: str, value: Scalar) -> str | None:
        tokens = self.known.get((aad, kind, to_bytes(value)))
        if not tokens:
            return None
        return tokens.pop(0) if len(tokens) > 1 else tokens[0]

    def _kept(self, place: Place, leaf: Leaf) -> Scalar:
        """A token that is there already, outside a whole plaintext file."""
        if self.strict:
            raise self._refused(
                place, "looks like an encrypted value in a plaintext file", "put the value in its place"
            )
        try:
            value, _ = self.key.open(str(leaf.value), associated(place.keys))
        except TamperedError as error:
            raise TamperedError(
                f"{shown_path(place.path)} cannot be opened: {error}", error.hint, self.file.line(leaf.start)
            ) from None
        return value

    def _comment(self, place: Place, comment: Comment) -> None:
        if place.in_list and self.selection.by_comment:
            hint = "move it out of the list, or choose another rule"
            raise self._refused(place, "has a comment in a list, which breaks SOPS where comments are the rule", hint)
        if not place.selected or not comment.text or looks_encrypted(comment.text):
            return
        aad = associated(place.keys)
        token = self._known(aad, "comment", comment.text)
        if not place.in_list:
            token = token or self.key.seal(comment.text, aad, "comment")
            self.edits.append(self.store.comment(self.file, comment, token, element=False))
        elif token is not None:  # SOPS had encrypted it as an item of the list: it must not become plaintext
            self.edits.append(self.store.comment(self.file, comment, token, element=True))


def _finished(
    store: Store, text: str, metadata: Metadata, values: list[tuple[Scalar, bool]], key: DataKey, now: datetime
) -> bytes:
    """The file with its metadata, whose code is that of the values."""
    stamp = mac.stamp(now)
    digest = mac.digest(values, only_encrypted=metadata.selection.mac_only_encrypted)
    done = replace(metadata, lastmodified=stamp, mac=key.seal(digest, stamp.encode()))
    return _proven(store.with_metadata(store.read(text), as_data(done)).encode(), store, key, values)


def _proven(data: bytes, store: Store, key: DataKey, values: list[tuple[Scalar, bool]]) -> bytes:
    """The file, once it has been read back: what cannot be opened again is never handed out."""
    try:
        opened = open_all(read(data, store.name), key)
        same = [_exactly(item.value) for item in opened if type(item.place.node) is Leaf] == [
            _exactly(v) for v, _ in values
        ]
    except SecretsError:
        same = False
    if not same:
        hint = "write every value on a line of its own, as `key: value`, and report the file's layout as a bug"
        raise FormatError("the layout of the file does not allow this change: nothing was written", hint)
    return data


def _exactly(value: Scalar) -> tuple[type, bytes]:
    return type(value), b"" if value is None else to_bytes(value)


def resealed(data: bytes, format_: str, key: DataKey, now: datetime) -> bytes:
    """Encrypt what is plaintext at selected places of an encrypted file, and make its code fit the content.

    The code is not checked before: whoever calls this vouches for the content.
    """
    secrets = read(data, format_)
    sealing = _Sealing(secrets.store, secrets.file, key, secrets.metadata.selection, {}, strict=False)
    text = sealing.run()
    stamp = mac.stamp(now)
    digest = mac.digest(sealing.values, only_encrypted=secrets.metadata.selection.mac_only_encrypted)
    done = secrets.store.stamped(secrets.store.read(text), stamp, key.seal(digest, stamp.encode()))
    return _proven(done.encode(), secrets.store, key, sealing.values)


def set_value(
    data: bytes, format_: str, key: DataKey, path: KeyPath, value: Any, now: datetime, *, plain: bool = False
) -> bytes:
    """Put plain data at a path of the first document; maps on the way are made.

    Raises RefusedError where the rule of the file would leave it in plaintext, unless `plain`.
    """
    secrets = read(data, format_)
    opened = open_all(secrets, key)
    _checked_value(path, value)
    current = next((item for item in opened if item.place.path == path and type(item.place.node) is Leaf), None)
    if (
        current
        and current.value == value
        and type(current.value) is type(value)
        and current.place.node in _first(secrets)
    ):
        return data
    text = edited(secrets.file.text, [_setting(secrets, path, value)])
    if not plain:
        _all_selected(secrets, text, path)
    after = resealed(text.encode(), format_, key, now)
    changed = read(after, format_)
    found = open_all(changed, key)
    _only_there(_others(secrets, opened, path), _others(changed, found, path))
    _only_there(_leaves(value), [_exactly(item.value) for item in found if _is_below(changed, item, path)])
    return after


def _is_below(secrets: SecretFile, item: Opened, path: KeyPath) -> bool:
    """Whether a value stands at or below a path of the first document."""
    node = item.place.node
    return type(node) is Leaf and item.place.path[: len(path)] == path and node.start <= secrets.file.documents[0].end


def _others(secrets: SecretFile, opened: list[Opened], path: KeyPath | None) -> list[tuple[type, bytes]]:
    """The values of a file but for those at and below a path of its first document."""
    leaves = (item for item in opened if type(item.place.node) is Leaf)
    return [_exactly(item.value) for item in leaves if path is None or not _is_below(secrets, item, path)]


def _leaves(value: Any) -> list[tuple[type, bytes]]:
    if isinstance(value, dict | list | tuple):
        inner = value.values() if isinstance(value, dict) else value
        return [leaf for item in inner for leaf in _leaves(item)]
    return [_exactly(value)]


def _only_there(before: list[tuple[type, bytes]], after: list[tuple[type, bytes]]) -> None:
    if before != after:
        hint = "change the value by `secret edit`, and report the file's layout as a bug"
        raise FormatError("the layout of the file does not allow this change: nothing was written", hint)


def _first(secrets: SecretFile) -> list[Leaf | Comment]:
    return [place.node for place in places(secrets.file.documents[0].root, secrets.metadata.selection)]


def _checked_value(path: KeyPath, value: Any) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _checked_value((*path, name), item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _checked_value((*path, index), item)
    elif looks_encrypted(value):
        raise RefusedError(f"the value for {shown_path(path)} looks like an encrypted one", "give the plaintext")
    elif type(value) is int and not -(2**63) <= value < 2**63:
        raise RefusedError(f"the integer for {shown_path(path)} needs more than 64 bits", "give it as text")


def _setting(secrets: SecretFile, path: KeyPath, value: Any) -> Edit:
    branch, entry, depth = _deepest(secrets.file, path)
    rest = path[depth:]
    if entry is not None:
        leaf = entry.node
        if isinstance(leaf, Leaf) and leaf.problem:
            raise RefusedError(f"{shown_path(path)} cannot be changed: {leaf.problem}", "write the value plainly")
        if isinstance(leaf, Leaf) and not isinstance(value, dict | list):
            return secrets.store.value(secrets.file, leaf, value)
        return secrets.store.replace(secrets.file, branch, entry, value)
    for part in reversed(rest[1:]):
        if isinstance(part, int) and part != 0:
            raise FormatError(f"{shown_path(path)}: a new list begins with [0]", "set the items in their order")
        value = [value] if isinstance(part, int) else {part: value}
    first = rest[0]
    if isinstance(first, int) == branch.is_map:
        raise FormatError(
            f"{shown_path(path)}: there is a {'map' if branch.is_map else 'list'} here", "correct the path"
        )
    if isinstance(first, int) and first > len(list(branch.items())):
        raise FormatError(f"{shown_path(path)} is past the end of the list", "append at its end")
    return secrets.store.insert(secrets.file, branch, None if isinstance(first, int) else first, value)


def _deepest(file: File, path: KeyPath) -> tuple[Branch, Entry | None, int]:
    """The innermost container on the way to a path, its entry for the whole path, and how far it reaches."""
    if not path or path[0] == "sops":
        raise FormatError("no key is named", "name a key of the file")
    branch = file.documents[0].root
    for depth, part in enumerate(path):
        entry = branch.find(part)
        if entry is None or depth == len(path) - 1:
            return branch, entry, depth
        if not isinstance(entry.node, Branch):
            if isinstance(entry.node, Leaf) and entry.node.value is None:
                raise FormatError(f"{shown_path(path[: depth + 1])} is null", "set it to a map first")
            raise FormatError(f"{shown_path(path[: depth + 1])} is no map and no list", "correct the path")
        branch = entry.node
    raise AssertionError(path)


def _all_selected(secrets: SecretFile, text: str, path: KeyPath) -> None:
    file = secrets.store.read(text)
    for place in places(file.documents[0].root, secrets.metadata.selection):
        if place.path[: len(path)] == path and type(place.node) is Leaf and not place.selected:
            selection = secrets.metadata.selection
            hint = f"the rule is {selection.kind}: {selection.pattern}"
            raise RefusedError(f"{shown_path(place.path)} would stay in plaintext", hint)


def unset_value(data: bytes, format_: str, key: DataKey, path: KeyPath, now: datetime) -> bytes:
    """Remove a key or an item of the first document. Raises FormatError where there is none."""
    secrets = read(data, format_)
    opened = open_all(secrets, key)
    branch, entry, _ = _deepest(secrets.file, path)
    if entry is None or branch.find(path[-1]) is not entry:
        raise FormatError(f"{shown_path(path)} is not in the file", "see `secret list` for what is")
    parent = _deepest(secrets.file, path[:-1])[1] if len(path) > 1 else None
    text = edited(secrets.file.text, [secrets.store.remove(secrets.file, branch, entry, parent)])
    after = resealed(text.encode(), format_, key, now)
    changed = read(after, format_)
    _only_there(_others(secrets, opened, path), _others(changed, open_all(changed, key), None))
    return after


def rekey(data: bytes, format_: str, groups: tuple[Group, ...], threshold: int = 0) -> bytes:
    """The same file and data key for other recipients; neither values nor the code change."""
    secrets = read(data, format_)
    metadata = _as_written(secrets).with_groups(groups, threshold)
    return secrets.store.with_metadata(secrets.file, as_data(metadata)).encode()


def rotate(
    data: bytes,
    format_: str,
    key: DataKey,
    new: DataKey,
    groups: tuple[Group, ...],
    now: datetime,
    *,
    threshold: int = 0,
) -> bytes:
    """The same values under a new data key, which `groups` wrap. The text around the tokens stays."""
    secrets = read(data, format_)
    opened = open_all(secrets, key)
    edits = []
    for item in opened:
        node = item.place.node
        if not item.kind or item.place.alias:
            continue
        token = new.seal(item.value, item.aad, item.kind)
        if type(node) is Leaf:
            edits.append(secrets.store.token(secrets.file, node, token))
        elif type(node) is Comment:
            edits.append(secrets.store.comment(secrets.file, node, token, element=node.element))
    values = [(item.value, item.place.selected) for item in opened if type(item.place.node) is Leaf]
    metadata = _as_written(secrets).with_groups(groups, threshold)
    return _finished(secrets.store, edited(secrets.file.text, edits), metadata, values, new, now)
