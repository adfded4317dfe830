"""The contract of KeyProvider, held against every kind of service."""

from __future__ import annotations

import os
import socket

import pytest

from gitconfigmgr.adapters.keys.extras import Allowed
from gitconfigmgr.secrets.metadata import Recipient
from gitconfigmgr.secrets.ports import (
    KeyProviderError,
    KeyUnreachableError,
    NotAllowedError,
    UnusableRecipientError,
    WrongKeyError,
)
from tests.conformance.keys.services import REFUSALS, SERVICES

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")]

each = pytest.mark.parametrize("service", list(SERVICES), indirect=True)
rotating = pytest.mark.parametrize("service", [name for name, item in SERVICES.items() if item.rotates], indirect=True)
remote = pytest.mark.parametrize("service", ["OpenBao", "Aws", "Azure", "Google"], indirect=True)


@each
@pytest.mark.parametrize("length", [32, 33])
def test_what_is_wrapped_unwraps(service, length):
    key = os.urandom(length)
    recipient, enc = service.provider.wrap(service.recipient, key)
    assert recipient.kind == service.provider.kind
    assert key.hex() not in enc
    assert service.provider.unwrap(recipient, enc) == key


@each
def test_two_wraps_differ_and_both_open(service):
    key = os.urandom(32)
    first, second = (service.provider.wrap(service.recipient, key) for _ in range(2))
    assert first.enc != second.enc
    assert service.provider.unwrap(*first) == service.provider.unwrap(*second) == key


@each
def test_batches(service):
    keys = [os.urandom(32) for _ in range(3)]
    wrapped = service.provider.wrap_batch([(service.recipient, key) for key in keys])
    assert service.provider.unwrap_batch(wrapped) == keys


@each
def test_one_failure_in_a_batch_does_not_touch_the_others(service):
    keys = [os.urandom(32), os.urandom(32)]
    good = service.provider.wrap_batch([(service.recipient, key) for key in keys])
    damaged = good[0].enc[: len(good[0].enc) // 2]
    results = service.provider.unwrap_batch([good[0], (good[0].recipient, damaged), good[1]])
    assert (results[0], results[2]) == tuple(keys)
    assert isinstance(results[1], KeyProviderError)


@each
def test_the_wrong_key(service):
    key = os.urandom(32)
    recipient, enc = service.provider.wrap(service.other, key)
    if service.provider.kind == "age":
        with pytest.raises(WrongKeyError):
            service.provider.unwrap(recipient, enc)
        return
    mine, _ = service.provider.wrap(service.recipient, key)
    with pytest.raises(WrongKeyError) as caught:
        service.provider.unwrap(mine, enc)
    assert enc not in str(caught.value)


@each
@pytest.mark.parametrize(
    "enc",
    [
        "",
        "x",
        "vault:v1:AAAA",
        "AAAA",
        "-----BEGIN AGE ENCRYPTED FILE-----\n",
        "\u00e9",
        "argon2id:t=1,p=1,m=9999999:AAAA",
    ],
)
def test_damaged_texts(service, enc):
    recipient, _ = service.provider.wrap(service.recipient, b"k" * 32)
    with pytest.raises(WrongKeyError):
        service.provider.unwrap(recipient, enc)


@rotating
def test_rotation_keeps_old_wraps_and_rewrap_renews_them(service):
    key = os.urandom(32)
    old = service.provider.wrap(service.recipient, key)
    service.rotate()
    assert service.provider.unwrap(*old) == key
    assert service.provider.is_current(*old) in (False, None)
    new = service.provider.rewrap(*old)
    assert new != old
    assert service.provider.unwrap(*new) == key
    assert service.provider.is_current(*new) in (True, None)


@pytest.mark.parametrize(("name", "how"), REFUSALS)
def test_refusals(running, tmp_path_factory, name, how):
    apart = name in {"Azure", "OpenBao"} and how == "unreachable"  # the state is for good: a service of its own
    service = SERVICES[name](tmp_path_factory.mktemp("apart")) if apart else running(name)
    wrapped = service.provider.wrap(service.recipient, b"s3cr3t-key-material-s3cr3t-key-m")
    with service.refusing(how) as provider, pytest.raises(service.refusals[how]) as caught:
        provider.unwrap(*wrapped)
    assert "s3cr3t" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.__cause__ is None
    if not apart:
        assert service.provider.unwrap(*wrapped)


def test_a_service_that_accepts_and_never_answers_is_unreachable(tmp_path):
    from gitconfigmgr.adapters.keys.transit import TransitProvider

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        provider = TransitProvider(Allowed((address,)), {"VAULT_TOKEN": "root"}, tmp_path, seconds=0.2)
        recipient = Recipient.of("hc_vault", vault_address=address, engine_path="transit", key_name="one")
        with pytest.raises(KeyUnreachableError):
            provider.unwrap(recipient, "vault:v1:AAAA")


@remote
def test_what_is_not_allowed_is_not_contacted(service):
    from tests.conformance.keys.fakes import Failing

    hostile = Failing(200, {})
    try:
        url = f"http://127.0.0.1:{hostile.port}"
        strange = {
            "hc_vault": Recipient.of("hc_vault", vault_address=url, engine_path="transit", key_name="one"),
            "kms": Recipient.of("kms", arn="arn:aws:kms:eu-west-1:111122223333:key/x"),
            "azure_kv": Recipient.of("azure_kv", vault_url=url, name="one", version="v1"),
            "gcp_kms": Recipient.of("gcp_kms", resource_id="projects/x/locations/l/keyRings/r/cryptoKeys/k"),
        }[service.provider.kind]
        for call in (
            lambda: service.provider.wrap(strange, b"k" * 32),
            lambda: service.provider.unwrap(strange, "vault:v1:AAAA"),
        ):
            with pytest.raises(NotAllowedError):
                call()
        assert hostile.seen == []
    finally:
        hostile.close()


@pytest.mark.parametrize("service", ["OpenBao"], indirect=True)
def test_a_thousand_keys_in_three_calls(service):
    keys = [os.urandom(32) for _ in range(1_100)]
    wrapped = service.provider.wrap_batch([(service.recipient, key) for key in keys])
    assert service.provider.unwrap_batch(wrapped) == keys
    full = service.provider.wrap_batch([(service.recipient, key) for key in keys[:499]])
    assert service.provider.unwrap_batch(full) == keys[:499]


@pytest.mark.parametrize("service", ["OpenBao"], indirect=True)
def test_the_token_does_not_follow_a_redirect(service):
    from tests.conformance.keys.fakes import Failing

    thief = Failing(200, {})
    detour = Failing(307, {}, {"Location": f"http://127.0.0.1:{thief.port}/"})
    try:
        address = f"http://127.0.0.1:{detour.port}"
        provider = service.with_token("root", address)
        with pytest.raises(KeyProviderError):
            provider.unwrap(service.named("one", address), "vault:v1:AAAA")
        assert thief.seen == []
    finally:
        detour.close()
        thief.close()


@pytest.mark.parametrize("service", ["OpenBao"], indirect=True)
@pytest.mark.parametrize(
    ("engine", "name"), [("transit/../sys", "one"), ("transit", "../../x"), ("transit?x", "one"), ("transit", "a/b")]
)
def test_names_that_lead_elsewhere(service, engine, name):
    recipient = Recipient.of("hc_vault", vault_address=service.address, engine_path=engine, key_name=name)
    with pytest.raises(UnusableRecipientError):
        service.provider.wrap(recipient, b"k" * 32)
