"""Sealed secrets: what was sealed opens, and nothing that was changed or moved does."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitconfigmgr.model.bundles import Bundle, SecretPlace, Token
from gitconfigmgr.model.names import Target
from gitconfigmgr.release import envelope
from gitconfigmgr.release.envelope import SealError
from tests.unit.release.world import CHAT

WRAPPED = [{"kek_id": "age age1x", "encrypted_dek": "wrapped"}]


def sealed(values, target=CHAT, tenant="acme", key=b"k" * 32):
    places = tuple(SecretPlace((name,), (Token(f"ENC[{name}]", "str", "x.yaml"),), "string", None) for name in values)
    bundle = Bundle(target, b"{}", b"{}", places)
    return envelope.seal(bundle, tenant, {(name,): value for name, value in values.items()}, key, WRAPPED)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20),
        st.text() | st.integers(-(2**53), 2**53) | st.booleans() | st.none(),
        max_size=5,
    )
)
def test_what_is_sealed_opens_with_its_type(values):
    found = envelope.open_sealed(sealed(values), b"k" * 32)
    assert sorted(map(repr, found.values())) == sorted(map(repr, values.values()))


def test_no_plaintext_and_no_key_in_the_file():
    data = sealed({"a": "correct-horse-battery"})
    assert b"correct" not in data
    assert b"k" * 32 not in data
    assert sealed({"a": "x"}) != sealed({"a": "x"}), "each nonce is fresh"


def test_equal_values_do_not_look_equal():
    values = json.loads(sealed({"a": "same", "b": "same"}))["values"]
    assert values["a"]["ciphertext"] != values["b"]["ciphertext"]


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["values"].update(a=file["values"]["b"]),
        lambda file: file["values"].update(c=file["values"].pop("a")),
        lambda file: file.update(tenant="globex"),
        lambda file: file.update(environment="staging"),
        lambda file: file.update(namespace="acme/other"),
        lambda file: file["values"]["a"].update(nonce=file["values"]["b"]["nonce"]),
        lambda file: file["values"]["a"].update(tag=file["values"]["b"]["tag"]),
        lambda file: file["values"]["a"].update(ciphertext=""),
    ],
)
def test_what_was_changed_or_moved_does_not_open(change):
    file = json.loads(sealed({"a": "one", "b": "two"}))
    before = copy.deepcopy(file)
    change(file)
    assert file != before
    with pytest.raises(SealError) as caught:
        envelope.open_sealed(json.dumps(file).encode(), b"k" * 32)
    assert "one" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"version":2}', b'{"version":1,"algorithm":"none","kdf":"x"}'])
def test_what_is_no_sealed_file_is_said_to_be_none(data):
    with pytest.raises(SealError):
        envelope.open_sealed(data, b"k" * 32)


def test_another_key_opens_nothing():
    with pytest.raises(SealError):
        envelope.open_sealed(sealed({"a": "one"}), b"x" * 32)


def test_wrapping_anew_touches_no_value():
    before = sealed({"a": "one"})
    after = envelope.rewrapped(before, [{"kek_id": "age age1y", "encrypted_dek": "other"}])
    assert json.loads(after)["values"] == json.loads(before)["values"]
    assert json.loads(after)["keys"] == [{"kek_id": "age age1y", "encrypted_dek": "other"}]


def test_a_target_of_the_same_name_in_another_tenant_has_other_keys():
    one = json.loads(sealed({"a": "one"}))
    other = json.loads(sealed({"a": "one"}, tenant="globex"))
    one["values"]["a"] = other["values"]["a"]
    with pytest.raises(SealError):
        envelope.open_sealed(json.dumps(one).encode(), b"k" * 32)
    assert Target(*CHAT) == CHAT
