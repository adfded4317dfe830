"""Records terminal sessions of the program as docs/pictures/*.svg: real commands, their real output.

    python docs/record.py

The same program gives the same bytes: commits have a fixed author and date, and no command shows where its folder is.
One command after the other appears with its output; where nothing moves, all of it is there at once.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
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
    "GIT_AUTHOR_NAME": "Author", "GIT_AUTHOR_EMAIL": "author@example.org", "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "Author", "GIT_COMMITTER_EMAIL": "author@example.org",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "COLUMNS": "110", "LC_ALL": "C.UTF-8", "TZ": "UTC",
}  # fmt: skip


class Command(NamedTuple):
    """A command without a shell; the picture leaves out a hidden one."""

    line: str
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
    "history": (
        "what changed in effect, since when, and the way back",
        [
            *START,
            Command("gitconfigmgr impact --set acme/chat model.max_tokens=2048"),
            edit(f"{CHAT}/base.yaml", "max_tokens: 1024", "max_tokens: 2048"),
            Command("git commit -qam 'Longer answers while we test'"),
            edit(f"{CHAT}/production.yaml", "max_tokens: 4096", "max_tokens: 6000"),
            Command("git commit -qam 'Longer answers for everybody'"),
            Command("gitconfigmgr diff HEAD~2..HEAD"),
            Command("gitconfigmgr log acme/chat -e production --graph"),
            Command("gitconfigmgr rollback acme/chat -e production --to 1 --dry-run"),
        ],
    ),
}


class Session:
    """Runs commands, beginning in this folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: Command) -> str:
        """What the terminal shows, with escape sequences."""
        name, *args = shlex.split(command.line)
        if name == "cd":
            self.folder /= args[0]
            return ""
        colored = ["--color", "always"] if name == "gitconfigmgr" else []
        argv = [sys.executable, "-c", PROGRAM, str(ROOT), *colored, *args] if name == "gitconfigmgr" else [name, *args]
        home = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        done = subprocess.run(  # noqa: S603 - the commands of this file
            argv, cwd=self.folder, env=home | _ENVIRONMENT, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.stdout.decode()


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
                typed = [Run("$ ", PROMPT, bold=True), Run(command.line, "#ffffff", bold=True)]
                steps.append([typed, *(map(styled, output.split("\n")) if output else ()), []])
        steps[-1].pop()
        return steps


def drawn(title: str, steps: list[list[list[Run]]]) -> str:
    """The picture."""
    columns = max(sum(len(run.text) for run in line) for step in steps for line in step)
    rows = sum(map(len, steps))
    width, height = columns * WIDTH + 2 * MARGIN, rows * HEIGHT + BAR + 2 * MARGIN
    label = escape(f"gitconfigmgr: {title}")
    box, name = f'viewBox="0 0 {width:g} {height:g}"', f'aria-label="{label}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" {box} role="img" {name}>',
        f"<title>{label}</title>",
        "<style>",
        f"text {{ font-family: {FONT}; font-size: 14px; white-space: pre; fill: {FOREGROUND} }}",
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
