"""The child that policies run in, where the process that it comes from has a past."""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from gitconfigmgr.adapters.policies.confined import Confined
from gitconfigmgr.model.diagnostics import Position
from gitconfigmgr.model.policies import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.model.policies import Call, Outcome, Problem


class _Engine:
    """Has files open while garbage is collected."""

    def load(self, policies: Sequence[Policy]) -> dict[str, list[Problem]]:
        numbers = [os.open(os.devnull, os.O_RDONLY) for _ in range(200)]
        gc.collect()
        for number in numbers:
            os.fstat(number)
        return {}

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        return []


class _Garbage:
    """A file that only the collector closes."""

    def __init__(self) -> None:
        self.itself = self
        self.number = os.open(os.devnull, os.O_RDONLY)

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self.number)


def test_garbage_of_the_parent_closes_no_file_of_the_child() -> None:
    gc.disable()
    try:
        for _ in range(8):
            _Garbage()
        assert Confined(_Engine).load([Policy("idle", Position("policies/idle.yaml"))]) == {}
    finally:
        gc.enable()
        gc.collect()
