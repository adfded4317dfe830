"""Known answers made with the real program: values, codes, and what it rejects."""

from __future__ import annotations

import json

import pytest

from gitconfigmgr.adapters.keys.age import AgeProvider
from gitconfigmgr.secrets import mac, opening, sealing, shamir
from gitconfigmgr.secrets.errors import SecretsError
from gitconfigmgr.secrets.keyring import unwrap
from gitconfigmgr.secrets.scalars import from_bytes, to_bytes, type_of
from gitconfigmgr.secrets.tokens import DataKey, associated, parse
from tests.unit.sops_files.support import NOW, VECTORS, changed_lines

ANSWERS = json.loads((VECTORS / "expected" / "values.json").read_text())
NAMES = sorted(ANSWERS)


def _key(name: str) -> DataKey:
    return DataKey(bytes.fromhex(ANSWERS[name]["data_key_hex"]))


def _format(name: str) -> str:
    return name.rsplit(".", 1)[1]


@pytest.mark.parametrize("name", NAMES)
def test_every_value_of_every_vector(name):
    key = _key(name)
    for entry in ANSWERS[name]["values"]:
        keys = tuple(part for part in entry["path"] if isinstance(part, str))
        aad = entry["aad"].encode()
        assert associated(keys) == aad
        value, kind = key.open(entry["enc"], aad)
        assert kind == entry["type"]
        assert to_bytes(value).decode() == entry["plaintext"]
        again = key.seal(value, aad, kind)
        assert key.open(again, aad) == (value, kind)
        assert len(parse(again).iv) == 32


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_every_vector(name):
    secrets = opening.read((VECTORS / name).read_bytes(), _format(name))
    opened = opening.open_all(secrets, _key(name))
    leaves = [item for item in opened if hasattr(item.place.node, "value")]
    only = secrets.metadata.selection.mac_only_encrypted
    assert (
        mac.digest(((item.value, item.place.selected) for item in leaves), only_encrypted=only)
        == ANSWERS[name]["mac_plain"]
    )


@pytest.mark.parametrize(
    "name", [name for name in NAMES if (VECTORS / name.replace("enc", "expected").replace(".yaml", ".json")).exists()]
)
def test_the_plain_data_of_every_vector(name):
    data = opening.plain_data((VECTORS / name).read_bytes(), _format(name), _key(name))[0]
    assert data == json.loads((VECTORS / name.replace("enc", "expected").replace(".yaml", ".json")).read_text())


@pytest.mark.parametrize("name", NAMES)
def test_editing_nothing_changes_nothing_and_editing_keeps_tokens(name):
    before = (VECTORS / name).read_bytes()
    plain = opening.decrypt(before, _format(name), _key(name))
    assert sealing.encrypt_again(plain, before, _format(name), _key(name), NOW) == before
    more = plain + b"added: x\n" if _format(name) == "yaml" else plain.replace(b"{", b'{\n\t"added": "x",', 1)
    after = sealing.encrypt_again(more, before, _format(name), _key(name), NOW)
    assert len(changed_lines(before, after)) == 3
    opening.verify(after, _format(name), _key(name))


def _identity(name: str, tmp_path) -> dict[str, AgeProvider]:
    text = (VECTORS / "keys" / f"{name}.agekey").read_text()
    return {"age": AgeProvider({"SOPS_AGE_KEY": text}, tmp_path)}


@pytest.mark.parametrize("name", [name for name in NAMES if "vault" not in name and "shamir" not in name])
def test_the_data_key_by_age(name, tmp_path):
    metadata = opening.read((VECTORS / name).read_bytes(), _format(name)).metadata
    assert unwrap(metadata, _identity("alice", tmp_path)) == _key(name)


_VERDICTS = [line.split("\t") for line in (VECTORS / "tampered" / "VERDICTS.tsv").read_text().splitlines()[1:]]


@pytest.mark.parametrize(("name", "verdict"), [(row[0], row[1]) for row in _VERDICTS])
def test_what_sops_rejects_is_rejected(name, verdict, tmp_path):
    data = (VECTORS / "tampered" / name).read_bytes()
    key = unwrap(opening.read(data, "yaml").metadata, _identity("alice", tmp_path))
    if verdict == "REJECT":
        with pytest.raises(SecretsError):
            opening.verify(data, "yaml", key)
    elif name.startswith("41"):  # the type is not authenticated, so it is sops' and ours to read
        opening.verify(data, "yaml", key)


def test_shamir_known_answer():
    secret = bytes.fromhex("97997255f400c991bb2f393492d432fe55fca334165a065e6a989830ec8cc274")
    shares = [bytes.fromhex(text) for text in (
        "8a9c03609035a69c4e232b6236e45f2f64678793b13db9f2027abd9ee08e03cb01",
        "ad93903f3c6a178b4a371d98c1b4e84737d1eb614394631dba47d277f4885b1102",
        "b096e10a585f7886bf3b0fce65848596064acfc6e4f3dcb1d2a5f7d9f88a9aae03",
    )]  # fmt: skip
    for pair in ((0, 1), (0, 2), (2, 1)):
        assert shamir.combine([shares[index] for index in pair]) == secret
    made = shamir.split(secret, 7, 4)
    assert shamir.combine(made[2:6]) == secret
    assert shamir.combine(made[:3]) != secret


@pytest.mark.parametrize(
    "value", ["x", "", "é", 0, -7, 2**63 - 1, 1.5, 6.022e23, 1e-7, -0.0, True, False, float("inf")]
)
def test_plaintext_bytes_read_back(value):
    if value != "":
        assert from_bytes(to_bytes(value), type_of(value)) == value
