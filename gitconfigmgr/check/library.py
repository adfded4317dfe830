"""The schema files in use: read when something asks for them, bounded, and held together by their references.

Nothing but the repository and the package is ever read. What a file says is normalised while it is loaded, so that two
validators and our own walks agree: every reference is checked and made absolute, the root's `$id` and `$schema` are
taken off, and `false` is spelled out as a map. Maps are known by identity; `place_of` says where one stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.check import cycles
from gitconfigmgr.check.locations import (
    ALLOWED,
    DIALECT,
    PACKAGED,
    OutsideError,
    is_file,
    is_metaschema,
    name_of,
    resolve,
)
from gitconfigmgr.check.parsing import BadSchemaError, is_schema, parse
from gitconfigmgr.check.pointers import follow
from gitconfigmgr.check.subschemas import Pointer, Schema, children, nothing, show_pointer, spell_out_false
from gitconfigmgr.check.textplaces import position_in
from gitconfigmgr.model.diagnostics import Diagnostic, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_SCHEMAS = 50_000
_STRATEGIES = ("replace", "append", "prepend", "union")
# some validators still obey these, others ignore them without a word
_GONE = {
    "dependencies": "dependentRequired or dependentSchemas",
    "additionalItems": "items, and prefixItems for the first ones",
    "$recursiveRef": "$dynamicRef",
}
_ROLES = ("endpoint", "chain", "routing", "prompt", "parameters", "quotas", "budget", "cache", "rotation", "use")
_REFERENCES = ("$ref", "$dynamicRef")


class File:
    """One schema file. `sound` is False once something in it cannot be used."""

    __slots__ = ("identity", "name", "root", "sound", "text", "uri", "uses")

    def __init__(self, uri: str, text: str, root: Schema) -> None:
        self.uri = uri
        self.name = name_of(uri)
        self.text = text
        self.root = root
        self.sound = True
        self.uses: set[str] = set()
        self.identity = ""


class _Place(NamedTuple):
    schema: Schema
    file: File
    pointer: Pointer
    base: str


class _Reference(NamedTuple):
    schema: Schema
    keyword: str
    uri: str
    fragment: str


class Library:
    """All schema files that have been asked for, with all they refer to."""

    def __init__(
        self,
        read: Callable[[str], bytes | None],
        read_packaged: Callable[[str], bytes | None],
        bound: Iterable[str],
        findings: list[Diagnostic],
        paths: set[str],
    ) -> None:
        self._read = read
        self._read_packaged = read_packaged
        self._bound = tuple(bound)
        self.findings = findings
        self.paths = paths
        self.targets: dict[int, Schema] = {}  # id of a map with $ref -> what it means
        self.first_targets: dict[int, Schema] = {}  # id of a map with $dynamicRef -> what it means at least
        self.dynamic: dict[str, list[Schema]] = {}  # $dynamicAnchor -> all that carry it
        self._files: dict[str, File | None] = {}
        self._places: dict[int, _Place] = {}
        self._resources: dict[str, Schema] = {}
        self._anchors: dict[tuple[str, str], Schema] = {}
        self._identities: dict[str, str] = {}  # root $id as written -> URI
        self._fresh: list[Schema] = []  # not yet held against the bounds
        self._queue: list[_Reference] = []
        self._absolute: list[_Reference] = []  # waits until all files in use are known
        self._bounds = cycles.Bounds(self.targets, self.first_targets, self.dynamic)

    def open(self, uri: str) -> File | None:
        """A file with all that it refers to; None where there is none, or none that could be read."""
        file = self._file(uri)
        self._settle()
        return file

    def reachable(self, file: File) -> list[File]:
        """The file and all it refers to, directly or not."""
        found = {file.uri: file}
        todo = [file]
        while todo:
            for uri in todo.pop().uses:
                other = self._files.get(uri)
                if other is not None and uri not in found:
                    found[uri] = other
                    todo.append(other)
        return list(found.values())

    def place_of(self, schema: Schema) -> tuple[File, Pointer] | None:
        """Where a schema stands."""
        place = self._places.get(id(schema))
        return None if place is None else (place.file, place.pointer)

    def rule(self, schema: Schema, *keyword: str | int) -> str:
        """`schemas/a.json#/properties/x/type`."""
        place = self._places.get(id(schema))
        return DIALECT if place is None else f"{place.file.name}#{show_pointer((*place.pointer, *keyword))}"

    def refuse(self, schema: Schema, pointer: Pointer, message: str, help_: str | None = None) -> None:
        """Report what cannot be used, at its place in the schema file."""
        place = self._places[id(schema)]
        self._report(place.file, (*place.pointer, *pointer), message, help_)

    def refuse_patterns(self, files: Iterable[File]) -> bool:
        """Report the patterns that the engine refuses; whether there are any."""
        from gitconfigmgr.check.fast import keyword_test

        wanted = {file.uri for file in files}
        before = len(self.findings)
        for place in list(self._places.values()):
            if place.file.uri not in wanted:
                continue
            for pointer, pattern in _patterns(place.schema):
                if keyword_test("pattern", pattern) is None:
                    help_ = "look-around, back-references and very large repetitions are not supported"
                    self.refuse(place.schema, pointer, f"the pattern {pattern} cannot be used", help_)
        return len(self.findings) > before

    # -- reading -----------------------------------------------------------------------------------------------------

    def _file(self, uri: str) -> File | None:
        if uri in self._files:
            return self._files[uri]
        name = name_of(uri)
        packaged = uri.startswith(PACKAGED)
        if not packaged:
            self.paths.add(name)
        data = self._read_packaged(name.removeprefix("gcm:")) if packaged else self._read(name)
        file = None if data is None else self._loaded(uri, data)
        self._files[uri] = file
        return file

    def _loaded(self, uri: str, data: bytes) -> File:
        try:
            text, root = parse(name_of(uri), data)
        except BadSchemaError as bad:
            self.findings += bad.findings
            file = File(uri, "", {})
            file.sound = False
            return file
        file = File(uri, text, root)
        identity = root.pop("$id", None)
        root.pop("$schema", None)
        if isinstance(identity, str):
            file.identity = identity
            known = self._identities.setdefault(identity.rstrip("#"), uri)
            if known != uri:
                self._report(file, (), f"{name_of(known)} and {file.name} have the same $id")
        self._resources[uri] = root
        self._scan(file, root, (), uri)
        return file

    def _scan(self, file: File, schema: Schema, pointer: Pointer, base: str) -> None:
        """Register a schema and all inside it."""
        todo = [(schema, pointer, base)]
        while todo:
            schema, pointer, base = todo.pop()
            if id(schema) in self._places:
                continue
            if len(self._places) >= MAX_SCHEMAS:
                self._report(file, pointer, f"the schemas in use have more than {MAX_SCHEMAS} parts")
                return
            base = self._identify(file, schema, pointer, base)
            self._places[id(schema)] = _Place(schema, file, pointer, base)
            self._fresh.append(schema)
            spell_out_false(schema)
            self._name_anchors(schema, base)
            self._check_keywords(schema)
            for keyword in _REFERENCES:
                if keyword in schema:
                    self._note_reference(schema, keyword, base)
            todo += [(child, pointer + way, base) for way, child in children(schema)][::-1]

    def _identify(self, file: File, schema: Schema, pointer: Pointer, base: str) -> str:
        """The base of references in a schema."""
        identity = schema.get("$id")
        if not isinstance(identity, str):
            return base
        try:
            uri, _ = resolve(identity, base)
        except OutsideError as error:
            self._report(file, (*pointer, "$id"), str(error))
            return base
        if self._resources.setdefault(uri, schema) is not schema:
            self._report(file, (*pointer, "$id"), f"$id {identity} is in use already")
        schema["$id"] = uri
        return uri

    def _name_anchors(self, schema: Schema, base: str) -> None:
        for keyword in ("$anchor", "$dynamicAnchor"):
            name = schema.get(keyword)
            if isinstance(name, str):
                self._anchors[base, name] = schema
                if keyword == "$dynamicAnchor":
                    self.dynamic.setdefault(name, []).append(schema)

    def _check_keywords(self, schema: Schema) -> None:
        if schema.get("$schema", DIALECT).rstrip("#") != DIALECT:
            self.refuse(schema, ("$schema",), f"{schema['$schema']} is another dialect", f"write {DIALECT}")
        schema.pop("$schema", None)
        for keyword, instead in _GONE.items():
            if keyword in schema:
                self.refuse(schema, (keyword,), f"{keyword} is no keyword of 2020-12", f"write {instead}")
        merge = schema.get("x-gcm-merge", "replace")
        by = merge.get("by") if isinstance(merge, dict) and len(merge) == 1 else None
        if merge not in _STRATEGIES and not (isinstance(by, str) and by):
            help_ = f"write {', '.join(_STRATEGIES)} or {{by: name}}"
            self.refuse(schema, ("x-gcm-merge",), "x-gcm-merge names no strategy", help_)
        if schema.get("x-gcm-role", "use") not in _ROLES:
            self.refuse(schema, ("x-gcm-role",), "x-gcm-role names no role", f"write one of {', '.join(_ROLES)}")

    # -- references --------------------------------------------------------------------------------------------------

    def _note_reference(self, schema: Schema, keyword: str, base: str) -> None:
        try:
            uri, fragment = resolve(schema[keyword], base)
        except OutsideError as error:
            self.refuse(schema, (keyword,), str(error), ALLOWED)
            return
        self._queue.append(_Reference(schema, keyword, uri, fragment))

    def _settle(self) -> None:
        """Follow all references, then hold the schemas against the bounds."""
        while self._queue or self._absolute:
            while self._queue:
                self._follow(self._queue.pop())
            if self._absolute:
                for uri in self._bound:
                    self._file(uri)
                if not self._queue:
                    self._follow_absolute()
        fresh, self._fresh = self._fresh, []
        for schema, problem in self._bounds.problems(fresh):
            self.refuse(schema, (), problem, "let it lead into a member or an item first")

    def _follow(self, reference: _Reference) -> None:
        uri = reference.uri
        if uri in self._resources or is_metaschema(uri):
            self._connect(reference, uri)
        elif not is_file(uri):
            self._absolute.append(reference)
        elif self._file(uri) is None:
            self._follow_from_identity(reference)
        else:
            self._connect(reference, uri)

    def _follow_from_identity(self, reference: _Reference) -> None:
        """There is no such file: the reference may be relative to the $id that its own file had."""
        place = self._places[id(reference.schema)]
        if place.base == place.file.uri and place.file.identity:
            uri, _ = resolve(reference.schema[reference.keyword], place.file.identity)
            if not is_file(uri) and (uri in self._resources or uri in self._identities):
                self._absolute.append(reference._replace(uri=uri))
                return
        self._refuse_reference(reference, f"there is no {name_of(reference.uri)}")

    def _follow_absolute(self) -> None:
        for reference in self._absolute:
            uri = self._identities.get(reference.uri)
            if uri is None and reference.uri in self._resources:
                uri = reference.uri
            if uri is None:
                self._refuse_reference(reference, f"{reference.schema[reference.keyword]} is outside the repository")
            else:
                self._connect(reference, uri)
        self._absolute = []

    def _connect(self, reference: _Reference, uri: str) -> None:
        """Write the reference as an absolute one, and remember what it means."""
        schema, place = reference.schema, self._places[id(reference.schema)]
        if uri != place.base or not schema[reference.keyword].startswith("#"):
            schema[reference.keyword] = f"{uri}#{reference.fragment}"
        if uri not in self._resources:
            file = self._files.get(uri)
            if file is not None:  # not readable, which is reported there
                place.file.uses.add(uri)
            return
        root = self._resources[uri]
        home = self._places[id(root)]
        place.file.uses.add(home.file.uri)
        fragment = reference.fragment
        if fragment and not fragment.startswith("/"):
            target: Any = self._anchors.get((uri, fragment))
        else:
            target, base, pointer = follow(root, fragment, uri)
            if isinstance(target, dict) and id(target) not in self._places:
                # no place for a schema, so the check of the whole file has not seen it
                target = target if is_schema(target) else None
            if isinstance(target, dict):
                self._scan(home.file, target, home.pointer + pointer, base)
        if target is None or not isinstance(target, (dict, bool)):
            self._refuse_reference(reference, f"{home.file.name} has no schema #{fragment}")
        else:
            targets = self.targets if reference.keyword == "$ref" else self.first_targets
            targets[id(schema)] = target if isinstance(target, dict) else {} if target else nothing()

    def _refuse_reference(self, reference: _Reference, message: str) -> None:
        self.refuse(reference.schema, (reference.keyword,), message, ALLOWED)

    def _report(self, file: File, pointer: Pointer, message: str, help_: str | None = None) -> None:
        file.sound = False
        position = position_in(file.name, file.text, pointer) if file.text else Position(file.name)
        self.findings.append(Diagnostic("GCM401", f"{file.name}: {message}", position, help=help_))


def _patterns(schema: Schema) -> Iterator[tuple[Pointer, str]]:
    if isinstance(schema.get("pattern"), str):
        yield ("pattern",), schema["pattern"]
    for pattern in schema.get("patternProperties", ()):
        yield ("patternProperties", pattern), pattern
