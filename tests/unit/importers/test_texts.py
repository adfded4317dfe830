r"""Texts with references, as reclass reads them."""

from __future__ import annotations

import pytest

from gitconfigmgr.adapters.importers.reclass.texts import Reference, Text, TextError, parse


def ref(*parts: str | Reference) -> Reference:
    return Reference(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        (r"\n \\ \}", r"\n \\ \}"),
        ("$${", "$${"),
        ("${a}", Text((ref("a"),))),
        ("${ a b }", Text((ref(" a b "),))),
        ("x-${a:b}-y", Text(("x-", ref("a:b"), "-y"))),
        ("${a}${b}", Text((ref("a"), ref("b")))),
        ("${a:${b}:c}", Text((ref("a:", ref("b"), ":c"),))),
        ("${${a}}", Text((ref(ref("a")),))),
        (r"\${a}", "${a}"),
        (r"\\${a}", Text(("\\", ref("a")))),
        (r"x\\${a}", Text(("x\\", ref("a")))),
        (r"\$[a]", "$[a]"),
        (r"${a\}b}", Text((ref("a}b"),))),
        ("a${b}}", Text(("a", ref("b"), "}"))),
        ("$${a}", Text(("$", ref("a")))),
        ("a\t${b}", Text(("a       ", ref("b")))),
    ],
)
def test_parse(text: str, expected: str | Text) -> None:
    if text == "$${":
        with pytest.raises(TextError):
            parse(text)
    else:
        assert parse(text) == expected


@pytest.mark.parametrize("text", ["${", "${}", "${a", "${a:${b}", r"${a\}", "$[ exports:a ]"])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(TextError):
        parse(text)


def test_a_text_shows_as_it_was_written() -> None:
    assert str(parse("x ${a:${b}} y")) == "x ${a:${b}} y"
