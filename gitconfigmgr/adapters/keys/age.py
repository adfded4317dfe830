"""age: X25519 and ssh keys, identities from where SOPS looks for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.secrets.ports import (
    KeyDeniedError,
    KeyProviderError,
    OneByOne,
    UnusableRecipientError,
    Wrapped,
    WrongKeyError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.secrets.metadata import Recipient

_ENCRYPTED = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")
_OTHERS = 0o006


class AgeProvider(OneByOne):
    """See KeyProvider. `ask` gets the passphrase of a protected identity file; without it such a file is an error."""

    kind = "age"

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        home: Path | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self._environment = os.environ if environment is None else environment
        self._home = home
        self._ask = ask
        self._found: list[Any] | None = None

    def wrap(self, recipient: Recipient, key: bytes) -> Wrapped:
        pyrage = load("pyrage", "secrets")
        name = recipient["recipient"]
        try:
            parsed = (pyrage.ssh if name.startswith("ssh-") else pyrage.x25519).Recipient.from_str(name)
        except pyrage.RecipientError:
            hint = "age recipients begin with age1, ssh-ed25519 or ssh-rsa"
            raise UnusableRecipientError(f"{name[:80]!r} is no age recipient", hint) from None
        return Wrapped(recipient, pyrage.encrypt(key, [parsed], armored=True).decode())

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        pyrage = load("pyrage", "secrets")
        identities = self._identities(pyrage)
        if not identities:
            hint = f"put an identity into {self._default_file()}, or name its file in SOPS_AGE_KEY_FILE"
            raise KeyDeniedError("there is no age identity here", hint)
        try:
            return bytes(pyrage.decrypt(enc.encode(), identities))
        except (pyrage.DecryptError, ValueError):
            shown = str(recipient)
            raise WrongKeyError(f"none of the age identities here opens what is for {shown}") from None

    def is_current(self, recipient: Recipient, enc: str) -> bool | None:  # noqa: ARG002 - the port's shape
        return True  # an age key has no versions

    def recipients(self) -> list[str]:
        """The recipients of the X25519 identities here. Raises KeyDeniedError."""
        pyrage = load("pyrage", "secrets")
        return [str(item.to_public()) for item in self._identities(pyrage) if isinstance(item, pyrage.x25519.Identity)]

    # -- identities --------------------------------------------------------------------------------------------------

    def _identities(self, pyrage: Any) -> list[Any]:
        if self._found is None:
            self._found = self._read_all(pyrage)
        return self._found

    def _read_all(self, pyrage: Any) -> list[Any]:
        found: list[Any] = []
        inline = self._environment.get("SOPS_AGE_KEY", "")
        if inline:
            found += _parsed(pyrage, inline, "SOPS_AGE_KEY")
        named = self._environment.get("SOPS_AGE_KEY_FILE")
        if named:
            found += self._file(pyrage, Path(named), must_exist=True)
        else:
            found += self._file(pyrage, self._default_file(), must_exist=False)
        ssh = self._environment.get("SOPS_AGE_SSH_PRIVATE_KEY_FILE")
        if ssh:
            found.append(_ssh(pyrage, _safely_read(Path(ssh), must_exist=True), ssh))
        return found + (self._default_ssh(pyrage) if not ssh else [])

    def _default_ssh(self, pyrage: Any) -> list[Any]:
        """The keys of ssh's own places; one that cannot be used is passed over, as it may be meant for ssh alone."""
        found = []
        for name in ("id_ed25519", "id_rsa"):
            path = self._home_folder() / ".ssh" / name
            try:
                data = _safely_read(path, must_exist=False)
                if data:
                    found.append(_ssh(pyrage, data, str(path)))
            except KeyProviderError:
                continue
        return found

    def _home_folder(self) -> Path:
        return self._home or Path(self._environment.get("HOME") or Path.home())

    def _default_file(self) -> Path:
        given = self._environment.get("XDG_CONFIG_HOME")
        if given:
            return Path(given) / "sops" / "age" / "keys.txt"
        library = ("Library", "Application Support") if sys.platform == "darwin" else (".config",)
        return self._home_folder().joinpath(*library, "sops", "age", "keys.txt")

    def _file(self, pyrage: Any, path: Path, *, must_exist: bool) -> list[Any]:
        data = _safely_read(path, must_exist=must_exist)
        if data.lstrip().startswith(_ENCRYPTED):
            data = self._unprotected(pyrage, data, path)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise KeyDeniedError(f"{path} is no age identity file", "make one with age-keygen") from None
        return _parsed(pyrage, text, str(path))

    def _unprotected(self, pyrage: Any, data: bytes, path: Path) -> bytes:
        if self._ask is None:
            hint = "run this in a terminal, or give an identity without a passphrase in SOPS_AGE_KEY"
            raise KeyDeniedError(f"{path} is protected by a passphrase", hint)
        try:
            return bytes(pyrage.passphrase.decrypt(data, self._ask(f"passphrase of {path}: ")))
        except (pyrage.DecryptError, ValueError):
            raise KeyDeniedError(f"the passphrase does not open {path}", "try again") from None


def _safely_read(path: Path, *, must_exist: bool) -> bytes:
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS:
                raise KeyDeniedError(f"everybody on this machine can read {path}", f"type: chmod 600 {path}")
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        if must_exist:
            raise KeyDeniedError(f"there is no file {path}", "correct SOPS_AGE_KEY_FILE") from None
        return b""
    except OSError as error:
        raise KeyDeniedError(f"{path} cannot be read: {error.strerror}", "correct its owner and mode") from None


def _parsed(pyrage: Any, text: str, source: str) -> list[Any]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        try:
            found.append(pyrage.x25519.Identity.from_str(entry))
        except pyrage.IdentityError:
            kind = "an identity of a plug-in" if entry.startswith("AGE-PLUGIN-") else "no age identity"
            raise KeyDeniedError(f"line {number} of {source} is {kind}", "lines begin with AGE-SECRET-KEY-1") from None
    return found


def _ssh(pyrage: Any, data: bytes, source: str) -> Any:
    try:
        return pyrage.ssh.Identity.from_buffer(data)
    except pyrage.IdentityError:
        raise KeyDeniedError(f"{source} is no ssh key that can be used", "take one without a passphrase") from None
