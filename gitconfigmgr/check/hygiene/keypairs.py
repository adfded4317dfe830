"""Certificates and keys as `cryptography` reads them. Only hygiene/kinds.py needs this module."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

Found = list[tuple[str, str, str]]

WRONG_FORM, EXPIRED, CHAIN, MISMATCH, WEAK = "GCM710", "GCM711", "GCM713", "GCM714", "GCM715"
LEAST_RSA_BITS = 2048
_REPLACE = "set it anew: `gitconfigmgr secret set`"
_MAKE = "make a new key, and set it: `gitconfigmgr secret set`"
_HASH_BYTES = {"256": 32, "384": 48, "512": 64}
_CURVES = {"ES256": "secp256r1", "ES256K": "secp256k1", "ES384": "secp384r1", "ES512": "secp521r1"}
_JWK_CURVES = {"ES256": "P-256", "ES256K": "secp256k1", "ES384": "P-384", "ES512": "P-521"}
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


def certificates(text: str) -> list[x509.Certificate]:
    """The certificates of a PEM text, in its order; none where one cannot be read."""
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)
    try:
        return [x509.load_pem_x509_certificate(block.encode()) for block in blocks]
    except ValueError:
        return []


def private_key(text: str) -> Any:
    """The private key in a PEM text; None where there is none that can be read without a passphrase."""
    match = re.search(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", text, re.DOTALL)
    if match is None:
        return None
    load = serialization.load_ssh_private_key if "OPENSSH" in match[1] else serialization.load_pem_private_key
    try:
        return load(match.group().encode() + b"\n", None)
    except _UNREADABLE:
        return None


def name(certificate: x509.Certificate) -> str:
    """What a certificate is for, in a few words."""
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if common:
        return str(common[0].value)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        found = []
    return found[0] if found else f"serial number {certificate.serial_number:x}"


def belong(certificate: x509.Certificate, key: Any) -> bool:
    """Whether a private key is the one of a certificate."""
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return bool(certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form))


def check_chain(text: str, now: date | None, until: Callable[[date, date | None, str], Found]) -> Found:
    """Dates, order and signatures of a chain, and its private key where the text holds one; or that key alone."""
    chain = certificates(text)
    if not chain and "-----BEGIN CERTIFICATE" not in text and (alone := private_key(text)) is not None:
        return _strength(alone, "the private key")
    if not chain:
        return [(WRONG_FORM, "the certificate is no PEM text that can be read", _REPLACE)]
    found: Found = []
    for certificate in chain:
        begin = certificate.not_valid_before_utc.date()
        what = f"the certificate for {name(certificate)}"
        if now is not None and begin > now:
            found.append((EXPIRED, f"{what} is not valid before {begin}", "use the one that is valid today until then"))
        found += until(certificate.not_valid_after_utc.date(), now, what)
    for lower, upper in pairwise(chain):
        if not _issued(lower, upper):
            message = f"the certificate for {name(lower)} is not issued by the one after it, {name(upper)}"
            found.append((CHAIN, message, "order the chain from the server's certificate to the root's"))
            break
    key = private_key(text)
    if key is not None and not belong(chain[0], key):
        message = f"the private key does not belong to the certificate for {name(chain[0])}"
        found.append((MISMATCH, message, "set both anew, from one issue of the certificate"))
    return found + _strength(chain[0].public_key(), f"the key of the certificate for {name(chain[0])}")


def _issued(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (*_UNREADABLE, InvalidSignature):
        return False
    return True


def _strength(key: Any, what: str) -> Found:
    if isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey)) and key.key_size < LEAST_RSA_BITS:
        return [(WEAK, f"{what} is RSA of {key.key_size} bits, less than {LEAST_RSA_BITS}", _MAKE)]
    if isinstance(key, (dsa.DSAPrivateKey, dsa.DSAPublicKey)):
        return [(WEAK, f"{what} is DSA, which servers no longer accept", _MAKE)]
    return []


def check_ssh(text: str) -> Found:
    """Whether a text is a private key as ssh reads it."""
    if re.match(r"\s*(?:ssh-|ecdsa-sha2-|sk-)\S+ AAAA", text):
        return [(WRONG_FORM, "the SSH key is the public one", "set the private one: `gitconfigmgr secret set`")]
    if "PRIVATE KEY-----" not in text:
        return [(WRONG_FORM, "the SSH key is no private key in PEM or OpenSSH form", _REPLACE)]
    key = private_key(text)
    if key is None:
        if _is_protected(text):
            return [(WRONG_FORM, "the SSH key is protected by a passphrase, which no service can type", _MAKE)]
        return [(WRONG_FORM, "the SSH key cannot be read", _REPLACE)]
    if "\r" in text or not text.endswith("\n"):
        reason = "has CRLF line ends" if "\r" in text else "does not end with a line end"
        return [(WRONG_FORM, f"the SSH key {reason}, and ssh refuses it so", _REPLACE)]
    return _strength(key, "the SSH key")


def _is_protected(text: str) -> bool:
    if "ENCRYPTED" in text:
        return True
    match = re.search(r"BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END", text, re.DOTALL)
    return match is not None and not re.sub(r"\s", "", match[1]).startswith("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU")


def check_signing(text: str, jwk: dict[str, Any] | None) -> Found:
    """Whether a key can sign JSON web tokens, with the algorithm that is named."""
    if jwk is not None:
        return _check_jwk(jwk)
    if "-----BEGIN" not in text:
        size = len(text.strip().encode())
        if size < _HASH_BYTES["256"]:
            return [(WEAK, f"the signing secret has {size} bytes, less than the 32 of HS256", _MAKE)]
        return []
    if "PRIVATE KEY-----" not in text:
        return [(WRONG_FORM, "the signing key is a public key or a certificate, which cannot sign", _REPLACE)]
    key = private_key(text)
    if key is None:
        return [(WRONG_FORM, "the signing key cannot be read", _REPLACE)]
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name not in _CURVES.values():
        return [(WRONG_FORM, f"the signing key is on the curve {key.curve.name}, which no JWT algorithm uses", _MAKE)]
    if not isinstance(
        key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)
    ):
        return [(WRONG_FORM, "the signing key is of a type that no JWT algorithm uses", _MAKE)]
    return _strength(key, "the signing key")


def _check_jwk(jwk: dict[str, Any]) -> Found:
    type_, algorithm = str(jwk.get("kty")), str(jwk.get("alg") or "")
    if algorithm.lower() == "none":
        return [(WEAK, "the signing key names the algorithm none, which signs nothing", _MAKE)]
    wanted = {"RS": "RSA", "PS": "RSA", "ES": "EC", "HS": "oct", "Ed": "OKP"}.get(algorithm[:2])
    if algorithm and wanted != type_:
        return [(MISMATCH, f"the signing key is of type {type_}, and {algorithm} needs {wanted or 'another'}", _MAKE)]
    if "d" not in jwk and type_ != "oct":
        return [(WRONG_FORM, "the signing key has no private part", _REPLACE)]
    if type_ == "EC" and algorithm and jwk.get("crv") != _JWK_CURVES.get(algorithm):
        message = (
            f"the signing key is on the curve {jwk.get('crv')}, and {algorithm} needs {_JWK_CURVES.get(algorithm)}"
        )
        return [(MISMATCH, message, _MAKE)]
    size = len(_bytes(jwk.get("n" if type_ == "RSA" else "k")))
    if type_ == "RSA" and size * 8 < LEAST_RSA_BITS:
        return [(WEAK, f"the signing key is RSA of {size * 8} bits, less than {LEAST_RSA_BITS}", _MAKE)]
    least = _HASH_BYTES.get(algorithm[2:], _HASH_BYTES["256"])
    if type_ == "oct" and size < least:
        return [(WEAK, f"the signing secret has {size} bytes, less than the {least} of {algorithm or 'HS256'}", _MAKE)]
    return []


def _bytes(text: Any) -> bytes:
    try:
        return urlsafe_b64decode(str(text or "") + "=" * (-len(str(text or "")) % 4))
    except ValueError:
        return b""
