"""Documents and records as JSON for a store between runs. Integers of any size survive."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

import orjson

from gitconfigmgr.history.documents import secrets_in, with_secrets
from gitconfigmgr.history.records import Version
from gitconfigmgr.model.revisions import Commit

_NAMES = tuple(item.name for item in fields(Version))


def write_document(document: Any) -> list[Any]:
    """A document and the ciphertexts in it."""
    return [_text(document), [[list(path), token] for path, token in secrets_in(document)]]


def read_document(stored: list[Any]) -> Any:
    """The inverse of `write_document`."""
    text, tokens = stored
    return with_secrets(_value(text), [(tuple(path), token) for path, token in tokens])


def write_version(version: Version) -> dict[str, Any]:
    """A record; its patches as text."""
    said = {name: getattr(version, name) for name in _NAMES}
    return said | {"diff": _text(version.diff), "inverse": _text(version.inverse), "errors": list(version.errors)}


def read_version(stored: dict[str, Any]) -> Version:
    """The inverse of `write_version`."""
    patches = {name: _value(stored[name]) for name in ("diff", "inverse")}
    return Version(**(stored | patches | {"errors": tuple(stored["errors"])}))


def write_commit(commit: Commit) -> dict[str, Any]:
    """A commit."""
    said = {item.name: getattr(commit, item.name) for item in fields(Commit)}
    return said | {"authored": commit.authored.isoformat(), "time": commit.time.isoformat()}


def read_commit(stored: dict[str, Any]) -> Commit:
    """The inverse of `write_commit`."""
    times = {name: datetime.fromisoformat(stored[name]) for name in ("authored", "time")}
    lists = {"parents": tuple(stored["parents"]), "trailers": tuple((key, value) for key, value in stored["trailers"])}
    return Commit(**(stored | times | lists))


def _text(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        import json

        return "wide " + json.dumps(value)


def _value(text: str) -> Any:
    if text.startswith("wide "):
        import json

        return json.loads(text[5:])
    return orjson.loads(text)
