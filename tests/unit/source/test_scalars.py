"""Plain scalars: whatever a YAML 1.1 reader reads otherwise than 1.2 is refused; and `fix` puts it in quotes.

PyYAML's SafeLoader is the judge for YAML 1.1, ruamel.yaml for 1.2.
"""

from __future__ import annotations

import io
import itertools
import math
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gitconfigmgr.app.fix import fixes
from gitconfigmgr.model.settings import Limits
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.scalars import Refused, read_plain

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

PATH = "configs/acme/base.yaml"
FIXABLE = {"GCM103", "GCM105", "GCM106"}
# Read as text by us and by every YAML 1.2 reader, although PyYAML says otherwise; each with the reason.
EXCEPTIONS: dict[str, str] = {}

# (scalar, its value) for what is read, (scalar, a word of the reason) for what is refused
READ: list[tuple[str, Any]] = [
    *(("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nUll", "nUll"), ("none", "none")),
    *(("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue"), ("t", "t"), ("nope", "nope"), ("yeS", "yeS")),
    *(("0", 0), ("-0", 0), ("+12", 12), ("-7", -7), ("9007199254740991", 2**53 - 1), ("-9007199254740991", 1 - 2**53)),
    *(("0x1F", 31), ("0xff", 255), ("0X1F", "0X1F"), ("0xg", "0xg"), ("0x", "0x"), ("1a", "1a"), ("1 2", "1 2")),
    *(("1.5", 1.5), ("-0.25", -0.25), ("1.", 1.0), (".5", 0.5), ("1.5e+3", 1500.0), ("2.5E-3", 0.0025), ("1.0", 1.0)),
    *(("1.2.3", "1.2.3"), ("1.2.3-rc1", "1.2.3-rc1"), ("v1", "v1"), (".", "."), ("..", ".."), ("-a", "-a"), ("+", "+")),
    *(("127.0.0.1", "127.0.0.1"), ("a:1", "a:1"), ("1:60", "1:60"), ("::1", "::1"), ("10m", "10m"), ("50%", "50%")),
    *(("2026-W01", "2026-W01"), ("2026-1", "2026-1"), ("202-01-01", "202-01-01"), ("gpt-4o", "gpt-4o"), ("_1", "_1")),
    *(("nan", "nan"), ("inf", "inf"), ("Infinity", "Infinity"), ("é", "é"), ("e3", "e3"), ("0b", "0b"), ("0o", "0o")),
]
REFUSED = [
    *(("yes", "boolean"), ("No", "boolean"), ("ON", "boolean"), ("off", "boolean"), ("y", "boolean"), ("N", "boolean")),
    *(("010", "octal"), ("-07", "octal"), ("08", "octal"), ("0o17", "octal"), ("0b101", "binary"), ("-0x1F", "number")),
    *(("1_000", "number"), ("0x_ff", "number"), ("1_0.5", "number"), ("1.5_0", "number"), (".1_0", "number")),
    *(("1:30", "base 60"), ("190:20:30", "base 60"), ("1:30.5", "base 60"), ("-1:30", "base 60"), ("0:00", "base 60")),
    *(("2026-12-31", "date"), ("2001-12-14t21:59:43.10-05:00", "date"), ("2001-12-14 21:59:43", "date")),
    *(
        ("1e3", "text in YAML 1.1"),
        ("1E+3", "text in YAML 1.1"),
        ("1.5e3", "text in YAML 1.1"),
        ("-.5", ""),
        ("+.5", ""),
    ),
    *(
        (".inf", "infinity"),
        ("-.INF", "infinity"),
        (".nan", "no number"),
        ("1.0e+999", "infinity"),
        ("=", "1.1"),
        ("<<", ""),
    ),
    *(("9007199254740992", "rounded"), ("0x20000000000000", "rounded"), ("0.1234567890123456789", "rounded")),
    *(("1.10", "1.1"), ("3.20", "3.2"), ("9" * 50, "rounded"), ("1." + "3" * 500, "rounded")),
]


