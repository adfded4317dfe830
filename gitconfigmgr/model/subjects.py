"""What a rule judges: one effective document and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.settings import Environment
    from gitconfigmgr.model.values import Node


@dataclass(slots=True)
class Subject:
    """One target under judgement.

    `root` is the effective document, every node with its position. `metadata` has the keys of `_namespace.yaml` of the
    namespace and of those above it, the nearest first. `today` asks for the date of the judgement. `previous` gives the
    effective document at the base revision, None where there is none; it is None itself where there is no base. Policies
    that had something to judge add their ids to `met`; `spends` is the budget of a month that the document sets.
    """

    target: Target
    root: Node
    environment: Environment
    metadata: Mapping[str, Node]
    today: Callable[[], date | None]
    previous: Callable[[], Node | None] | None = None
    met: set[str] = field(default_factory=set)
    spends: float | None = None
