"""The content of secrets, with keys and certificates that are made here."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime
from functools import cache
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gitconfigmgr.check.hygiene.kinds import KINDS, check_kind, check_pair

from . import keys

NOW = date(2026, 6, 1)
PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
OPENSSH = serialization.PrivateFormat.OpenSSH
PLAIN = serialization.NoEncryption()


@cache
def key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def short_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


def text(private: object, form: serialization.PrivateFormat = PKCS8, lock: object = PLAIN) -> str:
    return private.private_bytes(PEM, form, lock).decode()


def certificate(
    name: str, own: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey,
    begin: str = "2026-01-01", end: str = "2027-01-01",
) -> str:  # fmt: skip
    def named(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(own.public_key())
        .serial_number(7)
        .not_valid_before(datetime.fromisoformat(begin).replace(tzinfo=UTC))
        .not_valid_after(datetime.fromisoformat(end).replace(tzinfo=UTC))
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(PEM).decode()


def leaf(**dates: str) -> str:
    return certificate("api.example.org", key(1), "root", key(0), **dates)


def root() -> str:
    return certificate("root", key(0), "root", key(0), end="2036-01-01")


def jwk(**members: object) -> str:
    return json.dumps(
        {name: urlsafe_b64encode(v).decode().rstrip("=") if isinstance(v, bytes) else v for name, v in members.items()}
    )


def token(exp: object) -> str:
    parts = [
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "HS256"}, {"exp": exp})
    ]
    return ".".join([*parts, "c2lnbmF0dXJl"])


def drawn(name: str) -> str:
    return keys.KEYS[name](Random(1))


CASES = [
    ("certificate", lambda: leaf() + root(), None),
    ("certificate", lambda: leaf() + text(key(1)), None),
    ("certificate", lambda: leaf(end="2026-05-31"), "GCM711 the certificate for api.example.org expired on 2026-05-31"),
    ("certificate", lambda: leaf(end="2026-06-20"), "GCM712 the certificate for api.example.org expires on 2026-06-20"),
    ("certificate", lambda: leaf(begin="2026-07-01"), "GCM711 the certificate for api.example.org is not valid before 2026-07-01"),
    ("certificate", lambda: root() + leaf(), "GCM713 the certificate for root is not issued by the one after it, api.example.org"),
    ("certificate", lambda: leaf() + text(key(2)), "GCM714 the private key does not belong to the certificate for api.example.org"),
    ("certificate", lambda: "no certificate", "GCM710 the certificate is no PEM text that can be read"),
    ("certificate", lambda: leaf().replace("M", "!"), "GCM710 the certificate is no PEM text that can be read"),
    ("ssh_key", lambda: text(ed25519.Ed25519PrivateKey.generate(), OPENSSH), None),
    ("ssh_key", lambda: text(key(1)), None),
    ("ssh_key", lambda: text(ed25519.Ed25519PrivateKey.generate(), OPENSSH).rstrip(), "GCM710 the SSH key does not end with a line end, and ssh refuses it so"),
    ("ssh_key", lambda: text(key(1)).replace("\n", "\r\n"), "GCM710 the SSH key has CRLF line ends, and ssh refuses it so"),
    ("ssh_key", lambda: "ssh-ed25519 AAAAC3Nza me@host", "GCM710 the SSH key is the public one"),
    ("ssh_key", lambda: "x", "GCM710 the SSH key is no private key in PEM or OpenSSH form"),
    ("ssh_key", lambda: text(key(1), lock=serialization.BestAvailableEncryption(b"x")), "GCM710 the SSH key is protected by a passphrase, which no service can type"),
    ("ssh_key", lambda: text(short_rsa(), OPENSSH), "GCM715 the SSH key is RSA of 1024 bits, less than 2048"),
    ("ssh_key", lambda: text(key(1)).replace("M", "!"), "GCM710 the SSH key cannot be read"),
    ("jwt_signing_key", lambda: text(key(1)), None),
    ("jwt_signing_key", lambda: text(ec.generate_private_key(ec.SECP224R1())), "GCM710 the signing key is on the curve secp224r1, which no JWT algorithm uses"),
    ("jwt_signing_key", lambda: text(short_rsa()), "GCM715 the signing key is RSA of 1024 bits, less than 2048"),
    ("jwt_signing_key", leaf, "GCM710 the signing key is a public key or a certificate, which cannot sign"),
    ("jwt_signing_key", lambda: "k" * 31, "GCM715 the signing secret has 31 bytes, less than the 32 of HS256"),
    ("jwt_signing_key", lambda: "k" * 32, None),
    ("jwt_signing_key", lambda: jwk(kty="oct", alg="HS512", k=b"k" * 32), "GCM715 the signing secret has 32 bytes, less than the 64 of HS512"),
    ("jwt_signing_key", lambda: jwk(kty="oct", alg="HS256", k=b"k" * 32), None),
    ("jwt_signing_key", lambda: jwk(kty="oct", alg="RS256", k=b"k" * 32), "GCM714 the signing key is of type oct, and RS256 needs RSA"),
    ("jwt_signing_key", lambda: jwk(kty="EC", alg="ES384", crv="P-256", d=b"d"), "GCM714 the signing key is on the curve P-256, and ES384 needs P-384"),
    ("jwt_signing_key", lambda: jwk(kty="EC", alg="ES256", crv="P-256"), "GCM710 the signing key has no private part"),
    ("jwt_signing_key", lambda: jwk(kty="RSA", alg="none", n=b"n" * 256), "GCM715 the signing key names the algorithm none, which signs nothing"),
    ("jwt_signing_key", lambda: jwk(kty="RSA", alg="RS256", n=b"n" * 128, d=b"d"), "GCM715 the signing key is RSA of 1024 bits, less than 2048"),
    ("api_key", lambda: drawn("Groq key"), None),
    ("api_key", lambda: drawn("Groq key") + "\n", "GCM710 the API key has spaces or a line end around it"),
    ("api_key", lambda: "Bearer" + drawn("Groq key"), "GCM710 the API key begins with the word Bearer"),
    ("api_key", lambda: "sk-your-api-key", "GCM710 the API key is a placeholder"),
    ("api_key", lambda: " ", "GCM710 the API key is empty"),
    ("api_key", lambda: json.dumps({"key": drawn("Groq key"), "expires_at": "2026-05-01"}), "GCM711 the API key expired on 2026-05-01"),
    ("api_key", lambda: json.dumps({"key": drawn("Groq key"), "expires_at": "soon"}), "GCM710 the expiry of the API key is no date"),
    ("api_key", lambda: json.dumps({"key": drawn("Groq key"), "provider": "anthropic"}), "GCM710 the API key does not begin as one of anthropic does: sk-ant-"),
    ("api_key", lambda: json.dumps({"key": drawn("Anthropic API key"), "provider": "openai"}), "GCM710 the API key is one of anthropic, not of openai"),
    ("oauth_token", lambda: token(int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())), "GCM711 the token expired on 2026-05-01"),
    ("oauth_token", lambda: token(int(datetime(2028, 5, 1, tzinfo=UTC).timestamp())), None),
    ("oauth_token", lambda: json.dumps({"access_token": "a", "expires_at": "2026-05-01", "refresh_token": "b"}), None),
    ("oauth_token", lambda: json.dumps({"access_token": "a", "expires_at": "2026-05-01"}), "GCM711 the OAuth token expired on 2026-05-01"),
    ("database_credentials", lambda: "postgresql://chat" + ":Xk3v9Qz7@db/chat", None),
    ("database_credentials", lambda: "postgresql://chat@db/chat", "GCM710 the database credentials have no password"),
    ("database_credentials", lambda: "chat:chat", "GCM715 the database password is one that everybody tries first"),
    ("database_credentials", lambda: '{"username": "chat", "password": "Xk3v9Qz7"}', None),
    ("database_credentials", lambda: "postgresql://a" + ":b@[db/chat", "GCM710 the database URL cannot be read"),
    ("api_key", lambda: "sk-ant-" + "admin01-Zk8vQp3mX7rT2wLb9nYc", "GCM582 the API key is an admin key of Anthropic, and no key for requests"),
    ("admin_key", lambda: "sk-ant-" + "admin01-Zk8vQp3mX7rT2wLb9nYc", None),
    ("admin_key", lambda: json.dumps({"key": "sk-" + "admin-Zk8vQp3mX7rT2wLb9nYc", "expires_at": "2026-01-01"}), "GCM711 the admin key expired on 2026-01-01"),
    ("admin_key", lambda: "sk-ant admin", "GCM710 the admin key has spaces or line ends in it"),
    ("cloud_credentials", lambda: "[default]\naws_access_key_id = A\naws_secret_access_key = B\n", None),
    ("cloud_credentials", lambda: "AWS_ACCESS_KEY_ID=A\n", "GCM710 the AWS credentials have no aws_secret_access_key"),
    ("cloud_credentials", lambda: '{"tenantId": "a", "clientSecret": "b"}', None),
    ("cloud_credentials", lambda: json.dumps({"type": "service_account", "client_email": "a@b", "project_id": "p", "private_key": text(key(1))}), None),
    ("cloud_credentials", lambda: json.dumps({"type": "service_account", "client_email": "a@b", "project_id": "p", "private_key": "x"}), "GCM710 the private key of the Google service account cannot be read"),
    ("cloud_credentials", lambda: "hello", "GCM710 the cloud credentials are of no form that is known: AWS, Azure or a Google service account"),
    ("generic", lambda: "anything", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "make", "expected"), CASES, ids=[f"{kind}-{n}" for n, (kind, _, _) in enumerate(CASES)]
)
def test_content(kind: str, make: object, expected: str | None) -> None:
    value = make()
    found = check_kind(kind, value, NOW)
    assert [f"{code} {message}" for code, message, _ in found] == ([expected] if expected else [])
    for code, message, help_ in found:
        assert code.startswith(("GCM71", "GCM582"))
        assert help_
        assert len(value) < 12 or value not in message


def test_every_kind_is_known() -> None:
    assert {kind for kind, _, _ in CASES} == KINDS


def test_pairs() -> None:
    assert check_pair(leaf(), text(key(1))) == []
    assert [code for code, _, _ in check_pair(leaf(), text(key(2)))] == ["GCM714"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_hostile_values_raise_nothing(kind: str) -> None:
    random = Random(kind)
    pieces = ["{", "}", '"', "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "eyJ", ".", "://", ":", "@", "\n", "\0", "é",
              "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "ssh-rsa AAAA", '{"kty":"RSA"}', "null", "[", "a" * 50]  # fmt: skip
    for _ in range(500):
        value = "".join(random.choices(pieces, k=random.randint(1, 8)))
        check_kind(kind, value, NOW)
