"""A proposal to change."""

from __future__ import annotations

from typing import Any

from gitconfigmgr.sync.proposals import Proposal, read_proposal, time_text


def sample(
    instance: str = "a", at: float = 10, path: tuple[str, ...] = ("limit",), value: Any = 1,
    vector: dict[str, int] | None = None, **more: Any,
) -> Proposal:  # fmt: skip
    return read_proposal(given(instance, at, path, value, vector, **more), "acme", 1e9)


def given(
    instance: str = "a", at: float = 10, path: tuple[str, ...] = ("limit",), value: Any = 1,
    vector: dict[str, int] | None = None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """As it is sent."""
    return {
        "instance": instance, "environment": "production", "namespace": "acme/chat", "reason": "cut off",
        "patch": [{"op": "add", "path": "/" + "/".join(path), "value": value}], "at": time_text(at),
        "base": {"release": 1, "version": 1, "digest": "sha256:" + "0" * 64, "commit": ""},
        "vector": {instance: 1} if vector is None else vector,
    } | more  # fmt: skip
