"""What an application does: python-tuf's Updater, and nothing of gitconfigmgr. Reads a folder through `file:` URLs."""

from __future__ import annotations

import datetime as datetimes
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock
from urllib.parse import unquote

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class FolderFetcher(FetcherInterface):
    def _fetch(self, url: str) -> Iterator[bytes]:
        place = Path(unquote(url.removeprefix("file://")))
        if not place.is_file():
            raise DownloadHTTPError("not found", 404)
        yield place.read_bytes()


def updater(tree: Path, root: bytes, folder: Path) -> Updater:
    """A client of a tenant's folder."""
    (folder / "metadata").mkdir(exist_ok=True)
    (folder / "targets").mkdir(exist_ok=True)
    return Updater(
        metadata_dir=str(folder / "metadata"),
        metadata_base_url=f"file://{tree}/tuf/metadata/",
        target_dir=str(folder / "targets"),
        target_base_url=f"file://{tree}/tuf/targets/",
        fetcher=FolderFetcher(),
        bootstrap=root,
    )


def download(tree: Path, root: bytes, path: str, now: datetime) -> bytes | None:
    """A verified target, at a given time; None where there is no such target, or nothing was published."""
    if not (tree / "tuf/metadata/timestamp.json").is_file():
        return None
    with tempfile.TemporaryDirectory() as folder, at(now):
        client = updater(tree, root, Path(folder))
        found = client.get_targetinfo(path)
        return None if found is None else Path(client.download_target(found)).read_bytes()


def at(now: datetime) -> mock._patch:
    """A clock for python-tuf."""

    class Clock(datetimes.datetime):
        @classmethod
        def now(cls, tz=None):
            return now

    return mock.patch("tuf.ngclient._internal.trusted_metadata_set.datetime.datetime", Clock)
