"""What a person's configuration of git asks of every commit: whose it is, hooks, a signature.

Read and carried out by the git program, for they are its rules; where there is no git, a repository that asks for a hook
or a signature is refused rather than served without.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_IDENT = re.compile(r"(?P<name>.*) <(?P<email>.*)> (?P<time>\d+) (?P<sign>[-+])(?P<hours>\d\d)(?P<minutes>\d\d)\Z")
_LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")  # set where a hook or an alias calls us
_HOOK_RUN = (2, 36)  # the first git with `git hook run`
_SKIP = "correct it, or add --no-verify to skip hooks"


class Conventions:
    """The rules of one repository."""

    def __init__(self, repository: Any) -> None:
        self._repository = repository
        self._top = repository.workdir or repository.path
        self._git = shutil.which("git")

    def identity(self, role: str) -> Any:
        """The signature of the AUTHOR or COMMITTER. Raises UsageError where nobody is configured; nothing is guessed."""
        import pygit2

        hint = "run `git config --global user.name NAME` and `git config --global user.email ADDRESS`"
        if self._git is None:
            try:
                return self._repository.default_signature
            except KeyError:
                raise UsageError("Git does not know who commits", hint) from None
        done = self._run("-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT")
        match = _IDENT.match(done.stdout.decode("utf-8", "replace").rstrip("\n"))
        if done.returncode or match is None:
            raise UsageError("Git does not know who commits", hint)
        offset = int(f"{match['sign']}1") * (60 * int(match["hours"]) + int(match["minutes"]))
        return pygit2.Signature(match["name"], match["email"], int(match["time"]), offset)

    def signs(self) -> bool:
        """Whether commits are to be signed."""
        if self._git is None:
            config = self._repository.config
            if "commit.gpgsign" in config and config.get_bool("commit.gpgsign"):
                raise OutsideError("commits are to be signed here, and there is no git to do it", "install git")
            return False
        return self._run("config", "--type=bool", "--get", "commit.gpgsign").stdout.strip() == b"true"

    def signed_commit(self, tree: str, parents: list[str], author: Any, committer: Any, message: str) -> str:
        """A signed commit object; its id."""
        env: dict[str, str] = {}
        for role, who in (("AUTHOR", author), ("COMMITTER", committer)):
            env |= {f"GIT_{role}_NAME": who.name, f"GIT_{role}_EMAIL": who.email}
            env[f"GIT_{role}_DATE"] = f"@{who.time} {'-' if who.offset < 0 else '+'}{_clock(abs(who.offset))}"
        above = [word for parent in parents for word in ("-p", parent)]
        done = self._run("commit-tree", "-S", *above, "-F", "-", tree, data=message.encode(), env=env)
        if done.returncode:
            hint = "see `git config commit.gpgsign`, user.signingkey and gpg.format"
            raise OutsideError(f"the commit could not be signed: {_last_line(done)}", hint)
        return done.stdout.decode().strip()

    def has_hook(self, name: str) -> bool:
        """Whether the repository has a hook of this name that git would run."""
        if self._git is None:
            place = Path(self._repository.path, "hooks", name)
        else:
            done = self._run("rev-parse", "--git-path", f"hooks/{name}")
            place = Path(self._top, os.fsdecode(done.stdout.rstrip(b"\n")))
        return place.is_file() and os.access(place, os.X_OK)

    def run_hook(self, name: str, *args: str, index: Path | None = None) -> None:
        """Run a hook, where there is one, as git would. Raises OutsideError where it refuses."""
        if not self.has_hook(name):
            return
        if self._git is None or self._version() < _HOOK_RUN:
            raise OutsideError(f"the hook {name} cannot be run", "install git 2.36 or newer, or add --no-verify")
        env = {"GIT_EDITOR": ":"} | ({"GIT_INDEX_FILE": str(index)} if index else {})
        done = self._run("hook", "run", "--ignore-missing", name, "--", *args, env=env)
        if done.returncode:
            said = _text(done)
            raise OutsideError(f"the hook {name} refused the commit{f': {said}' if said else ''}", _SKIP)

    def update_reference(self, name: str, new: str, old: str | None, message: str) -> None:
        """Move a reference by `git update-ref`, which runs the hook reference-transaction."""
        nothing = "0" * len(new)
        done = self._run("update-ref", "--create-reflog", "-m", message, name, new, old or nothing)
        if done.returncode:
            raise OutsideError(f"git did not move {name}: {_text(done)}", "run it again")

    def _version(self) -> tuple[int, ...]:
        found = re.search(rb"(\d+)\.(\d+)", self._run("version").stdout)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def _run(
        self, *args: str, data: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        assert self._git is not None
        given = {name: value for name, value in os.environ.items() if name not in _LOCAL} | dict(env or {})
        return subprocess.run(  # noqa: S603 - git, with our own arguments
            [self._git, *args], cwd=self._top, env=given, input=data, capture_output=True, check=False
        )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}{minutes % 60:02}"


def _text(done: subprocess.CompletedProcess[bytes]) -> str:
    return (done.stderr or done.stdout).decode("utf-8", "replace").strip()


def _last_line(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = [line for line in _text(done).splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ").removeprefix("error: ") if lines else "git said nothing"
