"""Puts an agent together and runs it. Nothing of the compiler is loaded, nor the SDKs that python-tuf can sign with."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gitconfigmgr.agent.settings import AgentSettings, read_settings
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gitconfigmgr.adapters.edge.outbox import Queued
    from gitconfigmgr.adapters.edge.store import Store
    from gitconfigmgr.adapters.edge.transport import Transport
    from gitconfigmgr.agent.engine import Engine
    from gitconfigmgr.agent.proposing import Proposing
    from gitconfigmgr.http.listener import Listener
    from gitconfigmgr.model.names import KeyPath

_TURN_SECONDS = 0.0005  # that a reader waits at the most for the thread that follows
_LIVE_SECONDS = 10.0  # for what is told to an endpoint: it must not hold up polls
_SIGNERS = ("google.cloud", "azure", "boto3", "botocore", "hvac", "PyKCS11", "sigstore", "pyspx")


@contextmanager
def _without_signers() -> Iterator[None]:
    """securesystemslib tries to import every cloud's SDK: where they are installed, a second and 50 MB for nothing."""
    blocked = [name for name in _SIGNERS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(blocked))  # type: ignore[arg-type]  # None is how an import is made to fail
    try:
        yield
    finally:
        for name in blocked:
            sys.modules.pop(name, None)


def load_libraries() -> None:
    """Load python-tuf. Raises UsageError with the command that installs it. For processes that are an agent only."""
    try:
        with _without_signers():
            import_module("tuf.ngclient")
            import_module("zstandard")
            import_module("httptools")
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is needed and not installed", "pip install 'gitconfigmgr[agent]'") from None


def open_engine(settings: AgentSettings) -> tuple[Engine, Store]:
    """An engine that has loaded nothing yet. Raises UsageError, OutsideError."""
    from gitconfigmgr.adapters.edge.cipher import Cipher, read_key
    from gitconfigmgr.adapters.edge.content import Scope
    from gitconfigmgr.adapters.edge.follower import Follower
    from gitconfigmgr.adapters.edge.lastline import LastLine
    from gitconfigmgr.adapters.edge.opening import Opener
    from gitconfigmgr.adapters.edge.store import Store
    from gitconfigmgr.agent.engine import Engine
    from gitconfigmgr.agent.outputs import Outputs

    root = _read(settings.root)
    store = Store(settings.state, Cipher(read_key(settings.key) if settings.key else None))
    scope = Scope(settings.environment, settings.namespaces, settings.instance)
    follower = Follower(open_transport(settings), root, scope, store.metadata)
    opener, last_line = Opener(settings.identity, settings.opens), LastLine(settings.budget, settings.schemas)
    engine = Engine(settings, root, follower, store, opener, last_line=last_line, outputs=Outputs(settings))
    if settings.local_overrides:
        engine.overlay = open_proposing(settings).overlay
    return engine, store


def open_proposing(settings: AgentSettings) -> Proposing:
    """What this machine proposes. Raises UsageError."""
    from gitconfigmgr.adapters.edge.cipher import Cipher, read_key
    from gitconfigmgr.adapters.edge.outbox import Outbox
    from gitconfigmgr.agent.proposing import Proposing

    return Proposing(settings, Outbox(settings.state, Cipher(read_key(settings.key) if settings.key else None)))


def open_transport(settings: AgentSettings, seconds: float = 60) -> Transport:
    """Connections to the address that is followed; `seconds` for one file."""
    from gitconfigmgr.adapters.edge.connections import Access
    from gitconfigmgr.adapters.edge.transport import Transport

    access = Access(settings.ca, settings.token, settings.certificate, settings.certificate_key, settings.proxy)
    return Transport(settings.address, access, seconds)


def run(path: Path) -> None:
    """Follow until SIGTERM."""
    settings = read_settings(path)
    load_libraries()
    easy_on_readers()
    engine, store = open_engine(settings)
    with store.locked():
        engine.load()
        gc.freeze()
        asyncio.run(_serve(engine, store, settings))


def easy_on_readers() -> None:
    """What a long process that reads large documents needs: few collections, for they are trees, and short turns."""
    gc.enable()  # the command line turns it off, for processes that are short
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(_TURN_SECONDS)


def init(path: Path, seconds: float) -> dict[str, Any]:
    """Until something verified is in use: from disk, or from one poll that works. Raises OutsideError after `seconds`."""
    import time

    from gitconfigmgr.sync.reading import servable
    from gitconfigmgr.sync.replica import Due, Phase

    settings = read_settings(path)
    load_libraries()
    engine, store = open_engine(settings)
    ends = time.monotonic() + seconds
    with store.locked():
        engine.load()
        while True:
            engine.handle(Due())
            if servable(engine.board, engine.phase):
                return engine.status()
            if engine.phase is Phase.FATAL or time.monotonic() > ends:
                raise OutsideError(f"nothing verified came: {engine.replica.reason}", "see gitconfigmgr agent status")
            time.sleep(1)


def pin(path: Path, until: float | None, reason: str) -> None:
    """Hold the agent of these settings at what it has, or with None let it go. It looks at its next poll, or on SIGHUP."""
    from gitconfigmgr.adapters.edge.cipher import Cipher
    from gitconfigmgr.adapters.edge.store import Store
    from gitconfigmgr.sync.replica import Pin

    store = Store(read_settings(path).state, Cipher())
    store.set_pin(None if until is None else Pin(until, reason))


