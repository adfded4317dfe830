"""The contract of signers, held against every place that a key can be in."""

from __future__ import annotations

import hashlib
import os
import traceback
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gitconfigmgr.errors import GitConfigError, OutsideError, UsageError
from gitconfigmgr.model.settings import KeyServices
from gitconfigmgr.release import attestation, metadata
from gitconfigmgr.secrets import ports
from tests.conformance.signing.places import KINDS, PLACES, REFUSALS, REMOTE

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")]

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ERRORS = {
    "denied": ports.KeyDeniedError, "throttled": ports.KeyThrottledError, "disabled": ports.DisabledKeyError,
    "unreachable": ports.KeyUnreachableError, "sealed": ports.KeyUnreachableError,
}  # fmt: skip
PAYLOADS = (b"", b"x", b"\x00\xff" * 50_000)  # a service that is sent the payload itself takes 4 kB


@pytest.fixture
def place(request, tmp_path, monkeypatch):
    made = PLACES[request.param](tmp_path, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A place by its name, as tests with two parameters ask for it."""
    made = []

    def open_(name):
        made.append(PLACES[name](tmp_path, monkeypatch))
        return made[-1]

    yield open_
    for item in made:
        item.close()


each = pytest.mark.parametrize("place", list(PLACES), indirect=True)
remote = pytest.mark.parametrize("place", REMOTE, indirect=True)


def verified(entry, payload, signature):
    """By the library alone, without the one that the program verifies with."""
    value, scheme = entry.public["keyval"]["public"], entry.public["scheme"]
    data = bytes.fromhex(signature.signature)
    if scheme == "ed25519":
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(value)).verify(data, payload)
        return
    public = serialization.load_pem_public_key(value.encode())
    digest = {"256": hashes.SHA256(), "384": hashes.SHA384()}[scheme[-3:]]
    if scheme.startswith("ecdsa"):
        public.verify(data, payload, ec.ECDSA(digest))
    else:
        public.verify(data, payload, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)


def refused(call, kind=OutsideError):
    """The error of a call: of ours, with a hint, and without what an SDK said."""
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert isinstance(error, GitConfigError)
    assert error.hint
    assert error.__cause__ is None
    shown = "".join(traceback.format_exception(error))
    assert "not-a-secret" not in shown
    assert "direct cause" not in shown
    assert "During handling" not in shown
    return error


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_the_right_digest_is_signed(opened, name, kind):
    place = opened(name)
    entry = place.entry("one", kind)
    signer = place.keys().signer(entry)
    assert signer.public_key.keyid == entry.public["keyid"]
    for payload in PAYLOADS:
        signature = signer.sign(payload)
        assert signature.keyid == entry.public["keyid"]
        verified(entry, payload, signature)
        with pytest.raises(InvalidSignature):
            verified(entry, payload + b"x", signature)
        with pytest.raises(InvalidSignature):
            verified(entry, hashlib.sha256(payload).digest(), signature)


@each
def test_metadata_and_attestations_are_accepted_by_those_who_verify(place):
    signer = place.keys().signer(place.entry("one"))
    made = metadata.new_targets(1, NOW)
    metadata.sign(made, [signer])
    signer.public_key.verify_signature(made.signatures[signer.public_key.keyid], made.signed_bytes)
    payload = attestation.canonical_json({
        "_type": attestation.STATEMENT, "predicateType": attestation.PREDICATE, "subject": []
    })  # fmt: skip
    envelope = attestation.sign(payload, [signer])
    assert attestation.read(envelope, [signer.public_key])["subject"] == []


@each
def test_a_signature_by_another_key_never_leaves(place):
    one, two = (place.entry(name) for name in ("one", "two"))
    error = refused(lambda: place.keys().signer(replace(one, public=two.public)).sign(b"x"), GitConfigError)
    assert "one" in str(error)


@each
def test_a_key_that_was_replaced_by_one_of_another_type(place):
    entry = place.entry("one")
    place.keys().signer(entry).sign(b"x")
    place.replace("one")
    error = refused(lambda: place.keys().signer(entry).sign(b"x"), GitConfigError)
    assert "one" in str(error)


@pytest.mark.parametrize(("name", "how"), REFUSALS)
def test_refusals(opened, name, how):
    place = opened(name)
    place.prepare(how)
    entry = place.entry("one")
    place.keys().signer(entry).sign(b"x")
    with place.refusing(how):
        refused(lambda: place.keys().signer(entry).sign(b"x"), ERRORS[how])
        if place.remote and (name, how) != ("Transit", "disabled"):  # whose newest version is on
            refused(lambda: place.keys().take("again", place.asked(entry)), ERRORS[how])
    if how not in place.final:
        place.keys().signer(entry).sign(b"x")


@each
def test_a_file_that_is_not_here_and_a_key_that_is_gone(place):
    entry = place.entry("one")
    if not place.remote:
        (place.folder / entry.at.partition(":")[2]).unlink()
        assert place.keys().signer(entry) is None
        return
    gone = replace(entry, at=entry.at.replace("/one", "/two"))
    refused(lambda: place.keys().signer(gone).sign(b"x"))
    refused(lambda: place.keys().take("two", place.asked(gone)))


@remote
def test_what_is_not_allowed_is_not_contacted(place):
    entry = place.entry("one")
    seen = getattr(getattr(place, "fake", None), "seen", [])
    before = len(seen)
    keys = place.keys(services=KeyServices())
    refused(lambda: keys.signer(entry).sign(b"x"), ports.NotAllowedError)
    refused(lambda: keys.take("one", place.asked(entry)), ports.NotAllowedError)
    assert len(seen) == before


@remote
def test_a_key_that_does_not_sign_is_not_taken(place):
    refused(lambda: place.entry("one", "none"), GitConfigError)


@pytest.mark.parametrize(
    "at",
    ["awskms:alias/x", "awskms:arn:aws:s3:::x", "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k", "azurekms:x",
     "gcpkms:../x", "azurekms://user@host/keys/x", "azurekms://host/keys/../secrets/x", "hsm:1", "transit:https://v/x",
     "file:x", "awskms:", ""],
)  # fmt: skip
def test_addresses_that_are_none(tmp_path, at):
    place = PLACES["PlainFile"](tmp_path, pytest.MonkeyPatch())
    everything = KeyServices(
        aws_kms=("arn:*", "alias/*"), gcp_kms=("projects/*",), azure_kv=("*",), vault=("https://v",)
    )
    refused(lambda: place.keys(services=everything).take("one", at), UsageError)


@pytest.mark.parametrize("data", [b"", b"\xff", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
@pytest.mark.parametrize("name", ["PlainFile", "AgeFile"])
def test_a_damaged_file(opened, name, data):
    place = opened(name)
    entry = place.entry("one")
    file = place.folder / entry.at.partition(":")[2]
    file.write_bytes(data)
    refused(lambda: place.keys().signer(entry), GitConfigError)


def test_a_file_of_a_key_of_another_type_or_with_a_password(tmp_path):
    place = PLACES["PlainFile"](tmp_path, pytest.MonkeyPatch())
    entry = place.entry("one")
    for key, password in ((ec.generate_private_key(ec.SECP256R1()), None), (Ed25519PrivateKey.generate(), b"s3cret")):
        hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        (tmp_path / "one.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, hidden))
        assert "is not the key one" in str(refused(lambda: place.keys().signer(entry), UsageError))


@pytest.mark.parametrize(
    "public",
    [{}, {"keyid": "x"}, {"keyid": "x", "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "zz"}}],
)
def test_a_public_half_that_is_none(tmp_path, public):
    place = PLACES["PlainFile"](tmp_path, pytest.MonkeyPatch())
    refused(lambda: place.keys().signer(replace(place.entry("one"), public=public)), UsageError)


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_file_that_others_can_read_is_not_used(tmp_path):
    place = PLACES["PlainFile"](tmp_path, pytest.MonkeyPatch())
    entry = place.entry("one")
    (tmp_path / "one.pem").chmod(0o640)
    assert "chmod 600" in refused(lambda: place.keys().signer(entry), UsageError).hint
