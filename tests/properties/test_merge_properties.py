"""M16: merging is associative, pending directives included. Documents are random and often break the rules.

M11 is left out: it looks at a document of a protected environment and all that lies below it, not at two overlays.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.model.settings import Limits
from gitconfigmgr.model.values import Expression, Node, Required
from gitconfigmgr.resolve.merge import Merge, compose, finish
from gitconfigmgr.source.reader import read_document

if TYPE_CHECKING:
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.values import Document

SCALARS = st.sampled_from([0, 1, 1.0, True, None, "", "a", "${a}"])
KEYS = st.sampled_from(["a", "b", "c", "$$d"])
NAMES = st.sampled_from(["x", "y", 1])
ITEMS = st.one_of(
    st.fixed_dictionaries({"name": NAMES}, optional={"p": SCALARS, "q": SCALARS}),
    st.fixed_dictionaries({"name": NAMES, "$delete": st.sampled_from([True, "if-present"])}),
)
MARKS = {
    "$lock": st.just("why"),
    "$force": st.just("ticket"),
    "$promote": st.just(True),
    "$new": st.just(True),
}


def maps_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Plain maps, some with `$new`."""
    return st.tuples(st.dictionaries(KEYS, values, max_size=3), st.sampled_from([{}, {}, {"$new": True}])).map(
        lambda pair: pair[0] | pair[1]
    )


def directives_of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Directive maps, of which few are against the rules by themselves."""
    items = st.lists(values, max_size=2)
    keyed = st.lists(ITEMS, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"$value": values}, optional=MARKS),
        st.fixed_dictionaries({"$replace": values}, optional=MARKS),
        st.fixed_dictionaries({"$append": items}, optional={"$prepend": items, "$remove": items} | MARKS),
        st.fixed_dictionaries({"$by": st.just("name"), "$items": keyed}, optional=MARKS),
        st.fixed_dictionaries({"$delete": st.sampled_from([True, "if-present"])}, optional={"$force": st.just("t")}),
        st.just({"$required": "why"}),
        st.just({"$apend": [1]}),
    )


VALUES = st.recursive(
    st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.lists(ITEMS, max_size=2)),
    lambda values: st.one_of(maps_of(values), maps_of(values), directives_of(values), st.lists(values, max_size=2)),
    max_leaves=8,
)
DOCUMENTS = maps_of(VALUES)


class Schema:
    """What a schema could say: `c` is a list that is appended to, wherever it stands."""

    def strategy(self, path: KeyPath) -> tuple[Any, str] | None:
        return ("append", "schema") if path[-1] == "c" else None

    def knows(self, path: KeyPath) -> bool:
        return path[-1] == "c"

    def is_list(self, path: KeyPath) -> bool:
        return path[-1] == "c"

    def members(self, path: KeyPath) -> list[str]:
        return []


def read(data: dict[str, Any], number: int) -> Document:
    text = json.dumps(data).encode()
    document, findings = read_document(f"configs/{number}/base.yaml", str(number), "base", str(number), text, Limits())
    assert not findings
    return document


def shown(node: Node) -> Any:
    """The value, its references as text, with its kind and marks, and the document that a scalar or a list is from."""
    value: Any = node.value
    if isinstance(value, dict):
        value = {key: shown(child) for key, child in value.items()}
    elif isinstance(value, list):
        value = [shown(child) for child in value]
    elif isinstance(value, Expression):
        value = value.text
    elif isinstance(value, Required):
        value = {"$required": value.why}
    origin = None if isinstance(value, dict) else node.document.path
    return (value, type(value).__name__, node.notes and (node.notes.lock, node.notes.promote), origin)


class Fold:
    """A fold that keeps the codes of its findings: two maps over one scalar are two clashes, composed they are one."""

    def __init__(self, base: Document) -> None:
        self.codes: set[str] = set()
        self.merge = Merge(Schema(), (), self.note)
        self.node = self.merge.layer(None, base)

    def note(self, finding: Diagnostic) -> None:
        self.codes.add(finding.code)

    def over(self, overlay: Node) -> Fold:
        self.node = self.merge.apply(self.node, overlay, ())
        return self

    def result(self) -> tuple[Any, set[str]]:
        return shown(finish(self.node)), self.codes


@settings(max_examples=300, deadline=None)
@given(data=st.lists(DOCUMENTS, min_size=4, max_size=4))
def test_merging_is_associative(data: list[dict[str, Any]]) -> None:
    base, *overlays = [read(item, number) for number, item in enumerate(data)]
    b, c, d = [overlay.root for overlay in overlays if overlay.root is not None]
    one_by_one = Fold(base).over(b).over(c).over(d).result()
    assert Fold(base).over(compose(compose(b, c), d)).result() == one_by_one
    assert Fold(base).over(compose(b, compose(c, d))).result() == one_by_one
    assert Fold(base).over(b).over(compose(c, d)).result() == one_by_one
