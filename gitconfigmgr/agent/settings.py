"""agent.toml: what to follow, where to keep it, how it is read. Paths are relative to the file."""

from __future__ import annotations

import platform
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gitconfigmgr.agent.protocols.settings import read_protocols
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import closest
from gitconfigmgr.model.publishing import Budget
from gitconfigmgr.sync.protection import check_pattern
from gitconfigmgr.sync.reading import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from urllib.parse import SplitResult

    from gitconfigmgr.agent.protocols.protocol import ProtocolSettings


_LOOPBACK = ("localhost", "127.0.0.1", "::1")
WIDE = Budget(float("inf"), 16 * 1024 * 1024, 500_000, 500_000, 1024)  # what no document that is meant comes near


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
    opens: tuple[tuple[str, Mapping[str, str]], ...] = ()
    ca: Path | None = None
    token: Path | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    proxy: str = ""
    push: bool = True
    report: bool = True
    local_overrides: bool = False
    protected: tuple[str, ...] = ()
    socket: Path | None = None
    socket_mode: str = "0600"
    listen: str = ""
    interval: float = 60
    stale_after: float = 300
    on_expired: Policy = Policy.SERVE
    policies: tuple[tuple[str, Policy], ...] = ()
    budget: Budget = WIDE
    schemas: tuple[tuple[str, Path], ...] = ()
    files: Path | None = None
    files_mode: str = "0644"
    files_owner: str = ""
    templates: tuple[Template, ...] = ()
    command: tuple[str, ...] = ()
    signal: str = ""
    pid_file: Path | None = None
    protocols: tuple[ProtocolSettings, ...] = ()

    def policy_of(self, namespace: str) -> Policy:
        return dict(self.policies).get(namespace, self.on_expired)


_PATHS = (
    "root", "state", "key", "identity", "ca", "token", "certificate", "certificate_key", "socket", "files", "pid_file",
)  # fmt: skip
_TEXTS = ("address", "environment", "instance", "socket_mode", "listen", "files_mode", "files_owner", "proxy", "signal")
_SWITCHES = ("push", "report", "local_overrides")
_LISTS = ("namespaces", "command", "protected")
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
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: {error}") from None


def _values(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = {"instance": platform.node()} | given
    _require_kinds(values)
    for name in _PATHS:
        if name in values:
            values[name] = folder / values[name]
    for name in _LISTS:
        if name in values:
            values[name] = tuple(map(str, values[name]))
    if "on_expired" in values:
        values["on_expired"] = Policy(values["on_expired"])
    if "protocols" in values:
        values["protocols"] = read_protocols(values["protocols"], folder)
    values["policies"] = tuple((name, Policy(item)) for name, item in values.get("policies", {}).items())
    values["schemas"] = tuple((name, folder / item) for name, item in values.get("schemas", {}).items())
    values["budget"] = WIDE._replace(**values.get("budget", {}))
    values["opens"] = tuple((kind, dict(fields)) for item in values.get("opens", ()) for kind, fields in item.items())
    for pattern in values.get("protected", ()):
        check_pattern(pattern)
    values["templates"] = tuple(_template(item, folder) for item in values.get("templates", ()))
    if values["templates"] and "files" not in values:
        raise ValueError("templates need the folder `files`")
    _require_address(urlsplit(values["address"]), with_token="token" in values)
    return values


def _require_kinds(values: dict[str, Any]) -> None:
    for names, kind, called in ((_TEXTS, str, "text"), (_SWITCHES, bool, "true or false"), (_LISTS, list, "a list")):
        for name in names:
            if not isinstance(values.get(name, kind()), kind):
                raise TypeError(f"{name} is {called}")
    for name in ("interval", "stale_after"):
        if name in values and not values[name] > 0:
            raise ValueError(f"{name} is a number of seconds above 0")
    for name in ("socket_mode", "files_mode"):
        _require_mode(name, values.get(name, "0"))


def _require_address(address: SplitResult, *, with_token: bool) -> None:
    if address.scheme not in ("https", "http", "file"):
        raise ValueError("address begins with https://, http:// or file://")
    if with_token and address.scheme == "http" and address.hostname not in _LOOPBACK:
        raise ValueError("a token is sent over https:// only: everybody on the way could read it")


def _template(item: dict[str, Any], folder: Path) -> Template:
    made = Template(**{**item, "source": folder / item["source"]})
    if made.to.startswith(("/", ".")) or ".." in made.to.split("/"):
        raise ValueError(f"template {made.to}: a path below the folder `files`")
    _require_mode(f"the mode of template {made.to}", made.mode)
    return made


def _require_mode(name: str, text: str) -> None:
    if not text or set(text) - set("01234567"):
        raise ValueError(f"{name} is {text}, and a mode is digits such as 0640")
