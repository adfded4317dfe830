"""The official tests for draft 2020-12 as we run them: each schema is a file of a repository, the remotes are others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.schemas import SchemaSet

from .support import binding

if TYPE_CHECKING:
    from gitconfigmgr.model.diagnostics import Diagnostic

FOLDER = Path(__file__).parents[2] / "vectors" / "json-schema"
_HOST = "http://localhost:1234/"
_HERE = "http://repository.invalid/"

# what we do otherwise on purpose: file, or file and group -> why
EXCLUDED = {
    "format.json": "it asks that formats be ignored; we assert them",
    "vocabulary.json": "other dialects are refused",
    "optional/format-assertion.json": "other dialects are refused",
    "optional/cross-draft.json": "other dialects are refused",
    "optional/dependencies-compatibility.json": "`dependencies` is refused: some validators obey it, others do not",
}


@dataclass(frozen=True)
class Group:
    """`compiled` is None where the schema is refused, for the reasons in `findings`."""

    name: str
    schemas: SchemaSet
    compiled: Any
    schema_name: str
    findings: list[Diagnostic]
    tests: list[dict[str, Any]]

    @property
    def excluded(self) -> bool:
        return self.name.partition(":")[0] in EXCLUDED


@cache
def remotes() -> dict[str, bytes]:
    folder = FOLDER / "remotes"
    return {str(path.relative_to(folder)): _moved(path.read_text("utf-8")) for path in sorted(folder.rglob("*.json"))}


def _moved(text: str) -> bytes:
    return text.replace(_HOST, _HERE).encode()


@cache
def groups() -> list[Group]:
    folder = FOLDER / "tests" / "draft2020-12"
    return [
        _group(f"{path.relative_to(folder)}: {group['description']}", group)
        for path in sorted(folder.rglob("*.json"))
        for group in json.loads(path.read_text("utf-8"))
    ]


def _group(name: str, group: dict[str, Any]) -> Group:
    text = _moved(json.dumps(group["schema"]))
    schema = json.loads(text)
    identity = schema.get("$id", "") if isinstance(schema, dict) else ""
    file = identity.removeprefix(_HERE).rstrip("#") if identity.startswith(_HERE) else ""
    file = file or "schema.json"
    schemas = SchemaSet([binding(file)], {**remotes(), file: text}.get, lambda _: None)
    compiled = schemas.view("acme")._bound[0].compiled
    return Group(name, schemas, compiled, file, schemas.findings, group["tests"])
