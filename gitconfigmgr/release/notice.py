"""What a webhook is told of a release: a CloudEvent (1.0, structured JSON), signed by HTTP message signatures (RFC 9421)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

TYPE = "gitconfigmgr.release.published"
CONTENT_TYPE = "application/cloudevents+json"
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


def headers(url: str, body: bytes, keyid: str, sign: Callable[[bytes], bytes], now: datetime) -> dict[str, str]:
    """The headers of the request that brings it, with its signature (Ed25519) over method, address, type and content."""
    digest = f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"
    values = {"@method": "POST", "@target-uri": url, "content-type": CONTENT_TYPE, "content-digest": digest}
    names = " ".join(f'"{name}"' for name in COVERED)
    parameters = f'({names});created={int(now.timestamp())};keyid="{keyid}";alg="ed25519"'
    base = "".join(f'"{name}": {values[name]}\n' for name in COVERED) + f'"@signature-params": {parameters}'
    return {
        "Content-Type": CONTENT_TYPE,
        "Content-Digest": digest,
        "Signature-Input": f"gcm={parameters}",
        "Signature": f"gcm=:{b64encode(sign(base.encode())).decode()}:",
    }