class _Folder:
    """Implements the part of ports.Tree that `fix` asks for, in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def files(self, folder: str) -> Collection[str]:
        return [path for path in self._files if path.startswith(f"{folder}/")]

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)


def old_reading(text: str) -> Any:
    """What PyYAML reads; the error's name where it cannot."""
    try:
        return yaml.load(f"a: {text}", Loader=yaml.CSafeLoader)["a"]
    except (yaml.YAMLError, ValueError) as error:
        return error


def is_plain(text: str) -> bool:
    """Whether a value written so is one plain scalar of just this text."""
    try:
        events = list(yaml.parse(f"a: {text}", Loader=yaml.CLoader))
    except yaml.YAMLError:
        return False
    scalars = [event for event in events if isinstance(event, yaml.ScalarEvent)]
    return len(events) == 8 and len(scalars) == 2 and scalars[1].value == text and not scalars[1].style


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0) or one == other
    return type(one) is type(other) and bool(one == other)


def read_otherwise(text: str) -> str | None:
    """How the two readings differ, where ours is not a refusal."""
    ours = read_plain(text)
    if isinstance(ours, Refused) or text in EXCEPTIONS or not is_plain(text):
        return None
    theirs = old_reading(text)
    return None if same(ours, theirs) else f"{text!r}: {ours!r} here, {theirs!r} there"


def short_scalars() -> Iterator[str]:
    """All short texts of the characters that numbers, dates and words are made of."""
    for length in (1, 2, 3):
        yield from map("".join, itertools.product("0178_.:-+eExobafn~=<TZ", repeat=length))
    for begin in ("", "-", "+", "0", "0x", "0b", "0o", "1.", ".", "1e", "1:", "2026-"):
        yield from (begin + "".join(rest) for rest in itertools.product("01_.:e+", repeat=4))


def words() -> Iterator[str]:
    for word in (
        "y",
        "n",
        "yes",
        "no",
        "on",
        "off",
        "true",
        "false",
        "null",
        ".inf",
        "+.inf",
        "-.inf",
        ".nan",
        "+.nan",
    ):
        yield from map("".join, itertools.product(*({char.lower(), char.upper()} for char in word)))


@pytest.mark.parametrize(("text", "value"), READ, ids=[text or "empty" for text, _ in READ])
def test_scalar_reads_as_in_yaml_1_2(text: str, value: Any) -> None:
    found = read_plain(text)
    assert type(found) is type(value)
    assert found == value


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[text[:30] for text, _ in REFUSED])
def test_scalar_is_refused_with_the_reason(text: str, reason: str) -> None:
    found = read_plain(text)
    assert isinstance(found, Refused), found
    assert found.code in {"GCM105", "GCM106"}
    assert reason in found.reason


def test_no_short_scalar_is_read_otherwise_by_yaml_1_1() -> None:
    looked_at = [text for text in (*short_scalars(), *words()) if text[0] in "0123456789+-.~=<yYnNoOtTfF"]
    assert len(looked_at) > 20_000
    suspects = [text for text in looked_at if not isinstance(read_plain(text), Refused)]
    found = [problem for text in suspects if (problem := read_otherwise(text))]
    assert found == []


NUMBERLIKE = st.text("0123456789_.:-+eExobTZ ", min_size=4, max_size=26).map(str.strip).filter(bool)
DATES = st.builds(
    "{:04}-{}-{}{}{}".format, st.integers(0, 9999), st.sampled_from(["1", "01", "12", "13", "001"]),
    st.sampled_from(["1", "31", "031"]), st.sampled_from(["", "T", "t", " ", "  ", "x"]),
    st.sampled_from(["", "1:02:03", "01:02:03", "01:02:03.5", "01:02:03Z", "01:02:03 +5", "01:02", "01:02:03 x"]),
)  # fmt: skip
FLOATS = st.floats(allow_nan=False).map(repr) | st.decimals(allow_nan=False, allow_infinity=False).map(str)


@settings(max_examples=1500, deadline=None)
@given(NUMBERLIKE | DATES | FLOATS | st.integers().map(str) | st.integers().map(hex))
@example("685.230_15e+03")
@example("+190:20:30.15")
@example("-0b1010_0111")
@example("12e03")
def test_no_scalar_is_read_otherwise_by_yaml_1_1(text: str) -> None:
    assert read_otherwise(text) is None


