"""What must hold for the merged document of one target: rules M13, M14 and M15."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.model.diagnostics import Diagnostic, Position, Related, position_of
from gitconfigmgr.model.names import BASE, KeyPath, show_path
from gitconfigmgr.model.values import NOTED, REQUIRED, Node, Required, Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from gitconfigmgr.model.settings import Environment, Settings

WARN_DAYS = 14


def guard(
    root: Node, environment: Environment, settings: Settings, now: Callable[[], date | None]
) -> Iterator[Diagnostic]:
    """The findings of a merged document, before its references are resolved."""
    if root.flags & REQUIRED:
        yield from unfilled(root, ())
    if root.flags & NOTED:
        yield from _expired(root, (), now)
    if environment.protected and settings.leak_guard != "off":
        leaking = frozenset(
            name for name in environment.chain[:-1] if name != BASE and not settings.environments[name].protected
        )
        if leaking:
            severity = "error" if settings.leak_guard == "error" else "warning"
            yield from _leaks(root, (), leaking, environment.name, severity)


def unfilled(node: Node, path: KeyPath) -> Iterator[Diagnostic]:
    """The `$required` at or below a node that nothing has filled."""
    value = node.value
    if isinstance(value, Required):
        message = f"{show_path(path)} is required: {value.why}"
        yield Diagnostic("GCM208", message, position_of(node), key=show_path(path), help="set it in a layer above this one")  # fmt: skip
    elif type(value) is dict:
        for key, child in value.items():
            if child.flags & REQUIRED:
                yield from unfilled(child, (*path, key))
    elif type(value) is list:
        for index, child in enumerate(value):
            if child.flags & REQUIRED:
                yield from unfilled(child, (*path, index))


def _expired(
    node: Node, path: KeyPath, now: Callable[[], date | None], above: frozenset[int] = frozenset()
) -> Iterator[Diagnostic]:
    """`above` are the dates of the maps around this node, which were judged there."""
    notes = node.notes
    if notes is not None and notes.until is not None and id(notes.until_at) not in above:
        above |= {id(notes.until_at)}
        finding = _expiry(node, path, now())
        if finding is not None:
            yield finding
    value = node.value
    children = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, child in children:
        if child.flags & NOTED or child.notes:
            yield from _expired(child, (*path, key), now, above)


def _expiry(node: Node, path: KeyPath, now: date | None) -> Diagnostic | None:
    notes = node.notes
    assert notes is not None
    assert notes.until is not None
    assert notes.until_at is not None
    owner = f" ({notes.owner})" if notes.owner else ""
    place, key = position_of(notes.until_at), show_path(path)
    if now is None:
        message = f"{key} holds until {notes.until}, and there is no date to compare"
        return Diagnostic("GCM214", message, place, key=key, help="pass --now DATE")
    if now > notes.until:
        message = f"{key} has expired on {notes.until}{owner}"
        return Diagnostic("GCM209", message, place, key=key, help="remove the override, or set a new date")
    days = (notes.until - now).days
    if days > WARN_DAYS:
        return None
    message = f"{key} expires on {notes.until}, in {days} days{owner}"
    return Diagnostic("GCM211", message, place, key=key, help="remove the override in time, or set a new date")


def _leaks(node: Node, path: KeyPath, leaking: frozenset[str], environment: str, severity: str) -> Iterator[Diagnostic]:
    value = node.value
    kind = type(value)
    if kind is dict and value:
        for key, child in value.items():
            yield from _leaks(child, (*path, key), leaking, environment, severity)
        return
    origin = node.document.environment
    if origin not in leaking or (node.notes is not None and node.notes.promote):
        if kind is list:
            for index, child in enumerate(value):
                yield from _leaks(child, (*path, index), leaking, environment, severity)
        return
    if kind is list and node.directive and node.lower is not None and not node.directive.startswith("$replace"):
        for index, child in enumerate(value):
            yield from _leaks(child, (*path, index), leaking, environment, severity)
        return
    if isinstance(value, Required):
        return
    key = show_path(path)
    related = _overridden(node)
    yield Diagnostic(
        "GCM207",
        f"{key} in {environment} has the value that was written for {origin}",
        position_of(node.value.text if isinstance(value, Template) else node),
        severity=severity,
        label=f"written for {origin}",
        related=related,
        key=key,
        help=f"set it in {environment} or in base, or mark it {{$value: ..., $promote: true}} here",
    )


def _overridden(node: Node) -> tuple[Related, ...]:
    below = node.lower
    if below is None:
        return ()
    place: Position = position_of(below)
    return (Related(place, "overrides", below.document.environment),)
