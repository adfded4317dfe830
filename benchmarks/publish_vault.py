"""Publishing to Vault: 1,000 secrets to a local OpenBao, and what bare hvac calls take for the same.

    python benchmarks/publish_vault.py -o benchmarks/results/publish_vault.md

A fresh server in memory for each kind of run; rounds take turns, so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import requests

from gitconfigmgr.adapters.publishers.vault import open_publisher
from gitconfigmgr.model.bundles import Bundle, Change, Release, SecretPlace, Token
from gitconfigmgr.model.canonical import canonical_json
from gitconfigmgr.model.names import Target
from gitconfigmgr.model.publishing import Destination, ReleaseSettings
from gitconfigmgr.model.revisions import Revision
from gitconfigmgr.model.settings import KeyServices
from gitconfigmgr.release.ports import Context

SECRETS = 1000
ROUNDS = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALUE = "v" * 40
_mounts = count()


def bundles(layout: str, token: str) -> dict[Target, Bundle]:
    """tree: as many targets with a secret each; litellm: ten targets with a hundred each."""
    targets, each = (SECRETS, 1) if layout == "tree" else (SECRETS // 100, 100)
    found = {}
    for number in range(targets):
        target = Target(f"acme/service-{number}", "production")
        document = {f"key_{index}": {"$secret": {"type": "string", "kind": None}} for index in range(each)}
        places = tuple(
            SecretPlace((name,), (Token(f"ENC[{token}{name}]", "str", "x.yaml"),), "string", None) for name in document
        )
        found[target] = Bundle(target, canonical_json(document), b"{}", places)
    return found


def plaintexts(bundle: Bundle) -> dict[Any, str]:
    return {place.path: VALUE for place in bundle.secrets}


class Bench:
    def __init__(self, server: Any) -> None:
        self.server = server
        self.client = server.client
        self.times: dict[str, list[float]] = defaultdict(list)
        self.used: dict[str, list[float]] = defaultdict(list)
        self.requests: dict[str, int] = {}

    def mount(self) -> str:
        name = f"bench{next(_mounts)}"
        self.client.sys.enable_secrets_engine("kv", path=name, options={"version": "2"})
        time.sleep(0.2)
        return name

    def timed(self, name: str, work: Any) -> None:
        real, sent = requests.Session.send, count()

        def send(session: Any, request: Any, **options: Any) -> Any:
            next(sent)
            return real(session, request, **options)

        requests.Session.send = send  # type: ignore[method-assign]
        start, used = time.perf_counter(), time.process_time()
        work()
        self.times[name].append(time.perf_counter() - start)
        self.used[name].append(time.process_time() - used)
        requests.Session.send = real  # type: ignore[method-assign]
        self.requests[name] = next(sent)

    def bare(self) -> None:
        kv = self.client.secrets.kv.v2
        mount = self.mount()
        custom = {"commit": "c" * 40, "version": "1", "digest": "sha256:" + "0" * 64}

        def data() -> None:
            for number in range(SECRETS):
                kv.create_or_update_secret(f"acme/{number}", {"key": VALUE}, cas=0, mount_point=mount)

        def described() -> None:
            for number in range(SECRETS):
                kv.update_metadata(f"acme/{number}", custom_metadata=custom, mount_point=mount)

        self.timed("hvac, values", data)
        self.timed("hvac, their metadata", described)
        self.client.sys.disable_secrets_engine(mount)

    def ours(self, layout: str) -> None:
        mount = self.mount()

        def publish(token: str) -> None:
            context = Context(
                folder=Path(), settings=ReleaseSettings(tenant="acme"), environment={"VAULT_TOKEN": "root"},
                services=KeyServices(vault=(self.server.address,)), now=lambda: NOW, signing=lambda: None, wrap=lambda _: [],
            )  # fmt: skip
            options = {"mount": mount, "layout": layout}
            publisher = open_publisher(Destination("vault", self.server.address, options), context)
            held = publisher.held()
            made = bundles(layout, token)
            release = Release(held.number + 1, held.number, "acme", Revision("c" * 40, "d" * 40, "a", NOW), made)
            changes = {target: Change("update", held.number + 1) for target in made}
            publisher.publish(replace(release, changes=changes), plaintexts)

        self.timed(f"{layout}: first release", lambda: publish("a"))
        self.timed(f"{layout}: nothing changed", lambda: publish("a"))
        self.timed(f"{layout}: encrypted anew, same values", lambda: publish("b"))
        self.client.sys.disable_secrets_engine(mount)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).parent.parent)]
    from tests.conformance.keys.services import OpenBao

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = OpenBao(Path(folder))
        try:
            bench = Bench(server)
            for _ in range(given.rounds):
                bench.bare()
                bench.ours("litellm")
                bench.ours("tree")
        finally:
            server.close()
    middle = {name: statistics.median(times) for name, times in bench.times.items()}
    values, both = middle["hvac, values"], middle["hvac, values"] + middle["hvac, their metadata"]
    lines = [
        f"{SECRETS} secrets to OpenBao on this machine; medians of {given.rounds} rounds.",
        "",
        "| what | seconds | requests | processor seconds of the client | of hvac's values and metadata | of hvac's values alone |",
        "|---|---|---|---|---|---|",
        *(
            f"| {name} | {seconds:.2f} | {bench.requests[name]} | {statistics.median(bench.used[name]):.2f} | {seconds / both:.2f} | {seconds / values:.2f} |"
            for name, seconds in middle.items()
        ),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if given.output:
        given.output.write_text(text)
        given.output.with_suffix(".json").write_text(json.dumps(bench.times, indent=1) + "\n")


if __name__ == "__main__":
    main()
