"""A repository of schemas in memory, and documents to hold against them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check.schemas import SchemaSet, View
from gitconfigmgr.model.diagnostics import Diagnostic, Position
from gitconfigmgr.model.settings import Limits, SchemaBinding
from gitconfigmgr.source.reader import read_document

if TYPE_CHECKING:
    from gitconfigmgr.model.values import Node

PACKAGED = Path(__file__).parents[3] / "schemas"
SEALED = "ENC[AES256_GCM,data:abc,iv:abc,tag:abc,type:{}]"


def read_packaged(name: str) -> bytes | None:
    path = PACKAGED / name
    return path.read_bytes() if path.is_file() else None


def node(text: str, path: str = "configs/acme/base.yaml") -> Node:
    """A document as it would come out of a resolution without overlays."""
    document, findings = read_document(path, "acme", "base", "", text.encode(), Limits())
    assert not findings, findings
    assert document.root is not None
    return document.root


def binding(
    schema: str = "schemas/s.json", *namespaces: str, path: tuple[str, ...] = (), line: int = 3
) -> SchemaBinding:
    return SchemaBinding(schema, namespaces or ("**",), path, Position("gitconfigmgr.yaml", line, 5))


def schema_set(schema: Any, files: dict[str, Any] | None = None, path: tuple[str, ...] = ()) -> SchemaSet:
    """The schema as schemas/s.json, bound to everything; other files by path, as text or as values."""
    contents = {"schemas/s.json": schema, **(files or {})}
    texts = {name: each if isinstance(each, bytes) else _bytes(each) for name, each in contents.items()}
    return SchemaSet([binding(path=path)], texts.get, read_packaged)


def _bytes(content: Any) -> bytes:
    return content.encode() if isinstance(content, str) else json.dumps(content).encode()


def view(schema: Any, files: dict[str, Any] | None = None, path: tuple[str, ...] = ()) -> View:
    """The view of a set that loads without findings."""
    schemas = schema_set(schema, files, path)
    made = schemas.view("acme")
    assert not schemas.findings, schemas.findings
    return made


def check(schema: Any, text: str, files: dict[str, Any] | None = None) -> list[Diagnostic]:
    return view(schema, files).check(node(text))


def only(schema: Any, text: str, files: dict[str, Any] | None = None) -> Diagnostic:
    """The single finding."""
    findings = check(schema, text, files)
    assert len(findings) == 1, findings
    return findings[0]


def refused(schema: Any, files: dict[str, Any] | None = None) -> list[str]:
    """What loading reports."""
    schemas = schema_set(schema, files)
    schemas.view("acme")
    assert {finding.code for finding in schemas.findings} <= {"GCM401"}
    return [finding.message for finding in schemas.findings]
