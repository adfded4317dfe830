"""The `sops` block: who can open the file, how, and which values are encrypted. Nothing in it is authenticated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gitconfigmgr.secrets.errors import FormatError
from gitconfigmgr.secrets.selection import Selection, selection_from

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "3.11.0"  # the version of SOPS whose files these are, checked against it

# what identifies a recipient of each kind, in the order SOPS writes; `enc` and `created_at` come beside
FIELDS: dict[str, tuple[str, ...]] = {
    "kms": ("arn", "role", "context", "aws_profile"),
    "gcp_kms": ("resource_id",),
    "hckms": ("key_id",),
    "azure_kv": ("vault_url", "name", "version"),
    "hc_vault": ("vault_address", "engine_path", "key_name"),
    "age": ("recipient",),
    "pgp": ("fp",),
    "passphrase": ("salt",),  # ours: SOPS ignores the list
}
_OPTIONAL = frozenset(("role", "context", "aws_profile", "version"))
_DATELESS = frozenset(("age", "passphrase"))
_BEFORE_STAMP = ("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "age", "passphrase")


@dataclass(frozen=True)
class Recipient:
    """Who can open a file: a kind and the fields that name the key. Two are the same if both are equal."""

    kind: str
    fields: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, kind: str, **fields: Any) -> Recipient:
        """From the fields by name; empty ones are left out."""
        names = FIELDS[kind]
        kept = tuple((name, _frozen(fields[name])) for name in names if fields.get(name) not in (None, "", {}, ()))
        return cls(kind, kept)

    def __getitem__(self, name: str) -> Any:
        return dict(self.fields).get(name, "")

    def without_version(self) -> Recipient:
        """As a rule may name it that leaves the version of an Azure key open."""
        return Recipient(self.kind, tuple(field for field in self.fields if field[0] != "version"))

    def __str__(self) -> str:
        """Short, for messages and lists."""
        get = dict(self.fields).get
        if self.kind == "hc_vault":
            return f"hc_vault {get('vault_address')}/v1/{get('engine_path')}/keys/{get('key_name')}"
        if self.kind == "azure_kv":
            version = f"/{get('version')}" if get("version") else ""
            return f"azure_kv {get('vault_url')}/keys/{get('name')}{version}"
        if self.kind == "kms" and get("role"):
            return f"kms {get('arn')}+{get('role')}"
        return f"{self.kind} {self.fields[0][1] if self.fields else ''}"


def _frozen(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


@dataclass(frozen=True)
class Stanza:
    """The data key, or a share of it, wrapped for one recipient."""

    recipient: Recipient
    enc: str = field(repr=False)
    created_at: str = ""


Group = tuple[Stanza, ...]


@dataclass(frozen=True)
class Metadata:
    """One block. Several groups: a share of the key for each, `threshold` of which open the file."""

    groups: tuple[Group, ...]
    lastmodified: str
    mac: str = field(repr=False)
    selection: Selection = field(default_factory=Selection)
    threshold: int = 0
    version: str = VERSION
    default_rule: bool = True

    def stanzas(self) -> list[Stanza]:
        """Those of all groups."""
        return [stanza for group in self.groups for stanza in group]

    def recipients(self) -> list[Recipient]:
        """Those of all groups."""
        return [stanza.recipient for stanza in self.stanzas()]

    def with_groups(self, groups: tuple[Group, ...], threshold: int) -> Metadata:
        """For other recipients."""
        return replace(self, groups=groups, threshold=threshold)


def needed(threshold: int, groups: int) -> int:
    """How many groups it takes."""
    return threshold or groups


# -- reading -----------------------------------------------------------------------------------------------------------


def metadata_from(data: Mapping[str, Any]) -> Metadata:
    """A block from plain data. Raises FormatError."""
    groups = [_group(data)] if any(data.get(kind) for kind in FIELDS) else []
    if not groups:
        listed = data.get("key_groups") or []
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise _wrong("key_groups is no list of groups")
        groups = [_group(item) for item in listed]
    if not any(groups):
        raise _wrong("it names no recipient")
    if not data.get("version"):
        raise _wrong("`version` is missing")
    if not data.get("lastmodified"):
        raise _wrong("`lastmodified` is missing")
    threshold = _threshold(data.get("shamir_threshold"), len(groups))
    selection = selection_from(data)
    mac = data.get("mac")
    return Metadata(
        tuple(groups),
        str(data["lastmodified"]),
        mac if isinstance(mac, str) else "",
        selection,
        threshold,
        str(data["version"]),
    )


def _threshold(given: Any, groups: int) -> int:
    text = str(given or 0)
    if not text.isdigit() or (int(text) and groups > 1 and not 2 <= int(text) <= groups):
        raise _wrong("`shamir_threshold` does not fit the groups")
    return int(text) if groups > 1 else 0


def _group(data: Mapping[str, Any]) -> Group:
    stanzas: list[Stanza] = []
    for kind in FIELDS:
        listed = data.get(kind) or []
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            raise _wrong(f"{kind} is no list of recipients")
        stanzas += [_stanza(kind, item) for item in listed]
    return tuple(stanzas)


def _stanza(kind: str, item: Mapping[str, Any]) -> Stanza:
    for name in FIELDS[kind]:
        value = item.get(name)
        if value in (None, "") and name not in _OPTIONAL:
            raise _wrong(f"an entry of {kind} has no {name}")
        if value is not None and not isinstance(value, dict if name == "context" else str):
            raise _wrong(f"{name} of an entry of {kind} is not text")
    enc = item.get("enc")
    if not isinstance(enc, str) or not enc:
        raise _wrong(f"an entry of {kind} has no enc")
    fields = {name: item.get(name) for name in FIELDS[kind]}
    return Stanza(Recipient.of(kind, **fields), enc, str(item.get("created_at") or ""))


def _wrong(reason: str) -> FormatError:
    return FormatError(f"the sops block cannot be used: {reason}", "restore the file from Git, or encrypt it anew")


# -- writing -----------------------------------------------------------------------------------------------------------


def as_data(metadata: Metadata) -> dict[str, Any]:
    """A block as plain data, in the order SOPS writes it."""
    data: dict[str, Any] = {}
    single = len(metadata.groups) == 1
    if not single:
        data["shamir_threshold"] = needed(metadata.threshold, len(metadata.groups))
        data["key_groups"] = [_group_data(group) for group in metadata.groups]
    flat = _lists(metadata.groups[0]) if single else {}
    data |= {kind: flat[kind] for kind in _BEFORE_STAMP if kind in flat}
    data["lastmodified"] = metadata.lastmodified
    data["mac"] = metadata.mac
    if "pgp" in flat:
        data["pgp"] = flat["pgp"]
    selection = metadata.selection
    if metadata.default_rule or selection != Selection():
        data[selection.kind] = selection.pattern
    if selection.mac_only_encrypted:
        data["mac_only_encrypted"] = True
    data["version"] = metadata.version
    return data


def _lists(group: Group) -> dict[str, list[dict[str, Any]]]:
    lists: dict[str, list[dict[str, Any]]] = {}
    for stanza in group:
        lists.setdefault(stanza.recipient.kind, []).append(_stanza_data(stanza))
    return lists


def _group_data(group: Group) -> dict[str, Any]:
    return {"hc_vault": [], "age": []} | _lists(group)  # SOPS writes these two even where they are empty


def _stanza_data(stanza: Stanza) -> dict[str, Any]:
    kind = stanza.recipient.kind
    fields = {name: dict(value) if isinstance(value, tuple) else value for name, value in stanza.recipient.fields}
    if kind == "pgp":
        return {"created_at": stanza.created_at, "enc": stanza.enc, **fields}
    profile = {"aws_profile": fields.pop("aws_profile", "")} if kind == "kms" else {}
    dated = {} if kind in _DATELESS else {"created_at": stanza.created_at}
    if kind == "azure_kv":
        fields.setdefault("version", "")
    return {**fields, **dated, "enc": stanza.enc, **profile}
