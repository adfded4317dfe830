"""The cases of json-patch/json-patch-tests: patches between their documents, and the application of their patches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonpatch
import jsonpointer
import pytest

from gitconfigmgr.history.patch import apply, checked

VECTORS = Path(__file__).parents[2] / "vectors/json-patch"
CASES = [
    pytest.param(case, id=f"{name}-{number}")
    for name in ("tests", "spec_tests")
    for number, case in enumerate(json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8")))
    if not case.get("disabled")
]


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("case", CASES)
def test_a_patch_between_the_documents(case: dict[str, Any]) -> None:
    old, new = case["doc"], case.get("expected", case["doc"])
    assert text(jsonpatch.apply_patch(old, json.dumps(checked(old, new)))) == text(new)
    assert text(jsonpatch.apply_patch(new, json.dumps(checked(new, old)))) == text(old)


@pytest.mark.parametrize("case", CASES)
def test_the_application_of_a_patch(case: dict[str, Any]) -> None:
    before = text(case["doc"])
    if "error" in case:
        with pytest.raises((jsonpatch.JsonPatchException, jsonpointer.JsonPointerException)):
            apply(case["doc"], case["patch"])
    else:
        assert text(apply(case["doc"], case["patch"])) == text(case.get("expected", case["doc"]))
    assert text(case["doc"]) == before
