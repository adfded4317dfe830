"""A policy engine in a process of its own, bounded in time and memory.

Policies come with the files under review. One that multiplies text or recurses can take all memory, all time, or the
engine's process with it; here that ends a child, and is a finding at the policy. Nothing is shared but two pipes.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

from gitconfigmgr.model.policies import Outcome, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.model.policies import Call, Policy
    from gitconfigmgr.ports import PolicyEngine

SECONDS = 5  # of processor time, for the policies of one target
MEMORY = 1 << 30  # beyond what the program itself has
_SILENCE = 120  # seconds of the clock, for an engine that waits instead of working
_HEAD = struct.Struct(">Q")


class _DiedError(Exception):
    """The child ended while it worked."""


class Confined:
    """Implements ports.PolicyEngine by one that a child process makes; a fork of this process starts its own child."""

    def __init__(self, make: Callable[[], PolicyEngine], seconds: int = SECONDS, memory: int = MEMORY) -> None:
        self._make = make
        self._seconds = seconds
        self._memory = memory
        self._policies: dict[str, Policy] = {}
        self._broken: dict[str, Problem] = {}  # policies that ended a child are not run again
        self._child: _Child | None = None

    def load(self, policies: Sequence[Policy]) -> dict[str, list[Problem]]:
        """Load in the child; where that ends it, one by one."""
        try:
            found: dict[str, list[Problem]] = self._ask("load", list(policies))
        except _DiedError as error:
            if len(policies) == 1:
                return {policies[0].id: [self._guilty(policies[0], error)]}
            found = {}
            for policy in policies:
                found |= self.load([policy])
            return found
        self._policies |= {policy.id: policy for policy in policies if policy.id not in found}
        return found

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        """Run in the child; where that ends it, one by one, without those that did."""
        calls = list(calls)
        waiting = [call for call in calls if call[0] not in self._broken]
        try:
            answers = iter(self._ask("run", waiting) if waiting else ())
        except _DiedError as error:
            if len(waiting) > 1:
                return [self.run([call])[0] for call in calls]
            name = waiting[0][0]
            self._broken[name] = self._guilty(self._policies[name], error)
            return self.run(calls)
        return [
            Outcome(applies=True, problems=(self._broken[call[0]],)) if call[0] in self._broken else next(answers)
            for call in calls
        ]

    def _guilty(self, policy: Policy, error: _DiedError) -> Problem:
        return Problem(f"policy {policy.id} {error}", policy.position, "loop over less, and build less text")

    def _ask(self, method: str, argument: Any) -> Any:
        try:
            if self._child is None or self._child.owner != os.getpid():
                self._child = _Child(self._make, self._seconds, self._memory)
                if self._policies:
                    self._child.ask("load", list(self._policies.values()))
            return self._child.ask(method, argument)
        except _DiedError:
            self._child = None
            raise


class _Child:
    """A forked process that answers one question at a time."""

    def __init__(self, make: Callable[[], PolicyEngine], seconds: int, memory: int) -> None:
        self.owner = os.getpid()
        self._seconds = seconds
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # of threads: the child uses none, and no lock of theirs
            self.pid = os.fork()
        if not self.pid:
            _serve(make, theirs_in, theirs_out, seconds, memory)
        os.close(theirs_in)
        os.close(theirs_out)

    def ask(self, method: str, argument: Any) -> Any:
        """Send a question and wait for the answer. Raises _DiedError, and what making the engine raised."""
        try:
            _send(self._out, (method, argument))
            if not select.select([self._in], [], [], _SILENCE)[0]:
                os.kill(self.pid, signal.SIGKILL)
            answer = _receive(self._in)
        except (BrokenPipeError, EOFError):
            raise self._death() from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _death(self) -> _DiedError:
        pid, self.pid = self.pid, 0
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
            return _DiedError(f"takes more than {self._seconds} seconds")
        return _DiedError("takes too much memory, or nests too deeply")

    def __del__(self) -> None:
        """The child ends when nobody is left to ask it."""
        if self.owner != os.getpid():
            return
        os.close(self._out)
        os.close(self._in)
        if self.pid:
            os.waitpid(self.pid, 0)


def _serve(make: Callable[[], PolicyEngine], source: int, sink: int, seconds: int, memory: int) -> NoReturn:
    """The child: answers until nobody asks."""
    try:
        _confine(source, sink, memory)
        engine: PolicyEngine | Exception
        try:
            engine = make()
        except Exception as error:  # noqa: BLE001 - told to whoever asks first
            engine = error
        while True:
            method, argument = _receive(source)
            _allow(seconds)
            answer = engine if isinstance(engine, Exception) else getattr(engine, method)(argument)
            _send(sink, answer)
    except BaseException:  # noqa: BLE001 - no way out of a child but its end
        os._exit(1)


def _confine(source: int, sink: int, memory: int) -> None:
    import gc
    import resource

    gc.freeze()  # garbage of the parent, collected here, would close files by numbers that are ours now
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    for number in range(3, max(source, sink, null, 256) + 1):
        if number not in {source, sink}:
            try:
                os.close(number)
            except OSError:
                continue
    _limit(resource.RLIMIT_CORE, 0)
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - a file of the system, not one of ours
            pages = int(file.read().split()[0])
    except OSError:
        return  # such as macOS, which does not hold processes to this bound anyway
    _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + memory)


def _allow(seconds: int) -> None:
    """From now on, so many seconds of processor time."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + seconds)


def _limit(kind: int, value: int) -> None:
    import resource

    _, highest = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if highest == resource.RLIM_INFINITY else min(value, highest), highest))


def _send(sink: int, value: Any) -> None:
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    view = memoryview(_HEAD.pack(len(data)) + data)
    while view:
        view = view[os.write(sink, view) :]


def _receive(source: int) -> Any:
    (size,) = _HEAD.unpack(_read(source, _HEAD.size))
    return pickle.loads(_read(source, size))  # noqa: S301 - written by our own fork


def _read(source: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = os.read(source, min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
