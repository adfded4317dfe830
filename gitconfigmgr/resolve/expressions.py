"""The text of references: `${namespace@environment:path.to.key:-default}` among plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from gitconfigmgr.model.names import PathSyntaxError, parse_path

_PLACE = re.compile(r"([a-z0-9][a-z0-9._/-]*)?(?:@([a-z0-9][a-z0-9._-]*))?\Z")


class ExpressionSyntaxError(ValueError):
    """The text is no reference; `piece` is the part that is wrong."""

    def __init__(self, message: str, piece: str) -> None:
        super().__init__(message)
        self.piece = piece


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference. None means: this namespace, this environment, no default."""

    text: str
    path: tuple[str, ...]
    namespace: str | None = None
    environment: str | None = None
    default: str | None = None


@lru_cache(maxsize=20_000)
def parse(text: str) -> tuple[str | Reference, ...]:
    """The pieces of a text. Raises ExpressionSyntaxError."""
    pieces: list[str | Reference] = []
    plain = ""
    at = 0
    while True:
        found = text.find("${", at)
        if found < 0:
            plain += text[at:]
            break
        if found > at and text[found - 1] == "$":
            plain += text[at : found - 1] + "${"
            at = found + 2
            continue
        plain += text[at:found]
        end = _closing(text, found + 2)
        if plain:
            pieces.append(plain)
            plain = ""
        pieces.append(_reference(text[found : end + 1]))
        at = end + 1
    if plain:
        pieces.append(plain)
    return tuple(pieces)


def _closing(text: str, at: int) -> int:
    """The index of the `}` that closes a reference."""
    quoted = False
    for index in range(at, len(text)):
        character = text[index]
        if character == '"':
            quoted = not quoted
        elif text.startswith("${", index) and not quoted:
            raise ExpressionSyntaxError("references do not nest", text[at - 2 : index + 2])
        elif character == "}" and not quoted:
            return index
        elif character == "\n":
            break
    raise ExpressionSyntaxError("${ is not closed by }", text[at - 2 :].split("\n", maxsplit=1)[0][:40])


def _reference(text: str) -> Reference:
    body = text[2:-1]
    default = None
    cut = _outside_quotes(body, ":-")
    if cut >= 0:
        body, default = body[:cut], body[cut + 2 :]
    namespace = environment = None
    cut = _outside_quotes(body, ":")
    if cut >= 0:
        place = _PLACE.match(body[:cut])
        if not place or not body[:cut]:
            raise ExpressionSyntaxError(
                f"{body[:cut]} is no namespace" if body[:cut] else "the namespace is missing", text
            )
        namespace, environment = place.groups()
        body = body[cut + 1 :]
    try:
        path = parse_path(body)
    except PathSyntaxError:
        raise ExpressionSyntaxError(
            f"{body} is no path of keys" if body else "the path of keys is missing", text
        ) from None
    return Reference(text, path, namespace, environment, default)


def _outside_quotes(text: str, what: str) -> int:
    """Where `what` first stands outside double quotes, or -1."""
    at = text.find(what)
    while at >= 0 and text.count('"', 0, at) % 2:
        at = text.find(what, at + 1)
    return at
