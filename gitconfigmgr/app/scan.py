"""`scan`: keys and private keys in any files, whether they are configuration or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitconfigmgr.check.hygiene.marks import as_utf8
from gitconfigmgr.check.hygiene.marks import scan as scan_bytes
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gitconfigmgr.app.check import Checked
    from gitconfigmgr.model.contents import Content

MOST_BYTES = 16 * 1024 * 1024
_PEEK = 8_192  # as Git does: a NUL byte within means binary


@dataclass(frozen=True, slots=True)
class Scanned:
    """`sources` are the bytes of the files with findings, for reports."""

    diagnostics: list[Diagnostic]
    files: int
    sources: dict[str, bytes]


def scan(
    contents: Iterable[Content],
    most: int = MOST_BYTES,
    look: Callable[[str, bytes], list[Diagnostic]] = scan_bytes,
) -> Scanned:
    """Look at files of at most so many bytes, for keys unless told otherwise. A larger text is a finding; larger binary files are left out in silence."""
    findings: list[Diagnostic] = []
    sources: dict[str, bytes] = {}
    files = 0
    for content in contents:
        files += 1
        if content.size > most:
            if b"\0" not in content.read(_PEEK):
                message = f"{content.path} has {content.size:,} bytes, more than the {most:,} that are scanned"
                findings.append(Diagnostic("GCM708", message, Position(content.path)))
            continue
        data = as_utf8(content.read())
        found = look(content.path, data)
        if found:
            findings += found
            sources[content.path] = data
    return Scanned(findings, files, sources)


def with_scan(checked: Checked, contents: Iterable[Content]) -> Checked:
    """The result of a check with keys, conflict markers and damaged encrypted files of any files in it."""
    from gitconfigmgr.app.merge_safety import merge_safety

    found = scan(contents, look=lambda path, data: [*scan_bytes(path, data), *merge_safety(path, data)])
    return replace(checked, diagnostics=collate([*checked.diagnostics, *found.diagnostics]))
