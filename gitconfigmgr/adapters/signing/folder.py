"""The key folder: `keys.json`, every version of the root metadata, and key files that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.release import keyset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.release.keyset import KeyEntry, KeySet

NAME = "keys.json"
_OTHERS = 0o077
_HINT = "make one by `gitconfigmgr keys init`, or name its folder by --keys or GITCONFIGMGR_KEYS"


def default_folder(tenant: str, environment: Mapping[str, str]) -> Path:
    """Where the keys of a tenant are, unless somebody says otherwise."""
    given = environment.get("GITCONFIGMGR_KEYS")
    if given:
        return Path(given)
    base = environment.get("XDG_CONFIG_HOME")
    home = Path(base) if base else Path(environment.get("HOME") or Path.home()) / ".config"
    return home / "gitconfigmgr" / "keys" / tenant


class KeyFolder:
    """Implements release.ports.Signing. `services` are the key services that may be contacted; `ask` asks a person."""

    def __init__(
        self,
        folder: Path,
        services: Callable[[], Any] | None = None,
        ask: Callable[[str], str] | None = None,
        environment: Mapping[str, str] | None = None,
        tenant: str = "",
    ) -> None:
        self.folder = folder
        self.tenant = tenant
        self._services = services
        self._ask = ask
        self._environment = os.environ if environment is None else environment
        self._keyset: KeySet | None = None
        self._signers: dict[str, Any] = {}

    @property
    def keyset(self) -> KeySet:
        """What keys.json says. Raises UsageError."""
        if self._keyset is None:
            load("securesystemslib.signer", "release")
            load("cryptography", "release")
            try:
                data = (self.folder / NAME).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                raise UsageError(f"there is no key set in {self.folder}", _HINT) from None
            except OSError as error:
                raise OutsideError(f"{self.folder / NAME}: {error.strerror}", "correct its owner and mode") from None
            self._keyset = keyset.read(data, str(self.folder / NAME))
        return self._keyset

    def exists(self) -> bool:
        """Whether there is a key set."""
        return (self.folder / NAME).is_file()

    def roots(self) -> list[bytes]:
        _ = self.keyset  # says what is missing
        found: list[bytes] = []
        while (place := self.folder / f"{len(found) + 1}.root.json").is_file():
            found.append(place.read_bytes())
        if not found:
            raise UsageError(f"there is no root metadata in {self.folder}", _HINT)
        return found

    def public(self, role: str, environment: str | None = None) -> tuple[list[Any], int]:
        return self.keyset.public(role, environment)

    def signers(self, role: str, environment: str | None = None) -> list[Any]:
        found = [self.signer(entry) for entry in self.keyset.entries(role, environment)]
        return [signer for signer in found if signer is not None]

    def signer(self, entry: KeyEntry) -> Any | None:
        """The signer of a key; None where its private half is elsewhere. Raises UsageError, OutsideError."""
        if entry.name not in self._signers:
            self._signers[entry.name] = self._open(entry)
        return self._signers[entry.name]

    def _open(self, entry: KeyEntry) -> Any | None:
        scheme, _, rest = entry.at.partition(":")
        if scheme in ("file", "age"):
            return self._file(entry, self.folder / rest)
        if scheme == "transit":
            from gitconfigmgr.adapters.signing import transit

            return transit.open_signer(entry.key(), rest, self._services, self._environment)
        from gitconfigmgr.adapters.signing import kms

        return kms.open_signer(entry, self._services)

    def _file(self, entry: KeyEntry, place: Path) -> Any | None:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.exceptions import VerificationError
        from securesystemslib.signer import CryptoSigner

        data = _read_private(place)
        if data is None:
            return None
        if entry.at.startswith("age:"):
            data = _opened(data, place, self._environment, self._ask)
        try:
            signer = CryptoSigner(load_pem_private_key(data, None), entry.key())
            signer.public_key.verify_signature(signer.sign(b"gitconfigmgr"), b"gitconfigmgr")
        except (ValueError, TypeError, KeyError, UnsupportedAlgorithm, VerificationError) as error:
            known = type(error).__name__
            raise UsageError(
                f"{place} is not the key {entry.name} ({known})", "restore the file from its copy"
            ) from None
        return signer

    def make(self, name: str, recipient: str | None) -> KeyEntry:
        """Make an Ed25519 key in a file of its own, for an age recipient or plain. Replaces nothing."""
        load("securesystemslib.signer", "release")
        load("cryptography", "release")
        entry, self._signers[name] = _new_key(name, self.folder, recipient)
        return entry

    def take(self, name: str, at: str) -> KeyEntry:
        """The entry of a key that exists in a key service. Raises UsageError, OutsideError."""
        scheme, _, rest = at.partition(":")
        if scheme == "transit":
            from gitconfigmgr.adapters.signing import transit

            place, key = transit.import_key(rest, self._services, self._environment)
            return _entry_of(name, f"transit:{place}", key)
        from gitconfigmgr.adapters.signing import kms

        return _entry_of(name, *kms.import_key(at, self._services))

    def own_recipient(self) -> tuple[str, Path | None]:
        """An age recipient of this machine; where it had no identity, the file of the new one too."""
        from gitconfigmgr.adapters.keyfiles import age_identity
        from gitconfigmgr.adapters.keys.age import AgeProvider

        named = self._environment.get("SOPS_AGE_KEY_FILE")
        if not named or Path(named).exists():
            found = AgeProvider(self._environment, ask=self._ask).recipients()
            if found:
                return found[0], None
        place, recipient = age_identity(None)
        return recipient, place

    def save(self, made: KeySet, roots: list[bytes]) -> None:
        """Replace keys.json; add the versions of the root that are not there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number, data in enumerate(roots, 1):
            place = self.folder / f"{number}.root.json"
            if not place.exists() or place.read_bytes() != data:
                write_atomically(place, data)
        write_atomically(self.folder / NAME, keyset.as_bytes(made))
        self._keyset = made


