"""The secrets of layer documents: keys in plaintext, tokens and the block that belongs to them, copies of secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gitconfigmgr.check.hygiene.finding import find
from gitconfigmgr.check.hygiene.marks import Lines, finding, without_allowed
from gitconfigmgr.model.diagnostics import Diagnostic, Position, Related, key_position_of, position_of
from gitconfigmgr.model.names import many, show_path
from gitconfigmgr.model.values import MAC_PENDING, SEALED, DirectiveMap, Node, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.values import Document

    RuleOf = Callable[[dict[str, Any]], "Rule | Unusable"]

_BASE64 = rb"[A-Za-z0-9+/]"
_TOKEN = re.compile(
    rb"ENC\[AES256_GCM,data:" + _BASE64 + rb"{1,4096}={0,2},iv:" + _BASE64 + rb"{43}=,tag:" + _BASE64
    + rb"{22}==,type:[a-z]{3,7}\]"
)  # fmt: skip
_PLAIN = re.compile(r"(?:\(\?i\))?(?:[^\\(]|\((?!\?)|\(\?:)*")
_MAC = re.compile(rb"[\"']?mac[\"']?[ \t]*:[ \t]*[\"']?\Z")


class Rule(Protocol):
    """Which values a SOPS file encrypts."""

    @property
    def by_comment(self) -> bool: ...
    @property
    def encrypts_matches(self) -> bool: ...
    @property
    def matches(self) -> Callable[[str], bool]: ...


class Unusable(NamedTuple):
    """Why the rule of a SOPS file cannot be used. `severity` is that of the code where it is empty."""

    reason: str
    help: str | None = None
    severity: str = ""


def plain_search(pattern: str) -> Callable[[str], bool]:
    """A search for a regular expression that means the same to every engine. Raises ValueError for any other."""
    from gitconfigmgr.check.fast import keyword_test

    test = keyword_test("pattern", pattern) if _PLAIN.fullmatch(pattern) and "[:" not in pattern else None
    if test is None:
        raise ValueError(pattern)
    return test


class Secrets(NamedTuple):
    """The secrets of one document by their text, encrypted or not, and the findings about them."""

    places: dict[bytes, Position]
    findings: list[Diagnostic]


def secrets_of(path: str, data: bytes) -> Secrets:
    """Keys in plaintext are findings; tokens are only noted."""
    hits = find(data)
    tokens = list(_TOKEN.finditer(data)) if b"ENC[" in data else []
    if not (hits or tokens):
        return Secrets({}, [])
    lines = Lines(data)
    places: dict[bytes, Position] = {}
    for match in tokens:
        if not _MAC.search(data, max(0, match.start() - 20), match.start()):
            places.setdefault(match.group(), lines.position(path, *match.span()))
    for hit in hits:
        position = lines.position(path, hit.start, hit.end)
        if lines.allowed(position.line, hit.code) is None:
            places.setdefault(data[hit.start : hit.end], position)
    return Secrets(places, [item for hit in hits if (item := finding(path, lines, hit)) is not None])


def copies(found: Iterable[tuple[str, Secrets]], protected: frozenset[str]) -> list[Diagnostic]:
    """Secrets that stand in the documents of two environments, the lower one first."""
    first: dict[bytes, tuple[str, Position]] = {}
    findings = []
    for environment, secrets in found:
        for text, position in secrets.places.items():
            other, place = first.setdefault(text, (environment, position))
            if other == environment:
                continue
            findings.append(
                Diagnostic(
                    "GCM705",
                    f"the secret is the one of {other}",
                    position,
                    severity="error" if protected & {other, environment} else "warning",
                    related=(Related(place, "also written here"),),
                    hidden=True,
                )
            )
    return findings


def check_block(document: Document, data: bytes, rule_of: RuleOf) -> list[Diagnostic]:
    """Whether the encrypted values of a document and its `sops` block belong together."""
    root, block = document.root, document.sops
    if root is None:
        return []
    if block is None:
        return _without_block(root) if root.flags & SEALED else []
    found = []
    mac = block.value.get("mac")
    if mac is None or mac.value in (None, ""):
        found.append(Diagnostic("GCM706", "the sops block has no mac", key_position_of(block)))
    elif mac.value == MAC_PENDING:
        message = "a merge without a key left the mac of the sops block open"
        found.append(Diagnostic("GCM706", message, key_position_of(mac), help="run `gitconfigmgr secret finish`"))
    rule = rule_of({key: node.value for key, node in block.value.items()})
    if isinstance(rule, Unusable):
        found.append(Diagnostic("GCM709", rule.reason, key_position_of(block), severity=rule.severity, help=rule.help))
    elif not rule.by_comment:
        found += [
            _unencrypted(node, path) for node, path in _selected(root, (), rule, chosen=not rule.encrypts_matches)
        ]
    return without_allowed(found, Lines(data)) if found else []


def _without_block(root: Node) -> list[Diagnostic]:
    tokens = [node for node in _sealed(root) if _TOKEN.fullmatch(node.value.token.encode())]
    if not tokens:
        return []
    message = f"{many(len(tokens), 'encrypted value')} in a file that has no sops block"
    return [Diagnostic("GCM707", message, position_of(tokens[0]))]


def _sealed(node: Node) -> Iterator[Node]:
    if node.flags & SEALED:
        if isinstance(node.value, (dict, list)):
            for child in node.value.values() if isinstance(node.value, dict) else node.value:
                yield from _sealed(child)
        elif isinstance(node.value, Sealed):
            yield node


def _unencrypted(node: Node, path: KeyPath) -> Diagnostic:
    message = f"{show_path(path)} is in plaintext, and the rule of the file says that it is encrypted"
    return Diagnostic("GCM704", message, position_of(node), key=show_path(path), hidden=True)


def _selected(node: Node, path: KeyPath, rule: Rule, *, chosen: bool) -> Iterator[tuple[Node, KeyPath]]:
    """The values in plaintext that the rule selects. Directives and references are no values yet."""
    value = node.value
    if isinstance(value, DirectiveMap):
        return
    if isinstance(value, dict):
        for key, child in value.items():
            hit = rule.matches(key)
            inner = chosen or hit if rule.encrypts_matches else chosen and not hit
            yield from _selected(child, (*path, key), rule, chosen=inner)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _selected(child, (*path, index), rule, chosen=chosen)
    elif chosen and value not in (None, "") and isinstance(value, (str, int, float)):
        yield node, path
