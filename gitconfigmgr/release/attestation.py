"""The attestation of a bundle: a DSSE envelope around an in-toto Statement v1 with SLSA provenance v1."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr import __version__
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.model.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitconfigmgr.model.bundles import Bundle, Release

PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:gitconfigmgr:bundle:v1"


def statement(bundle: Bundle, name: str, release: Release, byproducts: Mapping[str, str]) -> bytes:
    """The statement. `byproducts` are sha256 digests by name.

    A function of the commit, the compiler, what it made, and what was set aside: no clock takes part.
    """
    revision, inputs = release.revision, release.inputs
    dependencies: list[dict[str, Any]] = [
        {"name": "repository", "digest": {"gitCommit": revision.commit, "gitTree": revision.tree}}
    ]
    dependencies += [{"name": path, "digest": {"gitBlob": blob}} for path, blob in sorted(inputs.items())]
    return canonical_json(
        {
            "_type": STATEMENT,
            "subject": [{"name": name, "digest": {"sha256": bundle.digest.removeprefix("sha256:")}}],
            "predicateType": PREDICATE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {
                        "namespace": bundle.target.namespace,
                        "environment": bundle.target.environment,
                    },
                    "internalParameters": {"secrets": bundle.fingerprints, "check": checked(release)},
                    "resolvedDependencies": dependencies,
                },
                "runDetails": {
                    "builder": {"id": BUILD_TYPE, "version": {"gitconfigmgr": __version__}},
                    "metadata": {"invocationId": revision.commit},
                    "byproducts": [
                        {"name": item, "digest": {"sha256": sha256}} for item, sha256 in sorted(byproducts.items())
                    ],
                },
            },
        }
    )


def checked(release: Release) -> str:
    """What came of `check` on the commit: `passed`, `set aside`, or `not run` for older content published again."""
    refusals = {item["refusal"] for item in release.overrides}
    if release.commit is not None:
        return "not run"
    return "set aside" if "findings" in refusals else "passed"


def sign(payload: bytes, signers: Sequence[Any]) -> bytes:
    """The envelope, signed by all of them. Raises OutsideError."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import UnverifiedSignatureError

    envelope = Envelope(payload, PAYLOAD, {})
    for signer in signers:
        try:
            signer.public_key.verify_signature(envelope.sign(signer), envelope.pae())
        except UnverifiedSignatureError:
            key = signer.public_key.keyid[:12]
            raise OutsideError(f"the key {key} signs something else", "see `gitconfigmgr keys status`") from None
    return canonical_json(envelope.to_dict())


def payload_of(data: bytes) -> bytes:
    """The statement of an envelope that was verified by its digest."""
    return b64decode(orjson.loads(data)["payload"])


def signed_by(data: bytes) -> set[str]:
    """The ids of the keys that an envelope names."""
    return {item["keyid"] for item in orjson.loads(data)["signatures"]}


def read(data: bytes, keys: Sequence[Any], threshold: int = 1) -> dict[str, Any]:
    """The statement of an envelope that `threshold` of the keys have signed. Raises ValueError."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    try:
        envelope = Envelope.from_dict(orjson.loads(data))
        if envelope.payload_type != PAYLOAD:
            raise ValueError("it is of another type")
        envelope.verify(list(keys), threshold)
        found = orjson.loads(envelope.payload)
    except VerificationError:
        raise ValueError("none of the keys of its role has signed it") from None
    except (KeyError, TypeError, AttributeError):
        raise ValueError("it is damaged") from None
    if not isinstance(found, dict) or found.get("_type") != STATEMENT or found.get("predicateType") != PREDICATE:
        raise ValueError("it says something else")
    return found
