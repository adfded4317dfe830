"""Puts an endpoint together and runs it."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import ssl
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.http.trouble import described
from gitconfigmgr.server.telemetry import log

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gitconfigmgr.http.listener import Listener
    from gitconfigmgr.server.app import Endpoint
    from gitconfigmgr.server.settings import ServeSettings
    from gitconfigmgr.sync.endpoint import Shelf, Tree

_SECOND, _LOOK, _TREE = 1.0, 0.2, 2.0  # how often: tokens, known tenants, new ones
_LOOK_AFAR = 1.0  # a store is asked less often
_SPARE_FILES = 256
_GOODBYE = 5.0


def serve(settings: ServeSettings) -> None:
    """Serve until SIGTERM. Raises UsageError, OutsideError."""
    settings.check()
    try:
        import_module("httptools")
    except ModuleNotFoundError:
        raise UsageError("httptools is needed and not installed", "pip install 'gitconfigmgr[serve]'") from None
    gc.enable()  # the command line turns it off, for processes that are short
    gc.set_threshold(50_000, 20, 50)
    most = _connections(settings.connections)
    _runner()(_serve(settings, most))


def _runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    try:
        run: Callable[[Coroutine[Any, Any, None]], None] = import_module("uvloop").run
    except ModuleNotFoundError:
        return asyncio.run
    return run


def _connections(wanted: int) -> int:
    """How many connections there may be; the limit of open files is raised as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or soft < hard):
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + _SPARE_FILES if hard < 0 else hard, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if soft == resource.RLIM_INFINITY else max(64, min(wanted, soft - _SPARE_FILES))


def open_endpoint(settings: ServeSettings, most: int) -> tuple[Endpoint, Listener]:
    """An endpoint that has read nothing yet. Raises OutsideError."""
    from gitconfigmgr.adapters.endpoint.stores import open_stores
    from gitconfigmgr.http.answers import problem
    from gitconfigmgr.http.listener import Bounds, Listener
    from gitconfigmgr.server.app import Endpoint
    from gitconfigmgr.server.callers import Callers
    from gitconfigmgr.server.foreign import ForeignTokens
    from gitconfigmgr.server.hub import Hub
    from gitconfigmgr.server.identities import Identities, read_identities
    from gitconfigmgr.server.limits import Limiter
    from gitconfigmgr.server.telemetry import Metrics

    tree, shelf = _open_tree(settings)
    stores = open_stores(settings.state)
    made: list[Endpoint] = []

    def changed() -> None:
        made[0].forget()

    identities = read_identities(settings.identities) if settings.identities else Identities()
    callers = Callers(
        stores.tokens, changed, ForeignTokens(identities) if identities.issuers else None, identities.of_certificate,
        anonymous=settings.anonymous,
    )  # fmt: skip
    endpoint = Endpoint(tree, callers, Hub(tree, changed), Metrics(), settings.state)
    made.append(endpoint)
    endpoint.shelf = shelf
    callers.asks_certificate = settings.client_ca is not None
    endpoint.most_upload = settings.upload_mebibytes * 1024 * 1024
    endpoint.roots = {tenant: _read(path) for tenant, path in settings.roots}
    endpoint.fleet, endpoint.inbox = stores.fleet, stores.inbox
    endpoint.by_token = Limiter(settings.rate, 2 * settings.rate)
    endpoint.by_address = Limiter(settings.address_rate, 5 * settings.address_rate)
    endpoint.most_watchers = max(16, most - max(64, most // 10))
    listener = Listener(endpoint.handle, problem, Bounds(most), endpoint.done)
    endpoint.connections = lambda: len(listener.connections)
    endpoint.crowded = lambda: listener.crowded
    return endpoint, listener


def _open_tree(settings: ServeSettings) -> tuple[Tree, Shelf | None]:
    """The tree, and what takes releases in, which a store does not."""
    if settings.source.startswith("s3://"):
        from gitconfigmgr.adapters.endpoint.s3 import S3Tree

        return S3Tree(settings.source), None
    from gitconfigmgr.adapters.endpoint.folder import FolderTree

    folder = Path(settings.source)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "name the folder of a published tree, or an empty one")
    tree = FolderTree(folder)
    return tree, tree


async def _serve(settings: ServeSettings, most: int) -> None:
    from gitconfigmgr.server.tracing import with_tracing

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_trouble)
    endpoint, listener = open_endpoint(settings, most)
    listener.done, end_tracing = with_tracing(endpoint.done, os.environ)
    await endpoint.callers.look()
    await endpoint.hub.look()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host, port = settings.place
    try:
        server = await loop.create_server(
            listener, host, port, backlog=4096, ssl=_tls(settings),
            ssl_handshake_timeout=10 if settings.tls_cert else None,
        )  # fmt: skip
    except OSError as error:
        raise OutsideError(
            f"{settings.listen}: {error.strerror or error}", "name another address by --listen"
        ) from None
    gc.freeze()
    scheme = "https" if settings.tls_cert else "http"
    shown = server.sockets[0].getsockname()
    log("info", f"listens on {scheme}://{_address(shown)}", connections=most)
    tasks = [
        asyncio.create_task(_every(_SECOND, endpoint.callers.look)),
        asyncio.create_task(_every(_LOOK if endpoint.shelf else _LOOK_AFAR, endpoint.hub.quick_look)),
        asyncio.create_task(_every(_TREE, endpoint.hub.look)),
    ]
    await stop.wait()
    server.close()
    listener.close()
    ends = loop.time() + _GOODBYE
    while listener.busy and loop.time() < ends:
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    for connection in list(listener.connections):
        connection.transport.abort()
    await asyncio.to_thread(end_tracing)
    log("info", "ended")


async def _every(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Again and again. What fails is said, and tried again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - an endpoint that stops to look would serve what is old
            _trouble(asyncio.get_running_loop(), {"message": "a task failed", "exception": error})


def _tls(settings: ServeSettings) -> ssl.SSLContext | None:
    """TLS 1.3."""
    if settings.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
        if settings.client_ca is not None:
            context.load_verify_locations(settings.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL  # health checks have none; all else asks for one
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{settings.tls_cert}: {error.strerror or error}", "name PEM files; the key without a password"
        ) from None
    return context


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name root metadata, as `keys init` writes it") from None


def _address(shown: Any) -> str:
    host, port = shown[0], shown[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _trouble(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001 - asyncio's signature
    found = described(context)
    if found:
        log("error", **found)
