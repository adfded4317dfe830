"""A patch of any two JSON documents gives the new one, and the reverse one gives the old one back."""

from __future__ import annotations

import json
from typing import Any

import jsonpatch
from hypothesis import given, settings
from hypothesis import strategies as st

from gitconfigmgr.history.changes import changes
from gitconfigmgr.history.documents import at_path
from gitconfigmgr.history.patch import apply, patch

KEYS = st.sampled_from(["a", "b", "name", "id", "", "a/b", "~", "~1", "x.y", "é", "0", "-"]) | st.text(max_size=3)
ATOMS = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2, width=16) | st.text(max_size=2) | st.just(2**70)
)
JSON = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)
ITEMS = st.lists(st.fixed_dictionaries({"name": st.sampled_from("abcdefg")}, optional={"v": ATOMS}), max_size=6)
DOCUMENTS = JSON | st.fixed_dictionaries({"items": ITEMS | st.lists(st.sampled_from([1, True, 1.0, "1"]), max_size=8)})


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_a_patch_gives_the_new_document_and_its_inverse_the_old_one(old: Any, new: Any) -> None:
    there, back = patch(old, new), patch(new, old)
    assert text(apply(old, there)) == text(new)
    assert text(apply(new, back)) == text(old)
    assert bool(there) == (text(old) != text(new))


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_another_implementation_applies_the_text_of_a_patch(old: Any, new: Any) -> None:
    written = json.dumps(patch(old, new))
    assert text(jsonpatch.apply_patch(old, written)) == text(new)


@given(DOCUMENTS, DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_changes_name_the_values_at_their_paths(old: Any, new: Any) -> None:
    found = changes(old, new)
    assert bool(found) == (text(old) != text(new))
    for change in found:
        if change.op in {"add", "replace"}:
            assert text(at_path(new, change.path)) == text(change.to_value)
        if change.op in {"remove", "replace"}:
            assert change.old_path is not None
            assert text(at_path(old, change.old_path)) == text(change.from_value)
