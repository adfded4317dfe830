"""The rig of an endpoint: the process itself, and python-tuf's own client on the tree that it keeps."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import mock

from gitconfigmgr.adapters.publishers.edge import TOKEN, open_publisher
from gitconfigmgr.adapters.publishers.edge_client import EdgeClient
from gitconfigmgr.model.publishing import Destination
from tests.conformance.publishers.directory import DirectoryRig
from tests.conformance.publishers.rigs import Killed
from tests.endpoint.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gitconfigmgr.release.ports import Publisher


class EdgeRig(DirectoryRig):
    kind: ClassVar[str] = "edge"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.keys = type(self.keys)(self.now)
        self.out.mkdir()
        (folder / "root.json").write_bytes(self.keys.roots()[0])
        self.server = Server(self.out, folder / "endpoint")
        self.token = self.server.token("publish")
        self.server.start("--root", f"acme={folder / 'root.json'}")

    def publisher(self) -> Publisher:
        context = self.context(
            signing=lambda: self.keys,
            wrap=lambda key: [{"kek_id": "test", "encrypted_dek": key.hex()[::-1]}],
            environment={TOKEN: self.token},
        )
        return open_publisher(Destination("edge", self.server.address), context)

    @contextmanager
    def interrupt(self, step: int) -> Iterator[None]:
        """A release is one request: killed before it is sent, or before its answer is there."""
        seen = {"count": 0}
        real = EdgeClient.send

        def send(client: EdgeClient, *arguments: Any) -> None:
            seen["count"] += 2
            if seen["count"] > step + 1:
                raise Killed
            real(client, *arguments)
            if seen["count"] > step:
                raise Killed

        with mock.patch.object(EdgeClient, "send", send):
            yield

    def close(self) -> None:
        self.server.close()
