"""Encrypted files as people work with them: new ones, values in them, and their recipients.

Results of many files are made completely before the first is written, so that a failure leaves all as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.secrets import creation, keyring, opening, recipients, sealing
from gitconfigmgr.secrets.errors import RulesError
from gitconfigmgr.secrets.keyring import NoKeyError
from gitconfigmgr.secrets.scalars import typed_like
from gitconfigmgr.secrets.stores.registry import format_of
from gitconfigmgr.secrets.tokens import DataKey, looks_encrypted, parse
from gitconfigmgr.secrets.tree import Leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.secrets.creation import Rule
    from gitconfigmgr.secrets.metadata import Metadata, Recipient
    from gitconfigmgr.secrets.opening import SecretFile
    from gitconfigmgr.secrets.ports import KeyProvider
    from gitconfigmgr.secrets.recipients import Exposure, Status

T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """What the use cases work on. `read` gives None for a file that is not there; paths are from the repository's root."""

    read: Callable[[str], bytes | None]
    write: Callable[[str, bytes], None]
    providers: Mapping[str, KeyProvider]
    now: datetime


@dataclass(frozen=True)
class Listed:
    """One value of a file, as far as no key is needed."""

    path: KeyPath
    type: str
    encrypted: bool


def rule_for(bench: Bench, path: str) -> Rule:
    """The creation rule of a file. Raises RulesError."""
    for candidate in creation.candidates(path):
        data = bench.read(candidate)
        if data is not None:
            return creation.read_rules(candidate, data).rule_for(path)
    raise RulesError(f"there is no {creation.NAME} for {path}", "write one at the root of the repository")


def encrypt_file(bench: Bench, path: str) -> None:
    """Encrypt a plaintext file in place, by its creation rule."""
    data = _read(bench, path)
    rule = rule_for(bench, path)
    key = DataKey.new()
    groups = keyring.wrap(key, rule.groups, rule.threshold, bench.providers, bench.now)
    sealed = _named(
        path, lambda: sealing.encrypt(data, format_of(path), key, groups, rule.selection, bench.now, threshold=rule.threshold)
    )  # fmt: skip
    bench.write(path, sealed)


def decrypt_file(bench: Bench, path: str) -> bytes:
    """The plaintext of a file, verified; nothing is written."""
    data = _read(bench, path)
    return _named(path, lambda: opening.decrypt(data, format_of(path), _key(bench, path, data)))


def replace_plaintext(bench: Bench, path: str, plain: bytes) -> bool:
    """Put edited plaintext into an encrypted file; whether anything changed. The file is left as it was on an error."""
    before = _read(bench, path)
    key = _key(bench, path, before)
    after = _named(path, lambda: sealing.encrypt_again(plain, before, format_of(path), key, bench.now))
    if after != before:
        bench.write(path, after)
    return after != before


def set_value(bench: Bench, path: str, at: KeyPath, value: Any, *, plain: bool = False) -> bool:
    """Set a value of an encrypted file; whether anything changed. Text takes the type that the value had."""
    before = _read(bench, path)
    key = _key(bench, path, before)
    known = {item.path: item.type for item in list_values(bench, path)}
    if isinstance(value, str) and known.get(at, "str") not in ("str", "null"):
        value = _named(path, lambda: typed_like(value, known[at]))
    after = _named(path, lambda: sealing.set_value(before, format_of(path), key, at, value, bench.now, plain=plain))
    if after != before:
        bench.write(path, after)
    return after != before


def unset_value(bench: Bench, path: str, at: KeyPath) -> None:
    """Remove a value of an encrypted file."""
    before = _read(bench, path)
    key = _key(bench, path, before)
    bench.write(path, _named(path, lambda: sealing.unset_value(before, format_of(path), key, at, bench.now)))


def get_value(bench: Bench, path: str, at: KeyPath) -> Any:
    """One value, or a subtree, in plaintext."""
    data = _read(bench, path)
    return _named(path, lambda: opening.get_value(data, format_of(path), _key(bench, path, data), at))


def environment_of(bench: Bench, path: str) -> dict[str, str]:
    """A flat file as environment variables for a child process."""
    data = _read(bench, path)
    return _named(path, lambda: opening.exec_environment(data, format_of(path), _key(bench, path, data)))


def list_values(bench: Bench, path: str) -> list[Listed]:
    """The values of an encrypted file, without a key."""
    data = _read(bench, path)
    secrets = _named(path, lambda: opening.read(data, format_of(path)))
    return [_listed(place.path, place.node) for place in secrets.places if isinstance(place.node, Leaf)]


