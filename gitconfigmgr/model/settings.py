"""gitconfigmgr.yaml as the program uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.model.names import BASE
from gitconfigmgr.model.publishing import ReleaseSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitconfigmgr.model.diagnostics import Position
    from gitconfigmgr.model.policies import PolicyUse


class Environment(NamedTuple):
    """`chain` is base first, the environment itself last."""

    name: str
    chain: tuple[str, ...]
    protected: bool = False
    abstract: bool = False


class SchemaBinding(NamedTuple):
    """A schema for the part `path` of the documents of all namespaces that match one of the globs."""

    schema: str
    namespaces: tuple[str, ...]
    path: tuple[str, ...]
    position: Position


class Limits(NamedTuple):
    """Bounds on what one file may ask of the compiler."""

    file_bytes: int = 4 * 1024 * 1024
    depth: int = 64
    values: int = 500_000


class KeyServices(NamedTuple):
    """The services that may be asked to wrap and unwrap keys; nothing else is ever contacted."""

    vault: tuple[str, ...] = ()
    aws_kms: tuple[str, ...] = ()
    azure_kv: tuple[str, ...] = ()
    gcp_kms: tuple[str, ...] = ()


class Models(NamedTuple):
    """What the rules for models and prompts hold documents against; docs/settings.md has a line for each.

    `providers` empty is any. `overrides` are facts of the catalogue by `provider/model`.
    """

    retire_warning_days: int = 90
    catalog_max_age_days: int = 365
    floating_aliases: str = "warn"
    shared_keys: str = "off"
    unused_endpoints: str = "off"
    key_rotation_days: int = 0
    cost_increase_percent: float = 25
    providers: tuple[str, ...] = ()
    overrides: Mapping[str, Mapping[str, Any]] = {}


class Proposals(NamedTuple):
    """`protected`: keys that agents' proposals are never made into branches for, as `acme/*:api.key`."""

    protected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """`blob_id` identifies the bytes the settings were read from."""

    environments: dict[str, Environment]
    precedence: str = "environment"
    leak_guard: str = "error"
    schemas: tuple[SchemaBinding, ...] = ()
    limits: Limits = field(default_factory=Limits)
    key_services: KeyServices = field(default_factory=KeyServices)
    models: Models = field(default_factory=Models)
    policies: tuple[PolicyUse, ...] = ()
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    signatures: str | None = None
    proposals: Proposals = field(default_factory=Proposals)
    blob_id: str = ""

    def compiled_environments(self) -> list[str]:
        """The environments that targets exist in, as declared."""
        return [name for name, item in self.environments.items() if not item.abstract]


DEFAULT_EXTENDS = {"development": BASE, "staging": "development", "production": "staging"}
