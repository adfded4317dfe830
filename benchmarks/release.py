"""Releases: 600 targets of which 5 change, and what a client of one service loads for one changed value.

    python benchmarks/release.py -o benchmarks/results/release.md

Whole processes on a generated repository of 200 services in 3 environments, published to a directory.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import measure

HERE = Path(__file__).parent
PROGRAM = [str(Path(sys.executable).parent / "gitconfigmgr")]
ROUNDS = 5


def git(repository: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"]
    subprocess.run(["git", "-C", str(repository), *identity, *arguments], check=True, capture_output=True)


def corpus(folder: Path, services: int, keys: int) -> Path:
    place = folder / "repository"
    command = [sys.executable, str(HERE / "corpus.py"), "--services", str(services), "--keys", str(keys), "--git"]
    subprocess.run([*command, "-o", str(place)], check=True, capture_output=True)
    return place


def run(repository: Path, *arguments: str) -> float:
    done = measure([*PROGRAM, *arguments], cwd=repository)
    if done.status:
        raise SystemExit(f"{arguments}: {done.complaint}")
    return done.wall


def edit(repository: Path, how_many: int, number: int) -> None:
    """Change one value in the production document of some services, and commit."""
    files = sorted(repository.glob("configs/acme/*/*/production.yaml"))[:how_many]
    for file in files:
        lines = [line for line in file.read_text().splitlines() if not line.startswith("release_marker:")]
        file.write_text("\n".join([*lines, f"release_marker: {number}"]) + "\n")
    git(repository, "commit", "-qam", f"change {number}")


def times(folder: Path, services: int, keys: int) -> dict[str, list[float]]:
    repository = corpus(folder, services, keys)
    shutil.rmtree(repository / "schemas", ignore_errors=True)
    settings = (repository / "gitconfigmgr.yaml").read_text()
    (repository / "gitconfigmgr.yaml").write_text(settings[: settings.index("schemas:")])
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "no schema: a marker may be added")
    where = ["--keys", str(folder / "keys"), "--to", f"directory:{folder / 'published'}"]
    run(repository, "keys", "init", "--plain", "--yes", "--keys", str(folder / "keys"))
    found: dict[str, list[float]] = {"first release": [run(repository, "release", *where)]}
    for number in range(ROUNDS):
        found.setdefault("nothing changed", []).append(run(repository, "release", *where))
        edit(repository, 5, number)
        found.setdefault("5 targets changed", []).append(run(repository, "release", *where))
    edit(repository, 100, ROUNDS)
    found["100 targets changed"] = [run(repository, "release", *where)]
    receipts = [json.loads(path.read_bytes()) for path in (folder / "published/default/releases").iterdir()]
    assert sorted(len(item["targets"]) for item in receipts) == [5] * ROUNDS + [min(100, services), services * 3]
    root = ["--root", str(folder / "keys/1.root.json")]
    found["verify"] = [run(repository, "verify", str(folder / "published"), *root)]
    return found


def loaded(folder: Path, services: int) -> list[tuple[str, int]]:
    """What a client of one service loads for one changed value in a bundle of 300 kB: each part in its smallest form."""
    repository = folder / "wide"
    random.seed(7)
    values = {f"value_{n}": "".join(random.choices("0123456789abcdef", k=20)) for n in range(9000)}
    for number in range(services):
        place = repository / f"configs/acme/team/service-{number}/base.yaml"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(values if number == 0 else {"limit": number}))
    (repository / "gitconfigmgr.yaml").write_text(
        "version: 1\nenvironments: {development: {}, staging: {}, production: {}}\nleak_guard: 'off'\n"
    )
    git(folder, "init", "-q", "-b", "main", str(repository))
    tree = folder / "wide-published/default"
    where = ["--keys", str(folder / "wide-keys"), "--to", f"directory:{tree.parent}"]
    run(repository, "keys", "init", "--plain", "--yes", "--keys", str(folder / "wide-keys"))
    for number in range(2):
        values["value_4500"] = f"changed {number}"
        (repository / "configs/acme/team/service-0/base.yaml").write_text(json.dumps(values))
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", f"change {number}")
        run(repository, "release", *where)
    metadata, deltas = tree / "tuf/metadata", tree / "delta"
    role = "acme~team~production"
    entry = json.loads((metadata / f"2.{role}.json").read_bytes())["signed"]["targets"]
    bundle = entry["acme/team/service-0.production.json"]
    previous = bundle["custom"]["previous"]
    return [
        ("the bundle itself", bundle["length"]),
        ("timestamp.json", (metadata / "timestamp.json").stat().st_size),
        ("snapshot, as a delta", (deltas / "1.snapshot/2.snapshot.dcz").stat().st_size),
        ("snapshot, gzip", (metadata / "2.snapshot.json.gz").stat().st_size),
        (f"role of {services} services, as a delta", (deltas / f"1.{role}/2.{role}.dcz").stat().st_size),
        (f"role of {services} services, gzip", (metadata / f"2.{role}.json.gz").stat().st_size),
        ("bundle, as a delta", (deltas / previous / f"{bundle['hashes']['sha256']}.dcz").stat().st_size),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=None)
    parser.add_argument("--services", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gcm-bench-") as name:
        folder = Path(name)
        found = times(folder, given.services, 100)
        sizes = loaded(folder, 20)
    lines = [
        "# Releases",
        "",
        f"{given.services * 3} targets, to a directory; seconds for a whole process, median and least.",
        "",
    ]
    lines += ["| | median | least |", "|---|---|---|"]
    lines += [f"| {name} | {statistics.median(runs):.2f} | {min(runs):.2f} |" for name, runs in found.items()]
    lines += ["", "For one changed value in one bundle, bytes:", "", "| | bytes |", "|---|---|"]
    lines += [f"| {name} | {size:,} |" for name, size in sizes]
    parts = [size for name, size in sizes if "delta" in name or name == "timestamp.json"]
    lines += [f"| **timestamp and the three deltas** | **{sum(parts):,}** |", ""]
    lines += [f"Measured {time.strftime('%Y-%m-%d')}."]
    text = "\n".join(lines) + "\n"
    print(text)
    if given.output:
        given.output.write_text(text)


if __name__ == "__main__":
    main()
