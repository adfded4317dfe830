"""The merge driver: different keys merge, the same key twice is a conflict in a file that is whole."""

from __future__ import annotations

import pytest

from gitconfigmgr.secrets import keyring, merge, opening, sealing
from gitconfigmgr.secrets.errors import RefusedError, TamperedError
from gitconfigmgr.secrets.textconv import textconv
from gitconfigmgr.secrets.tokens import DataKey
from tests.unit.sops_files.comparison import data_of
from tests.unit.sops_files.support import NOW, Person, Sops, encrypted, key_of

PLAIN = b"# head\na: 1\nb:\n    c: x\n    d: y\n    # about e\n    e: z\nl:\n    - 1\n    - 2\npub_unencrypted: v\n"


@pytest.fixture(scope="module")
def person() -> Person:
    return Person()


@pytest.fixture(scope="module")
def base(person) -> bytes:
    return encrypted(person, PLAIN)


def _changed(person, data, *changes):
    key = key_of(person, data)
    for path, value in changes:
        if value is ...:
            data = sealing.unset_value(data, "yaml", key, path, NOW)
        else:
            data = sealing.set_value(data, "yaml", key, path, value, NOW, plain=True)
    return data


def _data(person, data):
    return opening.plain_data(data, "yaml", key_of(person, data))[0]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([(("a",), 2)], [(("b", "c"), "new")]),
        ([(("n",), "mine")], [(("m",), "theirs")]),
        ([(("b", "c"), ...)], [(("b", "e"), ...)]),
        ([(("b", "c"), "1")], [(("b", "d"), "2"), (("b", "f"), {"g": [1, "h"]})]),
        ([(("a",), ...)], [(("l", 0), 5)]),
        ([(("pub_unencrypted",), "w")], [(("a",), 3), (("new_unencrypted",), "p")]),
        ([], [(("a",), 3)]),
        ([(("a",), 3)], []),
        ([(("a",), 7)], [(("a",), 7)]),
        ([(("b", "d"), ...), (("b", "e"), ...)], [(("b", "c"), "other")]),
    ],
)
def test_different_keys_merge(person, base, mine, theirs):
    expected = _data(person, _changed(person, base, *mine, *[change for change in theirs if change not in mine]))
    ours, other = _changed(person, base, *mine), _changed(person, base, *theirs)
    merged = merge.merge(base, ours, other, "yaml", key_of(person, base), NOW)
    assert merged.conflicts == ()
    assert not merged.pending
    assert _data(person, merged.data) == expected
    assert data_of(Sops(person).decrypt(merged.data), "yaml")[0] == expected
    kept = [line for line in base.split(b"\n") if b"type:comment" in line]
    assert all(line in merged.data for line in kept)


def test_the_same_key_twice_is_a_conflict_and_the_file_is_whole(person, base):
    ours = _changed(person, base, (("a",), 2), (("b", "c"), "mine"))
    theirs = _changed(person, base, (("a",), 3), (("b", "d"), "theirs"))
    merged = merge.merge(base, ours, theirs, "yaml", key_of(person, base), NOW)
    assert merged.conflicts == (("a",),)
    assert _data(person, merged.data)["b"] == {"c": "mine", "d": "theirs", "e": "z"}
    assert _data(person, merged.data)["a"] == 2
    Sops(person).decrypt(merged.data)
    removed = merge.merge(base, _changed(person, base, (("a",), ...)), theirs, "yaml", key_of(person, base), NOW)
    assert removed.conflicts == (("a",),)


def test_without_a_key_the_code_is_pending(person, base):
    ours, theirs = _changed(person, base, (("a",), 2)), _changed(person, base, (("b", "c"), "new"))
    merged = merge.merge(base, ours, theirs, "yaml", None, NOW)
    assert merged.pending
    key = key_of(person, merged.data)
    with pytest.raises(TamperedError):
        opening.verify(merged.data, "yaml", key)
    Sops(person)("decrypt", merged.data, code=51)
    done = merge.finish(merged.data, "yaml", key, NOW)
    assert data_of(Sops(person).decrypt(done), "yaml")[0]["b"]["c"] == "new"
    with pytest.raises(RefusedError):
        merge.finish(done, "yaml", key, NOW)


def test_a_comment_above_an_added_key_comes_along(person, base):
    plain = opening.decrypt(base, "yaml", key_of(person, base))
    theirs = sealing.encrypt_again(
        plain.replace(b"l:\n", b"# why\nnew: 5\nl:\n"), base, "yaml", key_of(person, base), NOW
    )
    merged = merge.merge(base, _changed(person, base, (("a",), 2)), theirs, "yaml", key_of(person, base), NOW)
    assert b"# why\nnew: 5\n" in Sops(person).decrypt(merged.data)


def test_recipients_of_both_sides(person, base):
    key = key_of(person, base)
    friends = Person(), Person()
    sides = []
    for friend in friends:
        known = keyring.kept_stanzas(opening.read(base, "yaml").metadata)
        groups = keyring.wrap(key, ((person.recipient, friend.recipient),), 0, person.providers, NOW, known)
        sides.append(sealing.rekey(base, "yaml", groups))
    merged = merge.merge(base, *sides, "yaml", key, NOW)
    assert set(opening.read(merged.data, "yaml").metadata.recipients()) == {
        item.recipient for item in (person, *friends)
    }
    assert Sops(friends[1]).decrypt(merged.data)
    assert merge.merge(base, base, sides[0], "yaml", None, NOW).data.count(b"recipient:") == 2


def test_a_new_data_key_needs_a_key(person, base):
    new = DataKey.new()
    groups = keyring.wrap(new, ((person.recipient,),), 0, person.providers, NOW)
    rotated = sealing.rotate(base, "yaml", key_of(person, base), new, groups, NOW)
    with pytest.raises(RefusedError, match="new data key"):
        merge.merge(base, base, rotated, "yaml", None, NOW)


def test_a_tampered_side_gets_no_new_code(person, base):
    theirs = _changed(person, base, (("a",), 2)).replace(b"pub_unencrypted: v", b"pub_unencrypted: evil")
    with pytest.raises(TamperedError):
        merge.merge(base, base, theirs, "yaml", key_of(person, base), NOW)


def test_json_merges(person):
    base = encrypted(person, b'{\n  "a": 1,\n  "b": {"c": "x"}\n}\n', "json")
    key = key_of(person, base, "json")
    ours = sealing.set_value(base, "json", key, ("a",), 2, NOW)
    theirs = sealing.set_value(base, "json", key, ("b", "d"), "y", NOW)
    merged = merge.merge(base, ours, theirs, "json", key, NOW)
    assert opening.plain_data(merged.data, "json", key) == [{"a": 2, "b": {"c": "x", "d": "y"}}]


def test_textconv_shows_changes_and_no_plaintext(person, base):
    before, after = textconv(base, "yaml"), textconv(_changed(person, base, (("b", "c"), "s3cret")), "yaml")
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(changed) == 1
    assert changed[0].startswith("b.c: <secret str ")
    assert "s3cret" not in after
    assert "pub_unencrypted: 'v'" in after
    assert f"sops.recipient: age {person.name}" in after
    assert textconv(b"a: 1\n", "yaml") == "a: 1\n"
