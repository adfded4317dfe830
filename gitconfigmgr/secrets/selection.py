"""Which values of a file are encrypted: one of six rules, tested on every key from the root."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from gitconfigmgr.secrets.errors import RulesError
from gitconfigmgr.secrets.tree import MAX_PLACES, Alias, Branch, Comment, Entry, Leaf, Place, too_many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KINDS = (
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
)
_PATTERN_BOUND = 4_000
_MEMORY_BOUND = 8 << 20


@dataclass(frozen=True)
class Selection:
    """One rule. `pattern` is a suffix or a regular expression of RE2, searched anywhere."""

    kind: str = "unencrypted_suffix"
    pattern: str = "_unencrypted"
    mac_only_encrypted: bool = False

    @property
    def by_comment(self) -> bool:
        """Whether comments decide, not keys."""
        return "_comment_" in self.kind

    @property
    def encrypts_matches(self) -> bool:
        """Whether a match means encrypted; else it means plain."""
        return self.kind.startswith("encrypted")

    @cached_property
    def matches(self) -> Callable[[str], bool]:
        """The test of one key or comment."""
        pattern = self.pattern
        if self.kind.endswith("_suffix"):
            return lambda text: text.endswith(pattern)
        return compiled(pattern)


def selection_from(data: Mapping[str, Any]) -> Selection:
    """The rule of a metadata block or a creation rule. Raises RulesError where there are two."""
    given = [kind for kind in KINDS if data.get(kind)]
    if len(given) > 1:
        raise RulesError(f"{' and '.join(given)} cannot go together", "keep one of them")
    mac_only = data.get("mac_only_encrypted") in (True, "true", "True")
    if not given:
        return Selection(mac_only_encrypted=mac_only)
    pattern = data[given[0]]
    if not isinstance(pattern, str):
        raise RulesError(f"{given[0]} is not text", "write it in quotes")
    selection = Selection(given[0], pattern, mac_only)
    assert selection.matches is not None  # a pattern that cannot be used is found here
    return selection


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Callable[[str], bool]:
    """A search for an expression of RE2, in time linear in the text. Raises RulesError."""
    import re2

    if len(pattern) > _PATTERN_BOUND:
        raise RulesError(f"a regular expression has more than {_PATTERN_BOUND:,} characters", "shorten it")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_BOUND
    try:
        expression = re2.compile(pattern, options=options)
    except re2.error as error:
        reason = (
            error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else "error"
        )
        hint = "the syntax is that of RE2: no look-around, no back-references"
        raise RulesError(f"regular expression {pattern!r}: {reason}", hint) from None
    if "\\C" in pattern.replace("\\\\", ""):
        raise RulesError(f"regular expression {pattern!r}: \\C is not known to SOPS", "write (?s:.) instead")
    return lambda text: expression.search(text) is not None


def places(root: Branch, selection: Selection) -> list[Place]:
    """All leaves and comments of a document in their order, and whether the rule selects them."""
    found: list[Place] = []
    start = not selection.encrypts_matches and not selection.by_comment
    _Walk(selection, found).branch(root, (), (), selected=start, alias=False)
    return found


class _Walk:
    def __init__(self, selection: Selection, found: list[Place]) -> None:
        self.by_comment = selection.by_comment
        self.encrypts = selection.encrypts_matches
        self.matches = selection.matches
        self.found = found
        self.known: dict[str, bool] = {}

    def branch(
        self, branch: Branch, keys: tuple[str, ...], path: tuple[str | int, ...], *, selected: bool, alias: bool
    ) -> None:
        """`selected` is the state of the container; where comments decide, whether one further out matched."""
        index = 0
        active = False
        for entry in branch.entries:
            if type(entry) is Comment:
                active = self._comment(entry, keys, path, selected, active, in_list=not branch.is_map)
                continue
            assert type(entry) is Entry
            here: str | int
            inner, inner_keys = selected or active, keys
            if branch.is_map:
                assert entry.key is not None
                here = entry.key
                inner_keys = (*keys, here)
                if not self.by_comment:
                    inner = self._by_key(here, selected)
            else:
                here = index
                index += 1
            self._node(entry.node, inner_keys, (*path, here), inner, alias=alias)
            active = False

    def _by_key(self, key: str, selected: bool) -> bool:  # noqa: FBT001
        hit = self.known.get(key)
        if hit is None:
            hit = self.known[key] = self.matches(key)
        return selected or hit if self.encrypts else selected and not hit

    def _node(
        self,
        node: Leaf | Branch | Alias,
        keys: tuple[str, ...],
        path: tuple[str | int, ...],
        state: bool,
        *,
        alias: bool,  # noqa: FBT001
    ) -> None:
        if type(node) is Alias:
            node, alias = node.node, True
        if type(node) is Branch:
            self.branch(node, keys, path, selected=state, alias=alias)
            return
        assert type(node) is Leaf
        selected = state == self.encrypts if self.by_comment else state
        self.found.append(Place(keys, path, node, selected, alias, False))
        if len(self.found) > MAX_PLACES:
            raise too_many(1)

    def _comment(
        self,
        comment: Comment,
        keys: tuple[str, ...],
        path: tuple[str | int, ...],
        outer: bool,
        active: bool,
        *,
        in_list: bool,  # noqa: FBT001
    ) -> bool:
        """Append a comment; returns whether a comment of this level has matched so far."""
        if not self.by_comment:
            self.found.append(Place(keys, path, comment, outer, False, in_list))
            return False
        before = active
        active = active or self.matches(comment.text)
        hit = outer or (before if self.encrypts else active)
        self.found.append(Place(keys, path, comment, hit == self.encrypts, False, in_list))
        return active
