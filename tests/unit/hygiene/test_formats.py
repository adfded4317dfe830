"""Every key of a known format is found, and nothing else is taken for one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random

import pytest

from gitconfigmgr.check.hygiene.finding import find, masked
from gitconfigmgr.check.hygiene.formats import FORMATS, KEYLESS

from . import keys, prose

ROOT = Path(__file__).parents[3]
ROUNDS = 200
AROUND = (
    "{}", "api_key: {}", 'key = "{}"', "export KEY='{}'", '{{"key":"{}"}}', "Use {}, and then go on.", "(`{}`)",
    "# old: {}", "https://proxy.internal/?key={}&x=1", '"line\\n{}\\nline"', "<b>{}</b>", "  - {}", "%3D{}",
)  # fmt: skip


@pytest.mark.parametrize("name", keys.KEYS)
def test_keys_are_found_wherever_they_stand(name: str) -> None:
    random = Random(name)
    for number in range(ROUNDS):
        key = keys.KEYS[name](random)
        around = AROUND[number % len(AROUND)]
        data = f"one line\n{around.format(key)}\nanother\n".encode()
        hits = find(data)
        assert [hit.name.split(" (")[0] for hit in hits] == [name.partition(" (")[0]], number
        found = data[hits[0].start : hits[0].end].decode()
        assert found in key if "database" in name else key.startswith(found[:40]) or key.endswith(found)
        assert hits[0].shown in key


@pytest.mark.parametrize("name", keys.KEYLESS)
def test_keys_without_a_beginning_are_told_by_vendor_and_name(name: str) -> None:
    random = Random(name)
    for number in range(ROUNDS):
        hits = find(f"\n{keys.KEYLESS[name](random)}\n".encode())
        assert [hit.name for hit in hits] == [name.partition(" (")[0]], number
        assert hits[0].shown == ""


def test_more_than_25_formats_and_each_is_tested() -> None:
    assert len({each.name for each in (*FORMATS, *KEYLESS)}) > 60
    tested = {name.split(" (")[0] for name in (*keys.KEYS, *keys.KEYLESS)}
    assert len(tested) > 50


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_found_in_prose_and_prompts(seed: int) -> None:
    text = prose.text(Random(seed), 5_000)
    data = text.encode()
    assert text.count("\n") >= 5_000
    assert [text[hit.start - 30 : hit.end] for hit in find(data)] == []


def test_nothing_is_found_line_by_line() -> None:
    for line in prose.text(Random("lines"), 5_000).splitlines():
        assert find(line.encode()) == [], line


@pytest.mark.parametrize(
    "folder", ["example-repo", "docs", "schemas", "policies", "gitconfigmgr", "tests/unit/hygiene"]
)
def test_nothing_is_found_in_our_own_files(folder: str) -> None:
    for path in (ROOT / folder).rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            data = path.read_bytes()
            assert [(path, data[hit.start - 20 : hit.start + 4]) for hit in find(data)] == []


def test_a_masked_line_shows_no_more_than_the_beginning() -> None:
    random = Random(7)
    for name, make in keys.KEYS.items():
        key = make(random).split("\n")[0]
        shown = masked(f"a: {key} # é")
        if "private" not in name:
            assert len(shown) == len(f"a: {key} # é")
            assert key[-12:] not in shown or "database" in name
            assert shown.endswith("# é")


def test_a_key_in_each_line_of_a_long_file() -> None:
    random = Random(3)
    lines = [keys.KEYS["Groq key"](random) for _ in range(1_000)]
    assert len(find("\n".join(lines).encode())) == 100  # bounded


HOSTILE = {
    "heads": b"sk-proj-" * 125_000,
    "heads apart": b"sk-proj- " * 110_000,
    "urls": b"postgres://" * 90_000,
    "colons": b"postgres://" + b"a:" * 500_000,
    "pem": b"-----BEGIN PRIVATE KEY-----\n" * 35_000,
    "pem spaces": b"-----BEGIN PRIVATE KEY-----" + b" " * 900_000,
    "pem headers": (b"-----BEGIN RSA PRIVATE KEY-----\n" + b"A: b\n" * 30) * 5_000,
    "web tokens": b" eyJ" * 250_000,
    "one long web token": b"eyJ" + b"a" * 1_000_000,
    "one long key": b"sk-" + b"aB3" * 330_000,
    "values": b"azure api_key=" + b"=0123456789abcdef0123456789abcdef" * 30_000,
    "equals": b"mistral " + b"=" * 1_000_000,
    "names": b"mistral " + b"a_key" * 200_000 + b"=",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_take_linear_time(name: str) -> None:
    find(b"x azure")
    data = HOSTILE[name]
    start = time.process_time()
    find(data)
    assert time.process_time() - start < 3, "a megabyte took seconds"


def test_json_of_a_service_account() -> None:
    key = keys.pem(Random(5), "PRIVATE" + " KEY") + "\n"
    data = json.dumps({"type": "service_account", "private_key": key}).encode()
    assert [hit.code for hit in find(data)] == ["GCM702"]


def test_only_private_keys_in_binary_files() -> None:
    random = Random(5)
    data = b"\0\1" + keys.KEYS["Groq key"](random).encode() + b"\0" + keys.pem(random, "EC PRIVATE" + " KEY").encode()
    assert [hit.code for hit in find(data, only_private=True)] == ["GCM702"]
