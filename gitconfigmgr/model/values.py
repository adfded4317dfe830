"""The nodes of a document: a value with its position, and, once merged, with all that it overrides.

A `Node` is shared freely between documents, prefixes of stacks and targets, and never changed once it is built; only
`data`, a memo of the plain value, is filled in later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from datetime import date

# What a subtree holds; a container carries the union of its members' flags.
DIRECTIVE = 1  # a map with `$` keys: it must be evaluated before it is a value
EXPRESSION = 2  # a reference or template to resolve
SEALED = 4  # a secret, or text that touches one
UNUSUAL = 8  # a number or key whose canonical form needs the slow writer (RFC 8785 numbers, keys beyond the BMP)
NOTED = 16  # carries `notes` (a lock, an expiry ...) that later layers or checks must see
REQUIRED = 32  # a `$required` that nothing has filled yet
TOMBSTONE = 64  # a key that was deleted: known to the layers below, gone from the result


class Mark(Protocol):
    """A place in a text, 0-based, in code points."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


class Start(NamedTuple):
    """A place that no parser gave."""

    line: int
    column: int


TOP = Start(0, 0)


class Document:
    """One layer file as it was read. `root` is None where the file could not be read as a document.

    `sops` is the metadata block of a SOPS file, which is no part of the content.
    """

    __slots__ = ("blob_id", "environment", "namespace", "path", "root", "sops")

    def __init__(self, path: str, namespace: str, environment: str, blob_id: str, root: Node | None) -> None:
        self.path = path
        self.namespace = namespace
        self.environment = environment
        self.blob_id = blob_id
        self.root = root
        self.sops: Node | None = None


class DirectiveMap(dict[str, "Node"]):
    """The content of a map that has keys beginning with `$`, as written."""

    __slots__ = ()


class Sealed:
    """An encrypted value. `type` is the type tag of its token: str, int, float, bool, bytes, time.

    `kind` is what the schema says it is; known once the document of a target is complete.
    """

    __slots__ = ("kind", "token", "type")

    def __init__(self, token: str, type: str, kind: str | None = None) -> None:  # noqa: A002 - the token's own word
        self.token = token
        self.type = type
        self.kind = kind

    def __repr__(self) -> str:
        return "<secret>"


class Expression:
    """Text with references in it, not yet resolved."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Template:
    """A Jinja2 text and the nodes of its variables."""

    __slots__ = ("text", "variables")

    def __init__(self, text: Node, variables: dict[str, Node]) -> None:
        self.text = text
        self.variables = variables


class Segments:
    """Text that touches secrets: plain pieces and sealed ones, joined only where the key is held."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[str | Sealed, ...]) -> None:
        self.parts = parts

    def __repr__(self) -> str:
        return "<secret>"


class Required:
    """`$required`: a higher layer has to give the value."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why


class Deleted:
    """What `$delete` leaves while layers are merged."""

    __slots__ = ()


class Pending:
    """Two overlays of one key, still to be applied to what lies below them, in this order."""

    __slots__ = ("first", "second")

    def __init__(self, first: Node, second: Node) -> None:
        self.first = first
        self.second = second


class Notes:
    """What directives say about a value beside its content."""

    __slots__ = ("force", "lock", "lock_at", "new", "owner", "promote", "until", "until_at")

    def __init__(self) -> None:
        self.lock: str | None = None
        self.lock_at: Node | None = None
        self.force: str | None = None
        self.promote = False
        self.until: date | None = None
        self.until_at: Node | None = None
        self.owner: str | None = None
        self.new = False


class Node:
    """A value at a place in a document, as it was read.

    value: str, int, float, bool, None, dict[str, Node], list[Node], DirectiveMap, Sealed, Expression, Template,
    Segments or Required. `key_mark` is where its key stands (None in lists). `lower` is the node it overrides or was
    merged over, with its own `lower` below. `directive` names what made it (`$append`, `x-gcm-merge: union` ...).
    `via` are the nodes a resolved value came through: references, and the anchor of an alias. A node that was only
    read has none of these four; they are class attributes here, for nodes are made by the hundred thousand.
    """

    __slots__ = ("data", "document", "flags", "key_mark", "mark", "value")

    lower: Node | None = None
    directive: str | None = None
    notes: Notes | None = None
    via: tuple[Node, ...] = ()

    def __init__(
        self, value: Any, document: Document, mark: Mark, key_mark: Mark | None = None, flags: int = 0
    ) -> None:
        self.value = value
        self.document = document
        self.mark = mark
        self.key_mark = key_mark
        self.flags = flags
        self.data: Any = UNSET

    def replaced(self, **changes: Any) -> Node:
        """A copy with some slots changed."""
        fields = {name: getattr(self, name) for name in _COPIED}
        return Derived(**(fields | changes))


class Derived(Node):
    """A node that merging or resolving has made."""

    __slots__ = ("directive", "lower", "notes", "via")

    def __init__(  # noqa: PLR0917 - made by the hundred thousand: keywords cost a tenth of the time
        self,
        value: Any,
        document: Document,
        mark: Mark,
        key_mark: Mark | None = None,
        flags: int = 0,
        lower: Node | None = None,
        directive: str | None = None,
        notes: Notes | None = None,
        via: tuple[Node, ...] = (),
    ) -> None:
        self.value = value
        self.document = document
        self.mark = mark
        self.key_mark = key_mark
        self.flags = flags
        self.data = UNSET
        self.lower = lower
        self.directive = directive
        self.notes = notes
        self.via = via


UNSET: Any = object()
_COPIED = ("value", "document", "mark", "key_mark", "flags", "lower", "directive", "notes", "via")


def kind_of(value: Any) -> str:
    """The word for a value in messages: map, list, secret, required, or scalar."""
    if isinstance(value, dict):
        return "map"
    if isinstance(value, list):
        return "list"
    if isinstance(value, (Sealed, Segments)):
        return "secret"
    return "scalar"


def scalar_text(value: Any) -> str:
    """A scalar inside text, as in JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == value // 1 and abs(value) < 2**53:
        return str(int(value))
    return repr(value)


def union_of_flags(nodes: Any) -> int:
    """The union of the flags of some nodes."""
    flags = 0
    for node in nodes:
        flags |= node.flags
    return flags


def sealed_shape(value: Sealed | Segments) -> dict[str, Any]:
    """What stands for a secret wherever no key is needed."""
    if isinstance(value, Sealed):
        return {"$secret": {"type": SEALED_TYPES.get(value.type, "string"), "kind": value.kind}}
    return {"$segments": [part if isinstance(part, str) else sealed_shape(part) for part in value.parts]}


MAC_PENDING = (
    "pending"  # in place of the code of a file that was merged without its key; no token, so nothing accepts it
)
SEALED_TYPES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "bytes": "string",
    "time": "string",
}


def plain(node: Node) -> Any:
    """The JSON value of a resolved node, memoised in the node. Shared: callers must not change it."""
    data = node.data
    if data is not UNSET:
        return data
    value = node.value
    kind = type(value)
    if kind is dict:
        data = {key: child.value if type(child.value) in _ATOMS else plain(child) for key, child in value.items()}
    elif kind is list:
        data = [plain(child) for child in value]
    elif kind is float and value == value // 1 and abs(value) < 2**53:
        data = int(value)  # 1.0 is the integer 1 in JSON Schema and in RFC 8785
    elif kind is Sealed or kind is Segments:
        data = sealed_shape(value)
    else:
        data = value
    node.data = data
    return data


_ATOMS = frozenset({str, int, bool, type(None)})
