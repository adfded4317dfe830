"""`editor`: schemas for layers, and the settings that bind them, for editors that speak to the YAML language server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gitconfigmgr.check.overlay import OWN, editor_settings, overlay_file, overlay_schema, own_file

if TYPE_CHECKING:
    from gitconfigmgr.pipeline import Repository

SETTINGS = ".vscode/settings.json"


def editor_files(repository: Repository, existing: bytes | None) -> dict[str, bytes]:
    """Path -> content. Settings of others that `existing` (the present settings file) holds are kept.

    Raises ValueError where `existing` is no JSON object.
    """
    files = {}
    for name in OWN:
        schema = repository.schemas.bundled(name)
        if schema is not None:
            files[own_file(name)] = _json(schema)
    for binding in repository.settings.schemas:
        schema = repository.schemas.bundled(binding.schema, binding.path)
        if schema is not None:
            files[overlay_file(binding.schema, binding.path)] = _json(overlay_schema(schema))
    present = orjson.loads(existing) if existing and existing.strip() else {}
    if not isinstance(present, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - like what is no JSON at all
    ours = editor_settings(repository.settings.schemas, repository.settings.environments)
    foreign = {k: v for k, v in (present.get("yaml.schemas") or {}).items() if "gitconfigmgr" not in k}
    files[SETTINGS] = _json(present | ours | {"yaml.schemas": foreign | ours["yaml.schemas"]})
    return files


def _json(data: object) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n"
