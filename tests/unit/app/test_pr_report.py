"""What `pr-report` knows beyond the difference of values: secrets, costs and places of LLM requests, hostile text."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.unit.app.secret_world import FILE, SECRETS, World
from tests.unit.repositories import SETTINGS, commit, git, program, write_files

EXAMPLE = Path(__file__).parent.parent.parent.parent / "example-repo"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "repository", tmp_path / "home").encrypted()
    world.git("branch", "-q", "before")
    return world


def report(world: World, *args: str) -> Any:
    done = world.program("pr-report", "--base", "before", "--format", "json", *args)
    assert done.status == 0, done.err
    assert not any(secret.encode() in done.out for secret in SECRETS)
    return json.loads(done.text)


def test_rotated_is_told_from_encrypted_again_where_a_key_is_at_hand(world: World) -> None:
    world.ok("rotate-key", FILE)
    world.ok("set", FILE, "api.key", stdin=b"sk-second-value")
    world.commit("new data key, and one new secret")
    found = report(world, "--with-secrets")
    assert {item["path"]: item["change"] for item in found["secrets"]} == {
        "/api/key": "rotated",
        "/database/password": "encrypted again",
    }
    assert {item["change"] for item in report(world)["secrets"]} == {"unknown"}
    stranger = world.program("pr-report", "--base", "before", "--with-secrets", identity=world.friend)
    assert stranger.status == 0
    assert "2 with a new ciphertext" in stranger.text
    page = world.program("pr-report", "--base", "before", "--with-secrets", "--format", "markdown").text
    assert "1 rotated, 1 encrypted again" in page
    assert "second-value" not in page


def test_costs_and_places_of_requests_are_compared(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    shutil.copytree(EXAMPLE, root)
    commit(root, "base")
    git(root, "checkout", "-qb", "change")
    for path, old, new in (
        ("assistants/chat-api/production.yaml", "max_tokens: 800", "max_tokens: 1600"),
        ("platform/gateway/base.yaml", "region: us\n", "region: eu\n"),
    ):
        file = root / "configs/acme" / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))
    found = json.loads(program("pr-report", "--base", "HEAD", "--format", "json", cwd=root).stdout)
    (cost,) = [item for item in found["costs"] if item["namespace"] == "acme/assistants/chat-api"]
    assert cost["environment"] == "production"
    assert cost["to_usd"] > cost["from_usd"] > 0
    places = [item for item in found["places"] if item["namespace"] == "acme/platform/gateway"]
    assert {(item["from"], item["to"]) for item in places} == {("us", "eu")}
    assert "production" in {item["environment"] for item in places}


def test_names_and_values_of_a_hostile_change_are_only_code(tmp_path: Path) -> None:
    write_files(tmp_path, SETTINGS | {"configs/acme/chat/base.yaml": "a: 1\n"})
    commit(tmp_path, "base")
    git(tmp_path, "checkout", "-qb", "change")
    text = "</details><img src=x>@somebody [l](http://evil) ``` | # x"
    value = json.dumps(text)
    write_files(tmp_path, {"configs/acme/chat/base.yaml": f"a: {value}\n{value}: {value}\nb: |\n  {text}\n  # two\n"})
    commit(tmp_path, "hostile")
    done = program("pr-report", "--base", "main", "--format", "markdown", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    html = MarkdownIt("commonmark").enable("table").render(done.stdout)
    outside = re.sub(r"<code>.*?</code>", "", html, flags=re.DOTALL)
    assert "somebody" in html
    for trace in ("somebody", "evil", "<img", "<a "):
        assert trace not in outside
    assert outside.count("</details>") == outside.count("<details>") == 2


def test_a_page_is_never_too_long_for_a_comment(tmp_path: Path) -> None:
    files = {f"configs/acme/s{n:03}/base.yaml": f"text: {'x' * 40}\nnumber: {n}\n" for n in range(400)}
    write_files(tmp_path, SETTINGS | files)
    commit(tmp_path, "base")
    git(tmp_path, "checkout", "-qb", "change")
    write_files(tmp_path, {path: f"text: {'y' * 40}{n}\nnumber: {-n}\n" for n, path in enumerate(files)})
    commit(tmp_path, "everything")
    done = program("pr-report", "--base", "main", "--format", "markdown", cwd=tmp_path)
    assert len(done.stdout) < 65_536
    assert "1200 targets: 1200 updated; 400 in protected environments" in done.stdout
    assert "would not fit here" in done.stdout
    assert done.stdout.count("<details>") == done.stdout.count("</details>") > 20
