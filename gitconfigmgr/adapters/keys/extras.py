"""SDKs that are installed only by those who use the service."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gitconfigmgr.errors import UsageError


def load(module: str, extra: str) -> Any:
    """The module of an SDK. Raises UsageError with the command that installs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        hint = f"install it: pip install 'gitconfigmgr[{extra}]'"
        raise UsageError(f"{error.name or module} is needed and not installed", hint) from None


class Allowed:
    """The services that may be contacted: exact names, or with a `*` at the end what begins so."""

    def __init__(self, names: frozenset[str] | set[str] | tuple[str, ...] = ()) -> None:
        self._exact = frozenset(_normal(name) for name in names if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in names if name.endswith("*") and "://" not in name)

    def __contains__(self, name: object) -> bool:
        text = _normal(str(name))
        return text in self._exact or (bool(self._prefixes) and text.startswith(self._prefixes))


def _normal(name: str) -> str:
    return name.rstrip("/")
