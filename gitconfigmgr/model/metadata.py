"""What `_namespace.yaml` says of a namespace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitconfigmgr.model.values import Node


@dataclass(frozen=True, slots=True)
class Metadata:
    """`values` is the file as plain data; `root` has the positions, None where there is no readable file."""

    namespace: str
    compile: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    root: Node | None = None
