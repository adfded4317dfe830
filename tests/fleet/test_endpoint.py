"""Agents' reports at a running endpoint: who may send and see them, and what people are shown."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import Running, report

if TYPE_CHECKING:
    from pathlib import Path


class Tags(HTMLParser):
    """Every tag and attribute, and the text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def basic(token: str, user: str = "") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def fleet(running: Running, token: str, *options: str) -> subprocess.CompletedProcess[str]:
    file = running.folder / "token"
    file.write_text(f"{token}\n")
    command = [sys.executable, "-m", "gitconfigmgr", "fleet", "status", "--token-file", str(file)]
    address = ("--endpoint", f"http://127.0.0.1:{running.port}/acme")
    return subprocess.run([*command, *address, *options], capture_output=True, text=True, timeout=120, check=False)


def test_the_last_report_of_each_agent_is_kept(running: Running) -> None:
    agent, viewer = running.token("status", name="agents"), running.token("fleet")
    running.start()
    assert running.ask("POST", "/acme/v1/status", agent, report())[0] == 204
    assert (
        running.ask("POST", "/acme/v1/status", agent, report("node-2", state="stale", reason="unreachable"))[0] == 204
    )
    first = json.loads(running.ask("GET", "/acme/v1/fleet", viewer)[2])["agents"]
    assert running.ask("POST", "/acme/v1/status", agent, report())[0] == 204
    second = json.loads(running.ask("GET", "/acme/v1/fleet", viewer)[2])["agents"]
    assert [item["instance"] for item in second] == ["node-1", "node-2"]
    assert (second[0]["by"], second[0]["namespaces"], second[1]["reason"]) == (
        "agents",
        {"acme/chat": 4},
        "unreachable",
    )
    assert second[0]["since"] == first[0]["since"], "the release is the same"
    assert second[0]["seen"] > first[0]["seen"]
    running.ask("POST", "/acme/v1/status", agent, report(release=8))
    third = json.loads(running.ask("GET", "/acme/v1/fleet", viewer)[2])["agents"]
    assert third[0]["since"] > second[0]["since"]

    running.stop()
    running.start()
    assert json.loads(running.ask("GET", "/acme/v1/fleet", viewer)[2])["agents"][0]["release"] == 8


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400), (b"[]", 400), ({}, 422), (report(state="fine"), 422), (report(instance=""), 422),
        (report(instance="a\nb"), 422), (report("x" * 300), 422), (report(release="8"), 422), (report(release=-1), 422),
        (report(release=True), 422), (report(age="soon"), 422), (report(namespaces=[]), 422),
        (report(namespaces={"\x1b[2J": 1}), 422), (report(commit=5), 422),
        (report(overrides=5), 422), (report(overrides={"a": "b"}), 422), (report(overrides={"a": ["\x1b"]}), 422), (b" " * 200_000, 413),
        (json.dumps(report(age=1)).replace('"age": 1', '"age": 1e999').encode(), 400),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(shared: tuple[Running, str, str], body: Any, status: int) -> None:
    running, agent, viewer = shared
    answer = running.ask("POST", "/acme/v1/status", agent, body)
    assert answer[0] == status, answer[2]
    assert answer[1]["content-type"] == "application/problem+json"
    assert json.loads(running.ask("GET", "/acme/v1/fleet", viewer)[2])["agents"] == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    running = Running(tmp_path_factory.mktemp("shared"))
    agent, viewer = running.token("status"), running.token("fleet")
    running.start()
    yield running, agent, viewer
    running.stop()


def test_who_may_do_what(running: Running) -> None:
    reader, agent = running.token("read"), running.token("status", environments=("staging",))
    viewer = running.token("fleet", environments=("staging",))
    other = running.token("status", "fleet", tenant="globex")
    anywhere = running.token("status")
    running.start()
    assert running.ask("POST", "/acme/v1/status", "", report())[0] == 401
    assert running.ask("POST", "/acme/v1/status", reader, report())[0] == 403
    assert running.ask("POST", "/acme/v1/status", other, report())[0] == 403
    assert running.ask("POST", "/acme/v1/status", agent, report())[0] == 403, "another environment"
    assert running.ask("POST", "/acme/v1/status", agent, report(environment="staging"))[0] == 204
    assert running.ask("POST", "/acme/v1/status", anywhere, report())[0] == 204
    assert running.ask("GET", "/acme/v1/fleet", agent)[0] == 403
    found = json.loads(running.ask("GET", "/acme/v1/fleet", viewer)[2])["agents"]
    assert [item["environment"] for item in found] == ["staging"]
    assert json.loads(running.ask("GET", "/globex/v1/fleet", other)[2])["agents"] == []


