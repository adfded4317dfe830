"""The rig of the directory: real files, a real key set, and python-tuf's own client as the reader."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from gitconfigmgr.adapters.publishers.directory import open_publisher
from gitconfigmgr.model.publishing import Destination
from gitconfigmgr.release import layout
from tests.conformance.publishers.keys import TestKeys
from tests.conformance.publishers.rigs import Killed, Rig, as_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitconfigmgr.adapters.publishers.directory import DirectoryPublisher
    from gitconfigmgr.model.names import Target

_hook: dict[str, Any] = {"step": None, "count": 0, "below": "", "installed": False}
_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.link")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: sees every change of the file system that Python makes."""
    if _hook["step"] is None:
        return
    writes = event in _EVENTS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE)
    if not writes or not str(arguments[0]).startswith(_hook["below"]):
        return
    _hook["count"] += 1
    if _hook["count"] > _hook["step"]:
        raise Killed


class DirectoryRig(Rig):
    kind: ClassVar[str] = "directory"
    secrets: ClassVar[str] = "sealed"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.keys = TestKeys(self.now)
        self.out = folder / "published"

    def publisher(self) -> DirectoryPublisher:
        context = self.context(
            signing=lambda: self.keys,
            wrap=lambda key: [{"kek_id": "test", "encrypted_dek": key.hex()[::-1]}],
        )
        return open_publisher(Destination("directory", str(self.out)), context)  # type: ignore[return-value]

    def read(self, target: Target) -> Any:
        """By python-tuf alone, as an application would."""
        from tests.conformance.publishers.client import download

        data = download(self.out / "acme", self.keys.roots()[0], layout.path_of(target), self.now)
        return None if data is None else as_json(data)

    def snapshot(self) -> Any:
        found = {}
        for at, _, names in os.walk(self.out):
            for name in names:
                stat = os.stat(f"{at}/{name}")
                with open(f"{at}/{name}", "rb") as file:
                    found[f"{at}/{name}"] = (stat.st_mtime_ns, stat.st_ino, file.read())
        found.pop(f"{self.out}/acme/.gcm-lock", None)
        return found

    def everything(self) -> bytes:
        return b"".join(content for _, _, content in self.snapshot().values())

    @contextmanager
    def interrupt(self, step: int) -> Iterator[None]:
        if not _hook["installed"]:
            sys.addaudithook(_watch)
            _hook["installed"] = True
        _hook.update(step=step, count=0, below=str(self.out))
        try:
            yield
        finally:
            _hook["step"] = None
