"""agent.toml: what to follow, where to keep it, how it is read. Paths are relative to the file."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import closest
from gitconfigmgr.sync.reading import Policy

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Template:
    """A Jinja2 template of the operator, rendered to a file on the volume."""

    source: Path
    to: str
    mode: str = "0640"
    owner: str = ""


@dataclass(frozen=True)
class AgentSettings:
    """See docs/agent.md."""

    address: str
    root: Path
    environment: str
    namespaces: tuple[str, ...]
    state: Path
    instance: str = ""
    key: Path | None = None
    identity: Path | None = None
    ca: Path | None = None
    token: Path | None = None
    socket: Path | None = None
    socket_mode: str = "0600"
    listen: str = ""
    interval: float = 60
    stale_after: float = 300
    on_expired: Policy = Policy.SERVE
    policies: tuple[tuple[str, Policy], ...] = ()
    files: Path | None = None
    files_mode: str = "0644"
    files_owner: str = ""
    templates: tuple[Template, ...] = ()
    command: tuple[str, ...] = ()
    signal: str = ""
    pid_file: Path | None = None

    def policy_of(self, namespace: str) -> Policy:
        return dict(self.policies).get(namespace, self.on_expired)


_PATHS = ("root", "state", "key", "identity", "ca", "token", "socket", "files", "pid_file")
_LISTS = ("namespaces", "command")
_NEEDED = ("address", "root", "environment", "namespaces", "state")


def read_settings(path: Path) -> AgentSettings:
    """Raises UsageError."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name the file: gitconfigmgr agent -f agent.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    known = AgentSettings.__dataclass_fields__
    for name in given:
        if name not in known:
            near = closest(name, list(known))
            raise UsageError(f"{path}: there is no setting {name}", f"did you mean {near}?" if near else None)
    missing = [name for name in _NEEDED if not given.get(name)]
    if missing:
        raise UsageError(f"{path}: {missing[0]} is missing", "see docs/agent.md")
    try:
        return AgentSettings(**_values(given, path.absolute().parent))
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path}: {error}") from None


def _values(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = {"instance": platform.node()} | given
    for name in _PATHS:
        if name in values:
            values[name] = folder / values[name]
    for name in _LISTS:
        if name in values:
            if not isinstance(values[name], list):
                raise ValueError(f"{name} is a list")
            values[name] = tuple(map(str, values[name]))
    if "on_expired" in values:
        values["on_expired"] = Policy(values["on_expired"])
    values["policies"] = tuple((name, Policy(item)) for name, item in values.get("policies", {}).items())
    made = [Template(**{**item, "source": folder / item["source"]}) for item in values.get("templates", ())]
    for template in made:
        if template.to.startswith(("/", ".")) or ".." in template.to.split("/"):
            raise ValueError(f"template {template.to}: a path below the folder `files`")
    values["templates"] = tuple(made)
    if made and "files" not in values:
        raise ValueError("templates need the folder `files`")
    for name in ("interval", "stale_after"):
        if name in values and not values[name] > 0:
            raise ValueError(f"{name} is a number of seconds above 0")
    return values