def propose(
    path: Path, namespace: str, sets: Sequence[tuple[KeyPath, Any]], removed: Sequence[KeyPath], reason: str
) -> tuple[Queued, bool]:
    """Write a change down that this machine proposes, and whether it is shown here already. It is sent at a poll."""
    from gitconfigmgr.agent.proposing import operations

    settings = read_settings(path)
    load_libraries()
    engine, _ = open_engine(settings)
    content = engine.stored()
    if content is None:
        raise OutsideError("nothing verified is here", "run gitconfigmgr agent init")
    proposing, patch = open_proposing(settings), operations(sets, removed)
    queued = proposing.propose(content, namespace, patch, reason)
    shown = settings.local_overrides and not proposing.protected(namespace, patch)
    return queued, shown


def environment_of(path: Path, wanted: Sequence[str]) -> dict[str, str]:
    """Variables for a child process, each `NAME=namespace:key`. Raises UsageError for one that is not there."""
    import orjson

    from gitconfigmgr.sync.reading import find, visible
    from gitconfigmgr.sync.replica import Due, Phase

    settings = read_settings(path)
    load_libraries()
    engine, store = open_engine(settings)
    with suppress(UsageError), store.locked():  # a running agent keeps the store current
        engine.load()
        engine.handle(Due())
    if engine.phase is Phase.NOT_READY:
        engine.load()
    if engine.phase is Phase.NOT_READY:
        raise OutsideError(f"nothing verified is here: {engine.replica.reason}", "run gitconfigmgr agent init")
    found = {}
    for item in wanted:
        name, _, place = item.partition("=")
        namespace, _, key = place.partition(":")
        served = engine.board.documents.get(namespace)
        if not name or served is None:
            raise UsageError(f"{item}: no namespace that is followed", "such as OPENAI_API_KEY=acme/chat:api.key")
        given, document = visible(served, engine.phase)
        try:
            value = find(document, key) if given else None
        except KeyError:
            raise UsageError(f"{namespace} has no key {key}") from None
        if value is None or (isinstance(value, dict) and value.keys() & {"$secret", "$segments"}):
            raise UsageError(f"{namespace}:{key} cannot be opened here", "set `identity`, or look at `agent status`")
        found[name] = value if isinstance(value, str) else orjson.dumps(value).decode()
    return found


async def _serve(engine: Engine, store: Store, settings: AgentSettings) -> None:
    from gitconfigmgr.adapters.edge.provenance import Provenances
    from gitconfigmgr.agent.engine import log
    from gitconfigmgr.agent.following import Following
    from gitconfigmgr.agent.protocols.front import Front
    from gitconfigmgr.agent.reads import Reads
    from gitconfigmgr.agent.server import Door, raise_file_limit, trouble

    raise_file_limit()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(trouble)
    live = partial(open_transport, settings, _LIVE_SECONDS)
    reads, stop = Reads(engine, Provenances(live()).get), asyncio.Event()
    following = Following(engine, store, settings, live, open_proposing(settings))
    engine.changed = lambda _: (loop.call_soon_threadsafe(reads.wake), None)[1]
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, following.poll_now)
    servers = []
    if settings.socket:
        servers.append(await _listen_unix(Door(reads.handle, local=False).listener(), settings))
    if settings.listen:
        host, _, port = settings.listen.rpartition(":")
        servers.append(await _listen(Door(reads.handle, local=True).listener(), host.strip("[]"), port))
        log("info", f"listens on {servers[-1].sockets[0].getsockname()}")
    for protocol in settings.protocols:
        front = Front(engine, protocol, settings.environment, lambda: reads.changed)
        servers.append(await _listen(front.door().listener(), *protocol.listen))
        log("info", f"speaks {protocol.name} on {servers[-1].sockets[0].getsockname()}")
    log("info", f"follows {settings.address}, {engine.phase}, release {engine.board.release}")
    await following.run(stop)
    for server in servers:
        server.close()
    if settings.socket:
        settings.socket.unlink(missing_ok=True)


async def _listen(made: Listener, host: str, port: int | str) -> asyncio.Server:
    from gitconfigmgr.agent.server import BACKLOG

    try:
        return await asyncio.get_running_loop().create_server(made, host, int(port), backlog=BACKLOG)
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise OutsideError(f"{host}:{port}: {why}", "name another address") from None


async def _listen_unix(made: Listener, settings: AgentSettings) -> asyncio.Server:
    """A socket under its own mode from the first moment on; one that a killed agent left is replaced."""
    from gitconfigmgr.agent.server import BACKLOG

    assert settings.socket is not None
    new = settings.socket.with_name(f".{settings.socket.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        server = await asyncio.get_running_loop().create_unix_server(made, str(new), backlog=BACKLOG)
        new.chmod(int(settings.socket_mode, 8))
        new.replace(settings.socket)
    except (OSError, ValueError) as error:
        raise OutsideError(f"{settings.socket}: {error}", "name another socket") from None
    finally:
        os.umask(mask)
    return server


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "see docs/agent.md") from None
