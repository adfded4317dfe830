"""`fix`: the edits that findings carry, applied to the files of the work tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitconfigmgr.model.settings import Limits
from gitconfigmgr.source.layout import METADATA, ROOT, SETTINGS
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gitconfigmgr.model.diagnostics import Edit
    from gitconfigmgr.ports import Tree

MAX_PASSES = 4  # a fix can bring another to light: tabs hide what stands behind them


@dataclass(frozen=True, slots=True)
class Fixed:
    """One file with its text before and after, and how many findings the edits dealt with."""

    path: str
    before: str
    after: str
    count: int


def fixes(tree: Tree, paths: Sequence[str] = ()) -> list[Fixed]:
    """What `fix` would do to the layer files, the metadata and the settings (all, or those below `paths`)."""
    found = []
    for path in sorted([*tree.files(ROOT), SETTINGS]):
        if not path.endswith(".yaml") or not _selected(path, paths):
            continue
        fixed = _fix(path, tree.read(path) or b"")
        if fixed is not None:
            found.append(fixed)
    return found


def _selected(path: str, paths: Sequence[str]) -> bool:
    return not paths or any(path == chosen or path.startswith(f"{chosen}/") for chosen in paths)


def _fix(path: str, data: bytes) -> Fixed | None:
    limits = Limits(file_bytes=64 * 1024 * 1024)
    before, _ = decode(path, data, limits.file_bytes)
    if before is None:
        return None
    text, count = before, 0
    environment = path.rpartition("/")[2].removesuffix(".yaml") if path.rpartition("/")[2] != METADATA else "base"
    for _ in range(MAX_PASSES):
        _, findings = read_document(path, "", environment, "", text.encode(), limits)
        edits = [edit for item in findings for edit in item.edits]
        if not edits:
            break
        count += sum(1 for item in findings if item.edits)
        text = apply(text, edits)
    original = data.decode("utf-8")
    if text == original:
        return None
    return Fixed(path, original, text, count + (before != original))


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with its edits; of two that overlap the first one counts."""
    pieces, at = [], 0
    for edit in sorted(set(edits), key=lambda item: (item.start, item.end)):
        if edit.start < at:
            continue
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, text[at:]])
