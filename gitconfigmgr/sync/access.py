"""Who may do what at an endpoint: grants, and the tokens that stand for them."""

from __future__ import annotations

import hashlib
import secrets
from enum import StrEnum
from typing import NamedTuple

PREFIX = "gcm_"
ANY = "*"


class Ability(StrEnum):
    """What a grant allows."""

    READ = "read"
    STATUS = "status"
    PROPOSE = "propose"
    PUBLISH = "publish"
    FLEET = "fleet"


class Grant(NamedTuple):
    """What a caller may do with one tenant. `namespaces`: exact, `acme/*` or `*`; `environments`: exact or `*`.

    `key` is the identity of the token or of the certificate, `name` what people call it; `expires` in seconds since 1970.
    """

    tenant: str
    abilities: frozenset[Ability]
    environments: tuple[str, ...] = (ANY,)
    namespaces: tuple[str, ...] = (ANY,)
    name: str = ""
    key: str = ""
    expires: float | None = None

    def may_read(self, namespace: str, environment: str) -> bool:
        return self.covers(environment) and any(within(namespace, pattern) for pattern in self.namespaces)

    def covers(self, environment: str) -> bool:
        return ANY in self.environments or environment in self.environments

    def may_read_project(self, project: str, environment: str) -> bool:
        """Whether anything of a project may be read, so that its metadata has to be."""
        return self.covers(environment) and any(_meets(project, pattern) for pattern in self.namespaces)

    @property
    def unrestricted(self) -> bool:
        """Whether all of the tenant may be read."""
        return ANY in self.environments and ANY in self.namespaces


def within(namespace: str, pattern: str) -> bool:
    """Whether a pattern of namespaces covers one."""
    return pattern in (ANY, namespace) or (pattern.endswith("/*") and namespace.startswith(pattern[:-1]))


def _meets(project: str, pattern: str) -> bool:
    """Whether a pattern covers a namespace of the project: `acme/chat` is of `acme`, `acme/*` of `acme` and `acme/x`."""
    if pattern == ANY:
        return True
    folder = pattern.removesuffix("/*") if pattern.endswith("/*") else pattern.rpartition("/")[0]
    return project == folder or (pattern.endswith("/*") and project.startswith(f"{folder}/"))


def new_token() -> str:
    """A token: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def key_of(token: str) -> str:
    """What is kept of a token: it cannot be turned back, and needs no salt, for a token is random."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