@settings(max_examples=300, deadline=None)
@given(NUMBERLIKE | DATES | FLOATS | st.text(max_size=8))
def test_reading_is_total_and_numbers_survive_json(text: str) -> None:
    found = read_plain(text)
    value = found.value if isinstance(found, Refused) else found
    assert value is None or isinstance(value, (bool, int, float, str))
    if isinstance(found, float):
        assert math.isfinite(found)
    if isinstance(found, int):
        assert abs(found) < 2**53


# -- fix --------------------------------------------------------------------------------------------------------------


def fixed(text: str) -> str:
    """The text after `fix`."""
    found = fixes(_Folder({PATH: text.encode()}))  # type: ignore[arg-type]  # all that fixes asks for
    return found[0].after if found else text


def codes(text: str) -> set[str]:
    _, findings = read_document(PATH, "acme", "base", "", text.encode(), Limits())
    return {item.code for item in findings}


def as_yaml_1_2(text: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return reader.load(io.StringIO(text))


@cache
def refusable() -> list[str]:
    return [text for text, _ in REFUSED if len(text) < 40] + ["2001-12-14 21:59:43.1 +01:00", "1_000_000", "NO", "Off"]


@pytest.mark.parametrize("form", ["a: {}\n", "a: {} # c\n", "a:\n  - {}\n  - b\n", "a: [{}, b]\n", "a: {{b: {}}}\n"])
def test_fix_quotes_values_and_keeps_their_text(form: str) -> None:
    for scalar in refusable():
        text = form.format(scalar)
        after = fixed(text)
        assert not codes(after) & FIXABLE, after
        assert after == text.replace(scalar, f'"{scalar}"', 1)
        assert scalar in str(as_yaml_1_2(after))


@pytest.mark.parametrize("form", ["{}: 1\n", "a: {{{}: 1}}\n", "a:\n  {}: 1\n", "? {}\n: 1\n"])
def test_fix_quotes_keys(form: str) -> None:
    for key in [*refusable(), "1", "-1.5", "true", "null", "~"]:
        text = form.format(key)
        after = fixed(text)
        assert codes(text) & (FIXABLE | {"GCM107"}), text
        if key != "<<":  # a merge key means something: it is written out by hand
            assert not codes(after) & FIXABLE, after
            document = as_yaml_1_2(after)
            assert key in (document.get("a") or document)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x no\nb: *x\n",
        "a: [&x 010, *x]\n",
        "&x no: 1\nb: *x\n",
        "a: &x\n  no\nb: *x\n",
    ],
)
def test_fix_keeps_anchors(text: str) -> None:
    after = fixed(text)
    assert "&x" in after
    assert "GCM101" not in codes(after)
    assert not codes(after) & FIXABLE


@pytest.mark.parametrize(
    "value",
    ['2001-12-14 01:02:03 say "hi"', "2001-12-14 01:02:03 c:\\new", '2001-12-14 01:02:03 "', "2001-12-14 1:02:03 \\"],
)
def test_fix_never_breaks_a_file(value: str) -> None:
    after = fixed(f"a: {value}\n")
    assert not codes(after)
    assert as_yaml_1_2(after) == {"a": value}


def test_fix_changes_nothing_else() -> None:
    text = "# head\na:   no   # why\n\nb: [ 1,yes ]\nc: 'no'\nd: \"010\"\ne: |\n  no\n  010\nf: a no\ng: plain\n"
    expected = text.replace("a:   no", 'a:   "no"').replace("1,yes", '1,"yes"')
    assert fixed(text) == expected
    assert fixed(expected) == expected


@settings(max_examples=150, deadline=None)
@given(st.lists(NUMBERLIKE | DATES | st.sampled_from(["no", "Y", "off", ".nan", "1_0"]), min_size=1, max_size=6))
def test_fixed_document_reads_the_same_text_in_yaml_1_2(values: list[str]) -> None:
    plain = [value for value in values if is_plain(value)]
    text = "".join(f"k{number}: {value}\n" for number, value in enumerate(plain))
    after = fixed(text)
    assert not codes(after) & FIXABLE
    read = as_yaml_1_2(after) or {}
    for number, value in enumerate(plain):
        if isinstance(read_plain(value), Refused):
            assert read[f"k{number}"] == value
