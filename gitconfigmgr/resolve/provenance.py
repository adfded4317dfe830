"""Where every effective value comes from, as data: for `explain`, and for the file beside each compiled document.

The file mirrors the document. A value that nothing touched on its way is `[document, line, column]`, an index into
`documents` and a position from 1; any other says more in a map (docs/formats.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.values import Deleted, Node, Required, Sealed, Segments, plain, sealed_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.model.values import Document
    from gitconfigmgr.resolve.resolution import Resolution


class _Writer:
    """Turns nodes to entries, numbering the documents as they come."""

    def __init__(self, layers: tuple[Document, ...]) -> None:
        self.documents = list(layers)
        self.numbers = {id(document): number for number, document in enumerate(layers)}

    def place(self, node: Node) -> list[int]:
        document = node.document
        number = self.numbers.get(id(document))
        if number is None:
            number = self._number(document)
        mark = node.mark
        return [number, mark.line + 1, mark.column + 1]

    def _number(self, document: Document) -> int:
        number = next((n for n, known in enumerate(self.documents) if known.path == document.path), None)
        if number is None:
            number = len(self.documents)
            self.documents.append(document)
        self.numbers[id(document)] = number
        return number

    def tree(self, node: Node) -> Any:
        value = node.value
        kind = type(value)
        if kind is dict:
            return {"at": self.entry(node), "keys": self._keys(value)}
        if kind is list:
            return {"at": self.entry(node), "items": [self.tree(child) for child in value]}
        if node.lower is None and not node.via and node.directive is None and node.notes is None and kind is not Sealed:
            return self.place(node)
        return self.entry(node)

    def _places(self, below: Node | None) -> list[list[int]]:
        """The places of a chain of overridden nodes; `place` written out, for nearly every map has one."""
        numbers = self.numbers
        places = []
        while below is not None:
            number = numbers.get(id(below.document))
            mark = below.mark
            places.append(self.place(below) if number is None else [number, mark.line + 1, mark.column + 1])
            below = below.lower
        return places

    def _keys(self, children: dict[str, Node]) -> dict[str, Any]:
        """As `tree` for each child; the common case is written out, for there are very many."""
        numbers = self.numbers
        keys: dict[str, Any] = {}
        for key, child in children.items():
            if child.lower is None and not child.via and child.directive is None and type(child.value) in _PLAIN:
                number = numbers.get(id(child.document))
                if number is not None and child.notes is None:
                    mark = child.mark
                    keys[key] = [number, mark.line + 1, mark.column + 1]
                    continue
            keys[key] = self.tree(child)
        return keys

    def entry(self, node: Node) -> Any:
        place = self.place(node)
        untouched = node.lower is None and not node.via and node.directive is None and node.notes is None
        if untouched and type(node.value) is not Sealed:
            return place
        said: dict[str, Any] = {"at": place}
        if node.lower is not None:
            said["merged" if type(node.value) is dict else "overridden"] = self._places(node.lower)
        if node.directive:
            said["directive"] = node.directive
        if node.via:
            said["via"] = [self.place(step) for step in node.via]
        if node.notes is not None:
            said |= notes(node)
        if type(node.value) is Sealed:
            said["sealed"] = _fingerprint(node.value.token)
        return said


_PLAIN = frozenset({str, int, float, bool, type(None)})


def lowers(node: Node) -> Iterator[Node]:
    """What a node overrides, nearest first."""
    below = node.lower
    while below is not None:
        yield below
        below = below.lower


def notes(node: Node) -> dict[str, Any]:
    """The notes of a node, as written."""
    found = node.notes
    if found is None:
        return {}
    said = {"lock": found.lock, "force": found.force, "promote": found.promote or None, "owner": found.owner}
    said["until"] = found.until.isoformat() if found.until else None
    return {name: value for name, value in said.items() if value is not None}


def _fingerprint(token: str) -> str:
    from gitconfigmgr.model.canonical import digest

    return digest(token.encode())  # of the ciphertext, which is public: tells a new token from the old one


def provenance(resolution: Resolution) -> dict[str, Any]:
    """The provenance file of a target."""
    assert resolution.root is not None
    writer = _Writer(resolution.layers)
    values = writer.tree(resolution.root)
    documents = [
        {"path": doc.path, "namespace": doc.namespace, "environment": doc.environment, "blob": doc.blob_id}
        for doc in writer.documents
    ]
    target = resolution.target
    return {
        "version": 1,
        "namespace": target.namespace,
        "environment": target.environment,
        "layers": len(resolution.layers),
        "documents": documents,
        "values": values,
    }


def shown(node: Node) -> Any:
    """The value of a node for people and JSON, before or after references are resolved; never a secret."""
    value = node.value
    if isinstance(value, dict):
        return {key: shown(child) for key, child in value.items()}
    if isinstance(value, list):
        return [shown(child) for child in value]
    if isinstance(value, (Sealed, Segments)):
        return sealed_shape(value)
    if isinstance(value, Deleted):
        return {"$delete": True}
    if isinstance(value, Required):
        return {"$required": value.why}
    text = getattr(value, "text", None)
    if isinstance(text, Node):
        return {"$template": shown(text)}
    return plain(node) if text is None else text
