"""endpoint.toml: what identity providers and client certificates say, and which grants follow from it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import SEGMENT, closest
from gitconfigmgr.sync.access import ANY, Ability, Grant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_GRANT = ("tenant", "scopes", "environments", "namespaces")
_CERTIFICATE = {"uri": "URI", "dns": "DNS", "email": "email"}


class Rule(NamedTuple):
    """All of `wanted` have to hold: name -> text, with a `*` at its end what begins so."""

    wanted: Mapping[str, str]
    grant: Grant

    def holds(self, said: Mapping[str, Sequence[str]]) -> bool:
        return all(any(_like(value, text) for value in said.get(name, ())) for name, text in self.wanted.items())


@dataclass(frozen=True)
class Issuer:
    """An identity provider: who it is, whom its tokens are for, and where its keys are (`jwks` a file, else `jwks_url`)."""

    issuer: str
    audience: str
    rules: tuple[Rule, ...]
    jwks: Path | None = None
    jwks_url: str = ""

    def grant(self, claims: Mapping[str, Any]) -> Grant | None:
        """The grant of verified claims, by the first rule that holds."""
        said = {name: _texts(value) for name, value in claims.items()}
        return next((rule.grant for rule in self.rules if rule.holds(said)), None)


@dataclass(frozen=True)
class Identities:
    """All of the file."""

    issuers: tuple[Issuer, ...] = ()
    certificates: tuple[Rule, ...] = ()

    def of_certificate(self, certificate: Mapping[str, Any]) -> Grant | None:
        """The grant of a verified certificate, as ssl.getpeercert has it."""
        said: dict[str, list[str]] = {}
        for part in certificate.get("subject", ()):
            for name, value in part:
                said.setdefault(
                    {"commonName": "common_name", "organizationName": "organization"}.get(name, name), []
                ).append(value)
        kinds = {kind: name for name, kind in _CERTIFICATE.items()}
        for kind, value in certificate.get("subjectAltName", ()):
            said.setdefault(kinds.get(kind, kind), []).append(value)
        for rule in self.certificates:
            if rule.holds(said):
                name = next(
                    (values[0] for values in (said.get(key) for key in ("uri", "common_name", "dns")) if values), ""
                )
                return rule.grant._replace(name=name, key=f"certificate:{certificate.get('serialNumber')}:{name}")
        return None


def read_identities(path: Path) -> Identities:
    """Raises UsageError."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
        _known(path, given, ("issuers", "certificates"))
        issuers = tuple(_issuer(path, item) for item in given.get("issuers", ()))
        certificates = tuple(_certificate(path, item) for item in given.get("certificates", ()))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name the file by --identities") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: {error}", "see docs/endpoint.md") from None
    return Identities(issuers, certificates)


def _issuer(path: Path, item: dict[str, Any]) -> Issuer:
    _known(path, item, ("issuer", "audience", "jwks", "jwks_url", "grants"))
    rules = []
    for grant in item["grants"]:
        _known(path, grant, ("claims", *_GRANT))
        wanted = grant["claims"]
        if not wanted or not all(isinstance(text, str) for text in wanted.values()):
            raise ValueError('claims names what a token has to say, such as { sub = "..." }')
        rules.append(Rule(wanted, _grant(grant)))
    issuer, audience = str(item["issuer"]), str(item["audience"])
    if not issuer or not audience:
        raise ValueError("an issuer has a name and an audience")
    jwks = path.absolute().parent / item["jwks"] if "jwks" in item else None
    url = str(item.get("jwks_url", ""))
    if jwks is None and not (url or issuer).startswith("https://"):
        raise ValueError(f"{url or issuer} is no https address, and no file `jwks` is named")
    return Issuer(issuer, audience, tuple(rules), jwks, url)


def _certificate(path: Path, item: dict[str, Any]) -> Rule:
    names = (*_CERTIFICATE, "common_name", "organization")
    _known(path, item, (*names, *_GRANT))
    wanted = {name: str(item[name]) for name in names if name in item}
    if not wanted:
        raise ValueError(f"certificates are told by one of {', '.join(names)}")
    return Rule(wanted, _grant(item))


def _grant(item: dict[str, Any]) -> Grant:
    tenant = str(item["tenant"])
    if not SEGMENT.match(tenant):
        raise ValueError(f"{tenant} is no name of a tenant")
    abilities = frozenset(Ability(name) for name in item.get("scopes", ("read", "status")))
    environments, namespaces = item.get("environments", [ANY]), item.get("namespaces", [ANY])
    for listed in (environments, namespaces):
        if not isinstance(listed, list) or not listed or not all(isinstance(text, str) for text in listed):
            raise ValueError("environments and namespaces are lists of names")
    return Grant(tenant, abilities, tuple(environments), tuple(namespaces))


def _known(path: Path, item: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in item:
        if name not in names:
            near = closest(name, list(names))
            raise UsageError(f"{path}: there is no setting {name}", f"did you mean {near}?" if near else None)


def _like(value: str, text: str) -> bool:
    return value.startswith(text[:-1]) if text.endswith("*") else value == text


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return [value] if isinstance(value, str) else []
