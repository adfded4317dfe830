"""Sealed files open by each key service that the agent's settings name, and by no other."""

from __future__ import annotations

import orjson
import pytest

from gitconfigmgr.adapters.edge.opening import Opener
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.release import envelope
from tests.conformance.publishers.rigs import CHAT, bundle

remote = pytest.mark.parametrize("service", ["OpenBao", "Aws", "Azure", "Google"], indirect=True)
DOCUMENT = {"api": {"key": {"$secret": {}}}}


def sealed_for(service, key):
    wrapped = service.provider.wrap(service.recipient, key)
    names = [{"kek_id": str(wrapped.recipient), "encrypted_dek": wrapped.enc}]
    given = bundle(CHAT, {"api": {}}, token="one")
    values = {place.path: "hidden" for place in given.secrets}
    return envelope.seal(given, "acme", values, key, [{"kek_id": "age age1other", "encrypted_dek": "x"}, *names])


@remote
def test_opens_by_the_service(service, monkeypatch):
    service.reach(monkeypatch)
    sealed = sealed_for(service, envelope.new_data_key())
    opener = Opener(None, [(service.recipient.kind, dict(service.recipient.fields))])
    assert opener.open(DOCUMENT, sealed) == {"api": {"key": "hidden"}}
    assert Opener(None).open(DOCUMENT, sealed) == DOCUMENT
    stranger = Opener(None, [(service.other.kind, dict(service.other.fields))])
    with pytest.raises(OutsideError, match="not sealed for this agent"):
        stranger.open(DOCUMENT, sealed)


@pytest.mark.parametrize("service", ["OpenBao"], indirect=True)
def test_a_data_key_that_was_opened_outlives_the_service(service, monkeypatch):
    service.reach(monkeypatch)
    sealed = sealed_for(service, envelope.new_data_key())
    opener = Opener(None, [("hc_vault", dict(service.recipient.fields))])
    opener.open(DOCUMENT, sealed)
    monkeypatch.setenv("VAULT_TOKEN", "wrong")
    assert opener.open(DOCUMENT, sealed) == {"api": {"key": "hidden"}}
    fresh = Opener(None, [("hc_vault", dict(service.recipient.fields))])
    with pytest.raises(OutsideError, match="denies the use of the key"):
        fresh.open(DOCUMENT, sealed)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("vault", {}), ("hc_vault", {"vault_address": "http://127.0.0.1:1"}), ("kms", {"arn": "arn:x", "region": "x"})],
)
def test_fields_that_name_no_key(kind, fields):
    with pytest.raises(UsageError):
        Opener(None, [(kind, fields)])


def test_a_file_that_is_damaged():
    with pytest.raises(OutsideError, match="damaged"):
        Opener(None, [("kms", {"arn": "arn:aws:kms:eu-west-1:1:key/a"})]).open(DOCUMENT, orjson.dumps({"keys": 7}))
