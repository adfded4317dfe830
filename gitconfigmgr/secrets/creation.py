"""`.sops.yaml`: who can open a new file, and which of its values are encrypted.

Found from the file upward, as people expect; what SOPS ignores in silence, such as a mistyped key, is an error here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gitconfigmgr.model.names import closest
from gitconfigmgr.secrets.errors import FormatError, RulesError
from gitconfigmgr.secrets.metadata import Recipient
from gitconfigmgr.secrets.selection import KINDS, Selection, compiled, selection_from
from gitconfigmgr.secrets.stores.base import decoded
from gitconfigmgr.secrets.stores.yaml_reader import read
from gitconfigmgr.secrets.tree import Branch, File, to_data

NAME = ".sops.yaml"
_FLAT = ("age", "pgp", "kms", "gcp_kms", "azure_keyvault", "hc_vault_transit_uri", "hckms")
_TOP = ("creation_rules", "destination_rules", "stores")
_RULE = (*_FLAT, *KINDS, "path_regex", "key_groups", "shamir_threshold", "mac_only_encrypted", "aws_profile")
_GROUP = ("age", "pgp", "kms", "gcp_kms", "azure_keyvault", "hc_vault", "hckms", "merge")
_AZURE_URL = re.compile(r"(https://[^/]+)/keys/([^/]+)(?:/([^/]*))?/?\Z")
_VAULT_URI = re.compile(r"(https?://[^/]+)/v1/(.+)/keys/([^/]+)/?\Z")
_ARN = re.compile(r"arn:aws[\w-]*:kms:(.+):[0-9]+:(key|alias)/.+\Z", re.ASCII)
_GCP = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+\Z")
_MERGE_DEPTH = 16


@dataclass(frozen=True)
class Rule:
    """One creation rule; `line` is where it stands."""

    path_regex: str
    groups: tuple[tuple[Recipient, ...], ...]
    threshold: int
    selection: Selection
    line: int = 0

    def recipients(self) -> set[Recipient]:
        """Those of all groups."""
        return {recipient for group in self.groups for recipient in group}


@dataclass(frozen=True)
class Rules:
    """The rules of one `.sops.yaml`, whose folder is `folder` (empty for the root)."""

    path: str
    rules: tuple[Rule, ...]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    def rule_for(self, path: str) -> Rule:
        """The first rule that matches a file. Raises RulesError."""
        relative = path.removeprefix(f"{self.folder}/") if self.folder else path
        for rule in self.rules:
            if not rule.path_regex or compiled(rule.path_regex)(relative):
                return rule
        raise RulesError(f"no creation rule of {self.path} matches {path}", "add one, or a last one without path_regex")


def candidates(path: str) -> list[str]:
    """Where the rules of a file may be, the nearest first."""
    folders = path.split("/")[:-1]
    return ["/".join((*folders[:length], NAME)) for length in range(len(folders), -1, -1)]


def read_rules(path: str, data: bytes) -> Rules:
    """The rules of a file. Raises RulesError with the line."""
    try:
        file = read(decoded(data))
    except FormatError as error:
        text = str(error).removeprefix(f"line {error.line}: ")
        raise RulesError(f"{path}: {text}", error.hint, error.line) from None
    root = file.documents[0].root
    _known(root, _TOP, "the file", path, file)
    entry = root.find("creation_rules")
    if entry is None or not isinstance(entry.node, Branch) or entry.node.is_map:
        raise RulesError(f"{path}: creation_rules is no list of rules", "see docs/secrets.md for an example")
    rules = []
    for item in entry.node.items():
        line = file.line(item.start)
        if not isinstance(item.node, Branch) or not item.node.is_map:
            raise RulesError(f"{path}: a creation rule is a map", "write `- path_regex: ...`", line)
        _known(item.node, _RULE, "a creation rule", path, file)
        _known_groups(item.node, path, file)
        try:
            rules.append(_rule(to_data(item.node), line))
        except RulesError as error:
            raise RulesError(f"{path}: {error}", error.hint, error.line or line) from None
    return Rules(path, tuple(rules))


def _known(branch: Branch, names: tuple[str, ...], where: str, path: str, file: File) -> None:
    for entry in branch.items():
        if entry.key not in names:
            near = closest(str(entry.key), names)
            hint = f"did you mean {near}?" if near else f"known here: {', '.join(names)}"
            raise RulesError(f"{path}: {where} has no key {entry.key}", hint, file.line(entry.start))


def _known_groups(rule: Branch, path: str, file: File) -> None:
    entry = rule.find("key_groups")
    waiting = [entry.node] if entry else []
    while waiting:
        groups = waiting.pop()
        if not isinstance(groups, Branch) or groups.is_map:
            raise RulesError(f"{path}: key groups are a list", "write `- age: [...]`", file.line(rule.start))
        for item in groups.items():
            if not isinstance(item.node, Branch) or not item.node.is_map:
                raise RulesError(f"{path}: a key group is a map", "write `- age: [...]`", file.line(item.start))
            _known(item.node, _GROUP, "a key group", path, file)
            merged = item.node.find("merge")
            waiting += [merged.node] if merged else []


def _rule(data: dict[str, Any], line: int) -> Rule:
    regex = data.get("path_regex") or ""
    if not isinstance(regex, str):
        raise RulesError("path_regex is not text", "write it in quotes")
    if regex:
        compiled(regex)
    flat = [kind for kind in _FLAT if data.get(kind)]
    listed = data.get("key_groups")
    if listed and flat:
        raise RulesError(f"key_groups and {flat[0]} in one rule: SOPS would ignore the second", "move it into a group")
    groups = tuple(_group(item) for item in listed) if listed else (_flat_group(data, flat),)
    if not all(groups):
        raise RulesError("a rule, or a key group of it, names no recipient", "add an age recipient or a key service")
    threshold = data.get("shamir_threshold") or 0
    if type(threshold) is not int or (threshold and not 1 <= threshold <= len(groups)):
        raise RulesError(
            f"shamir_threshold {threshold} does not fit {len(groups)} key groups", "use 2 up to their number"
        )
    if len(groups) > 1 and threshold == 1:
        raise RulesError("shamir_threshold 1 makes every group open the file alone", "put the keys into one group")
    return Rule(regex, groups, threshold if len(groups) > 1 else 0, selection_from(data), line)


def _flat_group(data: dict[str, Any], kinds: list[str]) -> tuple[Recipient, ...]:
    profile = data.get("aws_profile") or ""
    return tuple(dict.fromkeys(_recipient(kind, text, profile) for kind in kinds for text in _texts(data[kind], kind)))


def _texts(value: Any, kind: str) -> list[str]:
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise RulesError(f"{kind} is neither text nor a list of texts", "write [a, b]")
    return [item.strip() for item in listed if item.strip()]


def _recipient(kind: str, text: str, profile: str = "") -> Recipient:
    if kind == "age":
        if not text.startswith(("age1", "ssh-ed25519 ", "ssh-rsa ")):
            raise RulesError(f"{text[:80]!r} is no age recipient", "they begin with age1, ssh-ed25519 or ssh-rsa")
        return Recipient.of("age", recipient=text)
    if kind == "pgp":
        return Recipient.of("pgp", fp=text.replace(" ", ""))
    if kind == "kms":
        arn, _, role = text.partition("+")
        return _kms(arn, role, {}, profile)
    if kind == "gcp_kms":
        if not _GCP.match(text):
            raise RulesError(
                f"{text[:120]!r} is no key of Google Cloud KMS", "write projects/P/locations/L/keyRings/R/cryptoKeys/K"
            )
        return Recipient.of("gcp_kms", resource_id=text)
    if kind == "azure_keyvault":
        match = _AZURE_URL.match(text)
        if not match:
            raise RulesError(f"{text[:120]!r} is no Azure key", "write https://NAME.vault.azure.net/keys/KEY/VERSION")
        return Recipient.of("azure_kv", vault_url=match[1], name=match[2], version=match[3] or "")
    if kind in ("hc_vault_transit_uri", "hc_vault"):
        match = _VAULT_URI.match(text)
        if not match:
            raise RulesError(f"{text[:120]!r} is no Transit key", "write https://HOST:8200/v1/ENGINE/keys/KEY")
        return Recipient.of("hc_vault", vault_address=match[1], engine_path=match[2], key_name=match[3])
    return Recipient.of("hckms", key_id=text)


def _kms(arn: str, role: str, context: dict[str, Any], profile: str) -> Recipient:
    arn = arn.replace(" ", "")
    if not _ARN.match(arn):
        raise RulesError(f"{arn[:120]!r} is no ARN of a KMS key", "write arn:aws:kms:REGION:ACCOUNT:key/ID")
    if not all(isinstance(value, str) for value in context.values()):
        raise RulesError("a value of an encryption context is not text", "write it in quotes")
    return Recipient.of("kms", arn=arn, role=role.replace(" ", ""), context=context, aws_profile=profile)


def _group(data: dict[str, Any], depth: int = 0) -> tuple[Recipient, ...]:
    if depth > _MERGE_DEPTH:
        raise RulesError("key groups are merged too deep", "flatten them")
    found: list[Recipient] = []
    for kind in ("age", "pgp", "hc_vault", "hckms"):
        found += [_recipient(kind, text) for text in _texts(data.get(kind) or [], kind)]
    for item in _maps(data, "kms", ("arn", "role", "context", "aws_profile")):
        found.append(
            _kms(
                str(item.get("arn") or ""),
                item.get("role") or "",
                item.get("context") or {},
                item.get("aws_profile") or "",
            )
        )
    found += [
        _recipient("gcp_kms", str(item.get("resource_id") or "")) for item in _maps(data, "gcp_kms", ("resource_id",))
    ]
    for item in _maps(data, "azure_keyvault", ("vaultUrl", "key", "version")):
        if not item.get("vaultUrl") or not item.get("key"):
            raise RulesError("an azure_keyvault entry needs vaultUrl and key", "add them")
        found.append(
            Recipient.of("azure_kv", vault_url=item["vaultUrl"], name=item["key"], version=item.get("version") or "")
        )
    for inner in data.get("merge") or []:
        found += _group(inner, depth + 1)
    return tuple(dict.fromkeys(found))


def _maps(data: dict[str, Any], kind: str, names: tuple[str, ...]) -> list[dict[str, Any]]:
    listed = data.get(kind) or []
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise RulesError(f"{kind} of a key group is a list of maps", f"write `- {names[0]}: ...`")
    for item in listed:
        for name in item:
            if name not in names:
                near = closest(name, names)
                hint = f"did you mean {near}?" if near else f"known here: {', '.join(names)}"
                raise RulesError(f"an entry of {kind} has no key {name}", hint)
    return listed
