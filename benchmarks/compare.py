"""Measure the compiler beside others that do the same job, on the same content (see README.md).

    python benchmarks/compare.py --size medium --rounds 5                 cold: from a folder to the files
    python benchmarks/compare.py --what warm --size medium,large          compile again after a change of one value
    python benchmarks/compare.py --what startup                           what a hook pays for a process

Prints tables and writes them below benchmarks/results. Asserts no time anywhere.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import Corpus, generate, git
from measure import Run, Series, measure, round_robin, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
ENVS = ("development", "staging", "production")
SIZES = {"small": 20, "medium": 200, "large": 2000}
KEYS = 100
SEED = 7
OURS = "gitconfigmgr"
NAME = "gitconfigmgr-bench"
PLAIN_LAYOUT = "{namespace}/{env}.json"


@dataclass(frozen=True)
class Bench:
    """Where things are: the other compilers, the corpora, and all that is written while the clock runs."""

    peers: Path
    work: Path
    scratch: Path
    rounds: int

    def run_ours(self, *arguments: str) -> Run:
        return measure(
            [sys.executable, "-m", "gitconfigmgr", *arguments], cwd=self.program, environment=self.environment()
        )

    def environment(self) -> dict[str, str]:
        return {
            "XDG_CACHE_HOME": str(self.scratch / "cache"),
            "PYTHONPATH": str(self.program),
            "PYTHONPYCACHEPREFIX": str(self.scratch / "bytecode"),
            "TMPDIR": str(self.scratch),
            "NO_COLOR": "1",
        }

    @property
    def program(self) -> Path:
        """A copy of the program: an edit between two runs would change what is measured, and make the cache void."""
        return self.scratch / "program"

    def prepare(self) -> None:
        self.scratch.mkdir(parents=True, exist_ok=True)
        fresh(self.program)
        for name in ("gitconfigmgr", "schemas", "policies", "example-repo"):
            if (PROJECT / name).is_dir():
                shutil.copytree(PROJECT / name, self.program / name, ignore=shutil.ignore_patterns("__pycache__"))

    def corpus(self, size: str, form: str) -> Path:
        """Generated once for every state of the generator, and never changed."""
        sources = (HERE / name for name in ("corpus.py", "service_schema.py"))
        state = hashlib.sha256(b"".join(map(Path.read_bytes, sources))).hexdigest()[:8]
        folder = self.work / f"{size}-{state}" / form
        if not folder.exists():
            self.generate(size, form, folder)
        return folder

    def generate(self, size: str, form: str, folder: Path) -> None:
        print(f"generating {size} {form}")
        unfinished = folder.with_name(folder.name + ".unfinished")
        fresh(unfinished)
        generate(Corpus(SIZES[size], KEYS, ENVS, SEED), form, unfinished, with_git=form == "gcm")
        unfinished.rename(folder)

    def output(self, name: str) -> Path:
        """A path where nothing is."""
        folder = self.scratch / "out" / re.sub("[^a-z0-9]+", "-", name)
        fresh(folder)
        return folder


def fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)


# ---------------------------------------------------------------- cold


@dataclass(frozen=True)
class Contender:
    """A compiler: the format it reads, its command for (input, output), where it writes and where it has to run."""

    form: str
    command: Callable[[Path, Path], list[str]]
    layout: str = PLAIN_LAYOUT
    inside: bool = False
    sizes: tuple[str, ...] = tuple(SIZES)
    once: tuple[str, ...] = ()  # the sizes at which it is so slow that one round has to do


def contenders(peers: Path) -> dict[str, Contender]:
    python, kapitan = str(peers / "bin/python"), str(peers / "bin/kapitan")

    def ours(source: Path, output: Path, *options: str) -> list[str]:
        where = ["-C", str(source), "compile", "--rev", "HEAD", "-o", str(output), "--no-cache"]
        return [sys.executable, "-m", "gitconfigmgr", *where, *options]

    def peer(name: str, source: Path, output: Path, *options: str) -> list[str]:
        return [python, str(HERE / "peers.py"), name, str(source), str(output), *options]

    def kapitan_command(_: Path, output: Path) -> list[str]:
        return [kapitan, "compile", "--quiet", "--inventory-backend", "reclass", "--output-path", str(output)]

    return {
        OURS: Contender("gcm", ours),
        f"{OURS} --jobs 1": Contender("gcm", lambda i, o: ours(i, o, "--jobs", "1")),
        "jsonnet-doc-2proc": Contender("jsonnet", partial(peer, "jsonnet")),
        "jsonnet-batch-2proc": Contender("jsonnet", lambda i, o: peer("jsonnet", i, o, "--batch", "20")),
        "reclass": Contender("reclass", partial(peer, "reclass"), once=("large",)),
        "reclass-rs": Contender("reclass", partial(peer, "reclass-rs"), once=("large",)),
        "kapitan": Contender(
            "kapitan",
            kapitan_command,
            "compiled/{service}-{env}/effective.json",
            inside=True,
            sizes=("small", "medium"),
            once=("medium",),
        ),
    }


def verified(bench: Bench, size: str, output: Path, layout: str) -> str:
    """In a process of its own: Linux counts a parent's memory into what its child is said to have needed."""
    command = [sys.executable, str(HERE / "verify.py"), str(bench.corpus(size, "expect")), str(output)]
    run = subprocess.run([*command, "--layout", layout], capture_output=True, text=True, check=False)
    if run.returncode:
        print(run.stderr)
    return run.stdout.strip()


