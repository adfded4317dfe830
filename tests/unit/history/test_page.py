"""The page about a target: well-formed, complete, and deaf to what a repository writes into it."""

from __future__ import annotations

import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from gitconfigmgr.app.select import State
from gitconfigmgr.app.story import story
from gitconfigmgr.cli.history.page import page
from gitconfigmgr.wiring.trees import open_chronicle
from tests.programs import program
from tests.unit.repositories import SECRET, SETTINGS, commit, git, write_files

if TYPE_CHECKING:
    from pathlib import Path

ATTACK = "</style></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`\x1b[2J\u202e&lt;"
VOID = {"meta", "br", "line", "path", "img", "link", "input"}


class Reader(HTMLParser):
    """Collects tags and attributes, and checks that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_files(tmp_path, SETTINGS | {"configs/a/base.yaml": "x: 1\nlist: [{name: one, v: 1}]\n"})
    commit(tmp_path, "Begin")
    values = f'x: {{"k{ATTACK}": ok}}\n'.replace("\x1b", "\\x1b").replace("\"'`", '\\"`')
    write_files(tmp_path, {"configs/a/base.yaml": values + "list: [{name: two, v: 2}, {name: one, v: 3}]\n"})
    git(tmp_path, "add", ".")
    env = ["-c", f"user.name=Eve {ATTACK}".replace("<", "(").replace(">", ")").replace("\x1b", "")]
    git(tmp_path, *env, "commit", "-qm", f"Subject {ATTACK}\n\nBody {ATTACK}\n\nTicket: {ATTACK}")
    write_files(tmp_path, {"configs/a/base.yaml": "x: [\n"})
    commit(tmp_path, f"Break {ATTACK}")
    write_files(
        tmp_path,
        {"configs/a/base.yaml": f"x: |\n  one\n  two\nkey: {SECRET}\nsops: {{mac: x, version: 3.9.0, age: []}}\n"},
    )
    commit(tmp_path, "Repair")
    return tmp_path


def made(root: Path) -> tuple[str, Reader]:
    text = page(story(open_chronicle(State(root)), "a", "production", 100))
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return text, reader


def test_nothing_of_a_repository_becomes_markup(root: Path) -> None:
    text, reader = made(root)
    assert reader.tags.isdisjoint({"script", "img", "link", "iframe", "object", "base", "form"})
    assert not {name for name, _ in reader.attributes if name.startswith("on")}
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>alert(1)</script>" in reader.text, "it is shown as what it is"


def test_the_page_asks_for_nothing(root: Path) -> None:
    text, reader = made(root)
    targets = {
        value for name, value in reader.attributes if name in {"href", "src", "action", "data", "poster", "srcset"}
    }
    assert all(target.startswith("#v") for target in targets)
    assert "url(" not in text
    assert "@import" not in text
    policy = next(value for name, value in reader.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_it_tells_all_versions_and_no_secret(root: Path) -> None:
    text, reader = made(root)
    assert {f"v{number}" for number in (1, 2, 3, 4)} <= {value for name, value in reader.attributes if name == "id"}
    assert "does not compile" in reader.text
    assert "configs/a/base.yaml:1" in reader.text
    assert "cXE=" not in text


def test_a_browser_shows_it_as_it_is_meant(root: Path, tmp_path: Path) -> None:
    """The style passes the page's own policy, and the document holds what the text says, with no script run."""
    browser = program("chromium")
    text, _ = made(root)
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}",
         "--enable-logging=stderr", "--v=0", "--dump-dom", file.as_uri()],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("<article") == 4
    assert "Refused to" not in done.stderr
    assert "violates the following Content Security Policy" not in done.stderr
