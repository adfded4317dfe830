"""The layers of a target, lowest first (docs/language.md, section 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.model.names import Target, prefixes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.settings import Settings


class Slot(NamedTuple):
    """A place in a stack, and the file that fills it (None where there is none)."""

    namespace: str
    environment: str
    path: str | None


def slots(target: Target, settings: Settings, documents: Mapping[str, Mapping[str, str]]) -> list[Slot]:
    """All places of the stack; `documents` is namespace -> environment -> path."""
    chain = settings.environments[target.environment].chain
    namespaces = [(name, documents.get(name, _NONE)) for name in prefixes(target.namespace)]
    if settings.precedence == "environment":
        return [Slot(name, env, files.get(env)) for env in chain for name, files in namespaces]
    return [Slot(name, env, files.get(env)) for name, files in namespaces for env in chain]


_NONE: Mapping[str, str] = {}
