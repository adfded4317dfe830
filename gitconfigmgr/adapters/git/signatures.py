"""The commits of a change with their signatures, verified in process (OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f).

Verified are ed25519, ecdsa and rsa keys, on security keys too. What a signature is worth, its key decides: app/signatures.py.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.revision import time_of
from gitconfigmgr.errors import OutsideError
from gitconfigmgr.model.revisions import SignedCommit

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_LONGEST = 64 * 1024  # a signature is a few hundred bytes; an RSA key of 16,384 bits makes five thousand
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_CURVES = {
    "nistp256": ("SECP256R1", "SHA256"),
    "nistp384": ("SECP384R1", "SHA384"),
    "nistp521": ("SECP521R1", "SHA512"),
}
SMALLEST_RSA = 2048


class _BadError(ValueError):
    """The signature does not hold."""


class _StrangeError(ValueError):
    """A signature of a kind that is not verified here."""


def signed_commits(repository: Any, base: str, head: str) -> Iterator[SignedCommit]:
    """The commits that `head` has and `base` has not, oldest first. Raises OutsideError where the clone lacks one."""
    from pygit2.enums import SortMode

    from gitconfigmgr.adapters.keys.extras import load

    load("cryptography", "secrets")
    try:
        walker = repository.walk(head, SortMode.TOPOLOGICAL | SortMode.REVERSE)
        walker.hide(base)
        for commit in walker:
            yield _verified(commit)
    except KeyError:
        hint = "fetch more history: `git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout"
        raise OutsideError("this clone lacks commits of the change", hint) from None


def _verified(commit: Any) -> SignedCommit:
    signature, payload = commit.gpg_signature
    status, why, key, namespace = "unsigned", "", b"", ""
    if signature is not None:
        try:
            status = "good"
            key, namespace = verify(signature, payload)
        except _StrangeError as error:
            status, why = "unverifiable", str(error)
        except (_BadError, struct.error, binascii.Error) as error:
            status, why = "bad", str(error)
    return SignedCommit(
        commit=str(commit.id),
        summary=commit.message.split("\n")[0],
        committer=commit.committer.email,
        time=time_of(commit.commit_time),
        status=status,
        why=why,
        key=base64.b64encode(key).decode(),
        namespace=namespace,
    )


def verify(armored: bytes, message: bytes) -> tuple[bytes, str]:
    """The public key (in its wire format) and the namespace of a signature that holds. Raises the errors above."""
    text = armored.strip()
    if not text.startswith(_BEGIN):
        kind = "OpenPGP" if b"PGP" in text[:40] else "X.509" if b"SIGNED MESSAGE" in text[:40] else "unknown"
        raise _StrangeError(f"its signature is {kind}; only those of SSH keys are verified here")
    if not text.endswith(_END) or len(text) > _LONGEST:
        raise _BadError("its signature is cut off, or too long")
    blob = base64.b64decode(b"".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
    if blob[:6] != _MAGIC or struct.unpack(">I", blob[6:10])[0] != 1:
        raise _BadError("its signature is of no known version")
    key, namespace, reserved, name, signature = _strings(blob[10:], 5)
    if name not in _HASHES:
        raise _BadError(f"its signature uses the hash {name!r}")
    digest = _HASHES[name](message).digest()
    _check(key, signature, _MAGIC + b"".join(map(_string, (namespace, reserved, name, digest))))
    return key, namespace.decode("utf-8", "replace")


def _check(key: bytes, signature: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    kind = _strings(key, 1, rest=True)[0].decode("ascii", "replace")
    try:
        _check_by(kind, key, signature, signed)
    except InvalidSignature:
        raise _BadError("its signature does not fit its content") from None
    except UnsupportedAlgorithm:
        raise _StrangeError(f"its signature is by a key of the kind {kind!r}") from None
    except (_BadError, _StrangeError):
        raise
    except ValueError as error:
        raise _BadError(f"its signature is malformed: {error}") from None


def _check_by(kind: str, key: bytes, signature: bytes, signed: bytes) -> None:
    if "-cert-" in kind:
        raise _StrangeError("its signature is that of a certificate; list the key itself")
    if kind.startswith("sk-"):
        _check_security_key(kind, key, signature, signed)
    elif kind == "ssh-ed25519":
        _check_ed25519(_strings(key, 2)[1], _blob(signature, kind), signed)
    elif kind == "ssh-rsa":
        _check_rsa(key, signature, signed)
    elif kind.startswith("ecdsa-sha2-"):
        _, curve, point = _strings(key, 3)
        _check_ecdsa(curve.decode("ascii", "replace"), point, _blob(signature, kind), signed)
    else:
        raise _StrangeError(f"its signature is by a key of the kind {kind!r}")


def _check_security_key(kind: str, key: bytes, signature: bytes, signed: bytes) -> None:
    """What the device signs holds the name of the application, a flag for a touch, a counter, and the hash of the rest."""
    format_, blob, tail = _strings(signature, 2, rest=True)
    if format_.decode("ascii", "replace") != kind or len(tail) != 5:
        raise _BadError("its signature is not that of its key")
    if not tail[0] & 1:
        raise _BadError("its signature was made without a touch of the security key")
    if kind == "sk-ssh-ed25519@openssh.com":
        _, public, application = _strings(key, 3)
    elif kind == "sk-ecdsa-sha2-nistp256@openssh.com":
        _, _, public, application = _strings(key, 4)
    else:
        raise _StrangeError(f"its signature is by a key of the kind {kind!r}")
    data = hashlib.sha256(application).digest() + tail + hashlib.sha256(signed).digest()
    if kind.startswith("sk-ssh"):
        _check_ed25519(public, blob, data)
    else:
        _check_ecdsa("nistp256", public, blob, data)


def _check_ed25519(public: bytes, signature: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)


def _check_rsa(key: bytes, signature: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    _, exponent, modulus = (int.from_bytes(part, "big") for part in _strings(key, 3))
    format_, blob = _strings(signature, 2)
    hash_ = {b"rsa-sha2-512": hashes.SHA512, b"rsa-sha2-256": hashes.SHA256}.get(format_)
    if hash_ is None:
        raise _BadError("its signature uses SHA-1")
    if not SMALLEST_RSA <= modulus.bit_length() <= 16_384 or exponent.bit_length() > 64:
        raise _BadError(f"its RSA key has {modulus.bit_length()} bits; {SMALLEST_RSA} are the least")
    RSAPublicNumbers(exponent, modulus).public_key().verify(blob, signed, PKCS1v15(), hash_())


def _check_ecdsa(name: str, point: bytes, signature: bytes, signed: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if name not in _CURVES:
        raise _StrangeError(f"its signature is by a key on the curve {name!r}")
    curve, hash_ = _CURVES[name]
    r, s = (int.from_bytes(part, "big") for part in _strings(signature, 2))
    public = ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, curve)(), point)
    public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(getattr(hashes, hash_)()))


def _blob(signature: bytes, kind: str) -> bytes:
    """The inner signature, whose format must be that of the key."""
    format_, blob = _strings(signature, 2)
    if format_.decode("ascii", "replace") != kind:
        raise _BadError("its signature is not that of its key")
    return blob


def _strings(data: bytes, count: int, *, rest: bool = False) -> list[bytes]:
    """So many strings of SSH's wire format; with `rest`, what follows them, else nothing may."""
    found = []
    at = 0
    for _ in range(count):
        (length,) = struct.unpack_from(">I", data, at)
        at += 4 + length
        if at > len(data):
            raise _BadError("its signature is cut off")
        found.append(data[at - length : at])
    if rest:
        found.append(data[at:])
    elif at != len(data):
        raise _BadError("its signature has something behind its end")
    return found


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