def _listed(path: KeyPath, leaf: Leaf) -> Listed:
    token = parse(str(leaf.value)) if looks_encrypted(leaf.value) else None
    kinds = {bool: "bool", int: "int", float: "float", type(None): "null"}
    return Listed(path, token.type if token else kinds.get(type(leaf.value), "str"), token is not None)


# -- many files ----------------------------------------------------------------------------------------------------------


def statuses(bench: Bench, paths: Iterable[str]) -> list[Status]:
    """The state of files against their rules, without a key."""
    return [
        recipients.status(path, _read(bench, path), format_of(path), lambda it: rule_for(bench, it)) for path in paths
    ]


def verify_files(bench: Bench, paths: Iterable[str]) -> dict[str, GitConfigError]:
    """The files whose tokens or codes do not fit, or that cannot be opened, with the reason."""
    failures: dict[str, GitConfigError] = {}
    files: dict[str, SecretFile] = {}
    for path in paths:
        try:
            files[path] = opening.read(_read(bench, path), format_of(path))
        except GitConfigError as error:
            failures[path] = error
    keys = keyring.unwrap_many([file.metadata for file in files.values()], bench.providers)
    for (path, file), key in zip(files.items(), keys, strict=True):
        try:
            if isinstance(key, NoKeyError):
                raise key
            opening.open_all(file, key)
        except GitConfigError as error:
            failures[path] = error
    return failures


def rekey_files(bench: Bench, paths: Iterable[str]) -> list[str]:
    """Give files the recipients of their rules, with the same data keys; returns those that changed."""
    listed = list(paths)
    rules = {path: rule_for(bench, path) for path in listed}
    return _change(bench, listed, lambda path, _: (rules[path].groups, rules[path].threshold), rotate=False)


def rotate_files(bench: Bench, paths: Iterable[str]) -> list[str]:
    """New data keys for files, for the recipients they have."""
    return _change(bench, list(paths), lambda _, metadata: _present(metadata), rotate=True)


def offboard(bench: Bench, paths: Iterable[str], leaver: Recipient) -> list[Exposure]:
    """Take a recipient out of all files, with new data keys; returns the secrets that have to be changed themselves."""
    files = {path: opening.read(_read(bench, path), format_of(path)) for path in paths}
    plan = recipients.offboarding(files, leaver)

    def left(_: str, metadata: Metadata) -> tuple[tuple[tuple[Recipient, ...], ...], int]:
        groups, threshold = _present(metadata)
        return recipients.without(groups, leaver), threshold

    _change(bench, [item.path for item in plan], left, rotate=True)
    return plan


def _present(metadata: Metadata) -> tuple[tuple[tuple[Recipient, ...], ...], int]:
    return tuple(tuple(stanza.recipient for stanza in group) for group in metadata.groups), metadata.threshold


def _change(
    bench: Bench, paths: list[str], wanted: Callable[[str, Metadata], tuple[tuple[tuple[Recipient, ...], ...], int]],
    *, rotate: bool,
) -> list[str]:  # fmt: skip
    before = {path: _read(bench, path) for path in paths}
    files = {path: _named(path, lambda path=path: opening.read(before[path], format_of(path))) for path in paths}  # type: ignore[misc]
    keys = keyring.unwrap_many([file.metadata for file in files.values()], bench.providers)
    after: dict[str, bytes] = {}
    for (path, file), key in zip(files.items(), keys, strict=True):
        if isinstance(key, NoKeyError):
            raise NoKeyError(f"{path}: {key}", key.hint)
        groups, threshold = wanted(path, file.metadata)
        if rotate:
            new = DataKey.new()
            stanzas = keyring.wrap(new, groups, threshold, bench.providers, bench.now)
            after[path] = sealing.rotate(
                before[path], format_of(path), key, new, stanzas, bench.now, threshold=threshold
            )
        elif _present(file.metadata) != (groups, threshold):
            kept = keyring.kept_stanzas(file.metadata)
            stanzas = keyring.wrap(key, groups, threshold, bench.providers, bench.now, kept)
            after[path] = sealing.rekey(before[path], format_of(path), stanzas, threshold)
    changed = [path for path in after if after[path] != before[path]]
    for path in changed:
        bench.write(path, after[path])
    return changed


def _read(bench: Bench, path: str) -> bytes:
    data = bench.read(path)
    if data is None:
        raise UsageError(f"there is no file {path}", "correct the path")
    return data


def _key(bench: Bench, path: str, data: bytes) -> DataKey:
    return _named(path, lambda: keyring.unwrap(opening.read(data, format_of(path)).metadata, bench.providers))


def _named(path: str, call: Callable[[], T]) -> T:
    """The result of a call; its errors name the file."""
    try:
        return call()
    except GitConfigError as error:
        if error.args and not str(error).startswith(f"{path}:"):
            error.args = (f"{path}: {error}",)
        raise
