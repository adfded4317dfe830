"""Histories, diffs and patches, against what does a part of the same: git log, a compilation for each commit, jsonpatch.

    python benchmarks/history.py --rounds 5          # -> results/history.md

A repository of 10,006 files and 2,000 commits: the generated corpus, then one changed value for each commit. Every 50th
is in the layers of the service that is asked about, every 400th in `global`. It is packed, as a clone is.
"""

from __future__ import annotations

import argparse
import copy
import datetime
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measure import Series, measure

SERVICES, COMMITS = 2500, 2000
NAMESPACE, ENVIRONMENT = "acme/project-003/svc-00077", "production"
HERE = Path(__file__).parent
PROGRAM = [sys.executable, "-m", "gitconfigmgr"]


def build(folder: Path) -> None:
    """The corpus, and the commits on top of it, through git fast-import."""
    command = [
        sys.executable,
        str(HERE / "corpus.py"),
        "--services",
        str(SERVICES),
        "--keys",
        "100",
        "--format",
        "gcm",
        "--git",
    ]
    subprocess.run([*command, "-o", str(folder)], check=True)
    rng = random.Random(7)
    own = [path for path in layers(folder) if "svc-" in path]
    shared = [path for path in layers(folder) if "svc-" not in path]
    others = sorted(
        str(path.relative_to(folder))
        for path in (folder / "configs").rglob("*.yaml")
        if str(path.relative_to(folder)) not in own
    )
    branch = subprocess.run(
        ["git", "symbolic-ref", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()
    stream = []
    texts: dict[str, str] = {}
    for number in range(COMMITS):
        path = rng.choice(own) if number % 50 == 7 else rng.choice(shared) if number % 400 == 9 else rng.choice(others)
        text = texts.get(path) or (folder / path).read_text(encoding="utf-8")
        text = texts[path] = changed(text, rng)
        data, message = text.encode(), f"Change {path} ({number})".encode()
        start = f"from {branch}^0\n" if number == 0 else ""
        who = f"committer Benchmark <benchmark@example.org> {1767225600 + 3600 * number} +0000\n"
        head = f"commit {branch}\n{who}data {len(message)}\n".encode()
        stream.append(head + message + f"\n{start}M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=b"".join(stream), check=True)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=folder, check=True)
    subprocess.run(["git", "gc", "-q"], cwd=folder, check=True)


def changed(text: str, rng: random.Random) -> str:
    """The text with one number that is another one."""
    places = list(re.finditer(r"(?m)^ *[a-z_0-9]+: (\d+)$", text))
    if not places:
        return text + f"# {rng.random()}\n"
    place = rng.choice(places)
    number = int(place[1])  # lower ones fit the schema too
    return f"{text[: place.start(1)]}{rng.randrange(number * 9 // 10, number + 1)}{text[place.end(1) :]}"


def layers(folder: Path) -> list[str]:
    """The files of the target's stack."""
    done = subprocess.run(
        [*PROGRAM, "-C", str(folder), "layers", NAMESPACE, "-e", ENVIRONMENT],
        check=True,
        capture_output=True,
        text=True,
    )
    return [line.split()[-1] for line in done.stdout.splitlines()]


def processes(folder: Path, rounds: int) -> list[str]:
    """Whole processes on the repository."""
    at = [*PROGRAM, "-C", str(folder)]
    asked = [NAMESPACE, "-e", ENVIRONMENT]
    git_log = ["git", "log", "--first-parent", "--format=%H", "--", *layers(folder)]
    contenders = {
        "process start (`--help`)": [*PROGRAM, "--help"],
        "one compilation (`get` at HEAD)": [*at, "get", *asked, "--rev", "HEAD"],
        "git log -- LAYERS": git_log,
        "log, first time": [*at, "log", *asked, "--no-cache"],
        "log, again": [*at, "log", *asked],
        "blame, again": [*at, "blame", *asked],
        "diff of two revisions": [*at, "diff", "HEAD~1..HEAD"],
        "diff over 100 commits": [*at, "diff", "HEAD~100..HEAD", "--stat"],
    }
    series = {name: Series() for name in contenders}
    for command in contenders.values():
        measure(command, cwd=folder)
    for _ in range(rounds):
        for name, command in contenders.items():
            run = measure(command, cwd=folder)
            assert run.status == 0, run.complaint
            series[name].runs.append(run)
    versions = subprocess.run(
        [*at, "log", *asked, "--format", "json"], check=True, capture_output=True, text=True
    ).stdout.count('"version_number"')
    commits = len(subprocess.run(git_log, cwd=folder, check=True, capture_output=True, text=True).stdout.split())
    start, compile_, git, first, again = (series[name].median("wall") for name in list(contenders)[:5])
    lines = ["| run | median s | min s | CPU s | RSS MiB |", "| --- | --: | --: | --: | --: |"]
    for name, each in series.items():
        lines.append(
            f"| {name} | {each.median('wall'):.3f} | {each.least('wall'):.3f} | {each.median('cpu'):.3f} | {each.median('rss'):.0f} |"
        )
    bound = 10 * git + versions * compile_
    return [
        f"{COMMITS + 1} commits, {4 * SERVICES + 6} files; {commits} commits touch the layers of the target, {versions} versions.",
        "",
        *lines,
        "",
        f"* first time: {first / bound:.2f} of the bound, ten times `git log` and one compilation for each version ({bound:.1f} s)",
        f"* a compilation for each of {COMMITS + 1} commits would take {compile_ * (COMMITS + 1):.0f} s: {compile_ * (COMMITS + 1) / first:.0f} times as long",
        f"* again: {again / start:.2f} times the start of the process; {cpu(series, 'log, again') / cpu(series, 'process start'):.2f} times its CPU time",
    ]


def cpu(series: dict[str, Series], name: str) -> float:
    """CPU time of the contender whose name begins so."""
    return next(each.median("cpu") for known, each in series.items() if known.startswith(name))


def patches(rounds: int) -> list[str]:
    """Documents of 2,000 keys with 20 changes, in process."""
    import jsonpatch

    from gitconfigmgr.history.patch import checked, patch

    rng = random.Random(11)
    shapes: dict[str, Any] = {
        "flat map": {f"key_{n}": n for n in range(2000)},
        "nested maps": {f"group_{n}": {f"key_{m}": f"value {m}" for m in range(20)} for n in range(100)},
        "maps in a list, by name": {"items": [{"name": f"i{n}", "a": n, "b": "text", "c": True} for n in range(500)]},
        "list of numbers": {"numbers": list(range(2000))},
    }
    lines = [
        "| document | ours ms | ours, applied and compared ms | jsonpatch ms | ratio | operations |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name, old in shapes.items():
        new = copy.deepcopy(old)
        for _ in range(20):
            touch(new, rng)
        ours = median_ms(partial(patch, old, new), rounds)
        sure = median_ms(partial(checked, old, new), rounds)
        theirs = median_ms(partial(jsonpatch.make_patch, old, new), rounds)
        counts = f"{len(patch(old, new))} to {len(jsonpatch.make_patch(old, new).patch)}"
        lines.append(f"| {name} | {ours:.2f} | {sure:.2f} | {theirs:.2f} | {ours / theirs:.2f} | {counts} |")
    return lines


def touch(document: dict[str, Any], rng: random.Random) -> None:
    """One value that is another one."""
    at: Any = document
    while True:
        key = rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
        if isinstance(at, dict) and key == "name":
            continue
        if isinstance(at[key], (dict, list)):
            at = at[key]
        else:
            at[key] = rng.randrange(10**6)
            return


def median_ms(make: Any, rounds: int) -> float:
    make()
    times = []
    for _ in range(5 * rounds):
        start = time.perf_counter()
        make()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def conditions() -> list[str]:
    """Where and when."""
    loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
    git = subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
    machine = f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}), Python {platform.python_version()}, git {git}"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("jsonpatch", "pygit2"))
    return [
        f"Measured {datetime.date.today()} on {machine}, {libraries}; load averages at the end {loads}.",
        "Wall times on a shared machine move by 10 to 40 %; `min` and `CPU` move least.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "gitconfigmgr-bench")
    parser.add_argument("--results", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    folder = asked.work / f"history-{SERVICES}-{COMMITS}"
    if not (folder / "built").exists():
        asked.work.mkdir(parents=True, exist_ok=True)
        build(folder)
        (folder / "built").touch()
    lines = [
        "## History of one target",
        "",
        *processes(folder, asked.rounds),
        "",
        "## Patches of 2,000 values with 20 changes",
        "",
    ]
    lines += [*patches(asked.rounds), "", *conditions()]
    asked.results.mkdir(exist_ok=True)
    (asked.results / "history.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
