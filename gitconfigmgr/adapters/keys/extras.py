"""SDKs that are installed only by those who use the service."""

from __future__ import annotations

from base64 import b64decode
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gitconfigmgr.secrets.ports import NotAllowedError, NotInstalledError, WrongKeyError

if TYPE_CHECKING:
    from gitconfigmgr.secrets.metadata import Recipient


def load(module: str, extra: str) -> Any:
    """The module of an SDK. Raises NotInstalledError with the command that installs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        hint = f"install it: pip install 'gitconfigmgr[{extra}]'"
        raise NotInstalledError(f"{error.name or module} is needed and not installed", hint) from None


class Allowed:
    """The services that may be contacted: exact names, or with a `*` at the end what begins so."""

    def __init__(self, names: frozenset[str] | set[str] | tuple[str, ...] = ()) -> None:
        self._exact = frozenset(_normal(name) for name in names if not name.endswith("*"))
        self._prefixes = tuple(name[:-1] for name in names if name.endswith("*") and "://" not in name)

    def require(self, name: str) -> None:
        """Raises NotAllowedError for a service that is not on the list."""
        if name not in self:
            hint = "add it to the key services in gitconfigmgr.yaml of the base branch, if it is yours"
            raise NotAllowedError(f"{name} is not an allowed key service: it was not contacted", hint)

    def __contains__(self, name: object) -> bool:
        text = _normal(str(name))
        return text in self._exact or (bool(self._prefixes) and text.startswith(self._prefixes))


def _normal(name: str) -> str:
    return name.rstrip("/")


def wrapped_bytes(recipient: Recipient, enc: str, altchars: bytes | None = None) -> bytes:
    """What is wrapped for a recipient, out of base64. Raises WrongKeyError."""
    try:
        return b64decode(enc, altchars, validate=True)
    except ValueError:
        raise WrongKeyError(f"what is wrapped for {recipient} is damaged", "restore the file from Git") from None
