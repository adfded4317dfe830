"""Stand-ins for the services that no emulator serves honestly: real cryptography behind the real protocols."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import ssl
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from pathlib import Path

OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


class Server:
    """An HTTP server on a free port of this machine; `seen` are the requests."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.seen.append((self.command, self.path, dict(self.headers)))
                status, headers, answer = outer.answer(self.path.split("?")[0], dict(self.headers), body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_HEAD = _serve  # noqa: N815 - the library's names

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        raise NotImplementedError

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Failing(Server):
    """Answers every request alike."""

    def __init__(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        self.fixed = (status, headers or {}, answer)
        super().__init__()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        return self.fixed


class KeyVault(Server):
    """Azure Key Vault: keys with versions, RSA-OAEP-256; `mode` makes it refuse."""

    def __init__(self, folder: Path) -> None:
        self.keys: dict[str, list[Any]] = {}
        self.mode = ""
        self.certificate, context = _self_signed(folder)
        super().__init__(context)
        self.url = f"https://127.0.0.1:{self.port}"

    def rotate(self, name: str) -> None:
        self.keys.setdefault(name, []).append(rsa.generate_private_key(65537, 2048))

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        if "Authorization" not in headers:
            challenge = f'Bearer authorization="https://login.example/tenant", resource="{self.url}"'
            return 401, {"WWW-Authenticate": challenge}, {}
        failures = {
            "denied": (403, "Forbidden"),
            "disabled": (403, "Operation is not allowed: the key is disabled"),
            "throttled": (429, "slow"),
        }
        if self.mode in failures:
            status, text = failures[self.mode]
            return status, {}, {"error": {"code": "x", "message": text}}
        _, _, name, *rest = path.split("/")
        versions = self.keys.get(name)
        if not versions:
            return 404, {}, {"error": {"code": "KeyNotFound", "message": "not found"}}
        number = int(rest[0][1:]) if rest and rest[0] else len(versions)
        if number > len(versions):
            return 404, {}, {"error": {"code": "KeyNotFound", "message": "not found"}}
        key = versions[number - 1]
        if len(rest) < 2:
            return 200, {}, self._described(name, number, key)
        try:
            value = self.used(rest[1], key, json.loads(body))
        except ValueError:
            return 400, {}, {"error": {"code": "BadParameter", "message": "the key cannot do this"}}
        return 200, {}, {"kid": f"{self.url}/keys/{name}/v{number}", "value": _b64(value)}

    def used(self, _: str, key: Any, body: Any) -> bytes:
        """What an operation with a key gives. Raises ValueError."""
        return bytes(key.decrypt(_unb64(body["value"]), OAEP))

    def _described(self, name: str, number: int, key: Any) -> Any:
        numbers = key.public_key().public_numbers()
        n, e = (_b64(part.to_bytes((part.bit_length() + 7) // 8, "big")) for part in (numbers.n, numbers.e))
        operations = ["encrypt", "decrypt", "wrapKey", "unwrapKey"]
        kid = f"{self.url}/keys/{name}/v{number}"
        return {
            "key": {"kid": kid, "kty": "RSA", "key_ops": operations, "n": n, "e": e},
            "attributes": {"enabled": True},
        }


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    path, private = folder / "server.pem", folder / "server.key"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, private)
    return path, context


class GoogleKms:
    """Google Cloud KMS over gRPC: AES-256-GCM with the resource id as associated data, key versions, `mode` to refuse."""

    def __init__(self) -> None:
        import grpc
        from google.cloud.kms_v1.types import DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse

        self.keys: dict[str, list[bytes]] = {}
        self.mode = ""
        handlers = {
            "Encrypt": grpc.unary_unary_rpc_method_handler(
                self._encrypt, EncryptRequest.deserialize, EncryptResponse.serialize
            ),
            "Decrypt": grpc.unary_unary_rpc_method_handler(
                self._decrypt, DecryptRequest.deserialize, DecryptResponse.serialize
            ),
        }
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("google.cloud.kms.v1.KeyManagementService", handlers),)
        )
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def rotate(self, name: str) -> None:
        self.keys.setdefault(name, []).append(os.urandom(32))

    def client(self) -> Any:
        import grpc
        from google.cloud.kms import KeyManagementServiceClient
        from google.cloud.kms_v1.services.key_management_service.transports import KeyManagementServiceGrpcTransport

        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        return KeyManagementServiceClient(transport=KeyManagementServiceGrpcTransport(channel=channel))

    def _versions(self, name: str, context: Any) -> list[bytes]:
        import grpc

        codes = {"denied": grpc.StatusCode.PERMISSION_DENIED, "disabled": grpc.StatusCode.FAILED_PRECONDITION,
                 "throttled": grpc.StatusCode.RESOURCE_EXHAUSTED, "down": grpc.StatusCode.UNAVAILABLE}  # fmt: skip
        if self.mode:
            context.abort(codes[self.mode], "refused")
        if name not in self.keys:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such key")
        return self.keys[name]

    def _encrypt(self, request: Any, context: Any) -> Any:
        from google.cloud.kms_v1.types import EncryptResponse

        versions = self._versions(request.name, context)
        nonce = os.urandom(12)
        sealed = AESGCM(versions[-1]).encrypt(nonce, request.plaintext, request.name.encode())
        return EncryptResponse(name=request.name, ciphertext=bytes([len(versions)]) + nonce + sealed)

    def _decrypt(self, request: Any, context: Any) -> Any:
        import grpc
        from google.cloud.kms_v1.types import DecryptResponse

        versions = self._versions(request.name, context)
        data = request.ciphertext
        try:
            plain = AESGCM(versions[data[0] - 1]).decrypt(data[1:13], data[13:], request.name.encode())
        except (InvalidTag, IndexError, ValueError):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "decryption failed")
            raise AssertionError from None
        return DecryptResponse(plaintext=plain)

    def close(self) -> None:
        self.server.stop(0)
