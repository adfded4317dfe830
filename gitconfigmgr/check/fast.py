"""The validator that sees every document: jsonschema-rs, compiled once for each bound schema.

Regular expressions run on its engine without backtracking, so no pattern takes longer than linear time; what that
engine refuses (look-around, back-references) is refused with the schema. Nothing is ever fetched.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.check.library import File


class RefusedError(Exception):
    """The schema does not compile."""


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is not at hand")


class Fast:
    """A compiled schema."""

    def __init__(self, file: File, files: list[File]) -> None:
        import jsonschema_rs

        try:
            registry = jsonschema_rs.Registry([(each.uri, each.root) for each in files], retriever=_refuse)
            self._validator = jsonschema_rs.Draft202012Validator(
                {"$ref": file.uri},
                registry=registry,
                retriever=_refuse,
                validate_formats=True,
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise RefusedError(str(error).partition("\n")[0]) from error

    def is_valid(self, instance: Any) -> bool:
        """Whether a value is valid; False too for one that is nested too deeply to be judged."""
        try:
            return bool(self._validator.is_valid(instance))
        except ValueError:
            return False

    def errors(self, instance: Any) -> list[tuple[tuple[str | int, ...], tuple[str | int, ...]]]:
        """Where errors are: the way to the value, and to the rule from the root of its file."""
        try:
            return [
                (tuple(error.instance_path), tuple(error.schema_path))
                for error in self._validator.iter_errors(instance)
            ]
        except ValueError:
            return [((), ())]


@lru_cache(maxsize=4096)
def keyword_test(keyword: str, value: str | float) -> Callable[[Any], bool] | None:
    """The test for one keyword, in the words of this engine; None where it refuses the keyword's value."""
    import jsonschema_rs

    try:
        validator = jsonschema_rs.Draft202012Validator(
            {keyword: value}, validate_formats=True, pattern_options=jsonschema_rs.RegexOptions()
        )
    except (jsonschema_rs.ValidationError, ValueError):
        return None

    def test(instance: Any) -> bool:
        return bool(validator.is_valid(instance))

    return test


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern occurs in a text; a refused one matches nothing."""
    test = keyword_test("pattern", pattern)
    return test is not None and test(text)