def cold_run(bench: Bench, size: str, name: str, contender: Contender, equal: dict[str, set[str]]) -> Run:
    source, output = bench.corpus(size, contender.form), bench.output(name)
    command = contender.command(source, output)
    run = measure(command, cwd=source if contender.inside else bench.program, environment=bench.environment())
    if not run.status:
        equal.setdefault(name, set()).add(verified(bench, size, output, contender.layout))
    fresh(output)
    return run


def failures(wanted: Iterable[str], series: dict[str, Series]) -> str:
    """A line for what is not in a table because it failed."""
    missing = [name for name in wanted if name not in series]
    return f"\nFailed: {', '.join(missing)}.\n" if missing else ""


def ratio(one: Series, other: Series | None, what: str) -> str:
    return f"{one.median(what) / other.median(what):.2f}" if other else "-"


def cold(bench: Bench, size: str, only: list[str]) -> str:
    chosen = {
        name: contender
        for name, contender in contenders(bench.peers).items()
        if (name in only if only else size in contender.sizes)
    }
    for form in ("expect", *(contender.form for contender in chosen.values())):
        bench.corpus(size, form)
    equal: dict[str, set[str]] = {}
    for name, contender in chosen.items():  # untimed: the first start of a program compiles its modules
        cold_run(bench, "small", name, contender, equal)
    runs = {name: partial(cold_run, bench, size, name, contender, equal) for name, contender in chosen.items()}
    once = [name for name, contender in chosen.items() if size in contender.once]
    series = round_robin(runs, bench.rounds, once)
    ours = series.get(OURS)
    rows = [
        [
            name,
            f"{one.median('wall'):.2f}",
            f"{one.least('wall'):.2f}",
            f"{one.median('cpu'):.2f}",
            f"{one.median('rss'):.0f}",
            str(len(one.runs)),
            ratio(one, ours, "wall"),
            ratio(one, ours, "cpu"),
            ", ".join(sorted(equal[name])),
        ]
        for name, one in series.items()
    ]
    heads = ("run", "median s", "min s", "CPU s", "RSS MiB", "runs", "x ours", "x ours, CPU", "equal to expected")
    return f"## Cold, {size} ({describe(size)})\n\n" + table(heads, rows) + failures(chosen, series)


def describe(size: str) -> str:
    services = SIZES[size]
    layers = services * 4 + 4
    return f"{services} services, {layers} layer files, {services * 3} documents, {services * 3 * 137} values"


# ---------------------------------------------------------------- warm


def change_one_value(repository: Path, number: int, services: int) -> str:
    """Another whole number in the production layer of one service; the path that was changed."""
    for attempt in range(services):
        i = (number * 37 + attempt) % services
        path = f"configs/acme/project-{i // 20:03}/svc-{i:05}/production.yaml"
        text = (repository / path).read_text()
        changed = re.sub(r"(?m)^( +(?:\w+_ms|max_tokens|seed|\w+_per_\w+): )(\d+)$", another_number, text, count=1)
        if changed != text:
            (repository / path).write_text(changed)
            return path
    raise SystemExit("no value to change")


