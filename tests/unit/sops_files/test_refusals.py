"""Bad input: cut and edited tokens, values that SOPS would change, files that are not what they seem."""

from __future__ import annotations

import pickle
import traceback

import pytest

from gitconfigmgr.secrets import opening, sealing
from gitconfigmgr.secrets.errors import (
    FormatError,
    NotEncryptedError,
    RefusedError,
    RulesError,
    SecretsError,
    TamperedError,
)
from gitconfigmgr.secrets.keyring import NoKeyError
from gitconfigmgr.secrets.selection import Selection, compiled, selection_from
from gitconfigmgr.secrets.tokens import DataKey
from tests.unit.sops_files.support import NOW, Person, decrypted, encrypted, key_of


@pytest.fixture(scope="module")
def person() -> Person:
    return Person()


@pytest.mark.parametrize(
    "text", ["a: 0644", "a: 1_000", "a: 2001-12-14", "a: 2001-12-14T21:59:43Z", "a: -0.0", "a_unencrypted: -0.0", "a: 0b11", "a: 08",
             "a: &x v", "a: !foo v", "a: !!binary aGk=", "a: &x\n  b: 1\nc: *x", "1: a", "true: a", "~: a", "a: 18446744073709551615",
             "a: 1\na: 2", "? [x]\n: 1", "- a", "text", "", "# only", "a: 'ENC[AES256_GCM,data:x]'", "sops: {}\na: 1", "a: *nope",
             "&k a: 1", "{a: 1}", "a: [", "%YAML 1.2\n---\na: 1", "a: \x01", "---\na: 1\n---\n"],
)  # fmt: skip
def test_yaml_that_is_refused(person, text):
    with pytest.raises(SecretsError) as caught:
        encrypted(person, text.encode())
    assert caught.value.hint


@pytest.mark.parametrize(
    "text", ["a: 0x1F", "a: 0o17", "a: 1e3", "a: 6.022e23", "a: '0644'", "a: .inf", "a: 1.0", "a: !!str 5 # x"]
)
def test_yaml_that_keeps_its_value(person, text):
    if "!!str" in text:
        with pytest.raises(RefusedError):
            encrypted(person, text.encode())
        return
    data = encrypted(person, text.encode())
    assert opening.plain_data(data, "yaml", key_of(person, data))


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "[1]", "", "{", '{"a": 1} x', '{"a": 01}', '{"a": 1e999}', '{"a": NaN}', '{a: 1}', '{"a": "\\ud800"}',
                                  '{"a": 18446744073709551616}', '{"a_unencrypted": 9007199254740993}', '{"a": -0.0}', '{"sops": 1}', "[" * 600 + "]" * 600])  # fmt: skip
def test_json_that_is_refused(person, text):
    with pytest.raises(SecretsError):
        encrypted(person, text.encode(), "json")


@pytest.mark.parametrize(
    "text", ["[s]\na=1\n[s]\nb=2\n", "[s]\nnovalue\n", "[s]\na=1\na=2\n", '[s]\na="x\n', "[s]\na=x\\\n", "[s\na=1\n"]
)
def test_ini_that_is_refused(person, text):
    with pytest.raises(SecretsError):
        encrypted(person, text.encode(), "ini")


def test_bytes_that_are_not_text(person):
    with pytest.raises(FormatError, match="0xff is not UTF-8"):
        encrypted(person, b"a: 1\nb: \xff\n")


def _tampered(data: bytes) -> list[bytes]:
    token = data[data.index(b"ENC[") : data.index(b"]", data.index(b"ENC[")) + 1]
    flipped = token.replace(b"data:", b"data:AAAA", 1)
    return [
        data.replace(token, token[:40]), data.replace(token, token[:-1]), data.replace(token, flipped),
        data.replace(token, token.replace(b"type:str", b"type:int")), data.replace(token, token.replace(b"type:str", b"type:xx")),
        data.replace(token, b"plaintext"), data.replace(token, b"5"), data.replace(token, token + b"x"),
        data.replace(token, token.replace(b"tag:", b"tag:AAAA", 1)), data.replace(token, b'""'), data.replace(b"a: ENC", b"z: ENC"),
        data.replace(b"lastmodified: \"2026", b"lastmodified: \"2025"), data.replace(b"lastmodified", b"lastmod"),
        data.replace(b"visible", b"changed"), data.replace(b"    mac: ENC", b"    mac: enc"), data.replace(b"version: 3.11.0", b"version: \"\""),
    ]  # fmt: skip


