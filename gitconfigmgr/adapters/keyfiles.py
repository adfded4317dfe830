"""Keys in files that only their owner can read: new ones, which replace nothing, and those that sign seals."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_OTHERS = 0o077


def age_identity(place: Path | None) -> tuple[Path, str]:
    """Make an age identity; its file and its recipient. Raises UsageError where there is a file already."""
    pyrage = load("pyrage", "secrets")
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    file = place or _default_file()
    _write(file, f"# public key: {recipient}\n{identity}\n".encode())
    return file, recipient


def seal_key(place: Path) -> Path:
    """Make an Ed25519 key as PEM; the file of its public half, beside it."""
    load("cryptography", "secrets")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    public = place.with_name(f"{place.name}.pub")
    if public.exists():
        raise UsageError(f"{public} is there already", "name another file")
    none = serialization.NoEncryption()
    _write(place, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none))
    shown = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write(public, shown, 0o644)
    return public


def _default_file() -> Path:
    """Where SOPS and this program look for identities."""
    given = os.environ.get("SOPS_AGE_KEY_FILE")
    if given:
        return Path(given)
    config = os.environ.get("XDG_CONFIG_HOME")
    library = ("Library", "Application Support") if sys.platform == "darwin" else (".config",)
    base = Path(config) if config else Path.home().joinpath(*library)
    return base / "sops" / "age" / "keys.txt"


def _write(place: Path, data: bytes, mode: int = 0o600) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:  # noqa: PTH123 - the mode
            file.write(data)
    except FileExistsError:
        raise UsageError(f"{place} is there already", "name another file by -o; no key is replaced") from None
    except OSError as error:
        raise OutsideError(f"{place}: {error.strerror}", "nothing was written") from None


def load_private(place: Path) -> Any:
    """The key that signs seals. Raises UsageError, OutsideError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if os.name == "posix" and place.is_file() and place.stat().st_mode & _OTHERS:
        raise UsageError(f"others on this machine can read {place}", f"type: chmod 600 {place}")
    return _loaded(place, lambda data: load_pem_private_key(data, None), Ed25519PrivateKey)


def load_public(place: Path) -> Any:
    """The key that seals are held against. Raises UsageError, OutsideError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    return _loaded(place, load_pem_public_key, Ed25519PublicKey)


def _loaded(place: Path, load_key: Callable[[bytes], Any], kind: type) -> Any:
    try:
        key = load_key(place.read_bytes())
    except OSError as error:
        raise OutsideError(f"{place}: {error.strerror}", "correct the path") from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, kind):
        raise UsageError(f"{place} is no key for seals", "make one by `gitconfigmgr secret keygen --seal -o FILE`")
    return key