def _read_private(place: Path) -> bytes | None:
    """A key file; None where there is none. Raises UsageError where others can read it, with the chmod to type."""
    try:
        with place.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS:
                raise UsageError(f"others on this machine can read {place}", f"type: chmod 600 {place}")
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutsideError(f"{place}: {error.strerror}", "correct its owner and mode") from None


def _opened(data: bytes, place: Path, environment: Mapping[str, str], ask: Callable[[str], str] | None) -> bytes:
    """The plaintext of an age-encrypted key file, by the identities of this machine."""
    from gitconfigmgr.adapters.keys.age import AgeProvider
    from gitconfigmgr.secrets.metadata import Recipient
    from gitconfigmgr.secrets.ports import WrongKeyError

    try:
        return AgeProvider(environment, ask=ask).unwrap(
            Recipient.of("age", recipient=str(place)), data.decode("ascii", "replace")
        )
    except WrongKeyError:
        message = f"none of the age identities here opens {place}, or it is damaged"
        raise WrongKeyError(message, "name the file of another one in SOPS_AGE_KEY_FILE") from None


def _new_key(name: str, folder: Path, recipient: str | None) -> tuple[KeyEntry, Any]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from securesystemslib.signer import CryptoSigner

    private = Ed25519PrivateKey.generate()
    none = serialization.NoEncryption()
    data = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)
    at = f"file:{name}.pem"
    if recipient is not None:
        data = _sealed(data, recipient)
        at = f"age:{name}.pem.age"
    place = folder / at.partition(":")[2]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - the mode
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise UsageError(f"{place} is there already", "no key is replaced: name another folder by --keys") from None
    except OSError as error:
        raise OutsideError(f"{place}: {error.strerror}", "no key was made") from None
    signer = CryptoSigner(private)
    return _entry_of(name, at, signer.public_key), signer


def _entry_of(name: str, at: str, key: Any) -> KeyEntry:
    return keyset.KeyEntry(name, at, {"keyid": key.keyid, **key.to_dict()})


def _sealed(data: bytes, recipient: str) -> bytes:
    from gitconfigmgr.adapters.keys.age import AgeProvider
    from gitconfigmgr.secrets.metadata import Recipient

    return AgeProvider().wrap(Recipient.of("age", recipient=recipient), data).enc.encode()
