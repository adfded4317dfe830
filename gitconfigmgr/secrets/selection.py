"""Which values of a file are encrypted: one of six rules, tested on every key from the root."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

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

    @lru_cache(maxsize=4096)
    def search(text: str) -> bool:
        return expression.search(text.encode("utf-8", "surrogatepass")) is not None  # bytes: no offsets to work out

    return search


@dataclass(frozen=True)
class Selection:
    """One rule. `pattern` is a suffix or a regular expression of RE2, searched anywhere; `search` makes the test of it."""

    kind: str = "unencrypted_suffix"
    pattern: str = "_unencrypted"
    mac_only_encrypted: bool = False
    search: Callable[[str], Callable[[str], bool]] = field(default=compiled, compare=False, repr=False)

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
        return self.search(pattern)


def selection_from(data: Mapping[str, Any], search: Callable[[str], Callable[[str], bool]] = compiled) -> Selection:
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
    selection = Selection(given[0], pattern, mac_only, search)
    assert selection.matches is not None  # a pattern that cannot be used is found here
    return selection


def places(root: Branch, selection: Selection) -> list[Place]:
    """All leaves and comments of a document in their order, and whether the rule selects them."""
    found: list[Place] = []
    start = not selection.encrypts_matches and not selection.by_comment
    _Walk(selection, found).branch(root, _At((), (), start, alias=False))
    return found


class _At(NamedTuple):
    """A place on the way down."""

    keys: tuple[str, ...]
    path: tuple[str | int, ...]
    state: bool
    alias: bool
    item: bool = False  # of a list


class _Walk:
    def __init__(self, selection: Selection, found: list[Place]) -> None:
        self.by_comment = selection.by_comment
        self.encrypts = selection.encrypts_matches
        self.matches = selection.matches
        self.found = found
        self.known: dict[str, bool] = {}

    def branch(self, branch: Branch, at: _At) -> None:
        """`at.state` is that of the container; where comments decide, whether one further out matched."""
        index = 0
        active = False
        head = self.by_comment and at.item  # SOPS moves what heads a map in a list into the list
        for entry in branch.entries:
            if type(entry) is Comment:
                active = self._comment(entry, at, active=active, in_list=head or not branch.is_map)
                continue
            head = False
            assert type(entry) is Entry
            if branch.is_map:
                key = entry.key
                assert key is not None
                state = at.state or active if self.by_comment else self._by_key(key, selected=at.state)
                self._node(entry.node, _At((*at.keys, key), (*at.path, key), state, at.alias))
            else:
                self._node(entry.node, _At(at.keys, (*at.path, index), at.state or active, at.alias, item=True))
                index += 1
            active = False

    def _by_key(self, key: str, *, selected: bool) -> bool:
        hit = self.known.get(key)
        if hit is None:
            hit = self.known[key] = self.matches(key)
        return selected or hit if self.encrypts else selected and not hit

    def _node(self, node: Leaf | Branch | Alias, at: _At) -> None:
        if type(node) is Alias:
            node, at = node.node, at._replace(alias=True)
        if type(node) is Branch:
            self.branch(node, at)
            return
        assert type(node) is Leaf
        selected = at.state == self.encrypts if self.by_comment else at.state
        self.found.append(Place(at.keys, at.path, node, selected, at.alias))
        if len(self.found) > MAX_PLACES:
            raise too_many(1)

    def _comment(self, comment: Comment, at: _At, *, active: bool, in_list: bool) -> bool:
        """Append a comment; returns whether a comment of this level has matched so far."""
        selected, now = at.state, False
        if self.by_comment:
            now = active or self.matches(comment.text)
            hit = at.state or (active if self.encrypts else now)  # the comment that asks for encryption stays plain
            selected = hit == self.encrypts
        self.found.append(Place(at.keys, at.path, comment, selected, in_list=in_list))
        return now