@pytest.mark.parametrize("index", range(16))
def test_edited_files_are_rejected(person, index):
    data = encrypted(person, b"a: s3cr3t-value\nb_unencrypted: visible\n")
    forged = _tampered(data)[index]
    assert forged != data
    with pytest.raises(SecretsError) as caught:
        decrypted(person, forged)
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))


def test_a_foreign_code_is_rejected(person):
    one, two = encrypted(person, b"a: 1\n"), encrypted(person, b"a: 1\n")
    mac = two[two.index(b"mac: ") : two.index(b"\n", two.index(b"mac: "))]
    own = one[one.index(b"mac: ") : one.index(b"\n", one.index(b"mac: "))]
    with pytest.raises(TamperedError, match="does not fit"):
        decrypted(person, one.replace(own, mac))


def test_the_wrong_identity(person):
    data = encrypted(person, b"a: 1\n")
    with pytest.raises(NoKeyError, match="none of the age identities"):
        key_of(Person(), data)


def test_what_is_not_encrypted():
    with pytest.raises(NotEncryptedError):
        opening.read(b"a: 1\n", "yaml")


def test_encrypting_twice_is_refused(person):
    with pytest.raises(RefusedError, match="already"):
        encrypted(person, encrypted(person, b"a: 1\n"))


def test_keys_and_values_show_nothing(person):
    key = DataKey.new()
    assert key.reveal().hex() not in repr(key)
    assert repr(key) == "<data key>"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    data = encrypted(person, b"a: s3cr3t\n# c0mment\n")
    opened = opening.open_all(opening.read(data, "yaml"), key_of(person, data))
    assert "s3cr3t" not in repr(opened)
    assert "c0mment" not in repr(opened)


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(", r"\C", "a" * 5_000, "(?<!x)y"])
def test_patterns_that_are_refused(pattern):
    with pytest.raises(RulesError):
        compiled(pattern)


def test_patterns_do_not_hang():
    assert not compiled("(a+)+$")("a" * 50_000 + "b")
    assert compiled("[[:alpha:]]")("x")
    assert not compiled(r"^\w$")("é")


def test_two_rules_cannot_go_together():
    with pytest.raises(RulesError, match="encrypted_regex"):
        selection_from({"encrypted_regex": "a", "unencrypted_suffix": "b"})


def test_comments_in_lists_stay_readable_and_are_refused_where_comments_rule(person):
    text = b"l:\n  # note\n  - x\n"
    assert b"# note" in encrypted(person, text)
    with pytest.raises(RefusedError, match="comment in a list"):
        encrypted(person, text, "yaml", Selection("encrypted_comment_regex", "note"))


def test_a_comment_that_sops_encrypted_in_a_list_does_not_become_plaintext(person):
    from tests.unit.sops_files.support import Sops

    theirs = Sops(person).encrypt(b"l:\n  # s3cret note\n  - x\n")
    plain = decrypted(person, theirs)
    assert plain == b"l:\n    # s3cret note\n    - x\n"
    again = sealing.encrypt_again(plain + b"n: 1\n", theirs, "yaml", key_of(person, theirs), NOW)
    assert b"s3cret" not in again
    assert Sops(person).decrypt(again) == b"l:\n    # s3cret note\n    - x\nn: 1\n".replace(b"n:", b'"n":')


def test_a_large_file(person):
    text = b"".join(b"k%d: %s\n" % (index, b"v" * 1_000) for index in range(2_000))
    data = encrypted(person, text)
    assert decrypted(person, data) == text


def test_a_thousand_recipients(person):
    others = tuple(Person().recipient for _ in range(200))
    data = encrypted(person, b"a: 1\n", "yaml", None, (*others, person.recipient))
    assert decrypted(person, data) == b"a: 1\n"


@pytest.mark.parametrize(
    "text", ['a: "x"# note\n', "l:\n- 'x'#note\n- y\n", "a: x\r\nb: |\r\n  y\r\n", "a: >-\n  f\n  g\n\n# end", "a: b\n...\n", "  a: 1\n  b: 2\n",
             "a: \"x\\ny\" \t\n", "a: {b: [x, 'y'], c: {}}\n", "? a\n: b\n", "a:\n- - x\n  - y\n", "\ufeffa: 1\n", "a:    1   \n"],
)  # fmt: skip
def test_unusual_layouts(person, text):
    from tests.unit.sops_files.comparison import data_of
    from tests.unit.sops_files.support import Sops

    data = encrypted(person, text.encode())
    assert data_of(decrypted(person, data), "yaml") == data_of(text.removeprefix("\ufeff").encode(), "yaml")
    assert data_of(Sops(person).decrypt(data), "yaml") == data_of(text.removeprefix("\ufeff").encode(), "yaml")
