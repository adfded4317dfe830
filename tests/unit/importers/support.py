"""An inventory imported, and what reclass says about it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.importers.reclass import read_inventory
from gitconfigmgr.adapters.importers.reclass.inventory import open_inventory
from gitconfigmgr.adapters.importers.reclass.layers import namespaces
from gitconfigmgr.app.check import check
from gitconfigmgr.app.importing import Report, import_repository
from gitconfigmgr.app.select import Selection, State
from gitconfigmgr.model.names import Target
from gitconfigmgr.model.values import plain
from gitconfigmgr.wiring.folders import open_new_folder
from gitconfigmgr.wiring.trees import open_repository

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = Path(__file__).parents[2] / "examples" / "reclass"
ORACLE = Path(__file__).parent / "reclass_oracle.py"


def truth(inventory: Path) -> dict[str, Any]:
    """Node -> its parameters as reclass computes them, or {"error": text}."""
    command = [sys.executable, str(ORACLE), str(inventory)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"reclass does not run; `make env` installs it:\n{done.stderr[-2000:]}"
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def computed(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the answers that are values."""
    return {node: value for node, value in answers.items() if value.keys() != {"error"}}


def write(root: Path, files: Mapping[str, str]) -> Path:
    """A folder with these files."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def imported(inventory: Path, folder: Path) -> Report:
    """Import into a folder on disk."""
    return import_repository(read_inventory, inventory, "production", open_new_folder(folder))


def node_names(inventory: Path) -> dict[str, str]:
    """Node -> namespace, where every node can be imported."""
    index = open_inventory(inventory)
    paths = {
        node: path.relative_to(index.config.nodes).with_suffix("").as_posix() for node, path in index.nodes.items()
    }
    return namespaces(paths)


def values(folder: Path) -> dict[str, Any]:
    """Namespace -> effective value in production, read from disk by the compiler."""
    repository = open_repository(State(folder))
    found = {}
    for target in repository.targets:
        assert target == Target(target.namespace, "production")
        root = repository.compile(target).root
        assert root is not None
        found[target.namespace] = plain(root)
    return found


def errors(folder: Path) -> list[str]:
    """What `check` says about a repository on disk."""
    checked = check(open_repository(State(folder)), Selection(), jobs=1)
    return [f"{item.severity}[{item.code}] {item.position}: {item.message}" for item in checked.diagnostics]


def assert_equal_to_reclass(inventory: Path, folder: Path, *, lenient: bool = False) -> Report | None:
    """Import, and hold every value that reclass computes against what our compiler reads from disk.

    lenient: the importer may compute nodes that reclass cannot; None where nothing can be imported.
    """
    answers = truth(inventory)
    good = computed(answers)
    if lenient and not good:
        return None
    report = imported(inventory, folder)
    failed = {loss.what.removeprefix("node ") for loss in report.failures}
    assert failed.isdisjoint(good)
    assert lenient or failed == set(answers) - set(good)
    names = node_names(inventory)
    found = values(folder)
    for node, wanted in good.items():
        assert canonical(found[names[node]]) == canonical(wanted), node
    assert len(found) == len(answers) - len(failed)
    assert [text for text in errors(folder) if text.startswith("error")] == []
    assert report.proven == (not failed)
    return report


def canonical(value: Any) -> Any:
    """1.0 is 1, as in JSON, and true is not."""
    from gitconfigmgr.model.canonical import canonical_json

    return json.loads(canonical_json(value))
