"""What signing by any key service has in common: one error for each way to fail, and nothing unverified leaves it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import OutsideError
from gitconfigmgr.secrets.ports import DisabledKeyError, WrongKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ServiceSigner:
    """A securesystemslib Signer: `public_key` and `sign`. `ask` has the service sign a payload.

    Raises OutsideError where the service fails, or signs by a key that is not, or is no longer, the public one.
    """

    def __init__(self, name: str, public: Any, ask: Callable[[bytes], bytes]) -> None:
        self.public_key = public
        self._name = name
        self._ask = ask

    def sign(self, payload: bytes) -> Any:
        """The signature, verified."""
        from securesystemslib.exceptions import UnverifiedSignatureError
        from securesystemslib.signer import Signature

        with signing(self._name):
            made = Signature(self.public_key.keyid, self._ask(payload).hex())
        try:
            self.public_key.verify_signature(made, payload)
        except UnverifiedSignatureError:
            hint = "another key is there now: restore it, or `gitconfigmgr keys rotate` to it"
            raise OutsideError(f"{self._name} signs something else than the key set says", hint) from None
        return made


@contextmanager
def signing(name: str) -> Iterator[None]:
    """Says of a key that cannot do this that it cannot sign; providers would say that it cannot open."""
    try:
        yield
    except DisabledKeyError as error:
        raise DisabledKeyError(str(error), "switch it on again, or `gitconfigmgr keys rotate` to another") from None
    except WrongKeyError:
        message = f"{name} is gone, or is no key that signs in this way"
        raise WrongKeyError(message, "check its name, version and type") from None
    except (KeyError, TypeError, IndexError, ValueError, AttributeError):
        raise OutsideError(f"{name} gave an answer that is none", "check its address") from None
