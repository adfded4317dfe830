"""The one byte string of a JSON value: RFC 8785."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from gitconfigmgr.model.values import UNUSUAL, Node, plain


def canonical_bytes(node: Node) -> bytes:
    """The canonical JSON of a resolved node.

    orjson writes the same bytes for everything but the numbers and keys that a node is flagged UNUSUAL for, at a
    fiftieth of the time; those go through the reference writer.
    """
    data = plain(node)
    if node.flags & UNUSUAL:
        return canonical_json(data)
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def canonical_json(data: Any) -> bytes:
    """The canonical JSON of any plain value."""
    import rfc8785

    return rfc8785.dumps(data)


def digest(data: bytes) -> str:
    """`sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