def another_number(found: re.Match[str]) -> str:
    number = int(found[2])
    return f"{found[1]}{number - 1 if number % 2 else number + 1}"


def commit_a_change(repository: Path, number: int, services: int) -> None:
    path = change_one_value(repository, number, services)
    git(repository, "commit", "--quiet", "--message", f"Change {number}", "--", path)


def warm_repository(bench: Bench, size: str) -> Path:
    repository = bench.scratch / "warm" / size
    fresh(repository)
    fresh(bench.scratch / "cache")
    shutil.copytree(bench.corpus(size, "gcm"), repository, symlinks=True)
    return repository


def warm_series(bench: Bench, size: str) -> tuple[dict[str, Series], str]:
    bench.run_ours(
        "-C", str(bench.corpus("small", "gcm")), "compile", "--rev", "HEAD", "-o", str(bench.output("small"))
    )
    repository, output = warm_repository(bench, size), bench.output(f"warm-{size}")
    where = ("-C", str(repository), "compile", "--rev", "HEAD", "-o")
    first = bench.run_ours(*where, str(output))
    if first.status:
        raise SystemExit(first.complaint)
    changes = iter(range(10**6))

    def changed() -> Run:
        commit_a_change(repository, next(changes), SIZES[size])
        return bench.run_ours(*where, str(output))

    rows: dict[str, Callable[[], Run]] = {
        "cold (--no-cache, new folder)": lambda: bench.run_ours(*where, str(bench.output("cold")), "--no-cache"),
        "again, new folder": lambda: bench.run_ours(*where, str(bench.output("cached"))),
        "one value changed": changed,
        "nothing changed": lambda: bench.run_ours(*where, str(output)),
    }
    series = {"first (fills the cache)": Series([first])} | round_robin(rows, bench.rounds)
    if missing := failures(rows, series):
        raise SystemExit(missing)
    clean = bench.output("clean")
    bench.run_ours(*where, str(clean), "--no-cache")
    same = subprocess.run(["diff", "-rq", clean, output], capture_output=True, text=True, check=False)
    if same.returncode:
        print(same.stdout[:500])
    return series, "yes" if not same.returncode else "NO"


def warm(bench: Bench, sizes: list[str]) -> str:
    results = {size: warm_series(bench, size) for size in sizes}
    rows = []
    for size, (series, same) in results.items():
        base = series.get("cold (--no-cache, new folder)")
        smaller = results[sizes[0]][0]
        for name, one in series.items():
            walls = [f"{one.median('wall'):.3f}", f"{one.least('wall'):.3f}", f"{one.median('cpu'):.3f}"]
            ratios = [ratio(one, base, "wall"), ratio(one, smaller.get(name), "wall")]
            rows.append([f"{size}: {name}", *walls, f"{one.median('rss'):.0f}", str(len(one.runs)), *ratios, same])
    heads = ("run", "median s", "min s", "CPU s", "RSS MiB", "runs", "x cold", f"x {sizes[0]}", "bytes as cold")
    text = (
        "One value of one service's production layer is changed and committed before each run of `one value changed`; "
        "the commit is not timed.\n`bytes as cold`: after the last run the folder equals that of a cold compile.\n\n"
    )
    return "## Compile again\n\n" + text + table(heads, rows)


# ---------------------------------------------------------------- start-up


def checked_repository(bench: Bench, size: str) -> tuple[Path, list[str]]:
    """A repository with three changed files, in the index."""
    repository = warm_repository(bench, size)
    paths = [change_one_value(repository, number, SIZES[size]) for number in range(3)]
    git(repository, "add", "--all")
    return repository, paths


