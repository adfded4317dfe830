"""PGP, read only, by the `gpg` of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from gitconfigmgr.secrets.ports import (
    KeyDeniedError,
    KeyUnreachableError,
    OneByOne,
    UnusableRecipientError,
    Wrapped,
    WrongKeyError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.secrets.metadata import Recipient

_SECONDS = 60  # a person may have to type a passphrase
_NO_KEY = (b"NO_SECKEY", b"No secret key")


class PgpProvider(OneByOne):
    """See KeyProvider; `wrap` raises UnusableRecipientError."""

    kind = "pgp"

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = environment

    def wrap(self, recipient: Recipient, key: bytes) -> Wrapped:  # noqa: ARG002 - the port's shape
        raise UnusableRecipientError(f"{recipient} can only be read", "name an age recipient in its place")

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        program = shutil.which("gpg")
        if program is None:
            raise KeyUnreachableError("gpg is not installed", "install GnuPG, or add an age recipient to the file")
        given = os.environ if self._environment is None else self._environment
        environment = {**given, "LC_ALL": "C", "LANGUAGE": "C"}  # the reason is in the text alone
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and nothing of the file in the arguments
                [program, "--batch", "--no-tty", "--quiet", "--status-fd=2", "--decrypt"], input=enc.encode(),
                capture_output=True, check=False, timeout=_SECONDS, env=environment,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            raise KeyUnreachableError("gpg does not answer", "try `gpg --decrypt` by hand") from None
        if done.returncode == 0 and done.stdout:
            return done.stdout
        if any(text in done.stderr for text in _NO_KEY):
            raise KeyDeniedError(f"gpg has no secret key for {recipient}", "import it, or ask another recipient")
        raise WrongKeyError(f"gpg cannot open what is for {recipient}", "try `gpg --decrypt` by hand")
