"""What is written about the program holds: pages are complete and current, the README runs, modules stay short."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gitconfigmgr.model.codes import CODES
from gitconfigmgr.model.settings import Environment, Limits, SchemaBinding, Settings
from tests.script.runner import perform

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def generator() -> object:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_generated_pages_are_current() -> None:
    """Made in a process of its own: commands that ran here keep the help option of their first context."""
    program = "import generate, json; print(json.dumps(generate.pages()))"
    pages = json.loads(subprocess.check_output([sys.executable, "-c", program], cwd=DOCS, text=True))
    assert {name: read(DOCS / name) for name in pages} == pages, "`make docs` rewrites them"


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_page_and_its_case(code: str) -> None:
    assert f"## {code}: " in read(DOCS / "diagnostics.md")
    case = Path(__file__).parent / "script" / "diagnostics" / f"{code}.txtar"
    assert f"{CODES[code].severity}[{code}]: " in read(case), "the case does not show the diagnostic"


def test_every_command_has_its_page() -> None:
    from gitconfigmgr.cli.main import cli

    page = read(DOCS / "commands.md")
    missing = [name for name, _ in generator().commands(cli) if f"## {name}\n" not in page]
    assert not missing


def dataclass_names(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def test_every_setting_is_described() -> None:
    internal = {"name", "chain", "position", "blob_id"}
    kinds = (Settings, Environment, SchemaBinding, Limits)
    names = {field for kind in kinds for field in getattr(kind, "_fields", ()) or dataclass_names(kind)} - internal | {
        "version",
        "extends",
    }
    page = read(DOCS / "settings.md")
    missing = sorted(name for name in names if not re.search(rf"`(?:[\w.<>*\[\]]*\.)?{name}\b", page))
    assert not missing


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what the README's commands find in a clone."""
    shutil.copytree(ROOT / "example-repo", tmp_path / "work" / "example-repo")
    commit = "$ git init -q\n$ git add .\n$ git commit -qm clone\n"
    assert perform(commit, tmp_path) == commit
    return tmp_path


def test_the_commands_of_the_readme_give_what_it_shows(clone: Path) -> None:
    """All console blocks are one session."""
    session = "".join(re.findall(r"^```console\n(.*?)^```$", read(ROOT / "README.md"), re.DOTALL | re.MULTILINE))
    assert "$ gitconfigmgr " in session
    assert perform(session, clone) == session


def test_the_commands_that_the_readme_names_succeed(clone: Path) -> None:
    """The indented ones, in their order; `make` runs this test."""
    commands = re.findall(r"^ {4}((?:gitconfigmgr|cd) [^#\n]*)", read(ROOT / "README.md"), re.MULTILINE)
    assert commands
    output = perform("".join(f"$ {command.strip()}\n" for command in commands), clone)
    assert not re.search(r"^\[\d+\]$", output, re.MULTILINE), output


@pytest.mark.slow
def test_the_readme_leads_to_the_edge(clone: Path) -> None:
    """Its sh blocks are one session in a repository that init made."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", read(ROOT / "README.md"), re.DOTALL | re.MULTILINE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = "".join(blocks).replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    assert said != "".join(blocks)
    said = said.replace("gitconfigmgr serve published", f"gitconfigmgr serve published --listen 127.0.0.1:{port}")
    session = f"""
        set -e
        trap 'kill $(jobs -p)' EXIT
        pip() {{ :; }}
        curl() {{ until command curl -sSf "$@" 2>curl.err; do jobs -r | grep -q agent; sleep 0.2; done; }}
        export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH HOME={shlex.quote(str(clone))}
        cd {shlex.quote(str(clone))}
        gitconfigmgr init my-config && cd my-config && git init -q -b main
    """
    done = subprocess.run(
        ["bash", "-c", textwrap.dedent(session) + said],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("4096"), done.stdout


def test_the_readme_is_short() -> None:
    assert len(read(ROOT / "README.md").splitlines()) < 150


def test_links_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", read(page))]
    missing = [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not (page.parent / link).exists()]
    assert not missing


def test_modules_are_short() -> None:
    lengths = {path.relative_to(ROOT): len(read(path).splitlines()) for path in (ROOT / "gitconfigmgr").rglob("*.py")}
    assert not {path: length for path, length in lengths.items() if length >= 400}
