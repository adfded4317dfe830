"""Plain data as YAML text that YAML 1.1 and 1.2 readers take alike."""

from __future__ import annotations

from typing import Any

import yaml
from yaml import _yaml as libyaml


class _Dumper(libyaml.CEmitter, yaml.serializer.Serializer, yaml.representer.SafeRepresenter, yaml.resolver.Resolver):  # type: ignore[misc]  # the C emitter has no types
    """libyaml's emitter; text that any reader could take for something else gets quotes."""

    def __init__(self, stream: Any, **options: Any) -> None:
        libyaml.CEmitter.__init__(self, stream, **options)
        yaml.representer.SafeRepresenter.__init__(self, default_flow_style=False, sort_keys=False)
        yaml.resolver.Resolver.__init__(self)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: Any, value: str) -> Any:
    from gitconfigmgr.source.scalars import read_plain

    style = "|" if "\n" in value and not value.endswith((" ", "\n\n")) and value[0] not in " \n\t" and "\t" not in value else None
    if style is None and not isinstance(read_plain(value), str):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(data: Any) -> str:
    """Block style, keys in their order, two spaces, wide lines."""
    if isinstance(data, dict) and not data:
        return "{}\n"
    return str(yaml.dump(data, Dumper=_Dumper, allow_unicode=True, width=110, indent=2, default_flow_style=False, sort_keys=False))
