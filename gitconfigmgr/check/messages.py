"""Breaches as findings: at the value or key in the source, with all that it overrides and where the rule stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.check import words
from gitconfigmgr.check.locations import PACKAGED
from gitconfigmgr.check.opaque import Opaque
from gitconfigmgr.model.diagnostics import Diagnostic, Position, Related, key_position_of, position_of
from gitconfigmgr.model.names import closest, show_path
from gitconfigmgr.model.values import Deleted, DirectiveMap, Expression, Node, Required, Sealed, Segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.check.branches import Breach, Path
    from gitconfigmgr.check.knowledge import Known
    from gitconfigmgr.check.library import Library

_MOST_RELATED = 8
_OR_THE_SCHEMA = re.compile(r", or [^,]*\bschema\Z")


class Messages:
    """Words the breaches of one document."""

    def __init__(self, root: Node, prefix: Path, library: Library, known: Known) -> None:
        self.root = root
        self.prefix = prefix
        self.library = library
        self.known = known

    def finding(self, breach: Breach) -> Diagnostic:
        """The finding for one breach."""
        if self.library.place_of(breach.schema) is None:
            return self._worded(breach, words.other)
        shape = _SHAPES.get(breach.keyword)
        if shape is not None:
            return shape(self, breach)
        return self._worded(breach, words.WORDS.get(breach.keyword, words.other))

    # -- the shapes of a finding --------------------------------------------------------------------------------------

    def _worded(self, breach: Breach, word: Callable[..., words.Words]) -> Diagnostic:
        path = self.prefix + breach.path
        node = self._node(path)
        hidden = self._is_secret(path) or isinstance(breach.instance, Opaque)
        said = word(breach, hidden=hidden)
        forbidden = breach.keyword == "not" and breach.value == {}
        return Diagnostic(
            "GCM402",
            f"{_name(path)}{said.message}",
            key_position_of(node) if forbidden else self._value_position(node),
            label=said.label,
            related=self._history(node, hidden=hidden),
            hidden=hidden and not isinstance(node.value, (Sealed, Segments)),
            help=self._help(said.help, breach) + _others(breach),
            rule=self._rule(breach, forbidden=forbidden),
            key=show_path(path) or None,
        )

    def _missing(self, breach: Breach) -> Diagnostic:
        because = str(breach.value) if breach.keyword == "dependentRequired" else ""
        path = self.prefix + breach.path
        node = self._node(path)
        name = show_path((*path, breach.detail))
        position = key_position_of(node)
        message, label = f"{name} is missing", f"{breach.detail} is required here"
        if because:
            message = f"{name} is missing, which {show_path((*path, because))} needs beside it"
            position, label = key_position_of(self._node((*path, because))), f"needs {breach.detail}"
        described = self._description((*path, breach.detail))
        help_ = f"set {name}" + (f": {described}" if described else " in a layer of this target") + _others(breach)
        rule = self._rule(breach, *((because,) if because else ()))
        return Diagnostic("GCM404", message, position, label=label, help=help_, rule=rule, key=name)

    def _missing_all(self, breach: Breach) -> Diagnostic:
        path = self.prefix + breach.path
        groups = list(dict.fromkeys(" and ".join(show_path((name,)) for name in names) for names in breach.value))
        what = " or ".join([", ".join(groups[:-1]), groups[-1]]) if len(groups) > 1 else groups[0]
        message = f"{_name(path)} lacks {what}"
        position = key_position_of(self._node(path))
        label, help_ = f"{what} is required here", "set one of them in a layer of this target"
        key = show_path(path) or None
        return Diagnostic("GCM404", message, position, label=label, help=help_, rule=self._rule(breach), key=key)

    def _unknown(self, breach: Breach) -> Diagnostic:
        path = (*self.prefix, *breach.path, breach.detail)
        node = self._node(path)
        known = [name for name in self.known.members(path[:-1]) if name not in breach.instance]
        near = closest(breach.detail, known)
        if near:
            help_ = f"did you mean {near}?"
        elif known and len(known) <= 8:
            help_ = "known are " + ", ".join(known)
        else:
            help_ = self._help("correct the key, or add it to the schema", breach)
        return Diagnostic(
            "GCM403",
            f"{show_path(path)} is not known to the schema",
            key_position_of(node),
            label="unknown key",
            related=self._also_set(node),
            help=help_,
            rule=self._rule(breach),
            key=show_path(path),
        )

    def _bad_name(self, breach: Breach) -> Diagnostic:
        path = (*self.prefix, *breach.path, breach.detail)
        node = self._node(path)
        inner = breach.inner[0] if breach.inner else breach
        said = words.WORDS.get(inner.keyword, words.other)(inner, hidden=False)
        message = said.message.removeprefix(f" = {words.show(breach.detail)}")
        return Diagnostic(
            "GCM402",
            f"key {show_path(path)}{message}",
            key_position_of(node),
            label=said.label,
            related=self._also_set(node),
            help=self._help("rename the key, or change the rule for keys in the schema", inner),
            rule=self._rule(inner),
            key=show_path(path),
        )

    # -- where -------------------------------------------------------------------------------------------------------

    def _node(self, path: Path) -> Node:
        """The node at a path; the last one there is."""
        node = self.root
        for part in path:
            value: Any = node.value
            if isinstance(value, dict) and part in value:
                node = value[str(part)]
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                node = value[part]
            else:
                break
        return node

    @staticmethod
    def _value_position(node: Node) -> Position:
        """Maps and lists are shown by their key."""
        return key_position_of(node) if isinstance(node.value, (dict, list)) else position_of(node)

    def _rule(self, breach: Breach, *more: str, forbidden: bool = False) -> str:
        if self.library.place_of(breach.schema) is None:
            return breach.detail or self.library.rule(breach.schema)
        if forbidden:
            return self.library.rule(breach.schema)
        return self.library.rule(breach.schema, breach.within or breach.keyword, *more)

    def _help(self, text: str, breach: Breach) -> str:
        """What to do; nobody can change a schema that comes with the program."""
        place = self.library.place_of(breach.schema)
        packaged = place is not None and place[0].uri.startswith(PACKAGED)
        return _OR_THE_SCHEMA.sub("", text) if packaged else text

    def _description(self, path: Path) -> str | None:
        for schema in self.known.schemas(path):
            text = schema.get("description") or schema.get("title")
            if isinstance(text, str) and len(text) <= 120:
                return text[:1].lower() + text[1:].rstrip(".") if text[1:2].islower() else text.rstrip(".")
        return None

    # -- what else ---------------------------------------------------------------------------------------------------

    def _is_secret(self, path: Path) -> bool:
        """Whether a schema marks the value, or a map or list around it, as secret."""
        return any(
            "x-gcm-secret" in schema for depth in range(1, len(path) + 1) for schema in self.known.schemas(path[:depth])
        )

    def _history(self, node: Node, *, hidden: bool) -> tuple[Related, ...]:
        """The places a resolved value came through, then what it overrides."""
        found = [Related(position_of(step), "the value comes from here") for step in node.via]
        lower = node.lower
        while lower is not None and len(found) < _MOST_RELATED:
            if not isinstance(lower.value, (dict, Required, Deleted)) or type(lower.value) is DirectiveMap:
                found.append(Related(position_of(lower), "overrides", _shown(lower, hidden=hidden)))
            lower = lower.lower
        return tuple(found[:_MOST_RELATED])

    def _also_set(self, node: Node) -> tuple[Related, ...]:
        found: list[Related] = []
        lower = node.lower
        while lower is not None and len(found) < _MOST_RELATED:
            if not isinstance(lower.value, Deleted):
                found.append(Related(key_position_of(lower), "also set here"))
            lower = lower.lower
        return tuple(found)


def _shown(node: Node, *, hidden: bool) -> str:
    value = node.value
    if hidden or isinstance(value, (Sealed, Segments)):
        return "<secret>"
    if isinstance(value, Expression):
        value = value.text
    if isinstance(value, (str, int, float, type(None))):
        return words.show(value)
    return ""


def _others(breach: Breach) -> str:
    count = breach.alternatives
    return f" (or fit another of the {count} alternatives of the schema)" if count > 1 else ""


def _name(path: Path) -> str:
    return show_path(path) or "the document"


_SHAPES: dict[str, Callable[[Messages, Breach], Diagnostic]] = {
    "required": Messages._missing,  # noqa: SLF001 - the class's own table
    "dependentRequired": Messages._missing,  # noqa: SLF001
    "requiredAny": Messages._missing_all,  # noqa: SLF001
    "additionalProperties": Messages._unknown,  # noqa: SLF001
    "unevaluatedProperties": Messages._unknown,  # noqa: SLF001
    "propertyNames": Messages._bad_name,  # noqa: SLF001
}
