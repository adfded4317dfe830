"""What gitconfigmgr.yaml says of releases: where to, for whom, and what a release may not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.diagnostics import Position

DEFAULT_TENANT = "default"
TIMESTAMP_DAYS, BUNDLE_DAYS, KEEP_DAYS = 7, 90, 30


class Destination(NamedTuple):
    """One entry of `release.to`: `directory:../published`, or a map with `to` and options of its kind.

    `options` are the other keys of the map, as plain data; each publisher says which it knows. Empty `namespaces`
    (glob patterns) and `environments` mean all. `base` is the folder that a relative path begins at, where it is not
    that of the settings.
    """

    kind: str
    address: str
    options: Mapping[str, Any] = {}
    namespaces: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    position: Position | None = None
    base: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.address}"


class Budget(NamedTuple):
    """What one release may change of a target: how often its size may grow, and the bounds of its shape."""

    growth: float = 2.0
    bytes: int = 1024 * 1024
    keys: int = 50_000
    items: int = 10_000
    depth: int = 32


class ReleaseSettings(NamedTuple):
    """The section `release`. `seal_for` are the recipients of sealed secrets, each a kind and its fields."""

    tenant: str = DEFAULT_TENANT
    branch: str | None = None
    to: tuple[Destination, ...] = ()
    seal_for: tuple[tuple[str, Mapping[str, str]], ...] = ()
    budget: Budget = Budget()
    timestamp_days: int = TIMESTAMP_DAYS
    bundle_days: int = BUNDLE_DAYS
    keep_days: int = KEEP_DAYS
    webhook: str | None = None
