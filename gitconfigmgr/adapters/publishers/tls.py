"""What is said where TLS does not come about."""

from __future__ import annotations

from gitconfigmgr.errors import OutsideError

_PLAIN = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "record layer failure", "HTTP_REQUEST")


def untrusted(where: str, error: Exception, variable: str, plain: str) -> OutsideError:
    """The error of a certificate that is not trusted, or of a server that speaks no TLS; `plain` says how to reach it."""
    if any(words in str(error) for words in _PLAIN):
        return OutsideError(f"{where} does not speak TLS", plain)
    hint = f"set {variable} to the file of the authority that signed its certificate"
    return OutsideError(f"{where}: its certificate is not trusted", hint)
