"""What we write the real `sops` decrypts to the same values, types and comments; what it writes we read and verify."""

from __future__ import annotations

import random
from typing import ClassVar

import pytest

from gitconfigmgr.secrets.selection import Selection
from tests.unit.sops_files.comparison import compare_json, compare_yaml, data_of
from tests.unit.sops_files.support import Person, Sops, decrypted, encrypted

_YAML, _JSON = 120, 60  # the longer run: python -m tests.unit.sops_files.interoperation 1000


@pytest.fixture(scope="module")
def person() -> Person:
    return Person()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_random_yaml_both_ways(person, part):
    for seed in range(part * _YAML // 8, (part + 1) * _YAML // 8):
        compare_yaml(seed, person)


@pytest.mark.slow
def test_random_json_both_ways(person):
    for seed in range(_JSON):
        compare_json(seed, person)


@pytest.mark.parametrize("count", [0, 1, 300])
def test_binary_both_ways(person, count):
    plain = random.Random(count).randbytes(count)
    sops = Sops(person)
    ours = encrypted(person, plain, "binary")
    assert sops.decrypt(ours, "binary") == plain
    assert b"unencrypted_suffix" not in ours
    assert decrypted(person, sops.encrypt(plain, "binary"), "binary") == plain


_DOTENV = '# head\nA=1\n\nB=two words\nC="quoted"\nD=l1\\nl2\nE=\nx_unencrypted=plain\nF=a=b#c\n#last\n'


def test_dotenv_both_ways(person):
    sops = Sops(person)
    plain = _DOTENV.encode()
    assert sops.decrypt(encrypted(person, plain, "dotenv"), "dotenv") == plain.replace(b"\n\n", b"\n")
    assert decrypted(person, sops.encrypt(plain, "dotenv"), "dotenv") == plain.replace(b"\n\n", b"\n")
    assert decrypted(person, encrypted(person, plain, "dotenv"), "dotenv") == plain


_INI = [
    "a = 1\n", "; c\n[s]\na = 1\n", "[s]\n; c\na = 1\n", "[s]\na = x ; c\n", '[s]\na = "q v"\n', "[s]\nk: colon\n", "[s]\ne =\n",
    "top = 1\n\n; two\n; lines\n[s.t]\na=b=c\n\n[Empty]\n", "[s]\na = a\\\\nb\nb = héllo\nx_unencrypted = 5\n",
]  # fmt: skip


@pytest.mark.parametrize("text", _INI)
def test_ini_both_ways(person, text):
    sops = Sops(person)
    plain = text.encode()
    ours = encrypted(person, plain, "ini")
    assert data_of(sops.decrypt(ours, "ini"), "ini") == data_of(plain, "ini")
    theirs = sops.encrypt(plain, "ini")
    assert data_of(decrypted(person, theirs, "ini"), "ini") == data_of(plain, "ini")
    assert data_of(decrypted(person, ours, "ini"), "ini") == data_of(plain, "ini")


def test_shamir_both_ways(person, tmp_path):
    others = [Person(), Person()]
    groups = [(item.recipient,) for item in (person, *others)]
    ours = encrypted(person, b"a: 1\n", "yaml", None, *groups, threshold=2)
    keys = f"{person.identity}\n{others[1].identity}"

    class Both(Person):
        environment: ClassVar = {"SOPS_AGE_KEY": keys, "HOME": "/nonexistent"}

    both = Both()
    assert Sops(both).decrypt(ours) == b"a: 1\n"
    assert decrypted(both, ours) == b"a: 1\n"
    config = tmp_path / "rules"
    listed = "".join(f"      - age: [{recipients[0]['recipient']}]\n" for recipients in groups)
    config.write_text(f"creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n{listed}")
    theirs = Sops(person)("encrypt", b"b: 2\n", "yaml", "--config", str(config))
    assert decrypted(both, theirs) == b"b: 2\n"


def test_anchors_where_nothing_is_encrypted(person):
    plain = b"base: &b\n  x: 1\n  y: yes\nuse:\n  <<: *b\n  z: 0x1F\nlst: [*b, 08]\ndata:\n  k: v\n"
    ours = encrypted(person, plain, "yaml", Selection("encrypted_regex", "^data$"))
    back = data_of(Sops(person).decrypt(ours), "yaml")
    assert back == data_of(plain, "yaml")
    assert back[0]["use"] == {"<<": {"x": 1, "y": "yes"}, "z": 31}
