"""The keys of a tenant, as `keys.json` describes them: who signs for which role, how many, and where each key is.

    {"version": 1, "tenant": "acme",
     "keys": {"root-1": {"at": "file:root-1.pem", "public": {"keyid", "keytype", "scheme", "keyval"}}},
     "roles": {"root": {"keys": ["root-1"], "threshold": 1}, "targets": ..., "online": ..., "release": ...,
               "release:production": ...}}

`online` signs snapshot and timestamp; `release` signs bundles, `release:ENV` those of one environment instead. Nothing
in the file is secret; what it says of public keys counts only where metadata is made, never where it is verified.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import UsageError
from gitconfigmgr.release import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

VERSION = 1
ROOT, TARGETS, ONLINE, RELEASE = "root", "targets", "online", "release"
BASIC = (ROOT, TARGETS, ONLINE, RELEASE)


@dataclass(frozen=True)
class KeyEntry:
    """A key: where its private half is (`file:`, `age:`, `transit:`, a KMS), and its public half as TUF writes it."""

    name: str
    at: str
    public: Mapping[str, Any]

    def key(self) -> Any:
        """The public key as securesystemslib has it."""
        from securesystemslib.signer import Key

        fields = dict(self.public)
        return Key.from_dict(fields.pop("keyid"), fields)


@dataclass(frozen=True)
class Role:
    """Who signs, and how many of them have to."""

    keys: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class KeySet:
    """All of `keys.json`."""

    tenant: str
    keys: Mapping[str, KeyEntry]
    roles: Mapping[str, Role]

    def role(self, name: str, environment: str | None = None) -> Role:
        """A role; that of an environment where it has its own."""
        own = self.roles.get(f"{name}:{environment}") if environment else None
        return own or self.roles[name]

    def entries(self, name: str, environment: str | None = None) -> list[KeyEntry]:
        """The keys of a role."""
        return [self.keys[key] for key in self.role(name, environment).keys]

    def public(self, name: str, environment: str | None = None) -> tuple[list[Any], int]:
        """The public keys of a role and its threshold."""
        return [entry.key() for entry in self.entries(name, environment)], self.role(name, environment).threshold

    def with_role(self, name: str, keys: Mapping[str, KeyEntry], threshold: int) -> KeySet:
        """With other keys for a role; keys that no role has any more are dropped."""
        roles = {**self.roles, name: Role(tuple(keys), threshold)}
        used = {key for role in roles.values() for key in role.keys}
        return replace(self, roles=roles, keys={n: k for n, k in {**self.keys, **keys}.items() if n in used})

    def new_root(self, version: int, now: datetime) -> Any:
        """Root metadata that says the same, unsigned."""
        online = self.public(ONLINE)
        roles = {
            "root": self.public(ROOT),
            "targets": self.public(TARGETS),
            "snapshot": online,
            "timestamp": online,
        }
        return metadata.new_root(version, roles, now)


def as_bytes(keyset: KeySet) -> bytes:
    """The file."""
    data = {
        "version": VERSION,
        "tenant": keyset.tenant,
        "keys": {name: {"at": entry.at, "public": dict(entry.public)} for name, entry in keyset.keys.items()},
        "roles": {name: {"keys": list(role.keys), "threshold": role.threshold} for name, role in keyset.roles.items()},
    }
    return orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n"


def read(data: bytes, path: str) -> KeySet:
    """The key set of a file. Raises UsageError for one that is damaged, or whose thresholds cannot be met."""
    try:
        found = orjson.loads(data)
        if found["version"] != VERSION:
            raise UsageError(f"{path} is of version {found['version']}", "update gitconfigmgr")
        keys = {name: KeyEntry(name, item["at"], item["public"]) for name, item in found["keys"].items()}
        roles = {name: Role(tuple(item["keys"]), int(item["threshold"])) for name, item in found["roles"].items()}
        keyset = KeySet(str(found["tenant"]), keys, roles)
        for name in BASIC:
            keyset.role(name)
        for name, role in roles.items():
            identities = {keys[key].public["keyval"]["public"] for key in role.keys}
            if not 1 <= role.threshold <= len(identities):
                raise UsageError(
                    f"{path}: {role.threshold} of {len(identities)} different keys cannot sign for {name}",
                    "correct keys or threshold",
                )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{path} is no description of keys", "make one by `gitconfigmgr keys init`") from None
    return keyset
