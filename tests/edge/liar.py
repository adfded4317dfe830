"""A web server in front of a published tree that can lie, stall and drop; with TLS, tokens and a watch where asked."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import ssl
import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Said(NamedTuple):
    """An answer. `declared` is a Content-Length that is not that of the body; `lines` are more headers."""

    status: int = 200
    body: bytes = b""
    lines: tuple[tuple[str, str], ...] = ()
    declared: int | None = None


class Liar:
    """`lie(path, headers, truth)` may change what is said. `asked` has path and conditions of each request."""

    def __init__(self, tree: Path, tls: ssl.SSLContext | None = None) -> None:
        self.tree = tree
        self.asked: list[tuple[str, str | None]] = []
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.bytes_out = self.bytes_in = 0
        self.hints: list[dict[str, int]] = []
        self.told = threading.Condition()
        self.watching = 0
        self.ended = threading.Event()
        self.push = False
        self.token = ""
        self.lie: Callable[[str, Any, Said], Said] = lambda _path, _headers, truth: truth
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # those whom we lie to hang up
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.address = f"{scheme}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.ended.set()
        with self.told:
            self.told.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def hint(self, **data: int) -> None:
        with self.told:
            self.hints.append(data)
            self.told.notify_all()

    def truth(self, path: str, headers: Any) -> Said:
        if self.push and path.endswith(".well-known/gitconfigmgr.json"):
            return Said(body=json.dumps({"watch": "v1/watch", "status": "v1/status"}).encode())
        place = self.tree / path.lstrip("/")
        if not place.is_file():
            return Said(404)
        data = place.read_bytes()
        etag = f'"{sha256(data).hexdigest()[:16]}"'
        if headers.get("If-None-Match") == etag:
            return Said(304, lines=(("ETag", etag),))
        if "gzip" in headers.get("Accept-Encoding", "") and len(gzip.compress(data)) < len(data):
            return Said(200, gzip.compress(data), (("ETag", etag), ("Content-Encoding", "gzip")))
        return Said(200, data, (("ETag", etag),))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                liar.bytes_in += len(self.requestline) + 4 + sum(len(f"{k}: {v}\r\n") for k, v in self.headers.items())
                path = self.path.partition("?")[0]
                liar.asked.append((path, self.headers.get("If-None-Match")))
                if liar.token and self.headers.get("Authorization") != f"Bearer {liar.token}":
                    self.say(Said(401))
                elif liar.push and path == "/v1/watch":
                    self.watch()
                else:
                    self.say(liar.lie(path, self.headers, liar.truth(path, self.headers)))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                liar.posted.append((self.path, json.loads(body)))
                self.say(Said(204))

            def say(self, said: Said) -> None:
                if liar.ended.is_set():
                    self.close_connection = True
                    return
                head = f"HTTP/1.1 {said.status} x\r\n" + "".join(f"{name}: {value}\r\n" for name, value in said.lines)
                length = len(said.body) if said.declared is None else said.declared
                if said.status not in (204, 304):
                    head += f"Content-Length: {length}\r\n"
                data = head.encode() + b"\r\n" + said.body
                liar.bytes_out += len(data)
                self.wfile.write(data)
                self.close_connection = said.declared is not None

            def watch(self) -> None:
                self.close_connection = True
                self.wfile.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n:\n\n"
                )
                with liar.told:
                    liar.watching += 1
                    seen = len(liar.hints)
                    while not liar.ended.is_set():
                        for data in liar.hints[seen:]:
                            self.wfile.write(f"event: release\ndata: {json.dumps(data)}\n\n".encode())
                            self.wfile.flush()
                        seen = len(liar.hints)
                        liar.told.wait(10)

        return Handler


@contextmanager
def liar(tree: Path, tls: ssl.SSLContext | None = None) -> Iterator[Liar]:
    made = Liar(tree, tls)
    try:
        yield made
    finally:
        made.close()


class Certificates:
    """An authority in a folder, and what it signs: files of a certificate with its key."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self._folder = folder
        folder.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self._write("ca", self._key, authority=True)

    def issue(self, name: str) -> Path:
        from cryptography.hazmat.primitives.asymmetric import ec

        return self._write(name, ec.generate_private_key(ec.SECP256R1()), authority=False)

    def server(self, *, clients: bool = False, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """For 127.0.0.1; `clients` have to show a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue("server"))
        if newest is not None:
            context.minimum_version = context.maximum_version = newest
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context

    def _write(self, name: str, key: Any, *, authority: bool) -> Path:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization

        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        place = self._folder / f"{name}.pem"
        place.write_bytes(made.public_bytes(pem) + (b"" if authority else private))
        return place
