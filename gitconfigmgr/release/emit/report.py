"""What a publisher could not express, in few lines: alike losses of many targets together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.model.bundles import Loss

_KINDS = 8  # of losses that are shown
_PATHS = 3  # of each


def loss_lines(publisher: str, losses: Iterable[Loss]) -> list[str]:
    """Lines for people; none where nothing was lost. Every loss by itself is in the receipt."""
    found: dict[str, list[Loss]] = defaultdict(list)
    for loss in losses:
        found[loss.message].append(loss)
    if not found:
        return []
    count, targets = sum(map(len, found.values())), {loss.target for group in found.values() for loss in group}
    lines = [f"{publisher} does not say {many(count, 'value')} of {many(len(targets), 'target')} (--json lists each):"]
    kinds = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    for message, group in kinds[:_KINDS]:
        paths = list(dict.fromkeys(loss.path for loss in group))
        shown = ", ".join(paths[:_PATHS]) + (" ..." if len(paths) > _PATHS else "")
        lines.append(f"  {len(group)} x {message}: {shown}")
    rest = sum(len(group) for _, group in kinds[_KINDS:])
    return [*lines, *([f"  and {rest} more"] if rest else [])]
