"""`init` and `demo`: a new config repository, and the story told on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.errors import UsageError
from gitconfigmgr.source.layout import POLICIES, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GENERATED = {"__pycache__"}


def scaffold(template: Path, folder: Path, write: Callable[[Path, bytes], None], *, policies: bool = True) -> list[str]:
    """Copy a template into a folder; the paths written. Raises UsageError rather than replace a file.

    `policies` tells whether they can be evaluated here: a repository that cannot be checked is no good beginning.
    """
    if (folder / SETTINGS).exists():
        raise UsageError(f"{folder} has a {SETTINGS} already", "it is a config repository; run `gitconfigmgr check`")
    sources = sorted(path for path in template.rglob("*") if path.is_file() and not GENERATED & set(path.parts))
    if not policies:
        sources = [path for path in sources if path.relative_to(template).parts[0] != POLICIES]
    names = [source.relative_to(template).as_posix() for source in sources]
    there = [name for name in names if (folder / name).exists()]
    if there:
        raise UsageError(f"{folder} has a {there[0]} already", "choose a new folder; init replaces nothing")
    for name, source in zip(names, sources, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, source.read_bytes())
    return names
