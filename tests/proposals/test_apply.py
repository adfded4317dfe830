"""From the inbox to branches: a real endpoint, a real repository, the command."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.fleet.conftest import Running

from .sample import given

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = "version: 1\nproposals:\n  protected: ['acme/*:models']\n"
BASE = "# the chat\nlimit: 1 # per second\napi:\n  timeout: 30\n  retries: 1\n  hosts: []\n  key: {$value: here, $lock: the provider gives it}\nmodels: [a]\n"


class Scene:
    """A repository whose target acme/chat is released, and an endpoint that agents propose to."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "repository"
        self.endpoint = Running(folder)
        self.agent, publish = self.endpoint.token("propose", name="agents"), self.endpoint.token("publish")
        self.token = folder / "publish.token"
        self.token.write_text(publish)
        self.publish = publish
        self.git("init", "-q", "-b", "main", str(self.root), at=folder)
        for name, value in (("user.name", "Ann"), ("user.email", "ann@example.com"), ("commit.gpgsign", "false")):
            self.git("config", name, value)
        self.write("gitconfigmgr.yaml", SETTINGS)
        self.write("configs/acme/chat/base.yaml", BASE)
        self.write("configs/acme/chat/production.yaml", "name: chat\n")
        self.released = self.commit("first", 1_700_000_000)

    def git(self, *arguments: str, at: Path | None = None, when: int | None = None) -> str:
        dated = {f"GIT_{role}_DATE": f"@{when} +0000" for role in ("AUTHOR", "COMMITTER")} if when else {}
        command = ["git", *arguments]
        done = subprocess.run(
            command, cwd=at or self.root, env=os.environ | dated, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def commit(self, message: str, when: int) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", message, when=when)
        return self.git("rev-parse", "HEAD")

    def propose(self, instance: str = "a", at: float = 1_700_000_500, commit: str | None = None, **more: Any) -> str:
        base = {"release": 1, "version": 1, "digest": "", "commit": self.released if commit is None else commit}
        sent = given(instance, at, base=base, **more)
        status, _, body = self.endpoint.ask("POST", "/acme/v1/proposals", self.agent, sent)
        assert status == 202, body
        return str(json.loads(body)["id"])

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gitconfigmgr", "-C", str(self.root), "proposals", *arguments]
        address = ("--endpoint", f"http://127.0.0.1:{self.endpoint.port}/acme", "--token-file", str(self.token))
        return subprocess.run([*command, *address], capture_output=True, text=True, timeout=120, check=False)

    def apply(self, *arguments: str) -> dict[str, tuple[str, dict[str, Any]]]:
        done = self.run("apply", "--format", "json", *arguments)
        assert done.returncode == 0, done.stderr
        return {item["id"]: (item["state"], item["outcome"]) for item in json.loads(done.stdout)["proposals"]}

    def state(self, id_: str) -> tuple[str, dict[str, Any]]:
        found = json.loads(self.endpoint.ask("GET", f"/acme/v1/proposals/{id_}", self.agent)[2])
        return found["state"], found["outcome"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    made.endpoint.start()
    yield made
    made.endpoint.stop()


def test_a_branch_with_one_line_changed(scene: Scene) -> None:
    id_ = scene.propose("edge-<1>", value=5)
    dry = scene.apply("--dry-run")
    assert dry[id_][0] == "proposed"
    assert scene.state(id_)[0] == "received"
    done = scene.run("apply")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{id_}  proposed  acme/chat in production: limit, by edge-<1>  (proposals/{id_})")
    state, outcome = scene.state(id_)
    assert (state, outcome["branch"]) == ("proposed", f"proposals/{id_}")
    assert scene.git("rev-parse", f"proposals/{id_}") == outcome["commit"]
    assert scene.git("rev-parse", f"proposals/{id_}^") == scene.git("rev-parse", "main"), "main has not moved"
    assert scene.git("diff", "--stat", "main", f"proposals/{id_}").startswith("configs/acme/chat/production.yaml | 1 +")
    assert scene.git("log", "-1", "--format=%an|%ae|%(trailers)", f"proposals/{id_}").splitlines() == [
        "edge- 1|edge--1@agents.invalid|Config-Proposal: " + id_,
        "Config-Instance: edge-<1>",
    ]
    assert scene.git("status", "--porcelain") == ""
    assert list(scene.endpoint.tree.iterdir()) == [], "nothing is published by it"
    assert scene.run("apply").stdout == "nothing to settle\n"

    scene.git("merge", "-q", "--squash", f"proposals/{id_}")
    scene.git("commit", "-qm", f"One of two\n\nConfig-Proposal: {id_}\n\nmore")
    assert scene.apply() == {id_: ("merged", {"commit": scene.git("rev-parse", "HEAD")})}


def test_of_two_that_did_not_know_of_each_other_the_later_counts(scene: Scene) -> None:
    late = scene.propose("a", at=1_700_000_900, value=5)
    early = scene.propose("b", at=1_700_000_800, value=6)
    found = scene.apply()
    assert found[late][0] == "proposed"
    assert (found[early][0], found[early][1]["won"]["id"]) == ("lost", late)
    latest = scene.propose("c", at=1_700_000_950, value=7)
    found = scene.apply()
    assert (found[latest][0], found[latest][1]["overrides"]) == ("proposed", [late])
    assert (found[late][0], scene.state(late)[1]["won"]["id"]) == ("lost", latest)


def test_who_knew_of_the_other_takes_its_place(scene: Scene) -> None:
    first = scene.propose("a", at=1_700_000_900, value=5)
    assert scene.apply()[first][0] == "proposed"
    scene.git("merge", "-q", "--no-edit", f"proposals/{first}", when=1_700_002_000)
    second = scene.propose("a", at=1_700_000_950, value=6, vector={"a": 2})
    found = scene.apply()
    assert found[first][0] == "merged"
    assert found[second][0] == "proposed", "what stands in the repository is its own earlier change"
    other = scene.propose("b", at=1_700_000_100, value=7, commit=scene.git("rev-parse", "main"))
    found = scene.apply()
    assert (found[other][0], found[other][1]["won"]["id"]) == ("lost", second), (
        "its release had the first, not the second"
    )


def test_against_a_commit_the_later_counts(scene: Scene) -> None:
    scene.write("configs/acme/chat/base.yaml", BASE.replace("limit: 1", "limit: 2"))
    changed = scene.commit("second", 1_700_001_000)
    scene.write("configs/acme/chat/base.yaml", BASE.replace("limit: 1", "limit: 2").replace("30", "31"))
    scene.commit("another key", 1_700_009_000)
    early = scene.propose("a", at=1_700_000_900, value=5)
    late = scene.propose("b", at=1_700_001_100, value=6)
    same = scene.propose("c", at=1_700_000_100, value=2)
    other = scene.propose("d", at=1_700_000_100, path=("api", "retries"), value=3)
    found = scene.apply()
    assert (found[early][0], found[early][1]["won"]["commit"]) == ("lost", changed)
    assert (found[late][0], found[late][1]["overrides"]) == ("proposed", [changed])
    assert f"It overrides {changed}." in scene.git("log", "-1", "--format=%b", f"proposals/{late}")
    assert found[other][0] == "proposed", "another key of the same document"
    assert found[same][0] == "lost", "a later proposal counts also where it says what is there"


def test_what_a_person_decides(scene: Scene) -> None:
    protected = scene.propose("a", path=("models",), value=["b"])
    locked = scene.propose("b", path=("api", "key"), value="mine")
    unknown = scene.propose("c", path=("api", "x"), commit="0" * 40)
    evil = scene.propose("d", path=("api", "y"), commit="HEAD")
    found = scene.apply()
    assert [found[id_][0] for id_ in (protected, locked, unknown, evil)] == ["manual"] * 4
    assert found[protected][1]["reason"] == "models is protected"
    assert found[locked][1]["findings"][0].startswith("GCM206: ")
    assert scene.git("branch", "--list", "proposals/*") == ""
    done = scene.run("settle", locked, "refused", "-m", "not ours to choose")
    assert (done.returncode, done.stdout) == (0, f"{locked} is refused\n")
    assert scene.state(locked) == ("refused", {"reason": "not ours to choose"})
    assert scene.run("settle", locked, "merged", "-m", "again").returncode == 3
    listed = scene.run("list", "--state", "manual").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [protected, unknown, evil]


def test_what_cannot_be_made_is_refused(scene: Scene) -> None:
    there = scene.propose("a", path=("limit",), value=1)
    nowhere = scene.propose("b", namespace="acme/none")
    staging = scene.propose("c", environment="nowhere")
    gone = scene.propose("d", patch=[{"op": "remove", "path": "/limit"}])
    wrong = scene.propose("e", path=("name", "below"), value=1)
    found = scene.apply()
    assert found[there][0] == "merged"
    assert [found[id_][0] for id_ in (nowhere, staging, gone, wrong)] == ["refused"] * 4, found
    assert "does not set limit" in found[gone][1]["reason"]


def test_several_keys_are_one_commit_or_none(scene: Scene) -> None:
    patch = [
        {"op": "add", "path": "/limit", "value": 9}, {"op": "add", "path": "/api/hosts", "value": ["a"]},
        {"op": "remove", "path": "/name"},
    ]  # fmt: skip
    both = scene.propose("a", patch=patch)
    half = scene.propose("b", at=1_700_000_600, patch=[*patch[1:2], {"op": "remove", "path": "/limit"}])
    found = scene.apply()
    assert found[both][0] == "proposed"
    assert found[half][0] == "refused", found[half]
    assert scene.git("show", f"proposals/{both}:configs/acme/chat/production.yaml").split() == [
        "limit:", "9", "api:", "hosts:", "-", "a",
    ]  # fmt: skip


def test_ended_between_the_commit_and_telling_of_it(scene: Scene) -> None:
    id_ = scene.propose("a", value=5)
    real = scene.endpoint.port
    with deaf_to_posts(scene.endpoint) as scene.endpoint.port:
        assert scene.run("apply").returncode == 3
    made = scene.git("rev-parse", f"proposals/{id_}")
    scene.endpoint.port = real
    assert scene.apply()[id_][1]["commit"] == made


@contextmanager
def deaf_to_posts(endpoint: Running) -> Iterator[int]:
    """A port that lets questions through, and no settling."""
    real = Running.__new__(Running)
    real.port = endpoint.port

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, _, body = real.ask("GET", self.path, Authorization=self.headers["Authorization"])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def test_a_branch_of_somebody_else_is_left_alone(scene: Scene) -> None:
    id_ = scene.propose("a", value=5)
    scene.git("branch", f"proposals/{id_}", "main")
    assert scene.apply()[id_][0] == "manual"
    assert scene.git("rev-parse", f"proposals/{id_}") == scene.released


def test_a_clock_that_is_ahead_is_held_to_the_time_it_was_received(scene: Scene) -> None:
    early = scene.propose("a", at=time.time() + 86400, value=5)
    late = scene.propose("b", at=time.time() + 1, value=6)
    found = scene.apply()
    assert (found[early][0], found[late][0]) == ("lost", "proposed")
    assert scene.state(early)[1]["won"]["id"] == late
