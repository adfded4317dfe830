"""The files of a random repository say what its plain data says, and most rules have a chance to matter."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.oracle.generator import random_repo, write_repo
from tests.oracle.interpreter import resolve_target
from tests.oracle.merging import EMPTY, targets_of

if TYPE_CHECKING:
    from pathlib import Path


def without_empty(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: without_empty(value) for key, value in data.items()}
    if isinstance(data, list):
        return [without_empty(value) for value in data]
    return None if data is EMPTY else data


@pytest.mark.parametrize("seed", range(20))
def test_files_and_data_agree(seed: int, tmp_path: Path) -> None:
    repo = random_repo(seed)
    write_repo(repo, tmp_path, Random(seed))
    yaml = YAML(typ="safe", pure=True)
    yaml.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
    assert yaml.load(tmp_path / "gitconfigmgr.yaml") == repo.settings
    for (namespace, environment), document in repo.documents.items():
        assert yaml.load(tmp_path / "configs" / namespace / f"{environment}.yaml") == without_empty(document)


def test_the_same_seed_gives_the_same_repository() -> None:
    assert random_repo(7) == random_repo(7)


def test_repositories_are_varied() -> None:
    outcomes = [resolve_target(repo, *target) for repo in map(random_repo, range(150)) for target in targets_of(repo)]
    values = sum(not outcome.errors for outcome in outcomes)
    assert 0.4 < values / len(outcomes) < 0.8
    rules = Counter(rule for outcome in outcomes for rule in {rule for rule, _ in outcome.errors})
    assert set(rules) >= {"M5", "M6", "M7", "M9", "M10", "M11", "M12", "M13", "M14", "M15"}
    assert set(rules) >= {"REF-dangling", "REF-cycle", "REF-not-scalar", "REF-syntax", "REF-namespace"}
