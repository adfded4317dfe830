"""What policies and waivers say in a warm run is what they say in a cold one, whatever has changed in between."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.app.check import check
from gitconfigmgr.app.select import Selection, State
from gitconfigmgr.wiring.folders import open_memory
from gitconfigmgr.wiring.trees import open_repository
from tests.unit.repositories import git, write_files

if TYPE_CHECKING:
    from pathlib import Path

    from gitconfigmgr.app.check import Checked

SERVICES = {
    "gitconfigmgr.yaml": "version: 1\n",
    **{f"configs/acme/s{n}/base.yaml": f"llm: {{max_tokens: {n + 1}00, model: small}}\n" for n in range(5)},
    "policies/tokens.yaml": (
        "id: tokens\nvalidations:\n  - {name: most, expression: object.llm.max_tokens <= 1000, message: too many, path: llm.max_tokens}\n"
    ),
    "policies/large.yaml": (
        "id: large\nmatchConditions:\n  - {name: large, expression: object.llm.model == 'large'}\n"
        "validations:\n  - {name: most, expression: object.llm.max_tokens <= 100, message: too many for a large one}\n"
    ),
}
STEPS: list[tuple[str, dict[str, str | bytes | None], set[str]]] = [
    ("at first", {}, {"GCM604"}),
    ("nothing", {}, {"GCM604"}),
    ("another document", {"configs/acme/s1/base.yaml": "llm: {max_tokens: 7, model: small}\n"}, {"GCM604"}),
    ("a condition holds", {"configs/acme/s1/base.yaml": "llm: {max_tokens: 7, model: large}\n"}, set()),
    ("and still", {}, set()),
    ("a breach", {"configs/acme/s2/base.yaml": "llm: {max_tokens: 7000, model: small}\n"}, {"GCM601"}),
    ("a waiver", {"waivers.yaml": (
        "waivers:\n  - {policy: tokens, namespaces: [acme/s2], owner: a, reason: b, expires: 2026-12-31}\n"
    )}, {"waived GCM601"}),
    ("and still waived", {}, {"waived GCM601"}),
    ("the cause is gone", {"configs/acme/s2/base.yaml": "llm: {max_tokens: 70, model: small}\n"}, {"GCM622"}),
    ("no waiver", {"waivers.yaml": None}, set()),
    ("a policy is stricter", {"policies/tokens.yaml": (
        "id: tokens\nvalidations:\n  - {name: most, expression: object.llm.max_tokens <= 300, message: too many, path: llm}\n"
    )}, {"GCM601"}),
    ("a policy is gone", {"policies/tokens.yaml": None}, set()),
    ("a new policy", {"policies/new.yaml": (
        "id: new\nvalidations:\n  - {name: never, expression: 'false', message: never}\n"
    )}, {"GCM601"}),
    ("a broken policy", {"policies/new.yaml": (
        "id: new\nvalidations:\n  - {name: never, expression: 'fals', message: never}\n"
    )}, {"GCM602"}),
    ("and still broken", {}, {"GCM602"}),
    ("a packaged one", {"policies/new.yaml": None, "gitconfigmgr.yaml": (
        "version: 1\npolicies: [gcm:policies/production-protection.yaml]\n"
    )}, {"GCM601"}),
    ("with an owner", {"configs/acme/_namespace.yaml": "owner_team: a\n"}, set()),
    ("no condition holds any more", {"configs/acme/s1/base.yaml": "llm: {max_tokens: 7, model: small}\n"}, {"GCM604"}),
]  # fmt: skip


@dataclass
class Desk:
    root: Path
    ticks: int = 0

    def write(self, files: dict[str, str | bytes | None]) -> None:
        write_files(self.root, files)
        for name in [name for name, content in files.items() if content is not None]:
            self.ticks += 1
            os.utime(self.root / name, (1_700_000_000 + self.ticks,) * 2)  # long past, so that the next run trusts it

    def check(self, *, warm: bool) -> Checked:
        state = State(self.root, now=date(2026, 6, 1))
        return check(
            open_repository(state), Selection(), (), open_memory(state) if warm else None, identity="x", jobs=1
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    git(tmp_path, "init", "-q")
    desk = Desk(tmp_path)
    desk.write(dict(SERVICES))
    return desk


def test_every_step_says_the_same_warm_and_cold(desk: Desk) -> None:
    for step, files, codes in STEPS:
        desk.write(files)
        warm, cold = desk.check(warm=True), desk.check(warm=False)
        assert warm.diagnostics == cold.diagnostics, step
        said = {f"waived {item.code}" if item.waived else item.code for item in warm.diagnostics}
        assert said == codes, step


def test_forked_workers_judge_and_remember_as_one_process_does(desk: Desk) -> None:
    desk.write({f"configs/acme/t{n}/base.yaml": f"llm: {{max_tokens: {n + 1}0, model: small}}\n" for n in range(60)})
    desk.write({"configs/acme/t59/base.yaml": "llm: {max_tokens: 7000, model: large}\n"})
    state = State(desk.root, now=date(2026, 6, 1))
    store = open_memory(state)
    forked = check(open_repository(state), Selection(), (), store, identity="x", jobs=3)
    alone = desk.check(warm=False)
    assert forked.diagnostics == alone.diagnostics
    assert {item.code for item in forked.diagnostics} == {"GCM601"}
    assert check(open_repository(state), Selection(), (), store, identity="x", jobs=3).diagnostics == alone.diagnostics
