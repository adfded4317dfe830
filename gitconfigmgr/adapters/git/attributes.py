"""A merge driver and a textconv in the configuration of a repository, and the attributes that name them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.files import write_atomically
from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Sequence

DRIVER = "gitconfigmgr"
_NAME = ".gitattributes"


def install(repository: Any, patterns: Sequence[str]) -> list[str]:
    """Write what is missing; what was written, as lines for people."""
    done = _configured(repository)
    file = Path(repository.workdir) / _NAME
    if file.is_symlink():
        raise OutsideError(f"{file} is a link", "make it a file")
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise OutsideError(f"{_NAME} cannot be read: {error}", "save it as UTF-8") from None
    present = {line.split()[0] for line in before.splitlines() if f"merge={DRIVER}" in line.split()}
    missing = [f"{pattern} merge={DRIVER} diff={DRIVER}" for pattern in patterns if pattern not in present]
    if missing:
        end = "" if before.endswith("\n") or not before else "\n"
        added = "".join(f"{line}\n" for line in missing)
        write_atomically(file, f"{before}{end}{added}".encode())
        done += [f"{_NAME}: {line}" for line in missing]
    return done


def _configured(repository: Any) -> list[str]:
    program = _program()
    wanted = {
        f"merge.{DRIVER}.name": "encrypted files, by their keys",
        f"merge.{DRIVER}.driver": f"{program} secret merge %O %A %B %P",
        f"diff.{DRIVER}.textconv": f"{program} secret textconv",
    }
    config = repository.config
    done = []
    for name, value in wanted.items():
        if name not in config or config[name] != value:
            config[name] = value
            done.append(f"git config: {name}")
    return done


def _program() -> str:
    """How Git calls this program: by its name where it is on the path, else by the interpreter that runs it."""
    if shutil.which("gitconfigmgr"):
        return "gitconfigmgr"
    return f"{shlex.quote(sys.executable)} -m gitconfigmgr"


def merge_lines(base: Path, ours: Path, theirs: Path) -> int:
    """Git's own merge of lines, into `ours`; 1 where there are conflicts."""
    git = shutil.which("git")
    if git is None:
        return 1
    command = [git, "merge-file", "-L", "ours", "-L", "base", "-L", "theirs", "--", str(ours), str(base), str(theirs)]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - Git calls us, with its files
    return 0 if done.returncode == 0 else 1
