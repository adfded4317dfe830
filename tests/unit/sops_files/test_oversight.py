"""Status, recipients and leavers without a key; the seal manifest and its strict verification."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gitconfigmgr.secrets import opening, recipients, sealing, seals
from gitconfigmgr.secrets.creation import Rule
from gitconfigmgr.secrets.errors import RulesError, SecretsError, TamperedError
from gitconfigmgr.secrets.selection import Selection
from tests.unit.sops_files.support import NOW, VECTORS, Person, encrypted, key_of


@pytest.fixture(scope="module")
def person() -> Person:
    return Person()


def _rule(*groups, threshold=0, selection=None):
    return lambda path: Rule("", groups, threshold, selection or Selection())


def test_a_file_in_order(person):
    data = encrypted(person, b"a: 1\nb: ''\nc: null\nd_unencrypted: x\n")
    found = recipients.status("a.yaml", data, "yaml", _rule((person.recipient,)))
    assert found.in_order
    assert found.secrets == (("a",),)
    assert found.mac == "present"


def test_what_is_not_in_order(person):
    friend = Person()
    data = encrypted(person, b"a: 1\n")
    found = recipients.status(
        "a", data, "yaml", _rule((friend.recipient,), selection=Selection("encrypted_suffix", "x"))
    )
    assert (found.missing, found.stale, found.other_rule) == ((friend.recipient,), (person.recipient,), True)
    plain = data.replace(b"a: ENC", b"b: plain\na: ENC")
    assert recipients.status("a", plain, "yaml", lambda _: None).plaintext == (("b",),)
    assert recipients.status("a", data.replace(b"    mac:", b"    mic:"), "yaml", lambda _: None).mac == "missing"
    assert not recipients.status("a", b"a: 1\n", "yaml", lambda _: None).encrypted
    assert recipients.status("a", b"sops: {mac: x}\n", "yaml", lambda _: None).problem
    grouped = recipients.status("a", data, "yaml", _rule((person.recipient,), (person.recipient,), threshold=2))
    assert grouped.other_groups

    def none(path):
        raise RulesError("no creation rule matches")

    assert recipients.status("a", data, "yaml", none).problem == "no creation rule matches"


def test_who_reads_what_and_who_leaves(person):
    leaver, other = Person(), Person()
    shared = encrypted(person, b"a: 1\nb: {c: x}\n", "yaml", None, (person.recipient, leaver.recipient))
    own = encrypted(person, b"z: 1\n")
    split = encrypted(
        person, b"s: 1\n", "yaml", None, (person.recipient,), (leaver.recipient,), (other.recipient,), threshold=2
    )
    files = {name: opening.read(data, "yaml") for name, data in (("shared", shared), ("own", own), ("split", split))}
    found = recipients.readers({name: item.metadata for name, item in files.items()})
    assert found[leaver.recipient] == ["shared", "split"]
    plan = recipients.offboarding(files, leaver.recipient)
    assert [(item.path, item.alone, item.secrets) for item in plan] == [
        ("shared", True, (("a",), ("b", "c"))), ("split", False, (("s",),)),
    ]  # fmt: skip
    assert recipients.without(((person.recipient, leaver.recipient),), leaver.recipient) == ((person.recipient,),)
    with pytest.raises(RulesError, match="only recipient"):
        recipients.without(((leaver.recipient,),), leaver.recipient)


@pytest.fixture(scope="module")
def signer() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def _sealed(signer, files, sequence=1):
    entries = {path: seals.seal_entry(data, "yaml") for path, data in files.items()}
    return seals.sign_manifest(entries, sequence, "c0ffee", signer)


def _refusals(signer, manifest, files):
    payload = seals.open_manifest(manifest, signer.public_key())
    return {
        item.path: item.reason
        for item in seals.verify_strict(payload, {path: (data, "yaml") for path, data in files.items()})
    }


TAMPERED = sorted(
    path
    for path in (VECTORS / "tampered").glob("*.yaml")
    if path.name not in ("00-plain.yaml", "40-typetag-original.yaml")
)


@pytest.mark.parametrize("path", TAMPERED, ids=lambda path: path.name)
def test_every_tampered_file_is_refused(signer, path):
    """Undo nothing: each stands where its original was sealed, and each is refused."""
    originals = {
        "41-typetag-flipped.yaml": "tampered/40-typetag-original.yaml",
        "30-regex-edit-plain.yaml": "enc/04-encrypted-regex.yaml",
    }
    name = originals.get(path.name)
    sealed = (VECTORS / name).read_bytes() if name else _untampered()
    manifest = _sealed(signer, {"x.yaml": sealed})
    assert _refusals(signer, manifest, {"x.yaml": sealed}) == {}
    assert "x.yaml" in _refusals(signer, manifest, {"x.yaml": path.read_bytes()})


def _untampered() -> bytes:
    """The file that the numbered ones were made from: the first of them with its edit undone."""
    renamed = (VECTORS / "tampered" / "01.yaml").read_bytes()
    first = next(line for line in renamed.split(b"\n") if b"db.prod" in line)
    return renamed.replace(first, b"host_unencrypted: db.prod")


def test_reasons(signer, person):
    data = encrypted(person, b"a: 1\nb_unencrypted: x\nc_unencrypted: [y]\n")
    manifest = _sealed(signer, {"x": data})
    cases = {
        b"b2_unencrypted: x": ("keys", b"b_unencrypted: x"), b"b_unencrypted: 5": ("types", b"b_unencrypted: x"),
        b"b_unencrypted: z": ("plain values", b"b_unencrypted: x"), b"{c_unencrypted: y}": ("structure", b"[y]"),
    }  # fmt: skip
    for new, (word, old) in cases.items():
        assert word in _refusals(signer, manifest, {"x": data.replace(old, new)})["x"]
    flipped = _refusals(signer, manifest, {"x": data.replace(b"type:int", b"type:str", 1)})
    assert "types" in flipped["x"]
    assert "not there" in _refusals(signer, manifest, {})["x"]
    assert "not sealed" in _refusals(signer, manifest, {"x": data, "y": encrypted(person, b"a: 1\n")})["y"]


def test_a_file_copied_to_another_environment(signer, person):
    staging, production = encrypted(person, b"a: s\n"), encrypted(person, b"a: p\n")
    files = {"staging.yaml": staging, "production.yaml": production}
    manifest = _sealed(signer, files)
    assert _refusals(signer, manifest, files) == {}
    assert _refusals(signer, manifest, files | {"production.yaml": staging}) == {
        "production.yaml": "is a copy of staging.yaml"
    }


def test_an_older_version_and_an_older_manifest(signer, person):
    old = encrypted(person, b"a: 1\n")
    new = sealing.set_value(old, "yaml", key_of(person, old), ("a",), 2, NOW.replace(year=2027))
    first, second = _sealed(signer, {"x": old}, 1), _sealed(signer, {"x": new}, 2)
    assert "older" in _refusals(signer, second, {"x": old})["x"]
    with pytest.raises(TamperedError, match="number 1"):
        seals.open_manifest(first, signer.public_key(), minimum=2)


def test_a_manifest_of_another_hand(signer, person):
    manifest = _sealed(signer, {"x": encrypted(person, b"a: 1\n")})
    with pytest.raises(TamperedError, match="trusted key"):
        seals.open_manifest(manifest, Ed25519PrivateKey.generate().public_key())
    with pytest.raises(TamperedError):
        seals.open_manifest(manifest.replace(b"c0ffee", b"decade"), signer.public_key())
    for broken in (b"", b"{}", b"[]", b'{"payload": {}, "signature": "!"}'):
        with pytest.raises(SecretsError):
            seals.open_manifest(broken, signer.public_key())


def test_what_cannot_be_sealed(person):
    data = encrypted(person, b"a: 1\n")
    with pytest.raises(TamperedError):
        seals.seal_entry(data.replace(b"    mac: ENC", b"    mac: pending #"), "yaml")
