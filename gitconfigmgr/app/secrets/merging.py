"""What Git asks for: merge three versions of a file, and show one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.app.secrets.bench import about, data_key, kind_of_file
from gitconfigmgr.app.secrets.files import is_encrypted
from gitconfigmgr.app.secrets.keys import write_all
from gitconfigmgr.app.secrets.overview import encrypted_files
from gitconfigmgr.errors import GitConfigError
from gitconfigmgr.model.names import show_path
from gitconfigmgr.secrets import merge, opening, textconv
from gitconfigmgr.secrets.errors import SecretsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.app.secrets.bench import Bench


class Outcome(NamedTuple):
    """A merge: the content (None where it is for Git's own merge of lines), the keys that clash, and what to tell."""

    data: bytes | None
    conflicts: tuple[str, ...] = ()
    pending: bool = False
    problem: str = ""

    @property
    def clean(self) -> bool:
        """Whether Git may take the content as it is."""
        return not self.conflicts and not self.problem


def merge_versions(bench: Bench, path: str, base: bytes, ours: bytes, theirs: bytes) -> Outcome:
    """Merge an encrypted file by its keys. Whatever goes wrong, ours stays whole, and the file is a conflict."""
    format_ = kind_of_file(path)
    sealed = [_encrypted(data, format_) for data in (base, ours, theirs)]
    if not any(sealed):
        return Outcome(None)
    if not all(sealed):
        return Outcome(ours, problem="it is encrypted in some of the three versions only")
    key = None
    try:
        key = data_key(bench, ours, format_)
        if data_key(bench, theirs, format_) != key:
            return Outcome(ours, problem="one side has a new data key: bring its changes over with `secret set`")
    except GitConfigError:
        key = None  # the merge works without; its code is then made later
    try:
        merged = merge.merge(base, ours, theirs, format_, key, bench.now())
    except GitConfigError as error:
        return Outcome(ours, problem=str(error))
    return Outcome(merged.data, tuple(map(show_path, merged.conflicts)), merged.pending)


def _encrypted(data: bytes, format_: str) -> bool:
    try:
        return is_encrypted(data, format_)
    except SecretsError:
        return b"ENC[AES256_GCM," in data  # damaged, and still nothing to merge by lines


def finish_files(bench: Bench, paths: Iterable[str] | None) -> list[str]:
    """Make the codes that merges left open, in the files that are named or in all; returns those that changed."""
    files = {path: bench.content(path) for path in paths} if paths is not None else encrypted_files(bench)
    done = {}
    for path, data in files.items():
        format_ = kind_of_file(path)
        with about(path):
            if paths is None and not _waits(data, format_):
                continue
            done[path] = merge.finish(data, format_, data_key(bench, data, format_), bench.now())
    return write_all(bench, done)


def _waits(data: bytes, format_: str) -> bool:
    try:
        return merge.is_pending(opening.read(data, format_).metadata)
    except SecretsError:
        return False


def show_file(name: str, data: bytes) -> str:
    """A file as `git diff` compares it: keys, types and marks instead of encrypted values."""
    return textconv.textconv(data, kind_of_file(name))
