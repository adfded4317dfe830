"""The compiler held against the oracle on random repositories; GCM_RANDOM_REPOS says how many (default 60).

Where the oracle gives a value the compiled one is equal, and so are the warnings; where it gives errors the compiler
gives some, and where it gives exactly one the compiler names that rule. Targets that an error of another target reaches
by a reference are left out.
"""

from __future__ import annotations

import os
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.app.select import State
from gitconfigmgr.model.values import plain
from gitconfigmgr.wiring.trees import open_repository
from tests.oracle.generator import random_repo, write_repo
from tests.oracle.interpreter import Outcome, is_sealed, resolve_target
from tests.oracle.merging import Repo, canonical, targets_of

if TYPE_CHECKING:
    from pathlib import Path

    from gitconfigmgr.pipeline import Compiled, Repository

CODES = {
    "M5": "GCM203",
    "M6": "GCM204",
    "M7": "GCM202",
    "M9": "GCM201",
    "M10": "GCM210",
    "M11": "GCM205",
    "M12": "GCM206",
    "M13": "GCM207",
    "M14": "GCM208",
    "M15": "GCM209",
    "REF-syntax": "GCM301",
    "REF-dangling": "GCM302",
    "REF-cycle": "GCM303",
    "REF-depth": "GCM304",
    "REF-not-scalar": "GCM305",
    "REF-namespace": "GCM306",
}
SECRETS = {"str]": "string", "int]": "integer", "bool]": "boolean"}
WARNINGS = {"M5": "GCM213", "M13": "GCM207", "M15": "GCM211"}  # M8 belongs to files, not to targets


def opened(repo: Repo, root: Path, seed: int) -> Repository:
    write_repo(repo, root, Random(seed))
    return open_repository(State(root, now=repo.now))


def shown(data: Any) -> Any:
    """The oracle's value as the compiler shows it: secrets by their type."""
    if isinstance(data, dict):
        return {key: shown(value) for key, value in data.items()}
    if isinstance(data, list):
        return [shown(value) for value in data]
    if is_sealed(data):
        return {"$secret": {"type": SECRETS[data.rpartition(":")[2]], "kind": None}}
    return data


def disagreement(outcome: Outcome, compiled: Compiled) -> str | None:
    """What the two do not agree on, in words; None where they agree."""
    errors = {item.code for item in compiled.findings if item.severity == "error"}
    if outcome.errors:
        only = {CODES[rule] for rule, _ in outcome.errors} if len(outcome.errors) == 1 else set()
        return None if errors and only <= errors else f"expected {outcome.errors}, got {sorted(errors)}"
    if errors or compiled.root is None:
        return f"expected a value, got {[(item.code, item.message) for item in compiled.findings]}"
    if canonical(plain(compiled.root)) != canonical(shown(outcome.value)):
        return f"expected {canonical(shown(outcome.value))}, got {canonical(plain(compiled.root))}"
    warnings = {item.code for item in compiled.findings} & set(WARNINGS.values())
    expected = {WARNINGS[rule] for rule, _ in outcome.warnings if rule in WARNINGS}
    return None if warnings == expected else f"expected the warnings {sorted(expected)}, got {sorted(warnings)}"


# Seeds whose repositories once told the two apart.
TELLING = [132, 247, 317, 449, 539, 599, 664, 665, 694, 721, 725, 726, 862, 2244]
SEEDS = sorted({*range(int(os.environ.get("GCM_RANDOM_REPOS", "60"))), *TELLING})


@pytest.mark.parametrize("seed", SEEDS)
def test_compiler_agrees_with_oracle(seed: int, tmp_path: Path) -> None:
    repo = random_repo(seed)
    repository = opened(repo, tmp_path, seed)
    assert {tuple(target) for target in repository.targets} == set(targets_of(repo))
    found = []
    for target in repository.targets:
        outcome = resolve_target(repo, *target)
        problem = None if outcome.tainted else disagreement(outcome, repository.compile(target))
        found += [f"{target}: {problem}"] if problem else []
    assert not [item for item in repository.findings if item.severity == "error"]
    assert not found, "\n".join(found)
