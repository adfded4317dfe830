"""The last look at verified documents before they are used: shape, growth, and schemas of the operator of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.names import show_path
from gitconfigmgr.release.budget import Shape, exceeded, shape_of
from gitconfigmgr.sync.access import within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gitconfigmgr.adapters.edge.content import Content
    from gitconfigmgr.model.publishing import Budget

DEEPEST = 1024  # what the JSON reader takes
_LEAST = 2  # bytes of an item in a list; a key has more


class LastLine:
    """`schemas` are files by namespace, exact or `acme/*` or `*`. Raises UsageError for one that is no JSON Schema."""

    def __init__(self, budget: Budget, schemas: Sequence[tuple[str, Path]]) -> None:
        self._budget = budget
        self._schemas = [(pattern, path.name, _validator(path)) for pattern, path in schemas]

    def require(self, content: Content, opened: Mapping[str, Any], before: Content | None) -> None:
        """Raises OutsideError for a document that is new and must not be used. It never says what a value is."""
        for namespace, choice in content.choices.items():
            held = before.choices.get(namespace) if before else None
            if held is not None and held.bundle.sha256 == choice.bundle.sha256:
                continue
            size = held.bundle.length if held is not None else 0
            document = content.documents[namespace]
            if "budget" not in choice.custom.get("allowed", ()):
                for sentence in exceeded(_shape(document, choice.bundle.length, self._budget), size, self._budget):
                    raise OutsideError(f"{namespace}: {sentence}", "raise `budget` of the agent where it is meant")
            self._valid(namespace, opened[namespace])

    def _valid(self, namespace: str, document: Any) -> None:
        for pattern, name, validator in self._schemas:
            if within(namespace, pattern):
                for error in validator.iter_errors(document):
                    path = tuple(error.instance_path)
                    if not _closed(document, path):
                        keyword = next((str(part) for part in reversed(error.schema_path)), "schema")
                        where = show_path(path) or "the document"
                        raise OutsideError(f"{namespace}: {where} is not valid by {name} ({keyword})")


def _shape(document: Any, length: int, budget: Budget) -> Shape:
    """Counted only where so many bytes could be over the budget at all."""
    if length < _LEAST * min(budget.keys, budget.items) and budget.depth >= DEEPEST:
        return Shape(length, 0, 0, 0)
    return shape_of(document, length)


def _closed(document: Any, path: Sequence[Any]) -> bool:
    """Whether a path leads to a secret that stays closed: nothing can be said of it."""
    for part in (*path, None):
        if isinstance(document, dict) and document.keys() in ({"$secret"}, {"$segments"}):
            return True
        if part is not None:
            document = document[part]
    return False


def _validator(path: Path) -> Any:
    import jsonschema_rs

    try:
        linear = jsonschema_rs.RegexOptions()
        return jsonschema_rs.validator_for(orjson.loads(path.read_bytes()), retriever=_refuse, pattern_options=linear)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "name a file with a JSON Schema") from None
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise UsageError(f"{path} is no JSON Schema: {str(error).splitlines()[0][:200]}") from None


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is not in the file")
