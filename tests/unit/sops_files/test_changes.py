"""Setting, removing, rekeying and rotating: what changes in the text, and that `sops` accepts the result."""

from __future__ import annotations

import json

import pytest

from gitconfigmgr.secrets import keyring, opening, sealing
from gitconfigmgr.secrets.errors import FormatError, RefusedError, TamperedError
from gitconfigmgr.secrets.selection import Selection
from gitconfigmgr.secrets.tokens import DataKey
from tests.unit.sops_files.comparison import data_of
from tests.unit.sops_files.support import NOW, Person, Sops, changed_lines, decrypted, encrypted, key_of

YAML = b"""# head
api:
    key: sk-old   # inline
    limits: {rps: 10, burst: 2.5}
    hosts:
        - one
        - two
        - name: x
          port: 1
flag: true
pem: |
    line one
    line two
"""


@pytest.fixture(scope="module")
def person() -> Person:
    return Person()


@pytest.fixture(scope="module")
def sealed(person) -> bytes:
    return encrypted(person, YAML)


def _set(person, data, path, value, format_="yaml", **options):
    return sealing.set_value(data, format_, key_of(person, data, format_), path, value, NOW.replace(hour=5), **options)


@pytest.mark.parametrize(
    ("path", "value"),
    [(("api", "key"), "sk-new"), (("api", "limits", "rps"), 20), (("api", "hosts", 1), "three"), (("flag",), False),
     (("pem",), "one line"), (("api", "hosts", 2, "port"), 2.5), (("api", "key"), "a\nb\n")],
)  # fmt: skip
def test_setting_one_value_changes_three_lines(person, sealed, path, value):
    after = _set(person, sealed, path, value)
    assert len(changed_lines(sealed, after)) == 3
    back = opening.plain_data(after, "yaml", key_of(person, after))[0]
    for part in path:
        back = back[part]
    assert back == value
    assert type(back) is type(value)
    assert data_of(Sops(person).decrypt(after), "yaml") == data_of(decrypted(person, after), "yaml")


@pytest.mark.parametrize(
    ("path", "value"),
    [(("new",), "x"), (("api", "new"), 5), (("api", "hosts", 3), "end"), (("api", "limits", "extra"), "y"), (("a", "b", "c"), True),
     (("api", "hosts", 2, "z"), None), (("map",), {"k": {"n": [1, {"x": "y"}]}, "e": {}}), (("api", "limits"), {"rps": 1}),
     (("api", "hosts"), ["only"]), (("api",), "flat"), (("flag",), {"a": 1})],
)  # fmt: skip
def test_setting_what_was_not_there(person, sealed, path, value):
    expected = data_of(YAML, "yaml")[0]
    at = expected
    for part in path[:-1]:
        at = at.setdefault(part, {}) if isinstance(at, dict) else at[part]
    at.append(value) if isinstance(at, list) and path[-1] == len(at) else at.__setitem__(path[-1], value)
    after = _set(person, sealed, path, value)
    assert opening.plain_data(after, "yaml", key_of(person, after))[0] == expected
    assert data_of(Sops(person).decrypt(after), "yaml")[0] == expected
    assert "sk-old" not in after.decode()


def test_the_same_value_changes_nothing(person, sealed):
    assert _set(person, sealed, ("api", "key"), "sk-old") == sealed


@pytest.mark.parametrize(
    "path", [("api", "key"), ("api", "limits", "rps"), ("api", "limits"), ("api", "hosts", 0), ("api", "hosts", 2),
             ("api", "hosts", 2, "name"), ("flag",), ("pem",), ("api",)],
)  # fmt: skip
def test_removing(person, sealed, path):
    expected = data_of(YAML, "yaml")[0]
    at = expected
    for part in path[:-1]:
        at = at[part]
    del at[path[-1]]
    after = sealing.unset_value(sealed, "yaml", key_of(person, sealed), path, NOW)
    assert opening.plain_data(after, "yaml", key_of(person, after))[0] == expected
    assert data_of(Sops(person).decrypt(after), "yaml")[0] == expected


def test_text_of_several_lines_beside_a_comment(person):
    data = encrypted(person, b"a: 1 # note\nl:\n  - x # item\n  - {k: v} # map\n")
    for path in (("a",), ("l", 0), ("l", 1)):
        for value in ("one\ntwo\n", {"q": "one\ntwo"}):
            after = _set(person, data, path, value)
            assert opening.get_value(after, "yaml", key_of(person, after), path) == value
            assert len(data_of(Sops(person).decrypt(after), "yaml")[0]["l"]) == 2


def test_removing_the_last_of_a_container(person):
    data = encrypted(person, b"a:\n  b:\n    c: 1\n  l:\n    - x\nf: {g: 1}\ns:\n  - k: v\n  - m\n")
    for path in (("a", "b", "c"), ("a", "l", 0), ("f", "g"), ("s", 0, "k")):
        data = sealing.unset_value(data, "yaml", key_of(person, data), path, NOW)
    assert opening.plain_data(data, "yaml", key_of(person, data)) == [
        {"a": {"b": {}, "l": []}, "f": {}, "s": [{}, "m"]}
    ]
    assert data_of(Sops(person).decrypt(data), "yaml") == [{"a": {"b": {}, "l": []}, "f": {}, "s": [{}, "m"]}]


