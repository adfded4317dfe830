"""What went wrong in a loop, for its log."""

from __future__ import annotations

import ssl
import traceback
from typing import Any


def described(context: dict[str, Any]) -> dict[str, Any] | None:
    """`message`, `error` and `where`: the kind of error only, its text may hold what was sent. None for clients that went."""
    error = context.get("exception")
    if isinstance(error, ssl.SSLError | ConnectionError | TimeoutError):
        return None
    where = []
    if error is not None:
        where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-4:]]
    return {"message": str(context.get("message")), "error": type(error).__name__, "where": where}
