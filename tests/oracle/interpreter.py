"""The oracle: what a target of a repository is, straight from docs/language.md and its edges in ADR 2.

Only tests use it. Not covered: `$template`, text that touches a secret, recorded versions. A rule id is "M1" to "M17",
or "REF-" and one of dangling, cycle, depth, syntax, not-scalar, namespace.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.oracle.merging import Fold, Judge, Node, Path, Repo, Required, Target, canonical, children

DEEPEST = 32


@dataclass
class Outcome:
    """Either a value or errors as (rule, dotted path); `tainted`: another target's error, or a secret, takes part."""

    value: Any = None
    errors: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    tainted: bool = False


_KEY = r'(?:"(?:[^"\\]|\\.)*"|[^\s.:"{}$]+)'
_NAME = "[a-z0-9][a-z0-9._-]*"
_REFERENCE = re.compile(
    rf"\$\{{(?:(?=[^\s:\"]*:(?!-))(?P<ns>{_NAME}(?:/{_NAME})*)?(?:@(?P<env>{_NAME}))?:)?"
    rf"(?P<path>{_KEY}(?:\.{_KEY})*)(?::-(?P<default>[^{{}}]*))?\}}"
)


@dataclass(frozen=True)
class Reference:
    namespace: str | None
    environment: str | None
    path: Path
    default: str | None


class BrokenError(Exception):
    """A reference that has no value; `where` is the place of the reference."""

    def __init__(self, rule: str, where: Place) -> None:
        super().__init__(rule)
        self.rule = rule
        self.where = where


class MissingError(Exception):
    """What a reference names does not exist."""


class BlockedError(Exception):
    """It exists, but an error that is reported elsewhere, or being secret, leaves it without a plain value."""


@dataclass(frozen=True)
class Place:
    """A node where it stands in the merged document of a target."""

    target: Target
    path: Path
    node: Node = field(compare=False, hash=False)


def parse_text(text: str) -> list[str | Reference] | None:
    """The pieces of a text; None where a reference is malformed."""
    pieces: list[str | Reference] = []
    at = 0
    while at < len(text):
        if text.startswith("$${", at):
            pieces.append("${")
            at += 3
        elif text.startswith("${", at):
            match = _REFERENCE.match(text, at)
            if match is None or match.group(0).startswith("${:"):
                return None
            keys = tuple(unquote(key) for key in re.findall(_KEY, match["path"]))
            pieces.append(Reference(match["ns"], match["env"], keys, match["default"]))
            at = match.end()
        else:
            pieces.append(text[at])
            at += 1
    return pieces


def unquote(key: str) -> str:
    return re.sub(r"\\(.)", r"\1", key[1:-1]) if key.startswith('"') else key


def scalar_of(text: str) -> Any:
    """A plain YAML scalar of the core schema; nothing at all is the empty text."""
    words = {"null": None, "~": None, "true": True, "false": False}
    if text in words:
        return words[text]
    if re.fullmatch(r"[-+]?\d+", text):
        return int(text)
    if re.fullmatch(r"[-+]?(\d+\.\d*|\.\d+)", text):
        return float(text)
    return unquote(text)


