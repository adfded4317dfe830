"""`init` and `demo`: a new config repository, and the story told on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gitconfigmgr.errors import UsageError
from gitconfigmgr.source.layout import POLICIES, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GENERATED = {"__pycache__"}
MAIN = "main"
_BRANCH = b"  branch: main "


def scaffold(
    template: Path, folder: Path, write: Callable[[Path, bytes], None], *, policies: bool = True, branch: str = MAIN
) -> list[str]:
    """Copy a template into a folder; the paths written. Raises UsageError rather than replace a file.

    `policies` tells whether they can be evaluated here: a repository that cannot be checked is no good beginning.
    `branch` is the one that is released.
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
        data = source.read_bytes()
        write(folder / name, data.replace(_BRANCH, _BRANCH.replace(MAIN.encode(), _quoted(branch))))
    return names


def _quoted(branch: str) -> bytes:
    """As YAML takes it whatever it is called."""
    return branch.encode() if branch == MAIN else orjson.dumps(branch)
