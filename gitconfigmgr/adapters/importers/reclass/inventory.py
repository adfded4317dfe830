"""The files of a reclass inventory: which class and which node is where, and the settings."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from gitconfigmgr.adapters.importers.reclass.values import InventoryError, Options
from gitconfigmgr.errors import OutsideError, UsageError

SUFFIXES = (".yml", ".yaml")
CONFIG = "reclass-config.yml"
_SKIPPED = ("CVS", "SCCS")
_FIXED = {
    "storage_type": "yaml_fs",
    "delimiter": ":",
    "reference_sentinels": ["${", "}"],
    "export_sentinels": ["$[", "]"],
    "dict_key_override_prefix": "~",
    "dict_key_constant_prefix": "=",
    "escape_character": "\\",
}


@dataclass(frozen=True, slots=True)
class Config:
    """reclass-config.yml, with the defaults of reclass, or of kapitan where the nodes are called targets."""

    nodes: Path
    classes: Path
    options: Options = field(default_factory=Options)
    compose_node_name: bool = False
    automatic_parameters: bool = True
    default_environment: str = "base"
    class_mappings: tuple[str, ...] = ()
    class_mappings_match_path: bool = False
    ignore_class_notfound: bool = False
    ignore_class_notfound_regexp: tuple[str, ...] = (".*",)


@dataclass(slots=True)
class Index:
    """Name -> path, for nodes and for classes; `root` is the folder that was named."""

    root: Path
    config: Config
    nodes: dict[str, Path]
    classes: dict[str, Path]

    def shown(self, path: Path) -> str:
        """A path as reports show it."""
        return Path(os.path.relpath(path, self.root)).as_posix()


def open_inventory(folder: Path) -> Index:
    """The inventory in a folder, or in its `inventory` folder as kapitan has it."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "name the folder that holds classes/ and nodes/ (or targets/)")
    base = folder / "inventory" if not (folder / "classes").is_dir() and (folder / "inventory").is_dir() else folder
    config = _config(base, folder)
    for place in (config.nodes, config.classes):
        if not place.is_dir():
            hint = "name the folder that holds classes/ and nodes/ (or targets/)"
            raise UsageError(f"{folder} is no reclass inventory: there is no {os.path.relpath(place, folder)}", hint)
    nodes = _index(config.nodes, "node" if config.compose_node_name else "file")
    classes = _index(config.classes, "class")
    if not nodes:
        raise UsageError(f"{config.nodes} has no nodes", "a node is a .yml file below it")
    return Index(folder, config, nodes, classes)


def _config(base: Path, folder: Path) -> Config:
    kapitan = not (base / "nodes").is_dir() and (base / "targets").is_dir()
    given: dict[str, Any] = {"nodes_uri": "targets", "allow_none_override": True} if kapitan else {}
    if kapitan:
        given["compose_node_name"] = any(map(_kapitan_composes, (base, folder, base.parent)))
    path = base / CONFIG
    if path.is_file():
        read = read_yaml(path)
        if not isinstance(read, dict):
            raise UsageError(f"{path} is no map of settings")
        given |= read
    _refuse_changed_syntax(path, given)
    root = base / str(given.get("inventory_base_uri") or ".")
    if not root.is_dir() or kapitan:
        root = base
    regexps = given.get("ignore_class_notfound_regexp", ".*")
    flags = ("automatic_parameters", "class_mappings_match_path", "ignore_class_notfound")
    return Config(
        nodes=Path(os.path.normpath(root / str(given.get("nodes_uri") or "nodes"))),
        classes=Path(os.path.normpath(root / str(given.get("classes_uri") or "classes"))),
        options=Options(**{item.name: bool(given[item.name]) for item in fields(Options) if item.name in given}),
        compose_node_name=bool(given.get("compose_node_name")),
        default_environment=str(given.get("default_environment", "base")),
        class_mappings=tuple(given.get("class_mappings") or ()),
        ignore_class_notfound_regexp=(regexps,) if isinstance(regexps, str) else tuple(regexps),
        **{name: bool(given[name]) for name in flags if name in given},
    )


def _refuse_changed_syntax(path: Path, given: dict[str, Any]) -> None:
    for name, value in _FIXED.items():
        if name in given and given[name] not in (value, tuple(value) if isinstance(value, list) else value):
            message = f"{path}: {name} is {given[name]!r}; only {value!r} can be imported"
            raise UsageError(message, "rewrite the inventory first")


def _kapitan_composes(folder: Path) -> bool:
    """Whether kapitan's own settings ask for names composed of folders."""
    path = folder / ".kapitan"
    settings = read_yaml(path) if path.is_file() else None
    sections = settings.values() if isinstance(settings, dict) else ()
    names = ("compose-target-name", "compose-node-name")
    return any(isinstance(section, dict) and section.get(name) is True for section in sections for name in names)


def read_yaml(path: Path) -> Any:
    """A file with the meaning PyYAML gives it."""
    try:
        return yaml.load(read_text(path), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {_flat(error)}") from None


def read_text(path: Path) -> str:
    """The text of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise OutsideError(f"{path}: {error.strerror}") from None


def _flat(error: Exception) -> str:
    return " ".join(str(error).split())


def _index(base: Path, names: str) -> dict[str, Path]:
    """Name -> path of every YAML file below a folder, as reclass names them."""
    found: dict[str, Path] = {}
    for folder, inner, files in os.walk(base, followlinks=True):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in _SKIPPED)
        parts = [] if Path(folder) == base else list(Path(folder).relative_to(base).parts)
        for file in sorted(files):
            stem, suffix = os.path.splitext(file)  # noqa: PTH122 - as reclass: `.yml` alone has no suffix
            if suffix not in SUFFIXES:
                continue
            name = _name(parts, stem, names)
            if name in found:
                message = f"{Path(folder) / file} and {found[name]} are both {name}"
                raise UsageError(message, "rename one, or set compose_node_name")
            found[name] = Path(folder) / file
    return found


def _name(parts: list[str], stem: str, names: str) -> str:
    if names == "file" or (names == "node" and parts and parts[0].startswith("_")):
        return stem
    if names == "class" and stem == "init" and parts:
        return ".".join(parts)
    return ".".join([*parts, stem])


def absolute(name: str, given: str) -> str:
    """A class name as it stands in the file of `name`: a leading dot counts from the folder of that class."""
    dots = len(given) - len(given.lstrip("."))
    if not dots:
        return given
    parent = ".".join(name.split(".")[:-dots])
    return parent + given[dots - 1 :] if parent else given[dots:]


def mapped_classes(config: Config, node: str, path: str) -> list[str]:
    """The classes that `class_mappings` give a node."""
    import re
    from fnmatch import fnmatchcase

    subject = path if config.class_mappings_match_path else node
    found: list[str] = []
    for mapping in config.class_mappings:
        pattern, classes = _mapping(mapping)
        if pattern.startswith("/"):
            match = re.search(pattern[1:-1], subject)
            found += [match.expand(name) for name in classes] if match else []
        elif fnmatchcase(subject, pattern):
            found += classes
    return list(dict.fromkeys(found))


def _mapping(text: str) -> tuple[str, list[str]]:
    import shlex

    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    regular = text.startswith("/")
    if regular:
        lexer.quotes += "/"
        lexer.escapedquotes += "/"
    try:
        pattern, *classes = list(lexer)
    except ValueError:
        raise InventoryError(f"class mapping {text!r} cannot be read") from None
    return f"/{pattern}/" if regular else pattern, classes
