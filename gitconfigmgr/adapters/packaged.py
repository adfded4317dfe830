"""The schemas, policies and the example that come with the program."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def folder(name: str) -> Path:
    """Where the packaged folder is: inside the wheel, or at the top of a source checkout."""
    installed = _PACKAGE / "data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def read_schema(name: str) -> bytes | None:
    """The bytes of a packaged schema, named by its path below schemas/, or of a packaged policy: policies/NAME."""
    policy = name.startswith("policies/")
    root = folder("policies" if policy else "schemas").resolve()
    path = (root / name.removeprefix("policies/") if policy else root / name).resolve()
    if root not in path.parents or not path.is_file():
        return None
    return path.read_bytes()


def template() -> Path:
    """The files of a new config repository."""
    return _PACKAGE / "data" / "new-repo"
