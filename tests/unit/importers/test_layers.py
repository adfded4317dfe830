"""Names of nodes, and which class goes into which layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from gitconfigmgr.adapters.importers.reclass.layers import namespaces
from gitconfigmgr.model.imports import Place

from .support import assert_equal_to_reclass, imported, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["web"], ["web"]),
        (["prod/eu/web"], ["prod/eu/web"]),
        (["Prod/Web 1"], ["prod/web-1"]),
        (["_web", "web"], ["web", "web-2"]),
        (["web", "web/one"], ["web/web", "web/one"]),
        (["global"], ["global-node"]),
        (["global/web"], ["global-node/web"]),
        (["web.yaml"], ["web"]),
        (["---"], ["node"]),
    ],
)
def test_names(paths: list[str], expected: list[str]) -> None:
    assert namespaces({path: path for path in paths}) == dict(zip(paths, expected, strict=True))


def sources(root: Path, nodes: dict[str, list[str]], classes: dict[str, dict[str, object]]) -> dict[str, list[str]]:
    """Namespace -> the files its layer is made of."""
    files = {f"classes/{name}.yml": yaml.safe_dump({"parameters": content}) for name, content in classes.items()}
    files |= {f"nodes/{path}.yml": yaml.safe_dump({"classes": names}) for path, names in nodes.items()}
    inventory = write(root / "inventory", files)
    assert_equal_to_reclass(inventory, root / "proof")
    report = imported(inventory, root / "new")
    assert report.written_out == ()
    return {place.namespace: [file.split("/", 1)[1] for file in found] for place, found in report.sources.items()}


def test_what_all_nodes_have_goes_into_global(tmp_path: Path) -> None:
    found = sources(tmp_path, {"n": ["a", "b"], "m": ["a", "c"]}, {"a": {"x": 1}, "b": {"x": 2}, "c": {"y": 1}})
    assert found == {"global": ["a.yml"], "n": ["n.yml", "b.yml"], "m": ["m.yml", "c.yml"]}


def test_a_folder_has_what_its_nodes_share(tmp_path: Path) -> None:
    nodes = {"p/n": ["a", "b"], "p/m": ["a", "b"], "q/o": ["a"]}
    found = sources(tmp_path, nodes, {"a": {"x": 1, "l": [1]}, "b": {"x": 2, "l": [2]}})
    assert found["global"] == ["a.yml"]
    assert found["p"] == ["b.yml"]


def test_a_class_moves_down_past_others_only_where_they_do_not_meet(tmp_path: Path) -> None:
    classes: dict[str, dict[str, object]] = {"a": {"m": {"x": 1}}, "b": {"m": {"y": 1}}, "c": {"m": {"x": 2}}}
    found = sources(tmp_path, {"n": ["a", "b", "c"], "m": ["b", "c"]}, classes)
    assert found["global"] == ["b.yml"], "c overrides a"


def test_a_single_node_keeps_its_classes(tmp_path: Path) -> None:
    assert sources(tmp_path, {"p/n": ["a"]}, {"a": {"x": 1}}) == {"p/n": ["p/n.yml", "a.yml"]}


def test_places_are_base_documents(tmp_path: Path) -> None:
    inventory = write(tmp_path / "inventory", {"classes/a.yml": "", "nodes/n.yml": "classes: [a]\n"})
    assert list(imported(inventory, tmp_path / "new").sources) == [Place("n", "base")]