def test_json_changes(person):
    for text in (b'{"a": {"b": 1}, "l": [1]}', b'{\n\t"a": {\n\t\t"b": 1\n\t},\n\t"l": [1]\n}\n'):
        data = encrypted(person, text, "json")
        data = _set(person, data, ("a", "c"), "x", "json")
        data = _set(person, data, ("n",), [True, None], "json")
        data = _set(person, data, ("l", 1), 2, "json")
        key = key_of(person, data, "json")
        data = sealing.unset_value(data, "json", key, ("a", "b"), NOW)
        expected = {"a": {"c": "x"}, "l": [1, 2], "n": [True, None]}
        assert opening.plain_data(data, "json", key) == [expected]
        assert json.loads(Sops(person).decrypt(data, "json")) == expected


def test_line_formats_change(person):
    data = encrypted(person, b"# c\nA=1\nB=2\n", "dotenv")
    data = _set(person, data, ("A",), "x\ny", "dotenv")
    data = _set(person, data, ("C",), "new", "dotenv")
    data = sealing.unset_value(data, "dotenv", key_of(person, data, "dotenv"), ("B",), NOW)
    assert Sops(person).decrypt(data, "dotenv") == b"# c\nA=x\\ny\nC=new\n"
    data = encrypted(person, b"[s]\na = 1\nb = 2\n", "ini")
    data = _set(person, data, ("s", "a"), "x", "ini")
    data = _set(person, data, ("s", "c"), "new", "ini")
    data = _set(person, data, ("t", "d"), "section", "ini")
    data = sealing.unset_value(data, "ini", key_of(person, data, "ini"), ("s", "b"), NOW)
    assert data_of(Sops(person).decrypt(data, "ini"), "ini")[0] == {
        "DEFAULT": {},
        "s": {"a": "x", "c": "new"},
        "t": {"d": "section"},
    }


def test_a_value_that_would_stay_in_plaintext_is_refused(person):
    data = encrypted(person, b"data:\n  k: v\nname: x\n", "yaml", Selection("encrypted_regex", "^data$"))
    with pytest.raises(RefusedError, match="would stay in plaintext"):
        _set(person, data, ("token",), "sk-secret")
    assert b"token: visible" in _set(person, data, ("token",), "visible", plain=True)
    with pytest.raises(RefusedError, match="looks like an encrypted"):
        _set(person, data, ("data", "k"), "ENC[AES256_GCM,data:x]")


@pytest.mark.parametrize(
    "path", [("api", "key", "x"), ("api", 0), ("api", "hosts", 9), ("sops", "mac"), (), ("api", "hosts", "x")]
)
def test_paths_that_do_not_fit(person, sealed, path):
    with pytest.raises((FormatError, RefusedError)):
        _set(person, sealed, path, "v")
    with pytest.raises((FormatError, RefusedError)):
        sealing.unset_value(sealed, "yaml", key_of(person, sealed), path, NOW)


def test_changes_refuse_a_file_that_was_tampered_with(person, sealed):
    forged = sealed.replace(b"flag: ENC", b"flag2: ENC")
    with pytest.raises(TamperedError):
        _set(person, forged, ("api", "key"), "x")


def test_rekey_keeps_values_code_and_known_entries(person, sealed):
    friend = Person()
    metadata = opening.read(sealed, "yaml").metadata
    key = key_of(person, sealed)
    groups = keyring.wrap(
        key, ((person.recipient, friend.recipient),), 0, person.providers, NOW, keyring.kept_stanzas(metadata)
    )
    after = sealing.rekey(sealed, "yaml", groups)
    assert decrypted(friend, after) == decrypted(person, sealed)
    assert after.split(b"sops:")[0] == sealed.split(b"sops:")[0]
    assert all(
        "enc" in line or "recipient" in line or len(line.strip()) <= 64 or "AGE" in line
        for line in changed_lines(sealed, after)
    )
    assert Sops(friend).decrypt(after) == Sops(person).decrypt(sealed)
    assert opening.read(after, "yaml").metadata.groups[0][0] == metadata.groups[0][0]


@pytest.mark.parametrize(
    ("text", "format_"), [(YAML, "yaml"), (b'{"a": [1, "x"]}', "json"), (b"#c\nA=1\n", "dotenv"), (b"x\xff", "binary")]
)
def test_rotate_changes_every_token_and_nothing_else(person, text, format_):
    before = encrypted(person, text, format_)
    new = DataKey.new()
    groups = keyring.wrap(new, ((person.recipient,),), 0, person.providers, NOW)
    after = sealing.rotate(before, format_, key_of(person, before, format_), new, groups, NOW)
    assert decrypted(person, after, format_) == decrypted(person, before, format_)
    assert Sops(person).decrypt(after, format_) == Sops(person).decrypt(before, format_)
    tokens = set(before.split(b"ENC[")[1:])
    assert not tokens & set(after.split(b"ENC[")[1:])
    if format_ == "yaml":
        assert before.split(b"sops:")[0].count(b"\n") == after.split(b"sops:")[0].count(b"\n")


def test_several_documents_carry_the_same_block(person):
    data = encrypted(person, b"a: 1\n---\nb: 2\n")
    after = _set(person, data, ("a",), 5)
    assert data_of(Sops(person).decrypt(after), "yaml") == [{"a": 5}, {"b": 2}]
    assert after.count(b'lastmodified: "2026-01-02T05:04:05Z"') == 2
