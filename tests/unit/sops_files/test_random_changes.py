"""Random changes and merges of random files, held against plain Python data."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from gitconfigmgr.secrets import keyring, merge, opening, sealing
from gitconfigmgr.secrets.errors import SecretsError
from gitconfigmgr.secrets.selection import Selection
from gitconfigmgr.secrets.tokens import DataKey
from tests.unit.sops_files.random_documents import Documents
from tests.unit.sops_files.support import NOW, Person

_PERSON, _KEY = Person(), DataKey.new()
_GROUPS = keyring.wrap(_KEY, ((_PERSON.recipient,),), 0, _PERSON.providers, NOW)


def _sealed(documents: Documents) -> bytes:
    return sealing.encrypt(documents.yaml().encode(), "yaml", _KEY, _GROUPS, Selection(), NOW)


def _paths(data: Any, path: tuple[Any, ...] = (), *, lists: bool = True) -> list[tuple[Any, ...]]:
    items: Any = data.items() if isinstance(data, dict) else enumerate(data) if lists and isinstance(data, list) else ()
    return ([path] if path else []) + [
        found for key, item in items for found in _paths(item, (*path, key), lists=lists)
    ]


def _changed(
    source: random.Random, documents: Documents, data: bytes, model: Any, *, lists: bool
) -> tuple[Any, bytes, Any]:
    """One random change, to the file and to its plain data."""
    model = copy.deepcopy(model)
    path = source.choice(_paths(model[0], lists=lists))
    what = source.choice(["set", "unset", "add"])
    if what == "add" and isinstance(path[-1], str):
        path = (*path[:-1], "zz")
    at = model[0]
    for part in path[:-1]:
        at = at[part]
    if what == "unset":
        del at[path[-1]]
        return path, sealing.unset_value(data, "yaml", _KEY, path, NOW), model
    at[path[-1]] = documents.value(2)
    return path, sealing.set_value(data, "yaml", _KEY, path, at[path[-1]], NOW, plain=True), model


@pytest.mark.parametrize("seed", range(60))
def test_changes(seed):
    source, documents = random.Random(seed), Documents(seed)
    data = _sealed(documents)
    model = opening.plain_data(data, "yaml", _KEY)
    for _ in range(4):
        if not _paths(model[0]):
            return
        _, data, model = _changed(source, documents, data, model, lists=True)
        assert opening.plain_data(data, "yaml", _KEY) == model


@pytest.mark.parametrize("seed", range(60))
def test_merges(seed):
    source, documents = random.Random(seed), Documents(seed)
    base = _sealed(documents)
    model = opening.plain_data(base, "yaml", _KEY)
    first, ours, expected = _changed(source, documents, base, model, lists=False)
    second, theirs, other = _changed(source, documents, base, model, lists=False)
    length = min(len(first), len(second))
    for key in (_KEY, None):
        merged = merge.merge(base, ours, theirs, "yaml", key, NOW)
        done = merge.finish(merged.data, "yaml", _KEY, NOW) if merged.pending else merged.data
        found = opening.plain_data(done, "yaml", _KEY)
        if first[:length] != second[:length]:
            assert merged.conflicts == ()
            assert found == _with(expected, other, second)


def _with(model: Any, other: Any, path: tuple[Any, ...]) -> Any:
    result = copy.deepcopy(model)
    into, source = result[0], other[0]
    for part in path[:-1]:
        into, source = into[part], source[part]
    if path[-1] in source:
        into[path[-1]] = source[path[-1]]
    else:
        into.pop(path[-1], None)
    return result


@pytest.mark.parametrize("seed", range(8))
def test_broken_text_is_refused_or_kept(seed):
    """Bytes changed at random: never another exception, never another value."""
    source = random.Random(seed)
    marks = b"\n #:-[]{}'\"&*!|>%@`,?\t\\x0"
    for _ in range(60):
        text = bytearray(Documents(source.randrange(10**9)).yaml().encode())
        for _ in range(source.randrange(1, 4)):
            at = source.randrange(len(text))
            text[at : at + source.randrange(2)] = bytes([source.choice(marks)]) if source.random() < 0.7 else b""
        try:
            data = sealing.encrypt(bytes(text), "yaml", _KEY, _GROUPS, Selection(), NOW)
        except SecretsError:
            continue
        plain = opening.decrypt(data, "yaml", _KEY)
        assert sealing.encrypt_again(plain, data, "yaml", _KEY, NOW) == data
