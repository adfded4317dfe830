"""`fmt`: files in even layout, their values and comments as they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitconfigmgr.app.setting import text_of
from gitconfigmgr.errors import GitConfigError
from gitconfigmgr.source.edit_format import formatted
from gitconfigmgr.source.edits import is_encrypted
from gitconfigmgr.source.layout import ROOT, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.ports import Tree


@dataclass(frozen=True, slots=True)
class Formatted:
    """One file: its new bytes, or (`reason`) why it cannot be formatted."""

    path: str
    after: bytes = b""
    reason: str = ""


def format_files(tree: Tree, paths: Sequence[str] = ()) -> list[Formatted]:
    """The files whose layout is not even, and those that cannot be read; SOPS files keep the layout of `sops`."""
    found = []
    for path in sorted([*tree.files(ROOT), SETTINGS]):
        if not path.endswith(".yaml") or "/." in path or not _selected(path, paths):
            continue
        data = tree.read(path)
        if data is None:
            continue
        try:
            text = text_of(data, path)
            if b"sops" in data and is_encrypted(text):
                continue
            after = formatted(text).encode()
        except GitConfigError as error:
            found.append(Formatted(path, reason=str(error)))
            continue
        if after != data:
            found.append(Formatted(path, after))
    return found


def _selected(path: str, paths: Sequence[str]) -> bool:
    return not paths or any(path == chosen or path.startswith(f"{chosen}/") for chosen in paths)
