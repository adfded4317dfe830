"""Transit of HashiCorp Vault and OpenBao.

The token goes to addresses on the allow-list and nowhere else: not to an address that only a file names, and not along a
redirect.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode, b64encode
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed, load
from gitconfigmgr.secrets.ports import (
    DisabledKeyError,
    KeyDeniedError,
    KeyProviderError,
    KeyThrottledError,
    KeyUnreachableError,
    UnusableRecipientError,
    Wrapped,
    WrongKeyError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gitconfigmgr.secrets.metadata import Recipient

BATCH = 499  # OpenBao refuses a request with more strings in it
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_TOO_OLD = "less than the minimum encryption key version"  # of a signature; a server error, to OpenBao
_SECONDS = 15


class TransitProvider:
    """See KeyProvider. `allowed` are the addresses that may be contacted."""

    kind = "hc_vault"

    def __init__(
        self,
        allowed: Allowed,
        environment: Mapping[str, str] | None = None,
        home: Path | None = None,
        seconds: float = _SECONDS,
    ) -> None:
        self._allowed = allowed
        self._environment = os.environ if environment is None else environment
        self._home = home
        self._seconds = seconds
        self._clients: dict[str, Any] = {}

    def wrap(self, recipient: Recipient, key: bytes) -> Wrapped:
        return self.wrap_batch([(recipient, key)])[0]

    def unwrap(self, recipient: Recipient, enc: str) -> bytes:
        result = self.unwrap_batch([(recipient, enc)])[0]
        if isinstance(result, KeyProviderError):
            raise result
        return result

    def wrap_batch(self, requests: Sequence[tuple[Recipient, bytes]]) -> list[Wrapped]:
        items = [(recipient, {"plaintext": b64encode(key).decode()}) for recipient, key in requests]
        return [
            Wrapped(recipient, _raised(result))
            for (recipient, _), result in zip(items, self._all("encrypt", items), strict=True)
        ]

    def unwrap_batch(self, requests: Sequence[tuple[Recipient, str]]) -> list[bytes | KeyProviderError]:
        items = [(recipient, {"ciphertext": enc}) for recipient, enc in requests]
        return [
            result if isinstance(result, KeyProviderError) else b64decode(result)
            for result in self._all("decrypt", items)
        ]

    def rewrap(self, recipient: Recipient, enc: str) -> Wrapped:
        return Wrapped(recipient, _raised(self._all("rewrap", [(recipient, {"ciphertext": enc})])[0]))

    def is_current(self, recipient: Recipient, enc: str) -> bool | None:
        address, engine, name = _place(recipient)
        found = self._call(recipient, lambda client: client.adapter.get(f"/v1/{engine}/keys/{name}"), address)
        return enc.startswith(f"vault:v{found['data']['latest_version']}:")

    def call(self, recipient: Recipient, path: str, body: dict[str, Any] | None) -> Any:
        """One request about a key, such as for a signature: sent with a body, else read."""
        address, _, _ = _place(recipient)
        return self._call(
            recipient,
            lambda client: client.adapter.get(path) if body is None else client.adapter.post(path, json=body),
            address,
        )

    def _all(self, verb: str, items: list[tuple[Recipient, dict[str, str]]]) -> list[str | KeyProviderError]:
        """The results of many items, each key asked in batches; what fails as a whole fails for each of its items."""
        results: list[str | KeyProviderError] = [WrongKeyError("the service gave no result")] * len(items)
        groups: dict[Recipient, list[int]] = defaultdict(list)
        for index, (recipient, _) in enumerate(items):
            groups[recipient].append(index)
        for recipient, indexes in groups.items():
            for start in range(0, len(indexes), BATCH):
                part = indexes[start : start + BATCH]
                answers = self._batch(verb, recipient, [items[index][1] for index in part])
                for index, answer in zip(part, answers, strict=True):
                    results[index] = answer
        return results

    def _batch(self, verb: str, recipient: Recipient, inputs: list[dict[str, str]]) -> list[str | KeyProviderError]:
        try:
            address, engine, name = _place(recipient)
            # without the code, one failure would hide the results of all others
            body = {"batch_input": inputs, "partial_failure_response_code": 200}
            answer = self._call(
                recipient, lambda client: client.adapter.post(f"/v1/{engine}/{verb}/{name}", json=body), address
            )
            listed = answer["data"]["batch_results"]
        except KeyProviderError as error:
            return [error] * len(inputs)
        except (KeyError, TypeError):
            return [KeyUnreachableError(f"{recipient} gave an answer that is none")] * len(inputs)
        field = "plaintext" if verb == "decrypt" else "ciphertext"
        return [
            _failure(recipient, item["error"])
            if item.get("error")
            else item.get(field) or _failure(recipient, "no result")
            for item in listed
        ]

    def _call(self, recipient: Recipient, call: Callable[[Any], Any], address: str) -> Any:
        client = self._client(address)
        hvac, requests = load("hvac", "vault"), load("requests", "vault")
        try:
            return call(client)
        except hvac.exceptions.Forbidden:
            raise KeyDeniedError(
                f"{recipient} denies the use of the key", "ask for a policy, or renew the token"
            ) from None
        except hvac.exceptions.RateLimitExceeded:
            raise KeyThrottledError(f"{recipient} asks to come back later", "wait a moment") from None
        except (hvac.exceptions.VaultDown, hvac.exceptions.BadGateway, hvac.exceptions.InternalServerError) as error:
            if _TOO_OLD in (text := " ".join(map(str, error.errors or []))):
                raise _failure(recipient, text) from None
            raise KeyUnreachableError(f"{recipient} is sealed or down", "try again later") from None
        except (hvac.exceptions.InvalidRequest, hvac.exceptions.InvalidPath) as error:
            if isinstance(error.json, dict) and "batch_results" in (error.json.get("data") or {}):
                return error.json  # every item failed, each for its own reason
            raise _failure(recipient, " ".join(map(str, error.errors or []))) from None
        except (hvac.exceptions.VaultError, requests.exceptions.RequestException, ValueError) as error:
            raise KeyUnreachableError(
                f"{recipient} cannot be reached ({type(error).__name__})", "check address and network"
            ) from None

    def _client(self, address: str) -> Any:
        self._allowed.require(address)
        known = self._clients.get(address)
        if known is None:
            hvac = load("hvac", "vault")
            known = hvac.Client(url=address, token=self._token(), timeout=self._seconds, allow_redirects=False,
                                namespace=self._environment.get("VAULT_NAMESPACE"))  # fmt: skip
            self._clients[address] = known
        return known

    def _token(self) -> str:
        token = self._environment.get("VAULT_TOKEN") or self._environment.get("BAO_TOKEN")
        if token:
            return token
        path = (self._home or Path(self._environment.get("HOME") or Path.home())) / ".vault-token"
        try:
            return path.read_text().strip()
        except OSError:
            raise KeyDeniedError(
                "there is no Vault token here", "set VAULT_TOKEN, or log in with the vault program"
            ) from None


def _place(recipient: Recipient) -> tuple[str, str, str]:
    """Address, engine and key; what could lead to another path of the service is refused."""
    address, engine, name = (
        recipient["vault_address"].rstrip("/"),
        recipient["engine_path"].strip("/"),
        recipient["key_name"],
    )
    if (
        not re.match(r"https?://[^/@?#\s]+\Z", address)
        or not _NAME.match(name)
        or not all(map(_NAME.match, engine.split("/")))
    ):
        raise UnusableRecipientError("the address, engine or key name of an hc_vault recipient is none", "correct it")
    return address, engine, name


def _raised(result: str | KeyProviderError) -> str:
    if isinstance(result, KeyProviderError):
        raise result
    return result


def _failure(recipient: Recipient, text: str) -> KeyProviderError:
    if any(words in text for words in ("too old", "disallowed by policy", "min_encryption", _TOO_OLD)):
        return DisabledKeyError(f"{recipient}: this version of the key is switched off", "rewrap with a newer one")
    if "permission denied" in text:
        return KeyDeniedError(f"{recipient} denies the use of the key", "ask for a policy")
    return WrongKeyError(f"{recipient} cannot open this: another key, or damaged", "check engine and key name")
