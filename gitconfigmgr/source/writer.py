"""Plain data as YAML text that YAML 1.1 and 1.2 readers take alike."""

from __future__ import annotations

from typing import Any

import yaml

from gitconfigmgr.source.scalars import read_plain


class _Dumper(yaml.CSafeDumper):  # type: ignore[misc]  # PyYAML publishes no types
    """libyaml's emitter; text that any reader could take for something else gets quotes."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: Any, value: str) -> Any:
    style = None
    if "\n" in value:
        block = value[0] not in " \n\t" and "\t" not in value and not value.endswith((" ", "\n\n"))
        style = "|" if block else '"'
    elif not isinstance(read_plain(value), str):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dump(data: Any) -> str:
    """Block style, keys in their order, two spaces, wide lines."""
    options: dict[str, Any] = {"allow_unicode": True, "width": 110, "indent": 2}
    return str(yaml.dump(data, Dumper=_Dumper, default_flow_style=False, sort_keys=False, **options))
