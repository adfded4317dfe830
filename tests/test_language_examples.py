"""The examples in docs/ are true: their files are compiled, and what the page shows is what comes out.

A page is text with fenced blocks, read from top to bottom:

    yaml     files; each begins with a comment that names its path, which is the file's first line
    jsonc    one file, named the same way with `//`, which is not part of it; below compiled/ it is what `compile` writes
    json     the effective document of acme/chat in production
    text     what `check` finds, without the line that sums it up
    console  a session in the folder of the example

Files after a result begin a new example. Without a settings file there is `version: 1`. An example with a json block and
no text block has no findings. Blocks of no language are not looked at. GCM_UPDATE=1 rewrites the results.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from tests.script.runner import Shell, perform

DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("language.md", "settings.md", "formats.md", "editors.md", "llm-rules.md", "models.md", "policies.md",
         "config-tests.md")  # fmt: skip
WIDTH = 110

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<content>.*?)^```$", re.DOTALL | re.MULTILINE)
_HEAD = re.compile(r"^# ((?:configs/|policies/|tests/|waivers\.yaml|gitconfigmgr\.yaml)\S*)(?: .*)?$")
_NAMED = re.compile(r"// (\S+)\n")
_RESULTS = ("json", "text", "console")


@dataclass
class Example:
    """Files, and the folder they are written to once something is asked of them."""

    folder: Path
    files: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    shell: Shell | None = None

    def ready(self) -> Shell:
        if self.shell is None:
            home, work = self.folder / "home", self.folder / "work"
            home.mkdir(parents=True)
            for path, content in ({"gitconfigmgr.yaml": "version: 1\n"} | self.files).items():
                (work / path).parent.mkdir(parents=True, exist_ok=True)
                (work / path).write_text(content, encoding="utf-8")
            env = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "TMPDIR": str(home)}
            self.shell = Shell(work.resolve(), env, work.resolve())
        return self.shell

    def run(self, command: str) -> tuple[int, str]:
        status, out, err = self.ready().run(command)
        return status, out + err

    def result(self, language: str, content: str) -> str:
        """What a result block has to be."""
        self.asked.append(language)
        if language == "json":
            status, output = self.run("gitconfigmgr get acme/chat -e production --format json")
            return shown(json.loads(output)) + "\n" if status == 0 else output
        if language == "text":
            return self.run("gitconfigmgr check --no-cache")[1].rstrip("\n").rpartition("\n")[0].rstrip("\n") + "\n"
        self.ready()
        return perform(content, self.folder)

    def compiled(self, path: str) -> str:
        """A file that `compile` writes."""
        self.asked.append("compiled")
        status, output = self.run("gitconfigmgr compile -o compiled --no-cache")
        assert status == 0, output
        return shown(json.loads((self.folder / "work" / path).read_bytes())) + "\n"

    def loose_end(self) -> str | None:
        """What is wrong with the example as a whole."""
        if not self.asked:
            return "has no result"
        if "json" in self.asked and "text" not in self.asked:
            status, output = self.run("gitconfigmgr check --no-cache")
            if status or not output.startswith("ok"):
                return f"has findings that it does not show:\n{output}"
        return None


def shown(value: Any, indent: int = 0, taken: int = 0) -> str:
    """JSON on one line where it fits."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + taken + len(line) <= WIDTH or not isinstance(value, (dict, list)) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        keys = [(json.dumps(key, ensure_ascii=False) + ": ", child) for key, child in value.items()]
        lines = [f"{inner}{key}{shown(child, indent + 2, len(key) + 1)}" for key, child in keys]
        return "{\n" + ",\n".join(lines) + f"\n{' ' * indent}}}"
    return "[\n" + ",\n".join(inner + shown(child, indent + 2, 1) for child in value) + f"\n{' ' * indent}]"


def sections(content: str) -> dict[str, str]:
    """The files in a yaml block."""
    files: dict[str, str] = {}
    path = ""
    for line in content.splitlines(keepends=True):
        if head := _HEAD.match(line.rstrip("\n")):
            path = head[1]
            files[path] = ""
        assert path, f"a yaml block begins with the path of its file, not with {line!r}"
        files[path] += line
    return files


def rewritten(page: str, folder: Path) -> tuple[str, list[str]]:
    """The page with the results that its examples have, and what is wrong with the examples."""
    examples: list[Example] = []
    pieces: list[str] = []
    at = 0
    for block in _BLOCK.finditer(page):
        language, content = block["language"], block["content"]
        named = _NAMED.match(content) if language == "jsonc" else None
        is_result = language in _RESULTS or (named is not None and named[1].startswith("compiled/"))
        assert is_result or named or language == "yaml", f"no meaning for a block of {language}:\n{content}"
        if not examples or (not is_result and examples[-1].asked):
            examples.append(Example(folder / str(len(examples))))
        example = examples[-1]
        if language in _RESULTS:
            content = example.result(language, content)
        elif named is None:
            example.files |= sections(content)
        elif is_result:
            content = named[0] + example.compiled(named[1])
        else:
            example.files[named[1]] = content[named.end() :]
        pieces += [page[at : block.start("content")], content]
        at = block.end("content")
    wrong = [
        f"the example of {', '.join(example.files) or 'no files'} {problem}"
        for example in examples
        if (problem := example.loose_end())
    ]
    return "".join([*pieces, page[at:]]), wrong


@pytest.mark.golden
@pytest.mark.parametrize("name", PAGES)
def test_the_examples_are_true(name: str, tmp_path: Path) -> None:
    path = DOCS / name
    page = path.read_text(encoding="utf-8")
    actual, wrong = rewritten(page, tmp_path)
    if os.environ.get("GCM_UPDATE"):
        path.write_text(actual, encoding="utf-8")
    elif actual != page:
        wrong += unified_diff(page.splitlines(), actual.splitlines(), "as written", "as it is", lineterm="")
    assert not wrong, "\n".join(wrong)


def test_the_page_names_every_directive() -> None:
    from gitconfigmgr.resolve.directives import NAMES

    page = (DOCS / "language.md").read_text(encoding="utf-8")
    assert not [name for name in NAMES if f"`{name}" not in page and f"{{{name}" not in page]


def test_the_page_lists_what_templates_may_use() -> None:
    from gitconfigmgr.resolve.template_syntax import FILTERS, TESTS

    page = (DOCS / "language.md").read_text(encoding="utf-8")
    for title, names in (("Filters", FILTERS), ("Tests", TESTS)):
        listed = re.search(rf"^\* {title}: (.*(?:\n  .*)*)", page, re.MULTILINE)
        assert listed
        assert sorted(re.findall(r"`(\w+)`", listed[1])) == sorted(names)


def test_the_page_has_every_rule() -> None:
    page = (DOCS / "language.md").read_text(encoding="utf-8")
    assert not [f"M{number}" for number in range(1, 18) if f"### M{number}: " not in page]
