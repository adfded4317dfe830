"""Webhooks: what RFC 9421 calls a signature is what the online key makes, wherever that is."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from gitconfigmgr.adapters.webhook import Webhook
from gitconfigmgr.errors import UsageError
from gitconfigmgr.release import notice
from tests.conformance.signing.places import PLACES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
URL = "https://hooks.example.com/x?y=1"


def base_of(headers):
    """RFC 9421, section 2.5, written out."""
    parameters = headers["Signature-Input"].removeprefix("gcm=")
    return (
        f'"@method": POST\n"@target-uri": {URL}\n"content-type": {headers["Content-Type"]}\n'
        f'"content-digest": {headers["Content-Digest"]}\n"@signature-params": {parameters}'
    ).encode()


@pytest.mark.parametrize(
    ("name", "kind", "algorithm"),
    [("PlainFile", "", "ed25519"), ("Aws", "P256", "ecdsa-p256-sha256"), ("Google", "P384", "ecdsa-p384-sha384")],
)
def test_the_algorithm_is_that_of_the_key(tmp_path, monkeypatch, name, kind, algorithm):
    place = PLACES[name](tmp_path, monkeypatch)
    try:
        entry = place.entry("one", kind)
        for _ in range(4):  # r and s of any length
            headers = notice.headers(URL, b"{}", place.keys().signer(entry), NOW)
            signature = b64decode(headers["Signature"].removeprefix("gcm=:").removesuffix(":"))
            found = re.search(r'keyid="(.*)";alg="(.*)"', headers["Signature-Input"])
            assert found.groups() == (entry.public["keyid"], algorithm)
            value = entry.public["keyval"]["public"]
            if not kind:
                Ed25519PublicKey.from_public_bytes(bytes.fromhex(value)).verify(signature, base_of(headers))
                continue
            half = int(kind[1:]) // 8
            assert len(signature) == 2 * half
            der = encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
            digest = hashes.SHA256() if kind == "P256" else hashes.SHA384()
            serialization.load_pem_public_key(value.encode()).verify(der, base_of(headers), ec.ECDSA(digest))
    finally:
        place.close()


def test_a_key_without_a_name_there_and_a_service_that_refuses_are_notes(tmp_path, monkeypatch):
    place = PLACES["Aws"](tmp_path, monkeypatch)
    try:
        rsa, curve = place.keys().signer(place.entry("one", "RSA")), place.keys().signer(place.entry("two", "P256"))
        with pytest.raises(UsageError, match="rsassa-pss-sha256"):
            notice.headers(URL, b"{}", rsa, NOW)
        place.fake.mode = "denied"

        class Keys:
            def signers(self, _):
                return [curve]

        note = Webhook(URL, "acme", Keys)({"release": 1})
        assert "hooks.example.com was not told" in note
        assert "denies the use of the key" in note
    finally:
        place.close()
