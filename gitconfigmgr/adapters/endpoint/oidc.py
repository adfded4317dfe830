"""Tokens that identity providers issue: signature, issuer, audience and life are checked, with asymmetric keys only."""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_MOST_BYTES = 256 * 1024
_SECONDS, _KEPT, _AGAIN = 10.0, 3600.0, 60.0
_LEEWAY = 30


class Refused(Exception):  # noqa: N818 - it is an answer
    """The token does not count; the text says why, and nothing of it."""


class Provider:
    """The keys of one identity provider: a file, or an address that is asked again when a key is not known."""

    def __init__(self, issuer: str, audience: str, jwks: Path | None, jwks_url: str) -> None:
        try:
            import jwt
        except ModuleNotFoundError:
            raise UsageError("jwt is needed and not installed", "pip install 'gitconfigmgr[oidc]'") from None
        self._jwt = jwt
        self.issuer = issuer
        self._audience = audience
        self._jwks = jwks
        self._url = jwks_url
        self._keys: dict[str, Any] = {}
        self._read = 0.0

    def claims(self, token: str) -> Mapping[str, Any]:
        """The verified claims. Raises Refused; OutsideError where the keys cannot be had."""
        jwt = self._jwt
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in _ALGORITHMS:
                raise Refused("the token is signed by an algorithm that is not taken")
            key = self._key(str(header.get("kid") or ""))
            found: Mapping[str, Any] = jwt.decode(
                token, key, algorithms=[header["alg"]], audience=self._audience, issuer=self.issuer, leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise Refused(f"the token does not count ({type(error).__name__})") from None
        return found

    def unverified_issuer(self, token: str) -> str:
        """What a token says of its issuer, to choose whose keys verify it."""
        try:
            return str(self._jwt.decode(token, options={"verify_signature": False}).get("iss"))
        except self._jwt.PyJWTError:
            return ""

    def _key(self, name: str) -> Any:
        age = time.monotonic() - self._read
        if not self._keys or age > _KEPT or (name not in self._keys and age > _AGAIN):
            try:
                self._keys = self._load()
                self._read = time.monotonic()
            except OutsideError:
                if not self._keys:
                    raise
        found = self._keys.get(name)
        if found is None and not name and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if found is None:
            raise Refused("the token is signed by a key that the issuer does not name")
        return found

    def _load(self) -> dict[str, Any]:
        if self._jwks is not None:
            try:
                data = self._jwks.read_bytes()
            except OSError as error:
                raise OutsideError(f"{self._jwks}: {error.strerror}") from None
        else:
            data = _fetch(self._url or self._discovered())
        try:
            listed = orjson.loads(data)["keys"]
            keys = [self._jwt.PyJWK(item) for item in listed if item.get("kty") in ("RSA", "EC", "OKP")]
        except (ValueError, KeyError, TypeError, AttributeError, self._jwt.PyJWTError):
            raise OutsideError(f"the keys of {self.issuer} are no JWK set") from None
        return {str(key.key_id or ""): key for key in keys}

    def _discovered(self) -> str:
        found = orjson.loads(_fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"))
        url = str(found.get("jwks_uri"))
        if found.get("issuer") != self.issuer or not url.startswith("https://"):
            raise OutsideError(f"the configuration of {self.issuer} is that of somebody else")
        return url


def _fetch(url: str) -> bytes:
    """A document over https, bounded, following no redirect. Raises OutsideError."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise OutsideError(f"{url} is no https address")
    connection = http.client.HTTPSConnection(parts.netloc, timeout=_SECONDS, context=ssl.create_default_context())
    try:
        connection.request(
            "GET", parts.path or "/", headers={"Accept": "application/json", "User-Agent": "gitconfigmgr"}
        )
        answer = connection.getresponse()
        data = answer.read(_MOST_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise OutsideError(f"{parts.netloc} cannot be reached ({type(error).__name__})") from None
    finally:
        connection.close()
    if answer.status != 200 or len(data) > _MOST_BYTES:
        raise OutsideError(f"{parts.netloc} answers {answer.status}, {len(data)} bytes")
    return data