def startup(bench: Bench) -> str:
    python = sys.executable
    script = Path(python).with_name("gitconfigmgr")
    program = [python, "-m", "gitconfigmgr"]
    commands: dict[str, list[str]] = {
        "python -c pass": [python, "-c", "pass"],
        "python -I -S -c pass": [python, "-I", "-S", "-c", "pass"],
        "python -m gitconfigmgr --version": [*program, "--version"],
        "python -m gitconfigmgr --help": [*program, "--help"],
        "python -m gitconfigmgr check --help": [*program, "check", "--help"],
    }
    if script.exists():
        commands["gitconfigmgr --version"] = [str(script), "--version"]
    for size in ("small", "medium"):
        repository, paths = checked_repository(bench, size)
        commands[f"check of 3 changed files, {size}"] = [*program, "-C", str(repository), "check", *paths]
        commands[f"check --staged, 3 changed files, {size}"] = [*program, "-C", str(repository), "check", "--staged"]
    runs = {
        name: partial(measure, command, cwd=bench.program, environment=bench.environment())
        for name, command in commands.items()
    }
    for run in runs.values():
        run()
    series = round_robin(runs, bench.rounds)
    base = series["python -c pass"]
    rows = [
        [
            name,
            f"{one.median('wall') * 1000:.0f}",
            f"{one.least('wall') * 1000:.0f}",
            f"{one.median('cpu') * 1000:.0f}",
            f"{one.median('rss'):.0f}",
            str(len(one.runs)),
            ratio(one, base, "wall"),
        ]
        for name, one in series.items()
    ]
    heads = ("command", "median ms", "min ms", "CPU ms", "RSS MiB", "runs", "x python -c pass")
    return "## Start-up\n\n" + table(heads, rows) + failures(commands, series)


# ---------------------------------------------------------------- the rest


def machine() -> str:
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    build = "optimised build" if "--enable-optimizations" in arguments else "build without PGO"
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = ", ".join(
        line.strip() for line in (HERE / "peers-requirements.txt").read_text().splitlines() if "==" in line
    )
    return (
        f"Measured {datetime.date.today()} on {os.cpu_count()} cores ({platform.machine()}, {platform.system()}), "
        f"Python {platform.python_version()} ({build}); load averages at the end {load}.\n"
        f"The others: {versions}.\n"
        "Compare inside a table only: wall times on a shared machine move by 10 to 40 %; `min` and `CPU` move least.\n"
    )


def memory_folder() -> Path:
    """A file system in memory. On ext4 a new file costs ten to thirty times more for minutes after others were deleted
    near it (the kernel goes round the inodes of those), so outputs on disk would measure the runs before.
    """
    memory = Path("/dev/shm")
    return (memory if memory.is_dir() else Path(tempfile.gettempdir())) / NAME


def make_environment(folder: Path) -> None:
    """The environment of the peers, made once. It ignores itself, so that git never lists it."""
    if (folder / "bin/python").exists():
        return
    print(f"making {folder.name}")
    venv.create(folder, with_pip=True)
    (folder / ".gitignore").write_text("*\n")
    command = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*command, "-r", str(HERE / "peers-requirements.txt")], check=True)


def publish(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(f"{text}\n{machine()}")
    print("\n" + text)


def run(what: str, sizes: list[str], only: list[str], bench: Bench, results: Path) -> None:
    if what == "cold":
        make_environment(bench.peers)
        for size in sizes:
            publish(results, f"cold-{size}", cold(bench, size, only))
    elif what == "warm":
        publish(results, "warm", warm(bench, sizes))
    else:
        publish(results, "startup", startup(bench))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=["cold", "warm", "startup"], default="cold")
    parser.add_argument("--size", default="medium", help="small, medium, large, or several with commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cold: contenders, with commas")
    parser.add_argument("--venv", type=Path, default=PROJECT / ".venv-bench", help="of the other compilers")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / NAME, help="for the corpora, kept")
    parser.add_argument(
        "--scratch", type=Path, default=memory_folder(), help="for outputs; in memory where there is such"
    )
    parser.add_argument("--results", type=Path, default=HERE / "results")
    args = parser.parse_args()
    bench = Bench(args.venv.resolve(), args.work.resolve(), args.scratch.resolve(), args.rounds)
    bench.prepare()
    try:
        run(args.what, args.size.split(","), [name for name in args.only.split(",") if name], bench, args.results)
    finally:
        shutil.rmtree(bench.scratch)


if __name__ == "__main__":
    main()
