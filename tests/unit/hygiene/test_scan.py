"""Scanning thousands of files is a matter of seconds, and three staged ones of a moment."""

from __future__ import annotations

import subprocess
import sys
import time
from random import Random
from typing import TYPE_CHECKING

from click.testing import CliRunner

from gitconfigmgr.app.scan import scan
from gitconfigmgr.cli.main import cli
from gitconfigmgr.model.contents import Content

from . import keys, prose

if TYPE_CHECKING:
    from pathlib import Path


def content(path: str, data: bytes) -> Content:
    return Content(path, len(data), lambda most=None: data[:most])


def test_thousand_files_take_less_than_a_second_each_five() -> None:
    random = Random(1)
    texts = [prose.text(random, 40).encode() for _ in range(50)]
    files = [content(f"{number}.md", texts[number % 50]) for number in range(1_000)]
    files.append(content("last.env", keys.KEYS["xAI key"](random).encode()))
    start = time.process_time()
    scanned = scan(files)
    assert time.process_time() - start < 5
    assert [item.position.path for item in scanned.diagnostics] == ["last.env"]
    assert scanned.files == 1_001


def test_nothing_of_the_compiler_is_loaded(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "a.md").write_text("text\n")
    program = (
        "import sys; from gitconfigmgr.cli.main import run; run(['scan', '--staged']); run(['scan']);"
        "print([name for name in sys.modules if name in ('gitconfigmgr.pipeline', 'jinja2', 'yaml', 'cryptography')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_names_that_are_no_text_and_links(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "link.md").symlink_to("/etc/passwd")
    (tmp_path / "fold er").mkdir()
    (tmp_path / "fold er" / "é.md").write_text(keys.KEYS["xAI key"](Random(1)))
    result = CliRunner().invoke(cli, ["-C", str(tmp_path), "scan"])
    assert result.exit_code == 1
    assert "--> fold er/é.md:1:1" in result.output
    assert "1 error, 0 warnings in 1 file" in result.output


def test_merges_count_what_neither_side_had(tmp_path: Path) -> None:
    def git(*args: str) -> None:
        subprocess.run(["git", *args], cwd=tmp_path, check=True, capture_output=True)

    def commit(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)
        git("add", ".")
        git("commit", "-q", "-m", name)

    random = Random(2)
    git("init", "-q")
    commit("a.md", "a\n")
    git("checkout", "-q", "-b", "side")
    commit("b.env", keys.KEYS["xAI key"](random))
    git("checkout", "-q", "main")
    commit("c.md", "c\n")
    git("merge", "-q", "--no-commit", "side")
    commit("d.env", keys.KEYS["Groq key"](random))
    run = CliRunner()
    everything = run.invoke(cli, ["-C", str(tmp_path), "scan", "--range", "HEAD"]).output
    assert everything.count("error[") == 2
    merge = run.invoke(cli, ["-C", str(tmp_path), "scan", "--range", "side..main"]).output
    assert "--> d.env:1:1" in merge
    assert "b.env" not in merge
