"""Run whole processes and measure them: wall time, CPU time with children, peak memory of the largest process."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Run:
    wall: float
    cpu: float
    rss: float
    """MiB"""
    status: int
    complaint: str
    """The end of standard error, if the status is not 0."""


@dataclass
class Series:
    """The runs of one contender."""

    runs: list[Run] = field(default_factory=list)

    def median(self, what: str) -> float:
        return statistics.median(self.each(what))

    def least(self, what: str) -> float:
        return min(self.each(what))

    def each(self, what: str) -> list[float]:
        return [getattr(run, what) for run in self.runs]


def clean_environment() -> dict[str, str]:
    """Ours less what changes how Python runs: PYTHONDONTWRITEBYTECODE would make every start compile all modules."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def measure(command: Sequence[str], *, cwd: Path, environment: dict[str, str] | None = None) -> Run:
    """One run. What is waiting to be written to disk is written before, so that it is not paid for during the run."""
    os.sync()
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=clean_environment() | (environment or {}), stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(max(0, errors.tell() - 2000))
        complaint = errors.read().decode(errors="replace") if process.returncode else ""
    cpu = usage.ru_utime + usage.ru_stime
    return Run(wall, cpu, usage.ru_maxrss / 1024, process.returncode, complaint)


def round_robin(
    contenders: Mapping[str, Callable[[], Run]], rounds: int, once: Collection[str] = ()
) -> dict[str, Series]:
    """Every round runs each contender once, so that whatever slows the machine for a while slows all of them.

    A contender that fails is shown with its complaint and left out of the later rounds, as are those named in `once`.
    """
    series = {name: Series() for name in contenders}
    failed: set[str] = set()
    for number in range(rounds):
        for name, run in contenders.items():
            if name in failed or (number and name in once):
                continue
            result = run()
            if result.status:
                failed.add(name)
                print(f"{name}: failed\n{result.complaint}")
                continue
            series[name].runs.append(result)
            print(f"round {number + 1} {name}: {result.wall:.2f} s, CPU {result.cpu:.2f} s, {result.rss:.0f} MiB")
    return {name: one for name, one in series.items() if one.runs}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
