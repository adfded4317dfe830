"""The schema stage: documents against the JSON Schemas that gitconfigmgr.yaml binds to namespaces and key paths.

    SchemaSet(bindings, read, read_packaged).view(namespace).check(root)

Nothing is read before a namespace asks for it. Valid documents, nearly all, are judged by one call into jsonschema-rs;
jsonschema, slow to load and slow to run, explains the others. Loading problems are in `findings`, each once, from the
moment a view needed the file.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.check.globs import matches
from gitconfigmgr.check.locations import REPOSITORY, OutsideError, name_of, uri_of
from gitconfigmgr.model.diagnostics import Diagnostic
from gitconfigmgr.model.names import closest
from gitconfigmgr.model.values import Node, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gitconfigmgr.check.branches import Breach
    from gitconfigmgr.check.fast import Fast
    from gitconfigmgr.check.hygiene.marked import Marks
    from gitconfigmgr.check.knowledge import Known
    from gitconfigmgr.check.library import File, Library
    from gitconfigmgr.check.reference import Reference
    from gitconfigmgr.check.subschemas import Pointer
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.settings import SchemaBinding


class SchemaSet:
    """The schemas of one repository. `paths` are the files that were looked for so far."""

    def __init__(
        self,
        bindings: Sequence[SchemaBinding],
        read: Callable[[str], bytes | None],
        read_packaged: Callable[[str], bytes | None],
    ) -> None:
        self.findings: list[Diagnostic] = []
        self.paths: set[str] = set()
        self._bindings = bindings
        self._read = read
        self._read_packaged = read_packaged
        self._views: dict[tuple[int, ...], View] = {}
        self._compiled: dict[str, _Compiled | None] = {}
        self._library: Library | None = None

    def view(self, namespace: str) -> View:
        """What the schemas say of a namespace; one object for all namespaces with the same bindings."""
        matching = tuple(n for n, binding in enumerate(self._bindings) if matches(binding.namespaces, namespace))
        view = self._views.get(matching)
        if view is None:
            view = self._views[matching] = self._made([self._bindings[index] for index in matching])
        return view

    def unused(self, namespaces: Iterable[str]) -> list[Diagnostic]:
        """A warning for each binding that matches none of the namespaces."""
        names = list(namespaces)
        found = []
        for binding in self._bindings:
            if not any(matches(binding.namespaces, name) for name in names):
                shown = " or ".join(binding.namespaces)
                near = closest(binding.namespaces[0], names)
                help_ = f"did you mean {near}?" if near else "correct the pattern, or remove the binding"
                message = f"no namespace matches {shown}, so {binding.schema} checks nothing"
                found.append(Diagnostic("GCM405", message, binding.position, help=help_))
        return found

    def bundled(self, schema: str, path: tuple[str, ...] = ()) -> dict[str, Any] | None:
        """A schema and all it refers to as one document, for editors; None where it cannot be used."""
        from gitconfigmgr.check.bundle import bundle

        library = self._opened_library()
        try:
            file = library.open(uri_of(schema))
        except OutsideError:
            return None
        if file is None or not all(each.sound for each in library.reachable(file)):
            return None
        return bundle(library, file, path)

    def _opened_library(self) -> Library:
        from gitconfigmgr.check.library import Library

        if self._library is None:
            named = [uri for binding in self._bindings if (uri := _uri(binding, lambda _: None)) is not None]
            self._library = Library(self._read, self._read_packaged, named, self.findings, self.paths)
        return self._library

    def _made(self, bindings: list[SchemaBinding]) -> View:
        if not bindings:
            return View([], None, None)
        from gitconfigmgr.check.knowledge import Known, Root

        library = self._opened_library()
        bound = [_Bound(binding.path, self._opened(binding)) for binding in bindings]
        roots = [Root(each.path, each.compiled.file.root if each.compiled else None) for each in bound]
        return View(bound, Known(roots, library), library)

    def _opened(self, binding: SchemaBinding) -> _Compiled | None:
        """The compiled schema of a binding; None, and findings, where it cannot be used."""
        name = binding.schema
        if name not in self._compiled:
            uri = _uri(binding, self.findings.append)
            file = None if uri is None else self._opened_library().open(uri)
            if uri is not None and file is None:
                message = f"there is no {'file' if uri.startswith(REPOSITORY) else 'packaged schema'} {name_of(uri)}"
                self.findings.append(Diagnostic("GCM401", message, binding.position, help="correct the path"))
            self._compiled[name] = None if file is None else self._compile(file, binding)
        return self._compiled[name]

    def _compile(self, file: File, binding: SchemaBinding) -> _Compiled | None:
        from gitconfigmgr.check.fast import Fast, RefusedError

        library = self._opened_library()
        files = library.reachable(file)
        if not all(each.sound for each in files):
            return None
        try:
            return _Compiled(file, files, Fast(file, files))
        except RefusedError as error:
            if not library.refuse_patterns(files):
                message = f"{file.name} cannot be used: {error}"
                self.findings.append(Diagnostic("GCM401", message, binding.position))
            return None


def _uri(binding: SchemaBinding, report: Callable[[Diagnostic], object]) -> str | None:
    name = binding.schema
    if name.endswith((".yaml", ".yml")):
        message, help_ = f"{name} is YAML, and schemas are JSON", "write the schema as JSON"
        report(Diagnostic("GCM401", message, binding.position, help=help_))
        return None
    try:
        return uri_of(name)
    except OutsideError as error:
        help_ = "name a file of the repository, or a packaged schema such as gcm:llm/endpoints.schema.json"
        report(Diagnostic("GCM401", str(error), binding.position, help=help_))
        return None


class _Compiled:
    """A schema with both validators; the second is made when first needed."""

    def __init__(self, file: File, files: list[File], fast: Fast) -> None:
        self.file = file
        self.fast = fast
        self.files = files
        self._reference: Reference | None = None

    def reference(self) -> Reference:
        if self._reference is None:
            from gitconfigmgr.check.reference import Reference

            self._reference = Reference(self.file, self.files)
        return self._reference


class _Bound(NamedTuple):
    path: tuple[str, ...]
    compiled: _Compiled | None

    def content(self) -> object:
        files = () if self.compiled is None else self.compiled.files
        return self.path, [(file.uri, file.text) for file in files]


class View:
    """The schemas of the namespaces with the same bindings; implements ports.Knowledge."""

    def __init__(self, bound: list[_Bound], known: Known | None, library: Library | None) -> None:
        self._bound = bound
        self._known = known
        self._library = library

    def same_as(self, other: View) -> bool:
        """Whether a view, perhaps of another state of the repository, holds the same schemas at the same places."""
        return [each.content() for each in self._bound] == [each.content() for each in other._bound]

    def strategy(self, path: KeyPath) -> tuple[Any, str] | None:
        """The `x-gcm-merge` of a path and where it is declared."""
        return self._known.strategy(path) if self._known else None

    def knows(self, path: KeyPath) -> bool:
        """Whether a schema names the path."""
        return self._known is not None and self._known.knows(path)

    def is_list(self, path: KeyPath) -> bool:
        """Whether a schema says that the path is a list."""
        return self._known is not None and self._known.is_list(path)

    def members(self, path: KeyPath) -> list[str]:
        """The keys that schemas name below a path."""
        return self._known.members(path) if self._known else []

    def rules(self, path: KeyPath) -> dict[str, tuple[File, Pointer]]:
        """Where the repository's own schemas say what the value at exactly this path must be, by `FILE#POINTER`."""
        from gitconfigmgr.check.subschemas import asserts, show_pointer

        if self._known is None or self._library is None:
            return {}
        found = (self._library.place_of(schema) for schema in self._known.schemas(path) if asserts(schema))
        return {
            f"{place[0].name}#{show_pointer(place[1])}": place
            for place in found if place is not None and place[0].uri.startswith(REPOSITORY)
        }  # fmt: skip

    @cached_property
    def marks(self) -> Marks | None:
        """The paths that the schemas mark as secret; None where they mark none."""
        return self._marked("x-gcm-secret")

    @cached_property
    def roles(self) -> Marks | None:
        """The paths whose part in LLM configuration the packaged schemas name; None where there are none."""
        return self._marked("x-gcm-role")

    def _marked(self, keyword: str) -> Marks | None:
        from gitconfigmgr.check.hygiene.marked import Marks

        if self._known is None or self._library is None:
            return None
        roots = [(each.path, each.compiled.file.root) for each in self._bound if each.compiled]
        return Marks(roots, self._library.targets, self._known.schemas, keyword) or None

    def check(self, root: Node) -> list[Diagnostic]:
        """The findings for the resolved document of one target."""
        found: dict[tuple[object, ...], Diagnostic] = {}
        for path, compiled in self._bound:
            node = _below(root, path) if compiled is not None else None
            if node is None or compiled is None or _accepts(compiled, node):
                continue
            for finding in self._findings(compiled, node, root, path):
                found.setdefault(finding.cause, finding)
        return list(found.values())

    def _findings(self, compiled: _Compiled, node: Node, root: Node, path: tuple[str, ...]) -> list[Diagnostic]:
        from gitconfigmgr.check.explain import breaches
        from gitconfigmgr.check.messages import Messages

        assert self._library is not None
        assert self._known is not None
        messages = Messages(root, path, self._library, self._known)
        found: list[Breach] = breaches(compiled.file, compiled.fast, compiled.reference(), self._library, node)
        return [messages.finding(breach) for breach in found]


def _below(root: Node, path: tuple[str, ...]) -> Node | None:
    """The part of a document that a binding is about; None where the document has no such part."""
    node = root
    for key in path:
        child = node.value.get(key) if type(node.value) is dict else None
        if child is None:
            return None
        node = child
    return node


def _accepts(compiled: _Compiled, node: Node) -> bool:
    """Whether the fast validator is content; hidden values are given the benefit of the doubt."""
    from gitconfigmgr.check.opaque import HIDDEN, hide, stand_in

    if not node.flags & HIDDEN:
        return compiled.fast.is_valid(plain(node))
    hidden: dict[tuple[str | int, ...], Any] = {}
    instance = stand_in(hide(node, (), hidden))
    if compiled.fast.is_valid(instance):
        return True
    # a rule about the content of a hidden value says nothing about it; one about its type does
    return all(path in hidden and rule[-1:] in _CONTENT for path, rule in compiled.fast.errors(instance))


_CONTENT = frozenset(
    (keyword,)
    for keyword in ("pattern", "format", "enum", "const", "minLength", "maxLength", "minimum", "maximum",
                    "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
)  # fmt: skip
