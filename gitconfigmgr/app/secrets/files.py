"""Whole files: encrypt, decrypt, and encrypt again what was changed by hand."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.secrets.bench import about, data_key, kind_of_file
from gitconfigmgr.secrets import keyring, opening, sealing
from gitconfigmgr.secrets.creation import Rule
from gitconfigmgr.secrets.errors import NotEncryptedError, RefusedError
from gitconfigmgr.secrets.metadata import Recipient
from gitconfigmgr.secrets.recipients import status
from gitconfigmgr.secrets.selection import Selection
from gitconfigmgr.secrets.tokens import DataKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.app.secrets.bench import Bench


def encrypt_files(bench: Bench, paths: Sequence[str], *, reseal: bool = False, passphrase: bool = False) -> list[str]:
    """Encrypt files in place; all of them are encrypted before the first is written. Returns those that changed."""
    done = {}
    for path in dict.fromkeys(paths):
        before = bench.content(path)
        after = encrypt_bytes(bench, path, before, reseal=reseal, passphrase=passphrase)
        if after != before:
            done[path] = after
    for path, data in done.items():
        bench.write(path, data)
    return list(done)


def encrypt_bytes(bench: Bench, path: str, plain: bytes, *, reseal: bool = False, passphrase: bool = False) -> bytes:
    """The encrypted form of a file, by the creation rule of its path; with `passphrase`, for one person's machine.

    `reseal` takes a file that is encrypted already, and was changed by hand: what its rule selects is encrypted, and
    its code made anew. Whoever asks for that vouches for the readable values.
    """
    format_ = kind_of_file(path)
    with about(path):
        if is_encrypted(plain, format_):
            return _again(bench, path, plain, format_, reseal=reseal)
        rule = _by_passphrase() if passphrase else bench.rule_for(path)
        key = DataKey.new()
        groups = keyring.wrap(key, rule.groups, rule.threshold, bench.providers, bench.now())
        return sealing.encrypt(plain, format_, key, groups, rule.selection, bench.now(), threshold=rule.threshold)


def _by_passphrase() -> Rule:
    """A rule of its own for one file: everything in it, for who knows the passphrase. SOPS cannot open such a file."""
    salt = base64.b64encode(os.urandom(16)).decode()
    return Rule("", ((Recipient.of("passphrase", salt=salt),),), 0, Selection())


def _again(bench: Bench, path: str, data: bytes, format_: str, *, reseal: bool) -> bytes:
    if reseal:
        return sealing.resealed(data, format_, data_key(bench, data, format_), bench.now())
    found = status(path, data, format_, lambda _: None)
    if found.plaintext:
        hint = "look at every readable value of the file, then add --reseal; or use `secret set` and `secret edit`"
        count = f"{len(found.plaintext)} of its values {'is' if len(found.plaintext) == 1 else 'are'} in plaintext"
        raise RefusedError(f"the file is encrypted, and {count}", hint)
    raise RefusedError("the file is encrypted already", "use `secret set` or `secret edit` to change it")


def is_encrypted(data: bytes, format_: str) -> bool:
    """Whether a file has SOPS metadata. Raises FormatError."""
    try:
        opening.read(data, format_)
    except NotEncryptedError:
        return False
    except Exception:
        if format_ == "binary":  # anything can be plaintext there
            return False
        raise
    return True


def decrypt_bytes(bench: Bench, path: str, data: bytes) -> bytes:
    """The plaintext of an encrypted file, verified."""
    format_ = kind_of_file(path)
    with about(path):
        return opening.decrypt(data, format_, data_key(bench, data, format_))


def decrypt_data(bench: Bench, path: str, data: bytes) -> Any:
    """The values of an encrypted file, verified; a list where it has several documents."""
    format_ = kind_of_file(path)
    with about(path):
        documents = opening.plain_data(data, format_, data_key(bench, data, format_))
    return documents[0] if len(documents) == 1 else documents


def decrypt_in_place(bench: Bench, path: str) -> None:
    """Replace an encrypted file by its plaintext."""
    bench.write(path, decrypt_bytes(bench, path, bench.content(path)))
