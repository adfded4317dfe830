"""Runs command-line cases. README.md beside this file describes their format.

A case is run and written anew with the output that the commands gave; it holds when that is the text as it stands.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import resource
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = {"cat", "chmod", "cp", "diff", "git", "ln", "ls", "mkdir", "mkfifo", "mv", "rm", "sed", "truncate"}
ROOT = Path(__file__).parent.parent.parent
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from gitconfigmgr.cli.main import main; main()"
SECONDS, MEMORY = 20, 1 << 30

_SECTION = re.compile(r"^-- (?P<path>\S|\S.*?\S)(?: \((?P<form>crlf|hex)\))? --$")
_MARKED = re.compile(r"\$ |# |#$|! |!$|-- |\[-?\d+\]$|\\")
_NO_NEWLINE = "\\ no newline at end"


@dataclass
class Step:
    """`before` are the comment and empty lines above the command."""

    before: list[str]
    command: str


@dataclass
class Case:
    """A parsed file: its commands, whatever follows the last one, the files, and their text as it stands."""

    steps: list[Step] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    archive: str = ""


def parse(text: str) -> Case:
    """The case in a file; expected output is skipped, since running the case writes it anew."""
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if _SECTION.match(line)), len(lines))
    case = Case(archive="\n".join(lines[start:]), files=parse_files(lines[start:]))
    layout: list[str] = []
    for line in lines[:start]:
        if line.startswith("$ "):
            case.steps.append(Step(layout, line[2:]))
            layout = []
        elif line in {"", "#"} or line.startswith("# "):
            layout.append(line)
        else:
            layout = []  # output, and the empty lines in it
    case.tail = layout if start < len(lines) else layout[:-1]
    return case


def parse_files(lines: list[str]) -> dict[str, bytes]:
    """The files of the archive part."""
    files: dict[str, bytes] = {}
    path, form = "", None
    for line in lines:
        if section := _SECTION.match(line):
            path, form = section["path"], section["form"]
            files[path] = b""
        elif form == "hex":
            files[path] += bytes.fromhex(line)
        else:
            files[path] += line.encode() + (b"\r\n" if form == "crlf" else b"\n")
    if path and form != "hex":  # the line end of the archive itself
        files[path] = files[path].removesuffix(b"\n").removesuffix(b"\r")
    return files


def output_lines(text: str, prefix: str = "") -> list[str]:
    """Output as it stands in a case."""
    if not text:
        return []
    lines = text.removesuffix("\n").split("\n")
    if prefix:
        shown = [f"{prefix} {line}" if line else prefix for line in lines]
    else:
        shown = [f"\\{line}" if _MARKED.match(line) else line for line in lines]
        if shown[-1] == "":
            shown[-1] = "\\"
    return shown if text.endswith("\n") else [*shown, _NO_NEWLINE]


@dataclass
class Shell:
    """Runs the commands of one case in its folder."""

    work: Path
    env: dict[str, str]
    cwd: Path

    def run(self, command: str) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        name, *args = shlex.split(command.replace("$WORK", str(self.work)))
        if name == "gitconfigmgr":
            return self.call(args)
        if name in PROGRAMS:
            return self.spawn([name, *args])
        if name == "bounded" and args[0] == "gitconfigmgr":
            return self.spawn([sys.executable, "-c", PROGRAM, str(ROOT), *args[1:]], limit)
        action = getattr(self, f"do_{name}", None) or pytest.fail(f"unknown command: {command}")
        return 0, action(*args) or "", ""

    def call(self, args: list[str]) -> tuple[int, str, str]:
        """The program, in this process."""
        from gitconfigmgr.cli.main import main

        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
        status: object = 0
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(self.cwd)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
            for name, value in self.env.items():
                patch.setenv(name, value)
            try:
                main(args)
            except SystemExit as ended:
                status = ended.code
        code = status if isinstance(status, int) else int(status is not None)
        return code, *(self.shown(stream.detach().getvalue()) for stream in flushed(out, err))

    def spawn(self, argv: list[str], prepare: Callable[[], None] | None = None) -> tuple[int, str, str]:
        """A process of its own."""
        done = subprocess.run(
            argv,
            cwd=self.cwd,
            env=os.environ | self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            preexec_fn=prepare,
            timeout=6 * SECONDS,
            check=False,
        )
        return done.returncode, self.shown(done.stdout), self.shown(done.stderr)

    def shown(self, output: bytes) -> str:
        """Output without what differs from run to run, and without control characters."""
        text = output.decode("utf-8", "backslashreplace").replace(str(self.work), "$WORK")
        text = re.sub(re.escape(self.env["TMPDIR"]) + r"/([a-z-]+)-\w{8}\b", r"$TMP/\1-", text)
        return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: f"<{ord(match[0]):02x}>", text)

    def do_write(self, path: str, *lines: str) -> None:
        target = self.cwd / unescape(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(f"{unescape(line)}\n" for line in lines), encoding="utf-8")

    def do_fill(self, path: str, size: str) -> None:
        self.do_write(path, "a: " + "x" * (int(size) - len("a: \n")))

    def do_nest(self, path: str, depth: str) -> None:
        self.do_write(path, "a: " + "[" * int(depth) + "]" * int(depth))

    def do_many(self, path: str, count: str) -> None:
        self.do_write(path, "a: [" + "1," * int(count) + "]")

    def do_files(self, path: str) -> str:
        found = (self.cwd / path).rglob("*")
        names = sorted(item.relative_to(self.work).as_posix() for item in found if item.is_file())
        return "".join(f"{name}\n" for name in names if "/.git/" not in name)

    def do_env(self, setting: str) -> None:
        name, _, value = setting.partition("=")
        self.env[name] = value

    def do_cd(self, path: str) -> None:
        self.cwd = (self.cwd / path).resolve()


def flushed(*streams: io.TextIOWrapper) -> tuple[io.TextIOWrapper, ...]:
    for stream in streams:
        stream.flush()
    return streams


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def unescape(text: str) -> str:
    """`\\n`, `\\t` and `\\x01` as the characters they stand for."""
    text = text.replace("\\n", "\n").replace("\\t", "\t")
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)


def perform(text: str, folder: Path) -> str:
    """The text of the case with the output that its commands give; they run in `folder`/work."""
    case = parse(text)
    home, work = folder / "home", (folder / "work").resolve()
    home.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    for path, content in case.files.items():
        target = work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    shell = Shell(work, {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "TMPDIR": str(home)}, work)
    lines: list[str] = []
    for step in case.steps:
        status, out, err = shell.run(step.command)
        lines += [*step.before, f"$ {step.command}", *output_lines(out), *output_lines(err, "!")]
        lines += [f"[{status}]"] if status else []
    return "\n".join([*lines, *case.tail, case.archive])
