"""The last known good survives a process that is killed before any write, and a disk that is full."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.adapters.edge.cipher import Cipher
from gitconfigmgr.adapters.edge.store import Generation, Store
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "shutil.rmtree", "open")


KEPT = f"{0:064x}"  # the digest of content that does not change


def activate(store: Store, number: int) -> None:
    digest = f"{number:064x}"
    generation = Generation({"a/b": str(number)}, {"a/c/d": digest, "a/e": KEPT}, {"number": number})
    store.activate(generation, {digest: b"%d" % number, KEPT: b"kept"})


def held(folder: Path) -> int:
    """The number that a fresh start finds, of a generation that is whole."""
    store = Store(folder, Cipher())
    generation = store.generations()[0]
    number = int(generation.note["number"])
    found = [store.read(generation, path) for path in ("a/b", "a/c/d", "a/e", "x")]
    assert found == [b"%d" % number, b"%d" % number, b"kept", None]
    return number


def killed_at(folder: Path, step: int) -> bool:
    """Activate number 4 in a process that is killed -9 before its write of this number; whether it was."""
    child = os.fork()
    if child == 0:
        seen = [0]

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if event in _EVENTS and str(folder) in str(arguments):
                seen[0] += 1
                if seen[0] > step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        activate(Store(folder, Cipher()), 4)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_killed_before_any_write_the_last_good_is_there(tmp_path: Path) -> None:
    steps, found = 0, set()
    while True:
        folder = tmp_path / str(steps)
        for number in (1, 2, 3):
            activate(Store(folder, Cipher()), number)
        killed = killed_at(folder, steps)
        found.add(held(folder))
        store = Store(folder, Cipher())
        assert store.generations()
        activate(store, 5)
        activate(store, 6)
        assert held(folder) == 6
        assert len(list((folder / "kept").iterdir())) == 5, "two generations, what they name, and nothing else"
        if not killed:
            break
        steps += 1
    assert steps > 6
    assert found == {3, 4}


def test_a_full_disk_keeps_the_last_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path, Cipher())
    activate(store, 1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OutsideError, match="No space left"):
            activate(store, 2)
    assert held(tmp_path) == 1
    activate(store, 3)
    assert held(tmp_path) == 3


def test_one_agent_at_a_time(tmp_path: Path) -> None:
    store = Store(tmp_path, Cipher())
    with store.locked(), pytest.raises(UsageError, match="another agent"), Store(tmp_path, Cipher()).locked():
        pass
    with store.locked():
        pass


def test_a_file_cannot_take_the_place_of_another() -> None:
    cipher = Cipher(bytes(32))
    sealed = cipher.seal("a", b"x")
    assert cipher.open("a", sealed) == b"x"
    for name, data in (("b", sealed), ("a", sealed[:-1]), ("a", b"")):
        with pytest.raises(OutsideError):
            cipher.open(name, data)
