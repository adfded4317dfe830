"""Names that are no text."""

from __future__ import annotations


def badly_named(path: str) -> str | None:
    """How to show a path that is not UTF-8 (Python keeps such bytes as surrogates); None for any other."""
    if path.isprintable() or not any("\ud800" <= character <= "\udfff" for character in path):
        return None
    return path.encode(errors="backslashreplace").decode()
