"""Records terminal sessions of the program as docs/pictures/*.svg: real commands, their real output.

    python docs/record.py

The same program gives the same bytes: commits have a fixed author and date, and folders that differ are not shown. Each
command appears with its output one after the other; where nothing moves, all of it is there at once.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple

PICTURES = Path(__file__).parent / "pictures"
ROOT = Path(__file__).parent.parent
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from gitconfigmgr.cli.main import main; main()"

WIDTH, HEIGHT, MARGIN, BAR = 8.4, 19.0, 16.0, 30.0  # of a character, of a line, around the text, above it
PACE = 1.6  # seconds from one command to the next
FOREGROUND, BACKGROUND, PROMPT = "#d5d9e0", "#1b1f27", "#7aa2f7"
COLORS = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea"}
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Robin", "GIT_AUTHOR_EMAIL": "robin@example.org", "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "Robin", "GIT_COMMITTER_EMAIL": "robin@example.org",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "COLUMNS": "110", "LC_ALL": "C.UTF-8", "TZ": "UTC",
}  # fmt: skip


class Command(NamedTuple):
    """`shown` is what the picture shows; `done` is what runs, a different command only where that says less."""

    shown: str
    done: str = ""
    hidden: bool = False


def edit(path: str, before: str, after: str) -> Command:
    """A change of a file, as the command that anybody could type."""
    return Command(f"sed -i 's/{before}/{after}/' {path}")


CHAT = "configs/acme/chat"
START = [
    Command("gitconfigmgr init my-config", hidden=True),
    Command("cd my-config", hidden=True),
    Command("git add .", hidden=True),
    Command("git commit -qm 'first configuration'", hidden=True),
]
SCENES: dict[str, tuple[str, list[Command]]] = {
    "check": (
        "a wrong value, and where it stands",
        [
            *START,
            Command("gitconfigmgr check"),
            edit(f"{CHAT}/production.yaml", "max_tokens: 4096", "max_tokens: 99999"),
            Command("gitconfigmgr check"),
            edit(f"{CHAT}/production.yaml", "99999", "8192"),
            Command("gitconfigmgr compile -o compiled"),
        ],
    ),
    "explain": (
        "why a key has its value",
        [
            *START,
            Command("gitconfigmgr layers acme/chat -e production"),
            Command("gitconfigmgr get acme/chat api -e production"),
            Command("gitconfigmgr explain acme/chat api.timeout_seconds -e production"),
            Command("gitconfigmgr explain acme/chat service.url -e production"),
        ],
    ),
}


@dataclass
class Session:
    """Runs commands in a folder of its own."""

    folder: Path

    def run(self, command: Command) -> str:
        """What the terminal shows, with escape sequences."""
        name, *args = shlex.split(command.done or command.shown)
        if name == "cd":
            self.folder /= args[0]
            return ""
        colored = ["--color", "always"] if name == "gitconfigmgr" else []
        argv = [sys.executable, "-c", PROGRAM, str(ROOT), *colored, *args] if name == "gitconfigmgr" else [name, *args]
        ours = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "GITCONFIGMGR_", "XDG_"))}
        home = {"HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder / ".cache")}
        done = subprocess.run(
            argv, cwd=self.folder, env=ours | home | _ENVIRONMENT, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return steady(done.stdout.decode())


def steady(text: str) -> str:
    """Output without what is another one after each change of the template: ids of commits."""
    return re.sub(r"^(commit    )[0-9a-f]{10} ", r"\g<1>4c1d0e97aa ", text, flags=re.MULTILINE)


class Run(NamedTuple):
    """Characters of one style."""

    text: str
    color: str = FOREGROUND
    bold: bool = False


def styled(line: str) -> list[Run]:
    """A line with SGR sequences as runs."""
    runs: list[Run] = []
    color, bold, at = FOREGROUND, False, 0
    for match in [*_ESCAPE.finditer(line), None]:
        text = line[at : match.start()] if match else line[at:]
        if text:
            runs.append(Run(text, color, bold))
        if match:
            at = match.end()
            for code in map(int, (match[1] or "0").split(";")):
                color = FOREGROUND if code in {0, 39} else COLORS.get(code, color)
                bold = code == 1 or (bold and code not in {0, 22})
    return runs


def recorded(commands: list[Command]) -> list[list[list[Run]]]:
    """For each command that is shown its lines, the command first."""
    with tempfile.TemporaryDirectory(prefix="gitconfigmgr-record-") as folder:
        session = Session(Path(folder).resolve())
        steps = []
        for command in commands:
            output = session.run(command).rstrip("\n")
            if not command.hidden:
                typed = [Run("$ ", PROMPT, bold=True), Run(command.shown, "#ffffff", bold=True)]
                steps.append([typed, *(map(styled, output.split("\n")) if output else ()), []])
        steps[-1].pop()
        return steps


def drawn(title: str, steps: list[list[list[Run]]]) -> str:
    """The picture."""
    columns = max(sum(len(run.text) for run in line) for step in steps for line in step)
    rows = sum(map(len, steps))
    width, height = columns * WIDTH + 2 * MARGIN, rows * HEIGHT + BAR + 2 * MARGIN
    label = escape(f"gitconfigmgr: {title}")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        f' role="img" aria-label="{label}">',
        f"<title>{label}</title>",
        "<style>",
        f"text {{ font: 14px {FONT}; white-space: pre; fill: {FOREGROUND} }}",
        "g { animation: appear 0.2s backwards } @keyframes appear { from { opacity: 0 } }",
        "@media (prefers-reduced-motion: reduce) { g { animation: none } }",
        "</style>",
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{BACKGROUND}"/>',
        *(
            f'<circle cx="{MARGIN + 4 + 20 * index:g}" cy="20" r="6" fill="{color}"/>'
            for index, color in enumerate(("#ff5f57", "#febc2e", "#28c840"))
        ),
    ]
    row = 0
    for number, step in enumerate(steps):
        lines.append(f'<g style="animation-delay: {number * PACE:g}s">')
        for line in step:
            row += 1
            lines += texts(line, BAR + MARGIN + row * HEIGHT - 5)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def texts(line: list[Run], y: float) -> list[str]:
    """The elements of one line; every run has its own place, so that no font moves a column."""
    made, column = [], 0
    for run in line:
        inner = run.text.lstrip(" ")
        x, length = MARGIN + (column + len(run.text) - len(inner)) * WIDTH, len(inner.rstrip(" ")) * WIDTH
        if inner.strip(" "):
            weight = ' font-weight="bold"' if run.bold else ""
            fill = f' style="fill: {run.color}"' if run.color != FOREGROUND else ""
            text = escape(inner.rstrip(" "), quote=False)
            made.append(
                f'<text x="{x:g}" y="{y:g}" textLength="{length:g}" xml:space="preserve"{weight}{fill}>{text}</text>'
            )
        column += len(run.text)
    return made


def pictures() -> dict[str, str]:
    """The pictures by their file name."""
    return {f"{name}.svg": drawn(title, recorded(commands)) for name, (title, commands) in SCENES.items()}


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for file_name, content in pictures().items():
        (PICTURES / file_name).write_text(content, encoding="utf-8")