def test_the_page(running: Running) -> None:
    agent, viewer = running.token("status"), running.token("fleet")
    running.start()
    hostile = "<script>alert(1)</script>\"'&"
    running.ask("POST", "/acme/v1/status", agent, report(hostile, state="stale", reason=hostile))
    running.ask(
        "POST", "/acme/v1/status", agent, report("node-2", environment="staging", namespaces={"a/b": 1, "a/c": 2})
    )
    assert running.ask("GET", "/fleet")[0] == 401
    status, headers, _ = running.ask("GET", "/fleet", **basic("gcm_wrong"))
    assert (status, headers["www-authenticate"].partition(" ")[0]) == (401, "Basic")
    assert running.ask("GET", "/fleet", **basic(agent))[0] == 401

    status, headers, page = running.ask("GET", "/fleet", **basic(viewer))
    assert status == 200
    found = Tags(page)
    assert found.text.count(hostile) == 2
    names = {name for name, _ in found.tags}
    assert not names & {"script", "img", "link", "iframe", "form"}
    assert not [at for _, given in found.tags for at in given if at.startswith("on") or at in ("src", "style")]
    links = [given["href"] for name, given in found.tags if name == "a"]
    assert links
    assert all(link and link.startswith("?") for link in links), "nothing outside"
    style = re.search(rb"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    assert headers["content-security-policy"].startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert headers["cache-control"] == "no-store"
    assert "1 of 2 follow" in " ".join(found.text.split())

    _, _, page = running.ask("GET", "/fleet?environment=staging&sort=-instance&show=&x=%22%3E", **basic(viewer))
    assert hostile not in Tags(page).text
    assert "node-2" in Tags(page).text
    running.ask("POST", "/acme/v1/status", agent, report("node-3", overrides={"acme/chat": ["limit"], "other": ["x"]}))
    _, _, page = running.ask("GET", "/fleet?show=", **basic(viewer))
    assert "changed here: acme/chat limit" in Tags(page).text
    _, _, page = running.ask("GET", "/fleet?show=trouble", **basic(viewer))
    assert "node-2" not in Tags(page).text


@pytest.mark.parametrize("sort", ["instance", "state", "release", "version", "since", "seen", "reason"])
def test_the_page_sorts(shared_fleet: tuple[Running, str], sort: str) -> None:
    running, viewer = shared_fleet
    orders = []
    for wanted in (sort, f"-{sort}"):
        page = running.ask("GET", f"/fleet?sort={wanted}", **basic(viewer))[2].decode()
        orders.append(re.findall(r'<th scope="row">(.*?)</th>', page))
        assert page.count(f'aria-sort="{"descending" if wanted[0] == "-" else "ascending"}"') == 1
    assert sorted(orders[0]) == ["a", "b", "c"]
    assert orders[0] == orders[1][::-1]


@pytest.fixture(scope="module")
def shared_fleet(tmp_path_factory: pytest.TempPathFactory) -> Any:
    running = Running(tmp_path_factory.mktemp("fleet"))
    agent, viewer = running.token("status"), running.token("fleet")
    running.start()
    running.ask("POST", "/acme/v1/status", agent, report("b", release=9, namespaces={"x/a": 3}))
    running.ask(
        "POST", "/acme/v1/status", agent, report("c", state="stale", reason="m", namespaces={"x/a": 1}, release=3)
    )
    running.ask("POST", "/acme/v1/status", agent, report("a", state="fatal", reason="z", namespaces={"x/a": 2}))
    yield running, viewer
    running.stop()


def test_the_command(running: Running) -> None:
    agent, viewer = running.token("status"), running.token("fleet")
    running.start()
    done = fleet(running, viewer)
    assert (done.returncode, done.stdout) == (1, "no agent has told of itself\n")
    running.ask("POST", "/acme/v1/status", agent, report())
    done = fleet(running, viewer)
    assert done.returncode == 0, done.stderr
    head, line, summary = done.stdout.splitlines()
    assert head.split() == [
        "INSTANCE",
        "ENVIRONMENT",
        "STATE",
        "RELEASE",
        "VERSION",
        "SINCE",
        "SEEN",
        "STALE",
        "REASON",
    ]
    assert line.split()[:5] == ["node-1", "production", "ready", "7", "4"]
    assert summary == "1 of 1 follow, 0 behind release 0"
    assert fleet(running, viewer, "--quiet-after", "0.0001").returncode == 1

    running.ask("POST", "/acme/v1/status", agent, report("node-2", state="expired", reason="the metadata has expired"))
    done = fleet(running, viewer)
    assert done.returncode == 1
    assert re.search(r"^node-2 .* expired .* yes +the metadata has expired$", done.stdout, re.MULTILINE)
    done = fleet(running, viewer, "--json", "-e", "production")
    assert [item["well"] for item in json.loads(done.stdout)["agents"]] == [True, False]
    assert json.loads(fleet(running, viewer, "--json", "-e", "nowhere").stdout)["agents"] == []

    done = fleet(running, agent)
    assert (done.returncode, "403" in done.stderr) == (3, True)
    assert agent not in done.stderr
    running.stop()
    assert fleet(running, viewer).returncode == 3


def test_a_full_store_says_so_and_the_endpoint_goes_on(running: Running) -> None:
    agent = running.token("status")
    running.start()
    assert running.ask("POST", "/acme/v1/status", agent, report())[0] == 204
    for path in running.state.glob("fleet.sqlite*"):
        path.write_bytes(b"no database" * 1000)
    codes = {running.ask("POST", "/acme/v1/status", agent, report(release=n))[0] for n in range(5)}
    assert codes <= {204, 503}
    assert running.ask("GET", "/health/ready")[0] == 200


def test_the_token_file_is_checked(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gitconfigmgr", "fleet", "status", "--endpoint", "https://x.invalid/acme"]
    (tmp_path / "empty").write_text("\n")
    for name in ("empty", "missing"):
        done = subprocess.run(
            [*command, "--token-file", str(tmp_path / name)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
    done = subprocess.run(
        [*command[:-1], "x.invalid", "--token-file", str(tmp_path / "empty")], capture_output=True, check=False
    )
    assert done.returncode == 2
