"""A folder of files in another program's format, one folder for each target, replaced as a whole.

    gitconfigmgr.json                     the release that the folder holds, and which files are ours
    <namespace>/<environment>/<file>      what the emitter made

A new folder is built beside the old one, of hard links where nothing changed, and the two are exchanged in one step.
Files that somebody else put there stay.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.files import umask
from gitconfigmgr.adapters.output import exchange
from gitconfigmgr.adapters.publishers.record import Record, unheeded
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.bundles import Loss, Publication, Published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gitconfigmgr.model.bundles import Bundle, Held, Release
    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.release.emit.taking import Emitted
    from gitconfigmgr.release.ports import OpenSecrets

    Emit = Callable[[Bundle, Mapping[KeyPath, Any] | None, Release], Emitted]

RECORD = "gitconfigmgr.json"  # no namespace: a file of this name cannot be the folder of one, it has no environment


class FolderPublisher:
    """See release.ports.Publisher. `options` is text that changes with what makes `emit` write other files.

    `opens` says whether `emit` is given the values of secrets; else it gets None.
    """

    def __init__(self, kind: str, folder: Path, emit: Emit, options: str, *, opens: bool = False) -> None:
        self.name = f"{kind}:{folder}"
        self._folder = folder
        self._emit = emit
        self._options = f"{kind} {options}"
        self._opens = opens

    def held(self) -> Held:
        return self._record().held(self._usable)

    def publish(self, release: Release, secrets: OpenSecrets) -> Publication:
        with self._locked():
            record = self._record()
            todo, gone = record.plan(self.name, release, self._usable)
            losses = unheeded(self.name, release)
            if todo or gone:
                losses += self._replace(record, release, todo, gone, secrets)
        changed = {*(bundle.target for bundle in todo), *gone}
        targets = sorted({*record.holdings, *gone})
        place = {target: str(self._folder / _folder(target)) for target in targets}
        return Publication({target: Published(place[target], target in changed) for target in targets}, tuple(losses))

    def _usable(self, own: dict[str, Any]) -> bool:
        return bool(own["options"] == self._options)

    def _record(self) -> Record:
        self._refuse_foreign()
        try:
            return Record.of(orjson.loads((self._folder / RECORD).read_bytes()))
        except FileNotFoundError:
            return Record()
        except OSError as error:
            raise OutsideError(f"{self._folder}: {error.strerror}", "nothing was written") from None
        except (KeyError, TypeError, ValueError):
            message = f"{self._folder / RECORD} was not written by gitconfigmgr, or is damaged"
            raise UsageError(message, "name another folder, or remove this one") from None

    def _refuse_foreign(self) -> None:
        if self._folder.is_symlink() or (self._folder.exists() and not self._folder.is_dir()):
            raise UsageError(f"{self._folder} is no folder", "name a new one")
        if not self._folder.is_dir():
            return
        names = sorted(item.name for item in self._folder.iterdir())
        if names and RECORD not in names:
            message = f"{self._folder} holds files of somebody else, such as {names[0]}"
            raise UsageError(message, "name an empty or a new folder")

    # -- writing -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One run at a time; what killed runs have left is removed."""
        parent = self._folder.parent
        place = parent / f".{self._folder.name}.gcm-lock"
        try:
            parent.mkdir(parents=True, exist_ok=True)
            descriptor = _locked(place)
        except OSError as error:
            raise OutsideError(f"{parent}: {error.strerror}", "nothing was written") from None
        try:
            for left in parent.glob(f".{self._folder.name}.gcm-new-*"):
                shutil.rmtree(left, ignore_errors=True)
            yield
        finally:
            try:
                with suppress(OSError):
                    place.unlink()
            finally:
                os.close(descriptor)

    def _replace(
        self, record: Record, release: Release, todo: list[Bundle], gone: list[Target], secrets: OpenSecrets
    ) -> list[Loss]:
        new = None
        try:
            new = Path(tempfile.mkdtemp(prefix=f".{self._folder.name}.gcm-new-", dir=self._folder.parent))
            new.chmod(0o777 & ~umask())
            if self._folder.exists():
                _clone(self._folder, new)
            losses = self._fill(new, record, release, todo, gone, secrets)
            if self._folder.exists():
                exchange(new, self._folder)
            else:
                new.rename(self._folder)
            _sync(self._folder.parent)
        except OSError as error:
            raise OutsideError(f"{self._folder}: {error.strerror}", "the old files are untouched") from None
        finally:
            if new is not None:
                shutil.rmtree(new, ignore_errors=True)
        return losses

    def _fill(
        self, new: Path, record: Record, release: Release, todo: list[Bundle], gone: list[Target], secrets: OpenSecrets
    ) -> list[Loss]:
        losses = []
        for target in (*(bundle.target for bundle in todo), *gone):
            for name in record.own.get(target, {}).get("files", ()):
                _remove(new, f"{_folder(target)}/{name}")
        for bundle in todo:
            emitted = self._emit(bundle, secrets(bundle) if self._opens and bundle.secrets else None, release)
            losses += [Loss(bundle.target, path, message) for path, message in emitted.losses]
            for name, data in emitted.files.items():
                _write(new, f"{_folder(bundle.target)}/{name}", data, 0o600 if name in emitted.private else 0o666)
            record.put(bundle, release, {"options": self._options, "files": sorted(emitted.files)})
        for target in gone:
            record.drop(target, release)
        record.stamp(release)
        (new / RECORD).unlink(missing_ok=True)
        _write(new, RECORD, orjson.dumps(record.data(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE), 0o666)
        return losses


def _folder(target: Target) -> str:
    return f"{target.namespace}/{target.environment}"


def _locked(place: Path) -> int:
    """A lock file, held until it is closed; who holds it removes it, and who waited takes the next one."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(place, flags, 0o600)
        _lock(descriptor)
        try:
            if os.path.samestat(os.fstat(descriptor), place.lstat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def _clone(source: Path, place: Path) -> None:
    """A tree of hard links. A link in it could lead writes elsewhere: it is refused."""
    for at, folders, names in os.walk(source):
        inner = place / Path(at).relative_to(source)
        for name in (*folders, *names):
            if Path(at, name).is_symlink():
                raise UsageError(f"{Path(at, name)} is a link", "put no links into a folder that releases go to")
        for name in folders:
            (inner / name).mkdir()
        for name in names:
            os.link(Path(at, name), inner / name)


def _write(root: Path, path: str, data: bytes, mode: int) -> None:
    """A new file: an old one of this name, which may be a hard link, is never written into."""
    try:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except (FileExistsError, NotADirectoryError):
        message = f"{path} is in the way: another target's folder, or a file that somebody put there"
        raise UsageError(message, "rename the namespace or the environment, or remove the file") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove(root: Path, path: str) -> None:
    """A file, and the folders that it leaves empty. The record may name what it likes: nothing outside is touched."""
    place = root / path
    if ".." in Path(path).parts or Path(path).is_absolute():
        return
    place.unlink(missing_ok=True)
    for parent in place.parents:
        if parent == root or not parent.is_dir() or any(parent.iterdir()):
            return
        parent.rmdir()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
