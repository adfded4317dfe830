"""Which format a file has, by its name; the rule is that of SOPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gitconfigmgr.secrets.stores.base import Store


def format_of(path: str) -> str:
    """The format by the end of the name; what is not known is binary."""
    name = path.rsplit("/", 1)[-1].lower()
    if name.endswith((".yaml", ".yml")):
        return "yaml"
    if name.endswith(".json"):
        return "json"
    if name.endswith(".env"):
        return "dotenv"
    return "ini" if name.endswith(".ini") else "binary"


def store_for(name: str) -> Store:
    """The store of a format: yaml, json, dotenv, ini or binary."""
    if name == "yaml":
        from gitconfigmgr.secrets.stores.yaml_store import YamlStore

        return YamlStore()
    if name in ("json", "binary"):
        from gitconfigmgr.secrets.stores.json_store import BinaryStore, JsonStore

        return JsonStore() if name == "json" else BinaryStore()
    from gitconfigmgr.secrets.stores.line_stores import DotenvStore, IniStore

    return DotenvStore() if name == "dotenv" else IniStore()
