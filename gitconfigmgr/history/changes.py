"""What changed from one effective document to another, as people say it: by key, list items by what identifies them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.history.documents import Secret, same
from gitconfigmgr.history.lists import align, identifying, no_identity
from gitconfigmgr.model.names import show_path

if TYPE_CHECKING:
    from gitconfigmgr.history.lists import Identity
    from gitconfigmgr.model.names import KeyPath


class Change(NamedTuple):
    """One change. `op` is add, remove, replace, or move for a list whose items have another order.

    `path` leads to the value in the new document, in the old one where it was removed; `old_path` to it in the old
    one (None where it was added). `key` is the path for people. Of a move, the values are what identifies the items.
    """

    op: str
    path: KeyPath
    old_path: KeyPath | None
    key: str
    from_value: Any = None
    to_value: Any = None

    @property
    def secret(self) -> bool:
        """Whether a secret got a new ciphertext: its content is new, or it was encrypted again."""
        return type(self.from_value) is Secret and type(self.to_value) is Secret


def changes(old: Any, new: Any, identity: Identity = no_identity) -> list[Change]:
    """All changes, by key. `identity` says which member identifies the items of the list at a path."""
    found: list[Change] = []
    _Walk(found, identity).value(old, new, (), (), "")
    return found


class _Walk:
    def __init__(self, found: list[Change], identity: Identity) -> None:
        self.found = found
        self.identity = identity

    def value(self, old: Any, new: Any, before: KeyPath, path: KeyPath, key: str) -> None:
        if old is new:
            return
        if type(old) is dict and type(new) is dict:
            self.members(old, new, before, path, key)
        elif type(old) is list and type(new) is list:
            if not same(old, new):
                self.items(old, new, before, path, key)
        elif not same(old, new):
            self.found.append(Change("replace", path, before, key, old, new))

    def members(self, old: dict[str, Any], new: dict[str, Any], before: KeyPath, path: KeyPath, key: str) -> None:
        for name in sorted(old.keys() | new.keys()):
            word = f"{key}.{show_path((name,))}" if key else show_path((name,))
            if name not in new:
                self.found.append(Change("remove", (*before, name), (*before, name), word, from_value=old[name]))
            elif name not in old:
                self.found.append(Change("add", (*path, name), None, word, to_value=new[name]))
            else:
                self.value(old[name], new[name], (*before, name), (*path, name), word)

    def items(self, old: list[Any], new: list[Any], before: KeyPath, path: KeyPath, key: str) -> None:
        member = identifying(old, new, self.identity(path))
        if member is None:
            for i, j in align(old, new, None):
                self.item(old, new, (i, j), before, path, f"{key}[{i if j is None else j}]")
            return
        places = {item[member]: index for index, item in enumerate(old)}
        for j, item in enumerate(new):
            self.item(old, new, (places.pop(item[member], None), j), before, path, f"{key}[{member}={item[member]}]")
        for name, i in places.items():
            self.item(old, new, (i, None), before, path, f"{key}[{member}={name}]")
        kept = {item[member] for item in new} - places.keys()
        order_before = [item[member] for item in old if item[member] in kept]
        stayed = set(order_before)
        order = [item[member] for item in new if item[member] in stayed]
        if order != order_before:
            self.found.append(Change("move", path, before, key, order_before, order))

    def item(
        self, old: list[Any], new: list[Any], pair: tuple[int | None, int | None],
        before: KeyPath, path: KeyPath, key: str,
    ) -> None:  # fmt: skip
        i, j = pair
        if j is None:
            assert i is not None
            self.found.append(Change("remove", (*before, i), (*before, i), key, from_value=old[i]))
        elif i is None:
            self.found.append(Change("add", (*path, j), None, key, to_value=new[j]))
        else:
            self.value(old[i], new[j], (*before, i), (*path, j), key)
