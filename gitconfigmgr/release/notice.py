"""What a webhook is told of a release: a CloudEvent (1.0, structured JSON), signed by HTTP message signatures (RFC 9421)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TYPE = "gitconfigmgr.release.published"
CONTENT_TYPE = "application/cloudevents+json"
_ALGORITHMS = {
    "ed25519": "ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-p256-sha256",
    "ecdsa-sha2-nistp384": "ecdsa-p384-sha384",
    "rsassa-pss-sha512": "rsa-pss-sha512",
}
COVERED = ("@method", "@target-uri", "content-type", "content-digest")


def event(tenant: str, receipt: Mapping[str, Any], now: datetime) -> bytes:
    """The event. Its id is that of the release, so that a receiver knows one that comes twice."""
    return canonical_json(
        {
            "specversion": "1.0",
            "id": f"{tenant}/{receipt['release']}",
            "source": f"/gitconfigmgr/{tenant}",
            "type": TYPE,
            "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "datacontenttype": "application/json",
            "data": receipt,
        }
    )


def headers(url: str, body: bytes, signer: Any, now: datetime) -> dict[str, str]:
    """The headers of the request that brings it, with its signature over method, address, type and content.

    Raises UsageError for a key whose signatures RFC 9421 has no name for.
    """
    key = signer.public_key
    algorithm = _ALGORITHMS.get(key.scheme)
    if algorithm is None:
        message = f"the online key is {key.scheme}, which RFC 9421 has no name for"
        raise UsageError(message, "take one of Ed25519 or ECDSA to sign for webhooks")
    digest = f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
    values = {"@method": "POST", "@target-uri": url, "content-type": CONTENT_TYPE, "content-digest": digest}
    names = " ".join(f'"{name}"' for name in COVERED)
    parameters = f'({names});created={int(now.timestamp())};keyid="{key.keyid}";alg="{algorithm}"'
    base = "".join(f'"{name}": {values[name]}\n' for name in COVERED) + f'"@signature-params": {parameters}'
    return {
        "Content-Type": CONTENT_TYPE,
        "Content-Digest": digest,
        "Signature-Input": f"gcm={parameters}",
        "Signature": f"gcm=:{b64encode(_raw(key, bytes.fromhex(signer.sign(base.encode()).signature))).decode()}:",
    }


def _raw(key: Any, signature: bytes) -> bytes:
    """As RFC 9421 has it: of ECDSA r and s in full length, not as ASN.1."""
    if key.keytype != "ecdsa":
        return signature
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    size = 32 if key.scheme.endswith("256") else 48
    return b"".join(part.to_bytes(size) for part in decode_dss_signature(signature))