def is_sealed(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("ENC[AES256_GCM,")


def in_text(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)


class Resolver:
    """The values of references, found afresh each time they are asked for."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.folds: dict[Target, Fold] = {}

    def fold(self, target: Target) -> Fold:
        if target not in self.folds:
            self.folds[target] = Fold(self.repo, *target)
        return self.folds[target]

    def value(self, place: Place, chain: tuple[Place, ...] = ()) -> Any:
        """The plain value at a place. `chain` holds the references that led here."""
        data = place.node.value
        if isinstance(data, Required):
            raise BlockedError
        if isinstance(data, dict):
            return {key: self.value(child, chain) for key, child in self.below(place).items()}
        if isinstance(data, list):
            return [self.value(child, chain) for child in self.below(place).values()]
        if not isinstance(data, str) or is_sealed(data):
            return data
        pieces = self.pieces(place)
        if len(pieces) == 1 and isinstance(pieces[0], Reference):
            return self.value(*self.follow(pieces[0], place, chain))
        return "".join(piece if isinstance(piece, str) else self.text(piece, place, chain) for piece in pieces)

    def below(self, place: Place) -> dict[str, Place]:
        return {key: Place(place.target, (*place.path, key), child) for key, child in children(place.node).items()}

    def pieces(self, place: Place) -> list[str | Reference]:
        pieces = parse_text(place.node.value)
        if pieces is None:
            raise BrokenError("REF-syntax", place)
        return pieces

    def text(self, reference: Reference, place: Place, chain: tuple[Place, ...]) -> str:
        """The value of a reference inside text; a default is text there."""
        try:
            found = self.locate(reference, place, (*chain, place))
        except MissingError:
            if reference.default is None:
                raise BrokenError(self.rule_of_missing(reference), place) from None
            return reference.default
        value = self.value(*found)
        if is_sealed(value):
            raise BlockedError
        if isinstance(value, dict | list):
            raise BrokenError("REF-not-scalar", place)
        return in_text(value)

    def follow(self, reference: Reference, place: Place, chain: tuple[Place, ...]) -> tuple[Place, tuple[Place, ...]]:
        """Where a reference that is the whole value leads, and the references on the way there."""
        try:
            return self.locate(reference, place, (*chain, place))
        except MissingError:
            if reference.default is None:
                raise BrokenError(self.rule_of_missing(reference), place) from None
            # an anonymous place: a default is a literal and refers to nothing
            literal = scalar_of(reference.default)
            escaped = literal.replace("${", "$${") if isinstance(literal, str) else literal
            return Place(place.target, (*place.path, ":-"), Node(escaped, place.node.layer)), chain

    def rule_of_missing(self, reference: Reference) -> str:
        known = reference.namespace is None or self.repo.has_namespace(reference.namespace)
        return "REF-dangling" if known else "REF-namespace"

    def locate(self, reference: Reference, place: Place, chain: tuple[Place, ...]) -> tuple[Place, tuple[Place, ...]]:
        """The place a reference names; `chain` ends with the reference itself. Raises MissingError."""
        if place in chain[:-1]:
            raise BrokenError("REF-cycle", place)
        if len(chain) > DEEPEST:
            raise BrokenError("REF-depth", chain[0])
        target = (reference.namespace or place.target[0], reference.environment or place.target[1])
        if target[1] not in self.repo.environments():
            raise BrokenError("REF-namespace", place)
        if not self.repo.has_namespace(target[0]):
            raise MissingError
        fold = self.fold(target)
        if fold.errors and target != place.target:
            raise BlockedError
        found = Place(target, (), fold.root)
        for key in reference.path:
            found, chain = self.through(found, chain)
            below = self.below(found)
            if key not in below:
                raise BlockedError if isinstance(found.node.value, Required) else MissingError
            found = below[key]
        return found, chain

    def through(self, place: Place, chain: tuple[Place, ...]) -> tuple[Place, tuple[Place, ...]]:
        """A path may lead through a reference that is a whole value."""
        if not isinstance(place.node.value, str) or is_sealed(place.node.value):
            return place, chain
        pieces = self.pieces(place)
        if len(pieces) == 1 and isinstance(pieces[0], Reference):
            return self.through(*self.follow(pieces[0], place, chain))
        return place, chain


def resolve_target(repo: Repo, namespace: str, environment: str) -> Outcome:
    """The effective value of a target, or its errors."""
    target = (namespace, environment)
    resolver = Resolver(repo)
    fold, judge = resolver.fold(target), Judge(repo, environment)
    judge.visit(fold.root, ())
    outcome = Outcome(None, fold.errors + judge.errors, fold.warnings + judge.warnings)
    if not fold.errors:
        outcome.value = resolve_all(resolver, Place(target, (), fold.root), outcome)
    if outcome.errors:
        outcome.value = None
    return outcome


def resolve_all(resolver: Resolver, place: Place, outcome: Outcome) -> Any:
    """The value of a place; errors of its references are noted once, where the faulty reference stands."""
    below = resolver.below(place)
    if below:
        values = {key: resolve_all(resolver, child, outcome) for key, child in below.items()}
        return list(values.values()) if isinstance(place.node.value, list) else values
    try:
        return resolver.value(place)
    except BrokenError as broken:
        outcome.tainted |= broken.where.target != place.target
        error = (broken.rule, ".".join(broken.where.path))
        if error not in outcome.errors:
            outcome.errors.append(error)
    except BlockedError:
        outcome.tainted = True
    return None
