"""A TUF client of any repository, by our transport: for the official conformance suite, and to look at foreign trees."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from tuf.ngclient.fetcher import FetcherInterface

from gitconfigmgr.adapters.edge.transport import Transport
from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuf.ngclient import Updater


class _Plain(FetcherInterface):
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._transport.stream(url)


class TufClient:
    """`folder` has the metadata that is trusted. Raises OutsideError for what does not verify or cannot be had."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def init(self, root: Path) -> None:
        """Trust a root. Nothing is asked for."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / "root.json", root.read_bytes())
        except OSError as error:
            raise OutsideError(f"{error.filename}: {error.strerror}") from None

    def refresh(self, url: str) -> None:
        """Bring the metadata up to date."""
        with _told():
            self._updater(url).refresh()

    def download(self, url: str, name: str, targets_url: str, folder: Path) -> Path:
        """A verified target, its file named by its path; one that is there already is not asked for again."""
        place = folder / quote(name, "")
        with _told():
            updater = self._updater(url)
            updater.refresh()
            found = updater.get_targetinfo(name)
            if found is None:
                raise OutsideError(f"the repository has no target {name}")
            if updater.find_cached_target(found, str(place)) is None:
                updater.download_target(found, str(place), targets_url)
        return place

    def _updater(self, url: str) -> Updater:
        from tuf.ngclient import Updater

        return Updater(str(self._folder), url, fetcher=_Plain(Transport(url)), bootstrap=None)


@contextmanager
def _told() -> Iterator[None]:
    from tuf.api.exceptions import DownloadError, RepositoryError

    try:
        yield
    except (RepositoryError, DownloadError) as error:
        raise OutsideError(f"not verified: {type(error).__name__}: {error}") from None
    except OSError as error:
        raise OutsideError(f"{error.filename}: {error.strerror}") from None
