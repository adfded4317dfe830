"""Positions, allow comments, copies, and what a schema marks."""

from __future__ import annotations

import sys
from random import Random

import pytest

from gitconfigmgr.check.hygiene.layers import Unusable, copies, secrets_of
from gitconfigmgr.check.hygiene.marked import is_plaintext
from gitconfigmgr.check.hygiene.marks import Lines, scan
from gitconfigmgr.pipeline import _sops_rule

from . import keys

KEY = keys.KEYS["Groq key"](Random(1))


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (f"{KEY}", 1, 1),
        (f"a\n\n {KEY}\n", 3, 2),
        (f"é𝒳 {KEY}", 1, 4),
        (f"\ufeff{KEY}", 1, 1),
        (f"\ufeffa {KEY}", 1, 3),
        (f"a\r\n{KEY}\r\n", 2, 1),
        (f"\udcff {KEY}", 1, 3),
    ],
)
def test_positions_are_in_code_points(text: str, line: int, column: int) -> None:
    (found,) = scan("a.md", text.encode("utf-8", "surrogateescape"))
    assert found.position == ("a.md", line, column, line, column + len(KEY))
    assert KEY not in repr(found)
    assert found.hidden


@pytest.mark.parametrize(
    ("comment", "allowed"),
    [
        ("# gitconfigmgr:allow GCM701 revoked", True),
        ("// gitconfigmgr:allow GCM702,GCM701 revoked", True),
        ("<!-- gitconfigmgr:allow GCM701 revoked -->", True),
        ("# gitconfigmgr:allow GCM701", False),
        ("# gitconfigmgr:allow GCM701:  ", False),
        ("/* gitconfigmgr:allow GCM701 */ is no reason", False),
        ("<!-- gitconfigmgr:allow GCM701 --> is no reason", False),
        ("# gitconfigmgr:allow GCM702 another code", False),
        ("# gitconfigmgr:allow revoked", False),
        ("\n# gitconfigmgr:allow GCM701 on another line", False),
    ],
)
def test_allow_comments_need_a_reason(comment: str, allowed: bool) -> None:
    assert (scan("a.md", f"{KEY} {comment}\n".encode()) == []) is allowed


def test_line_above_allows_a_private_key_only() -> None:
    key = keys.KEYS["private key"](Random(1))
    assert scan("key", f"# gitconfigmgr:allow GCM702 of the tests\n{key}".encode()) == []
    assert len(scan("key", f"# gitconfigmgr:allow GCM701 of the tests\n{KEY}".encode())) == 1


def test_lines_of_nothing() -> None:
    lines = Lines(b"")
    assert lines.position("a", 0, 0) == ("a", 1, 1, 1, 1)
    assert lines.line(0) == lines.line(2) == b""


def token(random: Random) -> str:
    data, iv, tag = (keys.b64encode(random.randbytes(size)).decode() for size in (9, 32, 16))
    return f"ENC[AES256_GCM,data:{data},iv:{iv},tag:{tag},type:str]"


def test_copies_are_reported_once_and_in_one_order() -> None:
    random = Random(1)
    one, two, mac = token(random), token(random), token(random)
    texts = {
        "base": f"a: {one}\nb: {one}\nmac: {mac}\n",
        "development": f"k: {KEY}\nmac: {mac}\n",
        "staging": f"a: {two}\nk: {KEY}\n",
        "production": f'c: {one}\nd: {two}\nk: {KEY}\n"mac": "{mac}"\n',
    }
    found = copies(
        [(name, secrets_of(f"{name}.yaml", text.encode())) for name, text in texts.items()], frozenset({"production"})
    )
    shown = [(item.position[:2], item.severity, item.related[0].position[:2]) for item in found]
    assert shown == [
        (("staging.yaml", 2), "warning", ("development.yaml", 1)),
        (("production.yaml", 1), "error", ("base.yaml", 1)),
        (("production.yaml", 2), "error", ("staging.yaml", 1)),
        (("production.yaml", 3), "error", ("development.yaml", 1)),
    ]


def test_allowed_keys_are_no_copies() -> None:
    text = f"k: {KEY} # gitconfigmgr:allow GCM701 the same everywhere\n".encode()
    assert copies([(name, secrets_of(name, text)) for name in "ab"], frozenset()) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hunter2", True),
        ("vaulted", True),
        (7, True),
        (0.5, True),
        ("vault:kv/llm#key", False),
        ("env:OPENAI_API_KEY", False),
        ("arn:aws:secretsmanager:eu-west-1:1:secret:x", False),
        ("ref+vault://kv/x", False),
        ("ref+vault:kv/x", False),
        ("os.environ/OPENAI_API_KEY", False),
        ("$OPENAI_API_KEY", False),
        ("${key}", False),
        ("{{ key }}", False),
        ("<your key>", False),
        ("xxxx", False),
        ("", False),
        (None, False),
        (True, False),
    ],
)
def test_what_counts_as_plaintext(value: object, expected: bool) -> None:
    assert is_plaintext(value) is expected


@pytest.mark.parametrize(
    ("pattern", "selected", "left"),
    [
        ("^(pass-word|token)$", ["pass-word", "token"], ["tokens", "Token"]),
        ("(?i)pass-word", ["db_PASS-word"], ["token"]),
        ("^(?:a|b)+-[0-9]$", ["ab-1"], ["c-1"]),
    ],
)
def test_rules_are_read_without_the_library_that_sops_reads_them_with(
    monkeypatch: pytest.MonkeyPatch, pattern: str, selected: list[str], left: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    rule = _sops_rule({"encrypted_regex": pattern})
    assert not isinstance(rule, Unusable)
    assert [text for text in selected + left if rule.matches(text)] == selected


@pytest.mark.parametrize(
    "pattern", [r"\pN-without", "[[:alpha:]]-without", "(?s)without", "(?P<name>without)", "without("]
)
def test_a_rule_that_another_engine_may_read_otherwise_is_not_guessed(
    monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    rule = _sops_rule({"encrypted_regex": pattern})
    assert isinstance(rule, Unusable)
    assert (rule.severity, "gitconfigmgr[secrets]" in (rule.help or "")) == ("warning", True)
