"""The bytes of a schema file as a schema, or the reasons why they are none."""

from __future__ import annotations

import json
from typing import Any

from gitconfigmgr.check.locations import DIALECT
from gitconfigmgr.check.subschemas import Pointer, Schema, nothing, show_pointer
from gitconfigmgr.check.textplaces import position_in
from gitconfigmgr.model.diagnostics import Diagnostic, Position

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 100
_SHOWN = 5


class BadSchemaError(Exception):
    """The file is no schema."""

    def __init__(self, *findings: Diagnostic) -> None:
        super().__init__()
        self.findings = findings


class _DuplicateError(Exception):
    pass


def parse(name: str, data: bytes) -> tuple[str, Schema]:
    """The text and the schema. Raises BadSchemaError."""
    if len(data) > MAX_BYTES:
        raise _bad(name, f"larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(name, "not UTF-8") from error
    root = _parse_json(name, text)
    if _depth(root) > MAX_DEPTH:
        raise _bad(name, f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(root, bool):
        return text, {} if root else nothing()
    if not isinstance(root, dict):
        raise _bad(name, "a schema is a map, true or false")
    dialect = root.get("$schema", DIALECT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != DIALECT:
        message, help_ = f"$schema is {dialect}, which is another dialect", f"write {DIALECT}"
        raise _bad(name, message, position_in(name, text, ("$schema",)), help_)
    _check_against_metaschema(name, text, root)
    return text, root


def _parse_json(name: str, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _bad(name, f"not valid JSON: {_lower(error.msg)}", Position(name, error.lineno, error.colno)) from error
    except (_DuplicateError, ValueError) as error:
        raise _bad(name, f"not valid JSON: {error}") from error
    except RecursionError as error:
        raise _bad(name, f"nested more than {MAX_DEPTH} levels deep") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateError(f'the key "{key}" is written twice in one map')
            seen.add(key)
    return members


def _refuse_constant(text: str) -> None:
    raise _DuplicateError(f"{text} is no JSON number")


def _depth(value: Any) -> int:
    """How deep a value is nested, as far as it matters."""
    level = [value]
    depth = 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                below += item.values()
            elif kind is list:
                below += item
        level = below
    return depth


def is_schema(value: Schema) -> bool:
    """Whether a value is a valid schema of the dialect."""
    import jsonschema_rs

    try:
        return bool(jsonschema_rs.meta.is_valid(value))
    except ValueError:  # a number that it cannot hold
        return False


def _check_against_metaschema(name: str, text: str, root: Schema) -> None:
    if is_schema(root):
        return
    from jsonschema import Draft202012Validator

    findings = []
    for error in sorted(
        Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(root), key=lambda e: e.json_path
    ):
        pointer: Pointer = tuple(error.absolute_path)
        message = (
            f"{name}: {show_pointer(pointer) or 'the schema'} is not valid JSON Schema: {_shortened(error.message)}"
        )
        findings.append(Diagnostic("GCM401", message, position_in(name, text, pointer)))
    if not findings:
        raise _bad(name, "not valid JSON Schema")
    raise BadSchemaError(*findings[:_SHOWN])


def _bad(name: str, message: str, position: Position | None = None, help_: str | None = None) -> BadSchemaError:
    return BadSchemaError(Diagnostic("GCM401", f"{name}: {message}", position or Position(name), help=help_))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _shortened(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
