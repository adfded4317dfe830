"""Stand-ins for the KMS of three clouds where it signs: real keys behind the real protocols, spoken to by the real SDKs."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from concurrent import futures
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from tests.conformance.keys.fakes import KeyVault, Server, _b64, _unb64

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_TYPES = {"P256": ec.SECP256R1(), "P384": ec.SECP384R1()}


def private(kind: str) -> Any:
    """A new key: P256, P384 or RSA; of `none` there is none that signs."""
    if kind == "none":
        return None
    return rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(_TYPES[kind])


def signed(key: Any, digest: bytes, bits: str) -> bytes:
    """A signature over a digest of that many bits. Raises ValueError for one of another length."""
    if len(digest) * 8 != int(bits):
        raise ValueError("the digest has another length")
    prehashed = Prehashed(HASHES[bits])
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.key_size != int(bits):
            raise ValueError("another curve")
        return key.sign(digest, ec.ECDSA(prehashed))
    pss = padding.PSS(padding.MGF1(HASHES[bits]), len(digest))
    return bytes(key.sign(digest, pss, prehashed))


def public_bytes(key: Any, encoding: serialization.Encoding) -> bytes:
    return bytes(key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo))


class AwsKms(Server):
    """GetPublicKey and Sign in JSON 1.1. MessageType DIGEST signs the digest as it is: moto hashes it once more."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.mode = ""
        super().__init__()

    def make(self, name: str, kind: str = "P256") -> str:
        arn = f"arn:aws:kms:eu-central-1:111122223333:key/{name}"
        self.keys[arn] = private(kind)
        return arn

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        codes = {"denied": "AccessDeniedException", "throttled": "ThrottlingException", "disabled": "DisabledException"}
        asked = json.loads(body)
        if not re.search(r"Credential=AKIATEST/\d{8}/eu-central-1/kms/aws4_request", headers.get("Authorization", "")):
            return self.error("InvalidSignatureException")
        if self.mode:
            return self.error(codes[self.mode])
        if asked["KeyId"] not in self.keys:
            return self.error("NotFoundException")
        key = self.keys[asked["KeyId"]]
        if key is None:  # one that encrypts
            return self.error("InvalidKeyUsageException")
        curve = isinstance(key, ec.EllipticCurvePrivateKey)
        able = [f"ECDSA_SHA_{key.key_size}"] if curve else [f"RSASSA_PSS_SHA_{bits}" for bits in HASHES]
        if headers["X-Amz-Target"] == "TrentService.GetPublicKey":
            public = b64encode(public_bytes(key, serialization.Encoding.DER)).decode()
            found = {"KeyId": asked["KeyId"], "PublicKey": public, "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": able}
            return 200, {}, found
        algorithm, message = asked["SigningAlgorithm"], b64decode(asked["Message"])
        if algorithm not in able:
            return self.error("InvalidKeyUsageException")
        bits = algorithm.rpartition("_")[2]
        if asked.get("MessageType", "RAW") == "RAW":
            if len(message) > 4096:
                return self.error("ValidationException")
            message = hashlib.new(f"sha{bits}", message).digest()
        try:
            made = signed(key, message, bits)
        except ValueError:
            return self.error("ValidationException")
        return 200, {}, {"KeyId": asked["KeyId"], "Signature": b64encode(made).decode(), "SigningAlgorithm": algorithm}

    def error(self, code: str) -> tuple[int, dict[str, str], Any]:
        return 400, {"x-amzn-ErrorType": code}, {"__type": code, "message": "refused"}


class SigningVault(KeyVault):
    """Azure Key Vault with keys of elliptic curves: ES256 and ES384 over a digest, r and s one after the other."""

    def rotate(self, name: str, kind: str = "P256") -> None:
        self.keys.setdefault(name, []).append(private("RSA" if kind == "none" else kind))

    def used(self, operation: str, key: Any, body: Any) -> bytes:
        if operation != "sign" or body["alg"] != f"ES{key.key_size}":
            raise ValueError("the key cannot do this")
        r, s = decode_dss_signature(signed(key, _unb64(body["value"]), str(key.key_size)))
        return r.to_bytes(key.key_size // 8) + s.to_bytes(key.key_size // 8)

    def _described(self, name: str, number: int, key: Any) -> Any:
        if isinstance(key, rsa.RSAPrivateKey):
            return super()._described(name, number, key)
        numbers = key.public_key().public_numbers()
        x, y = (_b64(part.to_bytes(key.key_size // 8)) for part in (numbers.x, numbers.y))
        kid = f"{self.url}/keys/{name}/v{number}"
        described = {"kid": kid, "kty": "EC", "crv": f"P-{key.key_size}", "key_ops": ["sign", "verify"], "x": x, "y": y}
        return {"key": described, "attributes": {"enabled": True}}


class SigningGoogle:
    """Google Cloud KMS over gRPC: GetPublicKey and AsymmetricSign of versions of keys."""

    def __init__(self) -> None:
        import grpc
        from google.cloud.kms_v1.types import (
            AsymmetricSignRequest,
            AsymmetricSignResponse,
            GetPublicKeyRequest,
            PublicKey,
        )

        self.keys: dict[str, Any] = {}
        self.mode = ""
        methods = {
            "GetPublicKey": (self._public, GetPublicKeyRequest, PublicKey),
            "AsymmetricSign": (self._sign, AsymmetricSignRequest, AsymmetricSignResponse),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(call, asked.deserialize, answer.serialize)
            for name, (call, asked, answer) in methods.items()
        }
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        service = "google.cloud.kms.v1.KeyManagementService"
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def make(self, name: str, kind: str = "P256") -> str:
        found = f"projects/p/locations/global/keyRings/r/cryptoKeys/{name}/cryptoKeyVersions/1"
        self.keys[found] = private(kind)
        return found

    def client(self) -> Any:
        import grpc
        from google.cloud.kms import KeyManagementServiceClient
        from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport

        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=channel))

    def _key(self, name: str, context: Any) -> Any:
        import grpc

        codes = {"denied": grpc.StatusCode.PERMISSION_DENIED, "disabled": grpc.StatusCode.FAILED_PRECONDITION,
                 "throttled": grpc.StatusCode.RESOURCE_EXHAUSTED, "down": grpc.StatusCode.UNAVAILABLE}  # fmt: skip
        if self.mode:
            context.abort(codes[self.mode], "refused")
        if name not in self.keys:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such version")
        if self.keys[name] is None:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the key does not sign")
        return self.keys[name]

    def _public(self, request: Any, context: Any) -> Any:
        from google.cloud.kms_v1.types import PublicKey

        key = self._key(request.name, context)
        curve = isinstance(key, ec.EllipticCurvePrivateKey)
        algorithm = f"EC_SIGN_P{key.key_size}_SHA{key.key_size}" if curve else "RSA_SIGN_PSS_2048_SHA256"
        pem = public_bytes(key, serialization.Encoding.PEM).decode()
        return PublicKey(pem=pem, algorithm=algorithm, name=request.name)

    def _sign(self, request: Any, context: Any) -> Any:
        import grpc
        from google.cloud.kms_v1.types import AsymmetricSignResponse

        key = self._key(request.name, context)
        kind = request.digest._pb.WhichOneof("digest")
        try:
            made = signed(key, getattr(request.digest, kind), kind.removeprefix("sha"))
        except ValueError:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the digest is of another kind")
            raise AssertionError from None
        return AsymmetricSignResponse(signature=made, name=request.name)

    def close(self) -> None:
        self.server.stop(0)
