"""Which engine evaluates which language. Ours are a table: looking through all installed distributions takes 40 ms."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import closest

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.ports import PolicyEngine

GROUP = "gitconfigmgr.policy_engines"
_OURS = {
    "cel": ("gitconfigmgr.adapters.policies.cel", "CelEngine"),
    "rego": ("gitconfigmgr.adapters.policies.rego", "RegoEngine"),
}


def open_engine(language: str) -> PolicyEngine:
    """The engine of a language, in a process of its own where the system has fork. Raises UsageError for unknown ones."""
    from gitconfigmgr.adapters.policies.confined import Confined  # a repository without policies pays nothing for it

    make = _maker(language)
    return Confined(make) if hasattr(os, "fork") else make()


def is_installed() -> bool:
    """Whether policies in CEL can be evaluated here."""
    return find_spec("cel_expr_python") is not None


def _maker(language: str) -> Callable[[], PolicyEngine]:
    if language in _OURS:
        module, name = _OURS[language]
        made: Callable[[], PolicyEngine] = getattr(import_module(module), name)
        return made
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=GROUP)}
    if language not in found:
        known = sorted({*_OURS, *found})
        near = closest(language, known)
        hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
        raise UsageError(f"there is no policy engine {language}", hint)
    other: Callable[[], PolicyEngine] = found[language].load()
    return other
