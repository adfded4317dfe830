"""Endpoints as operators ask them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from gitconfigmgr.adapters.endpoint.remote import RemoteEndpoint


def open_remote(address: str, token_file: Path, ca: Path | None) -> RemoteEndpoint:
    """The endpoint of a tenant's address. Raises UsageError."""
    from gitconfigmgr.adapters.endpoint.remote import RemoteEndpoint

    return RemoteEndpoint(address, token_in(token_file), ca)


def token_in(token_file: Path) -> str:
    """The token that a file holds. Raises UsageError."""
    try:
        token = token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is no token"
        raise UsageError(
            f"{token_file}: {reason}", "a file with one token, as `serve token create` prints it"
        ) from None
    if not token or not token.isprintable() or " " in token:
        raise UsageError(f"{token_file} holds no token", "as `gitconfigmgr serve token create` prints it")
    return token
