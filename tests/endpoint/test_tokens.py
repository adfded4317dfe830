"""`serve token` and `serve openapi`, and what is kept of a token."""

from __future__ import annotations

import json
import os
import stat

import pytest

from gitconfigmgr.cli.main import run
from gitconfigmgr.sync.access import key_of


@pytest.fixture
def serve(tmp_path, monkeypatch, capsys):
    """Runs a command; exit status, output and errors."""
    monkeypatch.setenv("GITCONFIGMGR_ENDPOINT_STATE", str(tmp_path / "state"))

    def call(*arguments):
        status = run(["serve", *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_a_token_is_shown_once_and_only_its_digest_is_kept(serve, tmp_path):
    status, out, _ = serve(
        "token", "create", "laptop", "--tenant", "acme", "-e", "production", "-n", "acme/*", "--expires", "30"
    )
    token = out.strip()
    assert (status, token[:4], len(token)) == (0, "gcm_", 47)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert token.encode() not in kept
    assert key_of(token).encode() in kept
    assert stat.S_IMODE(os.stat(tmp_path / "state").st_mode) == 0o700
    (listed,) = json.loads(serve("token", "list", "--json")[1])
    assert (listed["name"], listed["scopes"], listed["environments"], listed["namespaces"], listed["expired"]) == (
        "laptop", ["read", "status"], ["production"], ["acme/*"], False,
    )  # fmt: skip
    assert token not in serve("token", "list")[1]


def test_names_are_those_of_tokens_that_count(serve):
    first = serve("token", "create", "ci", "--tenant", "acme", "--scope", "publish")[1]
    status, _, err = serve("token", "create", "ci", "--tenant", "acme")
    assert (status, "already" in err) == (2, True)
    assert serve("token", "create", "ci", "--tenant", "globex")[0] == 0
    assert serve("token", "revoke", "ci", "--tenant", "acme")[:2] == (0, "revoked ci of acme\n")
    assert serve("token", "revoke", "ci", "--tenant", "acme")[0] == 2
    again = serve("token", "create", "ci", "--tenant", "acme", "--scope", "publish")[1]
    assert first != again
    assert serve("token", "list")[1].splitlines() == [
        "globex  ci  read,status  *  *  without end", "acme  ci  publish  *  *  without end",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "create", "x", "--tenant", "../acme"), ("token", "create", "x"), ("nowhere",),
        ("nowhere", "--listen", "127.0.0.1"), (".", "--root", "acme"), (".", "--tls-cert", "x"), (".", "--client-ca", "x"),
        (".", "--identities", "nowhere.toml"), (".", "--listen", "0.0.0.0:0"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(serve, arguments):
    status, _, err = serve(*arguments)
    assert status == 2
    assert err.startswith("error: ")


def test_the_openapi_document_is_one(serve):
    validator = pytest.importorskip("openapi_spec_validator")
    status, out, _ = serve("openapi")
    assert status == 0
    validator.validate(json.loads(out))
