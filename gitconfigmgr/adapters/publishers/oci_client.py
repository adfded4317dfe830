"""Manifests and blobs of one repository of an OCI registry: what the oci publisher asks of oras.

Only the registry is contacted, and the host of tokens where one is named: redirects are not followed, and what an answer
names elsewhere (an upload address, a token service) is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.adapters.publishers.tls import untrusted
from gitconfigmgr.errors import GitConfigError, OutsideError
from gitconfigmgr.model.canonical import canonical_json, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SECONDS = 30
MOST = 4 * 1024 * 1024  # of a manifest: registries take no more


class Place(NamedTuple):
    """A tag in a repository. `tokens` is the host that gives tokens, where it is not the registry itself."""

    host: str
    repository: str
    tag: str
    insecure: bool = False
    auth: str = "token"
    tokens: str = ""


class OciClient:
    """Raises OutsideError where the registry fails; `environment` may hold OCI_USERNAME and OCI_PASSWORD."""

    def __init__(self, place: Place, environment: Mapping[str, str]) -> None:
        self.place = place
        self._environment = environment
        self._known: Any = None

    def manifest(self) -> tuple[dict[str, Any], str] | None:
        """The manifest that the tag names, and its digest; None where there is none."""
        answer = self._call("GET", f"manifests/{self.place.tag}", {"Accept": MANIFEST})
        if answer.status_code == 404:
            return None
        self._expect(answer, 200)
        try:
            found = json.loads(answer.content)
        except ValueError:
            found = None
        if not isinstance(found, dict) or len(answer.content) > MOST:
            raise OutsideError(f"{self.place.host} does not answer as a registry", "check the address")
        return found, digest(answer.content)

    def blob(self, data: bytes) -> bool:
        """Put a blob where it is missing; whether it was."""
        name = digest(data)
        if self._call("HEAD", f"blobs/{name}").status_code == 200:
            return False
        answer = self._call("POST", "blobs/uploads/")
        self._expect(answer, 202)
        place = urljoin(self._base(), answer.headers.get("Location", ""))
        joined = "&" if "?" in place else "?"
        headers = {"Content-Type": "application/octet-stream"}
        self._expect(self._send("PUT", f"{place}{joined}digest={name}", headers, data), 201)
        return True

    def point(self, manifest: Mapping[str, Any]) -> str:
        """Make the tag name a manifest; its digest."""
        data = canonical_json(manifest)
        answer = self._call("PUT", f"manifests/{self.place.tag}", {"Content-Type": MANIFEST}, data)
        self._expect(answer, 201)
        return digest(data)

    # -- requests ----------------------------------------------------------------------------------------------------

    def _base(self) -> str:
        scheme = "http" if self.place.insecure else "https"
        return f"{scheme}://{self.place.host}/v2/{self.place.repository}/"

    def _call(self, method: str, path: str, headers: Mapping[str, str] | None = None, data: bytes | None = None) -> Any:
        return self._send(method, self._base() + path, headers or {}, data)

    def _send(self, method: str, url: str, headers: Mapping[str, str], data: bytes | None) -> Any:
        requests = load("requests", "oci")
        host = self.place.host
        try:
            return self._registry().do_request(url, method, data=data, headers=dict(headers))
        except GitConfigError:
            raise
        except requests.exceptions.SSLError as error:
            plain = "set the option insecure of this destination, only for a registry on this machine"
            raise untrusted(host, error, "REQUESTS_CA_BUNDLE", plain) from None
        except OSError as error:  # those of requests, and of a file of authorities that is not there
            message = f"{host} cannot be reached ({type(error).__name__})"
            raise OutsideError(message, "check address and network") from None
        except Exception as error:  # noqa: BLE001 - oras takes challenges apart by hand, and registries write them
            hint = "log in with docker or podman, or set OCI_USERNAME and OCI_PASSWORD"
            raise OutsideError(f"{host} denies access ({type(error).__name__})", hint) from None

    def _expect(self, answer: Any, status: int) -> None:
        code = answer.status_code
        if code == status:
            return
        host = self.place.host
        if code in (401, 403):
            raise OutsideError(f"{host} denies access", "log in, or ask for the right to push") from None
        if code in (405, 501):
            raise OutsideError(f"{host} takes no writes: it is read-only", "run it again when it is not")
        if 300 <= code < 400:
            raise OutsideError(f"{host} answers by a redirect", "name the registry itself; redirects are not followed")
        raise OutsideError(f"{host} answers with status {code}", "look into its log, and run it again")

    def _registry(self) -> Any:
        if self._known is None:
            self._known = self._made()
        return self._known

    def _made(self) -> Any:
        provider, requests = load("oras.provider", "oci"), load("requests", "oci")
        load("oras.logger", "oci").setup_logger(quiet=True)
        wrapped: Callable[..., Any] = provider.Registry.do_request.__wrapped__
        outer = self

        class Session(requests.Session):  # type: ignore[misc,name-defined]
            """Within a time limit, to the hosts that were named."""

            def request(self, method: str, url: str, **options: Any) -> Any:
                outer.check(url)
                options |= {"timeout": SECONDS, "allow_redirects": False}
                return super().request(method, url, **options)

        class Registry(provider.Registry):  # type: ignore[misc,name-defined]
            """Without the retries of oras, which take minutes."""

            def do_request(self, *arguments: Any, **options: Any) -> Any:
                return wrapped(self, *arguments, **options)

        made = Registry(self.place.host, insecure=self.place.insecure, auth_backend=self.place.auth)
        made.session = made.auth.session = Session()
        user, password = self._environment.get("OCI_USERNAME"), self._environment.get("OCI_PASSWORD")
        if user and password:
            made.auth.set_basic_auth(user, password)
        else:
            made.auth.load_configs(made.get_container(f"{self.place.host}/{self.place.repository}:{self.place.tag}"))
        return made

    def check(self, url: str) -> None:
        """Refuse an address that was not named."""
        parts = urlsplit(url)
        known = {self.place.host, self.place.tokens or self.place.host}
        if parts.netloc not in known or (parts.scheme != "https" and not self.place.insecure):
            message = f"{self.place.host} asks to contact {parts.scheme}://{parts.netloc}, which was not named"
            raise OutsideError(message, "if that is where it gives tokens, name the host by the option tokens")
