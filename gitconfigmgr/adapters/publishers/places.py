"""Where the files of a destination go, and that no link leads them elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gitconfigmgr.errors import UsageError

if TYPE_CHECKING:
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.ports import Context


def folder_of(destination: Destination, context: Context, *below: str) -> Path:
    """The absolute path of a destination's folder, or of one `below` it. Raises UsageError where a link is on the way.

    A repository may hold links, and its settings name folders: what an address leads to has to be what it says. Folders
    above the one that relative paths begin at are the machine's, and so are those of an absolute path elsewhere.
    """
    if not destination.address:
        raise UsageError(f"{destination.kind}: needs the path of a folder", f"write {destination.kind}:../published")
    base = context.folder.resolve()
    folder = _plain(base / destination.address)
    place = folder.joinpath(*below)
    trusted = Path(os.path.commonpath((base, folder)))
    if Path(destination.address).is_absolute() and trusted != base:
        trusted = folder.parent
    for part in (place, *place.parents):
        if part == trusted:
            break
        if part.is_symlink():
            message = f"{destination}: {part} is a link to {part.readlink()}: nothing is written through it"
            raise UsageError(message, "name the folder itself, as an absolute path where it is elsewhere")
    return place


def _plain(path: Path) -> Path:
    """Without `..`, links left as they are."""
    return Path(os.path.normpath(path))
