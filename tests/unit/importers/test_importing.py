"""The use case, with importers that are right, wrong, or leave things out; and the folder it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gitconfigmgr.adapters.importers.reclass import read_inventory
from gitconfigmgr.adapters.newfolder import NewFolder
from gitconfigmgr.app.importing import Report, import_repository
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.imports import Imported, Place, literal, same
from gitconfigmgr.model.names import Target
from gitconfigmgr.wiring.folders import open_importer, open_new_folder

from .support import values, write

if TYPE_CHECKING:
    from pathlib import Path


def run(documents: dict[str, dict[str, Any]], effective: dict[str, dict[str, Any]], folder: Path) -> Report:
    """Import what an importer proposes for namespaces in production."""
    proposed = Imported(
        settings={"version": 1, "environments": {"production": {"protected": True}}},
        documents={Place(name, "base"): content for name, content in documents.items()},
        effective={Target(name, "production"): value for name, value in effective.items()},
    )
    return import_repository(lambda _folder, _environment: proposed, folder, "production", open_new_folder(folder))


def paths(report: Report) -> list[tuple[str, ...]]:
    return [item.path for item in report.written_out]


def test_a_right_proposal_is_kept(tmp_path: Path) -> None:
    report = run({"global": {"l": [1]}, "n": {"l": {"$append": [2]}}}, {"n": {"l": [1, 2]}}, tmp_path / "new")
    assert report.proven
    assert paths(report) == []
    assert (tmp_path / "new/configs/n/base.yaml").read_text() == "l:\n  $append:\n  - 2\n"


@pytest.mark.parametrize(
    ("lower", "own", "wanted", "written"),
    [
        ({}, {}, {"a": "${x}"}, [("a",)]),
        ({"a": 1}, {}, {"a": True}, [("a",)]),
        ({"a": {"b": 1, "c": 2}}, {}, {"a": {"b": 1, "c": [3]}}, [("a", "c")]),
        ({"a": {"b": 1}}, {}, {"a": None}, [("a",)]),
        ({"a": "${missing}"}, {}, {"a": {"b": 1}}, [("a",)]),
        ({"a": "${b}", "b": {"c": 1}}, {}, {"a": {"c": 2}, "b": {"c": 1}}, [("a",)]),
        ({}, {"a": {"$append": [1]}}, {"a": []}, [("a",)]),
        ({"a": 1, "b": 2}, {"c": 3}, {"a": 1}, []),
        ({"$$a": {"$$b": 1}}, {}, {"$a": {"$b": 2}}, [("$a", "$b")]),
        ({"a": {"$value": {"b": 1}, "$lock": "why"}}, {}, {"a": {"b": 2, "c": 3}}, [("a",)]),
        ({"a": {"$value": {"b": 1}, "$lock": "why"}}, {}, {"a": {}}, []),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"$replace": {"c": 2}}}}, {"a": {"b": {"c": 3}}}, [("a", "b", "c")]),
    ],
)
def test_what_differs_is_written_out(
    lower: dict[str, Any], own: dict[str, Any], wanted: dict[str, Any], written: list[tuple[str, ...]], tmp_path: Path
) -> None:
    report = run({"global": lower, "n": own}, {"n": wanted}, tmp_path / "new")
    assert report.proven, report
    assert paths(report) == written
    assert same(values(tmp_path / "new")["n"], wanted)


def test_targets_that_differ_from_those_of_the_source_are_not_proven(tmp_path: Path) -> None:
    report = run({"n": {"a": 1}, "more": {"a": 1}}, {"n": {"a": 1}}, tmp_path / "new")
    assert not report.proven
    assert [item.target for item in report.unequal] == [Target("more", "production")]


def test_a_value_that_no_document_can_hold_is_not_proven(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    report = run({"n": {"a": deep}}, {"n": {"a": deep}}, tmp_path / "new")
    assert not report.proven
    assert [item.code for item in report.findings] == ["GCM114"]


def test_nothing_that_can_be_imported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can be imported"):
        run({}, {}, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["base", "Prod", "../x", ""])
def test_names_that_are_no_environment(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no name for an environment"):
        import_repository(read_inventory, tmp_path, name, lambda _: None)


def test_importers_are_found_by_name() -> None:
    assert open_importer("reclass") is read_inventory
    with pytest.raises(UsageError) as raised:
        open_importer("reclas")
    assert raised.value.hint == "did you mean reclass?"


def test_literal_data_is_no_directive_and_no_reference() -> None:
    data = {"$append": ["${a}", "$${a}", {"$$b": None}], "c": 1}
    assert literal(data) == {"$$append": ["$${a}", "$$${a}", {"$$$b": None}], "c": 1}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [(1, 1.0, True), (1, True, False), ([0], [False], False), ({"a": 1}, {"a": 1.0}, True), ("1", 1, False)],
)
def test_same(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is equal


# -- the folder ------------------------------------------------------------------------------------------------------


def test_a_new_folder_and_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "deep/new"):
        NewFolder(tmp_path / name).create({"a/b": b"1", "c": b""})
        assert sorted(path.name for path in (tmp_path / name).rglob("*")) == ["a", "b", "c"]
        assert [path.name for path in (tmp_path / name).parent.iterdir() if path.name.startswith(".")] == []


def test_a_folder_that_holds_anything_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("", "file", "link"):
        with pytest.raises(UsageError):
            NewFolder(tmp_path / name)


def test_what_came_into_the_folder_meanwhile_is_kept(tmp_path: Path) -> None:
    folder = NewFolder(tmp_path / "new")
    write(tmp_path / "new", {"mine": "kept"})
    with pytest.raises(OutsideError):
        folder.create({"a": b"1"})
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine"]
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


# -- what is no inventory --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no reclass inventory: there is no nodes"),
        ({"nodes/n.yml": "{}"}, "there is no classes"),
        ({"nodes/readme.md": "", "classes/a.yml": ""}, "has no nodes"),
        ({"nodes/a/n.yml": "", "nodes/b/n.yml": "", "classes/a.yml": ""}, "are both n"),
        ({"nodes/n.yml": "", "classes/a.yml": "", "reclass-config.yml": "- 1"}, "no map of settings"),
        ({"nodes/n.yml": "", "classes/a.yml": "", "reclass-config.yml": "a: ["}, "not valid YAML"),
        ({"nodes/n.yml": "", "classes/a.yml": "", "reclass-config.yml": "delimiter: ."}, "delimiter is '.'"),
        ({"nodes/n.yml": "", "classes/a.yml": "", "reclass-config.yml": "storage_type: yaml_git"}, "storage_type"),
    ],
)
def test_what_is_no_inventory(files: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message.replace("[", r"\[")):
        read_inventory(write(tmp_path / "inventory", {"x": "", **files}), "production")


def test_kapitan_says_how_names_are_made(tmp_path: Path) -> None:
    files = {
        ".kapitan": yaml.safe_dump({"compile": {"compose-target-name": True}}),
        "inventory/classes/a.yml": "",
        "inventory/targets/p/n.yml": "",
        "inventory/targets/q/n.yml": "",
    }
    found = read_inventory(write(tmp_path, files), "production")
    names = {value["_reclass_"]["name"]["full"] for value in found.effective.values()}
    assert names == {"p.n", "q.n"}
