"""What is judged together inside secrets: maps of one secret, keys beside certificates, the provider beside a key."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from gitconfigmgr.check.hygiene.inside import Token, collect, judge
from gitconfigmgr.check.schemas import SchemaSet
from gitconfigmgr.model.settings import Limits, SchemaBinding
from gitconfigmgr.source.reader import read_document

from .test_kinds import key, leaf, root, text

NOW = date(2026, 6, 1)
GROQ = "gsk_" + "zX81mPq7Lw2Ns5Vb3RtYu6Ie9Op0Ha4"


def token(number: int) -> str:
    return f"ENC[AES256_GCM,data:AA{number:02},iv:{'A' * 43}=,tag:{'A' * 22}==,type:str]"


def found(document: str, schema: dict[str, Any], *values: str | None) -> list[str]:
    """Codes and keys for a document in which {0}, {1} ... stand for secrets; a secret that is None stays closed."""
    for number in range(len(values)):
        document = document.replace(f"{{{number}}}", token(number))
    opened = {token(number): value for number, value in enumerate(values) if value is not None}
    read, problems = read_document("configs/acme/base.yaml", "acme", "base", "", document.encode(), Limits())
    assert not problems
    assert read.root is not None
    from json import dumps

    schemas = SchemaSet(
        [SchemaBinding("s.json", ("**",), (), None)], {"s.json": dumps(schema).encode()}.get, lambda _: None
    )  # type: ignore[arg-type]

    def value_of(asked: Token) -> str:
        return opened[asked.text]

    return [f"{item.code} {item.key}" for item in judge(collect(read.root, schemas.view("acme").marks), value_of, NOW)]


def at(**kinds: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"x-gcm-secret": kind} for name, kind in kinds.items()}}


@pytest.mark.parametrize(
    ("document", "schema", "values", "expected"),
    [
        ("c: {aws_access_key_id: '{0}', aws_secret_access_key: '{1}'}", at(c="cloud_credentials"), ["A", "B"], []),
        ("c: {aws_access_key_id: '{0}', region: eu}", at(c="cloud_credentials"), ["A"], ["GCM710 c"]),
        ("c: {username: chat, password: '{0}'}", at(c="database_credentials"), ["chat"], ["GCM715 c"]),
        ("c: {username: chat, password: '{0}'}", at(c="database_credentials"), [None], []),
        ("c: {kty: oct, alg: HS256, k: '{0}'}", at(c="jwt_signing_key"), ["c2hvcnQ"], ["GCM715 c"]),
        ("c: {one: '{0}', two: '{1}'}", at(c="api_key"), [GROQ, " "], ["GCM710 c.two"]),
        ("c: ['{0}', '{1}']", at(c="api_key"), ["Bearer x", GROQ], ["GCM710 c.0"]),
        ("c: {expires_at: 1700000000, key: '{0}'}", at(c="api_key"), [GROQ], ["GCM711 c"]),
        ("c: '{0}'", {}, ["anything"], []),
    ],
)
def test_a_kind_holds_for_a_map_as_one_secret_or_for_each_in_it(
    document: str, schema: dict[str, Any], values: list[str | None], expected: list[str]
) -> None:
    assert found(document, schema, *values) == expected


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ("provider: groq", []),
        ("provider: anthropic", ["GCM710 c"]),
        ("provider: anthropic, base_url: https://gateway.example.org", []),
        ("provider: anthropic, base_url: https://api.anthropic.com/v1", ["GCM710 c"]),
        ("provider: nobody-knows", []),
        ("name: anthropic", []),
    ],
)
def test_the_provider_beside_a_key(beside: str, expected: list[str]) -> None:
    assert found(f"{{{beside}, c: '{{0}}'}}", at(c="api_key"), GROQ) == expected


def indented(block: str) -> str:
    return "|\n" + "".join(f"    {line}\n" for line in block.splitlines())


@pytest.mark.parametrize(
    ("plain", "secrets", "expected"),
    [
        ({"cert": leaf}, {"key": lambda: text(key(1))}, []),
        ({"cert": leaf}, {"key": lambda: text(key(2))}, ["GCM714 t.key"]),
        ({"cert": root, "other": leaf}, {"key": lambda: text(key(1))}, []),
        ({"ca": root}, {"key": lambda: text(key(2))}, []),
        ({"client_ca": root, "chain": root}, {"key": lambda: text(key(2))}, []),
        ({}, {"cert": leaf, "key": lambda: text(key(2))}, ["GCM714 t.key"]),
        ({}, {"both": lambda: leaf() + text(key(1)), "key": lambda: text(key(1))}, []),
        ({"cert": leaf}, {"key": lambda: "no key"}, []),
    ],
)
def test_a_private_key_belongs_to_a_certificate_in_its_map(
    plain: dict[str, Any], secrets: dict[str, Any], expected: list[str]
) -> None:
    lines = [f"  {name}: {indented(make())}" for name, make in plain.items()]
    lines += [f"  {name}: '{{{number}}}'\n" for number, name in enumerate(secrets)]
    assert found("t:\n" + "".join(lines), {}, *(make() for make in secrets.values())) == expected


def test_no_secret_is_shown_by_what_is_collected() -> None:
    read, _ = read_document("configs/acme/base.yaml", "acme", "base", "", f"c: '{token(0)}'\n".encode(), Limits())
    assert read.root is not None
    assert "ENC[" not in repr(collect(read.root, None))
