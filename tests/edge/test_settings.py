"""agent.toml: what is refused, in words that help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.agent.main import open_engine
from gitconfigmgr.agent.settings import read_settings
from gitconfigmgr.errors import UsageError

if TYPE_CHECKING:
    from .conftest import Edge


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"token": "t", "address": "http://config.example.com/acme"}, "over https:// only"),
        ({"address": "ftp://example.com"}, "begins with https://"),
        ({"push": "yes"}, "push is true or false"),
        ({"namespaces": "acme/*"}, "namespaces is a list"),
        ({"interval": 0}, "above 0"),
        ({"files_mode": "rw"}, "digits such as 0640"),
        ({"budget": {"growht": 2}}, "growht"),
        ({"templates": [{"source": "a", "to": "../a"}], "files": "out"}, "a path below"),
        ({"certificat": "x"}, "did you mean certificate"),
        ({"opens": [{"vault": {"a": "b"}}]}, "there is no key service vault"),
        ({"schemas": {"acme/*": "none.json"}}, "none.json: No such file"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_refused(edge: Edge, more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_engine(read_settings(edge.settings(**more)))
    assert said in f"{caught.value} {caught.value.hint}"


def test_a_token_for_this_machine_needs_no_tls(edge: Edge) -> None:
    found = read_settings(edge.settings(token="t", address="http://127.0.0.1:8080/acme"))
    assert (found.token, found.push) == (Path(edge.folder / "t"), True)
