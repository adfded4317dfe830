"""Reading and writing entries of a KV version 2 mount, and logging in: what the vault publisher asks of hvac.

Errors name the address and the path, never what was sent or received.
"""

from __future__ import annotations

import re
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.adapters.publishers.tls import untrusted
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SECONDS = 30
_OF_POLICY = "1 error occurred"  # a token that is none is denied without, or with a second error, that it is invalid
VERSIONS = 10  # that a mount keeps of each entry, where nothing else was set


class MismatchError(Exception):
    """The entry is not at the version that a write asked for."""


class DeniedError(OutsideError):
    """The token may not do this, or, with `expired`, is not valid any more."""

    expired = False


class ExpiredError(DeniedError):
    """The token was not valid, or is not any more."""

    expired = True


class Login(NamedTuple):
    """How to get a token: `method` is token, approle or jwt; `mount` is that of the auth method."""

    method: str
    mount: str
    role: str


class Entry(NamedTuple):
    """What stands at a path: `version` 0 and no data for nothing; no data, too, where the newest version was deleted."""

    version: int
    data: dict[str, Any] | None


class VaultClient:
    """One KV mount at one address, used from several threads."""

    def __init__(
        self, address: str, mount: str, namespace: str | None, login: Login, environment: Mapping[str, str]
    ) -> None:
        self.address = address
        self.mount = mount
        self.place = "/".join((address, *filter(None, (namespace and namespace.strip("/"), mount))))
        self._namespace = namespace
        self._login = login
        self._environment = environment
        self._lock = Lock()
        self._known: Any = None

    def read(self, path: str) -> Entry:
        """The newest version of an entry."""
        answer = self._call("read", path, lambda client: client.adapter.get(self._place("data", path)), missing=True)
        if not answer:
            return Entry(0, None)
        found = answer.get("data") or {}
        return Entry(int((found.get("metadata") or {}).get("version", 0)), found.get("data"))

    def write(self, path: str, data: Mapping[str, Any], cas: int) -> int:
        """A new version of an entry; its number. Raises MismatchError where the newest is not `cas`."""
        body = {"data": data, "options": {"cas": cas}}
        answer = self._call("write", path, lambda client: client.adapter.post(self._place("data", path), json=body))
        return int(answer["data"]["version"])

    def describe(self, path: str, custom: Mapping[str, str], keep: int | None = None) -> None:
        """Set the custom metadata of an entry and, where given, how many versions of it are kept."""
        body: dict[str, Any] = {"custom_metadata": dict(custom)}
        if keep is not None:
            body["max_versions"] = keep
        place = self._place("metadata", path)
        self._call("write the metadata of", path, lambda client: client.adapter.post(place, json=body), empty=True)

    def versions_kept(self) -> int:
        """How many versions of each entry the mount keeps. Raises UsageError where it is no KV version 2."""
        what = f"the mount {self.mount}"
        place = f"/v1/sys/internal/ui/mounts/{self.mount}"
        try:
            found = self._call("see", what, lambda client: client.adapter.get(place))["data"]
        except DeniedError as error:
            if error.expired:
                raise
            hint = "enable it there (`vault secrets enable -version=2 kv`), or give the token a policy for it"
            raise UsageError(f"{self.address} has no {what} that this token may use", hint) from None
        if found.get("type") not in ("kv", "generic") or (found.get("options") or {}).get("version") != "2":
            raise UsageError(f"{what} of {self.address} is no KV version 2", "name one by the option mount")
        try:
            config = self._call(
                "see", what, lambda client: client.adapter.get(f"/v1/{self.mount}/config"), missing=True
            )
        except DeniedError:
            return VERSIONS
        return int(((config or {}).get("data") or {}).get("max_versions") or VERSIONS)

    def _place(self, part: str, path: str) -> str:
        return f"/v1/{self.mount}/{part}/{path}"

    def _call(
        self, verb: str, path: str, call: Callable[[Any], Any], *, missing: bool = False, empty: bool = False
    ) -> Any:
        """The answer as JSON; None where there is nothing (`missing`) or nothing to say (`empty`)."""
        client = self._client()
        try:
            return self._once(verb, path, call, client, missing=missing, empty=empty)
        except DeniedError as error:
            if not error.expired or self._login.method == "token":
                raise
        with self._lock:
            if self._known is client:
                self._known = None
        return self._once(verb, path, call, self._client(), missing=missing, empty=empty)

    def _once(
        self, verb: str, path: str, call: Callable[[Any], Any], client: Any, *, missing: bool, empty: bool
    ) -> Any:
        hvac, requests = load("hvac", "vault"), load("requests", "vault")
        wrong = hvac.exceptions
        where = f"{self.address}: {path}"
        try:
            answer = call(client)
        except wrong.Forbidden:
            raise self._denied(client, verb, path) from None
        except wrong.InvalidPath as error:
            if missing and not error.errors:
                return error.json if isinstance(error.json, dict) else None
            message = f"{self.address} has no mount {self.mount}"
            raise UsageError(message, "enable a KV version 2 there, or name another by the option mount") from None
        except (wrong.InvalidRequest, wrong.UnexpectedError) as error:
            raise _refused(where, " ".join(map(str, error.errors or [])) or str(error.text)) from None
        except wrong.RateLimitExceeded:
            raise OutsideError(f"{where}: too many requests at once", "run it again in a moment") from None
        except (wrong.VaultDown, wrong.BadGateway, wrong.InternalServerError):
            raise OutsideError(f"{self.address} is sealed or down", "run it again when it is back") from None
        except requests.exceptions.SSLError as error:
            raise untrusted(self.address, error, "VAULT_CACERT", "write http:// only for one on this machine") from None
        except (wrong.VaultError, ValueError) as error:
            hint = "check the address; a standby node has to be asked by that of the active one"
            raise OutsideError(f"{self.address} cannot be used ({type(error).__name__})", hint) from None
        except OSError as error:  # those of requests, too
            message = f"{self.address} cannot be reached ({type(error).__name__})"
            raise OutsideError(message, "check address and network") from None
        if isinstance(answer, dict):
            return answer
        if empty and getattr(answer, "status_code", 0) == 204:
            return None
        hint = "name the address of the active node; redirects are not followed"
        raise OutsideError(f"{self.address} does not answer itself: a standby node, or no Vault", hint)

    def _denied(self, client: Any, verb: str, path: str) -> DeniedError:
        """Whether the token or the policy is the reason: of a token that is none, the server says so in fewer words."""
        wrong = load("hvac", "vault").exceptions
        try:
            client.auth.token.lookup_self()
        except wrong.Forbidden as error:
            if _OF_POLICY not in " ".join(map(str, error.errors or [])):
                hint = "it has expired or was revoked: log in again"
                return ExpiredError(f"{self.address} does not accept the token", hint)
        except (wrong.VaultError, OSError, ValueError):
            pass  # what was denied stays the reason
        hint = f"its policy has to allow create, read and update of {self.mount}/data/... and {self.mount}/metadata/..."
        return DeniedError(f"{self.address} does not let the token {verb} {path}", hint)

    def _client(self) -> Any:
        with self._lock:
            if self._known is None:
                self._known = self._logged_in()
            return self._known

    def _made(self, token: str | None) -> Any:
        hvac, requests = load("hvac", "vault"), load("requests", "vault")
        names = ("VAULT_CACERT", "BAO_CACERT", "REQUESTS_CA_BUNDLE")
        authority = next((found for name in names if (found := self._environment.get(name))), None)
        if authority and not Path(authority).exists():
            raise UsageError(f"there is no {authority}", "VAULT_CACERT names the file of an authority")
        session = requests.Session()
        session.verify = authority or True
        session.proxies = requests.utils.get_environ_proxies(self.address)
        session.trust_env = False  # asked once, above: proxies and netrc at every request are a third of its time
        return hvac.Client(url=self.address, token=token, timeout=SECONDS, allow_redirects=False, session=session,
                           namespace=self._namespace)  # fmt: skip

    def _logged_in(self) -> Any:
        wrapped = self._environment.get("VAULT_WRAPPED_TOKEN")
        method, mount, role = self._login
        if method == "token":
            return self._made(self._unwrapped(wrapped, "auth/token/create") if wrapped else self._token())
        if not role:
            name = "VAULT_ROLE_ID" if method == "approle" else "VAULT_ROLE"
            raise UsageError(f"the login by {method} needs a role", f"set the option role, or {name}")
        body = {"role": role, "jwt": self._given("VAULT_JWT")} if method == "jwt" else {"role_id": role}
        if method == "approle":
            expected = f"auth/{mount}/role/[^/]+/secret-id"
            body["secret_id"] = self._unwrapped(wrapped, expected) if wrapped else self._given("VAULT_SECRET_ID")
        place = f"/v1/auth/{mount}/login"
        found = self._asked("the login", "check role and secret", lambda: self._made("").adapter.post(place, json=body))
        return self._made(found["auth"]["client_token"])

    def _unwrapped(self, wrapped: str, expected: str) -> str:
        """What a response-wrapping token holds, where Vault itself made it for this purpose."""
        hint = "it was used or has expired: if it was not you who used it, revoke what it held"
        what, body = "the wrapped token", {"token": wrapped}
        look = self._asked(what, hint, lambda: self._made("").adapter.post("/v1/sys/wrapping/lookup", json=body))
        if not re.fullmatch(expected, str(look["data"].get("creation_path"))):
            raise OutsideError("VAULT_WRAPPED_TOKEN was made for something else", "somebody may have replaced it")
        found = self._asked(what, hint, lambda: self._made(wrapped).adapter.post("/v1/sys/wrapping/unwrap"))
        inner = found.get("auth") or {}
        return str(inner.get("client_token") or (found.get("data") or {})["secret_id"])

    def _asked(self, what: str, hint: str, call: Callable[[], Any]) -> Any:
        """The answer to a question of the login: a refusal of any kind is one of `what`."""
        wrong = load("hvac", "vault").exceptions
        try:
            return self._once("log in", what, lambda _: _unless_refused(call, wrong), None, missing=False, empty=False)
        except _Refused:
            raise DeniedError(f"{self.address} refuses {what}", hint) from None

    def _given(self, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            raise UsageError(f"{name} is not set", "the login needs it")
        return value

    def _token(self) -> str:
        token = self._environment.get("VAULT_TOKEN") or self._environment.get("BAO_TOKEN")
        if token:
            return token
        home = self._environment.get("HOME")
        try:
            return ((Path(home) if home else Path.home()) / ".vault-token").read_text().strip()
        except OSError:
            raise DeniedError(
                "there is no Vault token here", "set VAULT_TOKEN, or log in with the vault program"
            ) from None


class _Refused(Exception):  # noqa: N818 - a signal within this module
    pass


def _unless_refused(call: Callable[[], Any], wrong: Any) -> Any:
    try:
        return call()
    except (wrong.Forbidden, wrong.InvalidRequest, wrong.InvalidPath, wrong.Unauthorized):
        raise _Refused from None


def _refused(where: str, text: str) -> Exception:
    """What a 400 means; its text is matched, never shown."""
    if "check-and-set" in text:
        return MismatchError(where)
    if "too large" in text:
        return UsageError(f"{where} is larger than Vault takes", "split it, or have its operator raise the limit")
    if "Upgrading from" in text:
        return OutsideError(f"{where}: the mount is being set up", "run it again in a moment")
    if "maximum number of strings" in text or "complexity" in text:
        return UsageError(f"{where} has more strings than Vault takes in one request", "set the option form to json")
    return OutsideError(f"{where} was refused as no valid request", "is it a KV version 2 of Vault or OpenBao?")
