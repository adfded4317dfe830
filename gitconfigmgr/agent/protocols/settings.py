"""`[protocols.<name>]` of agent.toml."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from gitconfigmgr.agent.protocols.protocol import ProtocolSettings
from gitconfigmgr.model.names import closest

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("appconfig", "ofrep", "opa", "spring", "vault")
_KINDS = {"listen": str, "base": str, "at": str, "token": str, "secrets": bool}


def read_protocols(given: Any, folder: Path) -> tuple[ProtocolSettings, ...]:
    """Raises ValueError with what is wrong."""
    if not isinstance(given, dict):
        raise ValueError("protocols are tables: [protocols.opa]")  # noqa: TRY004 - the caller's one kind
    return tuple(_read(name, table, folder) for name, table in given.items())


def _read(name: str, given: Any, folder: Path) -> ProtocolSettings:
    from gitconfigmgr.agent.protocols.front import protocol_of

    if name not in NAMES:
        raise ValueError(f"there is no protocol {name}: {', '.join(NAMES)}")
    place = f"protocols.{name}"
    if not isinstance(given, dict) or "listen" not in given:
        raise ValueError(f'{place} needs its own address: listen = "127.0.0.1:8181"')
    protocol = protocol_of(name)
    kinds = _KINDS | {option: type(default) for option, default in protocol.options.items()}
    for key, value in given.items():
        if key not in kinds:
            near = closest(key, list(kinds))
            raise ValueError(f"{place}: there is no setting {key}" + (f"; did you mean {near}?" if near else ""))
        if not isinstance(value, kinds[key]):
            raise ValueError(f"{place}.{key} is a {kinds[key].__name__}")  # noqa: TRY004 - the caller's one kind
    token, secrets = given.get("token"), given.get("secrets", False)
    if (secrets or protocol.needs_token) and not token:
        why = "this protocol always has one" if protocol.needs_token else "it serves secrets"
        raise ValueError(f"{place} needs `token`, the file of a token that readers give: {why}")
    options = {option: given.get(option, default) for option, default in protocol.options.items()}
    base, at = given.get("base", "").strip("/"), given.get("at", "")
    return ProtocolSettings(
        name, _address(place, given["listen"]), base, at, folder / token if token else None, secrets, options
    )


def _address(place: str, text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        local = host == "localhost" or ip_address(host).is_loopback
        number = int(port)
    except ValueError:
        raise ValueError(f"{place}.listen is an address such as 127.0.0.1:8181") from None
    if not local:
        raise ValueError(f"{place}.listen is an address of this machine alone, such as 127.0.0.1:{port}")
    return host, number
