"""What can go wrong at a registry, at a real docker-registry; and that others read what was pushed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gitconfigmgr.adapters.publishers import oci
from gitconfigmgr.errors import GitConfigError, OutsideError, UsageError
from gitconfigmgr.release import envelope
from gitconfigmgr.release.ports import ConflictError
from tests.conformance.keys.fakes import Failing, _self_signed
from tests.conformance.keys.services import free_port
from tests.conformance.publishers.keys import TestKeys
from tests.conformance.publishers.oci import OciRig, Registry
from tests.conformance.publishers.rigs import CHAT, PLAINTEXT, SEARCH, bundle, plaintexts, release
from tests.conformance.publishers.vault import on_write

ONE, TWO = {"limit": 1}, {"limit": 2}
HTPASSWD = "ci:$2b$04$C7YM22Z1/iYfvhdKRPdsCu.xoPQiPqtk4ZjVwR4BS1T.lBO.e48Da\n"  # let-me-in


@pytest.fixture
def rig(tmp_path):
    return OciRig(tmp_path)


def publish(rig, *bundles, publisher=None, **more):
    publisher = publisher or rig.publisher()
    return publisher.publish(release(publisher.held(), *bundles, **more), plaintexts)


def refused(kind, call, *texts):
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, GitConfigError)
    assert caught.value.hint
    for text in texts:
        assert text in str(caught.value)
    return caught.value


def test_what_was_pushed_is_pulled_by_digest_and_verified(rig, tmp_path):
    import oras.provider

    made = bundle(CHAT, ONE)
    place = publish(rig, made, bundle(SEARCH, TWO)).targets[CHAT].location
    name = place.removeprefix("oci:")
    digest = name.partition("@")[2]
    assert digest == "sha256:" + hashlib.sha256(rig.manifest(digest).content).hexdigest()
    registry = oras.provider.Registry(rig.host, insecure=True)
    pulled = registry.pull(target=name, outdir=str(tmp_path / "pulled"))
    documents = {path.rpartition("/pulled/")[2]: json.loads(Path(path).read_text()) for path in pulled}
    assert documents == {"acme/assistants/chat-api/production.json": ONE, "acme/assistants/search/production.json": TWO}
    manifest = registry.get_manifest(name)
    assert manifest["artifactType"] == oci.ARTIFACT
    assert manifest["annotations"]["org.opencontainers.image.revision"] == "c" * 40
    assert made.digest in [layer["digest"] for layer in manifest["layers"]]


def test_secrets_are_sealed_and_open_with_the_data_key(rig):
    keys = []
    rig.wraps = [{"kek_id": "test", "encrypted_dek": "none"}]
    publisher = rig.publisher()
    publisher._context = rig.context(wrap=lambda key: keys.append(key) or rig.wraps)
    publication = publish(rig, bundle(CHAT, ONE, token="t1"), publisher=publisher)
    assert envelope.open_sealed(rig.layers(CHAT)[oci.SEALED], keys[0]) == {"api.key": PLAINTEXT}
    assert not publication.losses


def test_without_recipients_secrets_are_left_out_and_that_is_said(rig):
    rig.wraps = []
    publication = publish(rig, bundle(CHAT, ONE, token="t1"))
    assert [(loss.target, loss.path) for loss in publication.losses] == [(CHAT, "api.key")]
    assert set(rig.layers(CHAT)) == {oci.BUNDLE}


def test_attestations_verify(rig):
    from securesystemslib.dsse import Envelope

    keys = TestKeys(rig.now)
    made = bundle(CHAT, ONE)
    publish(rig, made, publisher=rig.publisher(attest=True, signing=lambda: keys))
    signed = Envelope.from_dict(json.loads(rig.layers(CHAT)[oci.ATTESTATION]))
    signed.verify(keys.public("release")[0], 1)
    statement = json.loads(signed.payload)
    assert statement["subject"][0]["digest"]["sha256"] == made.digest.removeprefix("sha256:")
    assert rig.publisher().held().targets[CHAT].content == "", "without the option it has to be published anew"
    none = rig.publisher(attest=True, signing=lambda: _nobody(keys))
    refused(UsageError, lambda: publish(rig, bundle(CHAT, TWO), publisher=none), "no key")


def _nobody(keys):
    keys.here = set()
    return keys


def test_unchanged_layers_are_not_pushed_again(rig):
    publish(rig, bundle(CHAT, ONE, token="t1"), bundle(SEARCH, ONE))
    before = {layer["digest"] for layer in rig.manifest().json()["layers"]}
    seen = []
    with on_write(seen.append, f"http://{rig.host}"):
        publish(rig, bundle(SEARCH, TWO))
    assert len(seen) == 5, "begin and end of a layer, of the config, and the manifest"
    after = {layer["digest"] for layer in rig.manifest().json()["layers"]}
    assert len(before & after) == 2, "the chat bundle and its sealed secrets"


def test_two_publishers_at_once(rig):
    publish(rig, bundle(CHAT, ONE))
    slow = rig.publisher()
    made = release(slow.held(), bundle(CHAT, TWO))
    fast = []

    def act(url):
        if "/blobs/uploads/" in url and not fast:
            fast.append(True)
            publish(rig, bundle(CHAT, {"limit": 3}))

    with on_write(act, f"http://{rig.host}"):
        refused(ConflictError, lambda: slow.publish(made, plaintexts))
    assert rig.read(CHAT) == {"limit": 3}


def test_a_tag_of_somebody_else_is_not_moved(rig):
    import oras.provider

    registry = oras.provider.Registry(rig.host, insecure=True)
    (rig.folder / "x.txt").write_text("theirs")
    registry.push(
        target=f"{rig.host}/{rig.repository}:live", files=[str(rig.folder / "x.txt")], disable_path_validation=True
    )
    before = rig.manifest().content
    refused(UsageError, rig.publisher().held, "did not write")
    refused(UsageError, lambda: rig.publisher().publish(release(_empty(), bundle(CHAT, ONE)), plaintexts))
    assert rig.manifest().content == before


def _empty():
    from gitconfigmgr.model.bundles import Held

    return Held()


def test_a_registry_that_is_down(rig):
    refused(OutsideError, rig.publisher(address=f"127.0.0.1:{free_port()}/acme/config:live").held, "cannot be reached")


def test_a_registry_without_tls(rig):
    error = refused(OutsideError, rig.publisher(insecure=False).held, "does not speak TLS")
    assert "insecure" in error.hint


def test_certificates_that_are_not_trusted_and_a_file_of_authorities_that_is_not_there(rig, tmp_path, monkeypatch):
    key = tmp_path / "server.key"
    certificate, _ = _self_signed(tmp_path)
    registry = Registry(tmp_path, tls=(certificate, key))
    address = f"{registry.host}/acme/config:live"
    try:
        refused(OutsideError, rig.publisher(address=address, insecure=False).held, "not trusted")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        publisher = rig.publisher(address=address, insecure=False)
        publish(rig, bundle(CHAT, ONE), publisher=publisher)
        assert publisher.held().number == 1
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
        refused(OutsideError, rig.publisher(address=address, insecure=False).held, "cannot be reached")
    finally:
        registry.close()


def test_a_registry_that_is_read_only(rig, tmp_path):
    registry = Registry(tmp_path, readonly=True)
    try:
        publisher = rig.publisher(address=f"{registry.host}/acme/config:live")
        assert publisher.held().number == 0
        refused(OutsideError, lambda: publish(rig, bundle(CHAT, ONE), publisher=publisher), "read-only")
    finally:
        registry.close()


def test_a_registry_with_passwords(rig, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    registry = Registry(tmp_path, more=f"auth: {{htpasswd: {{realm: test, path: {tmp_path / 'htpasswd'}}}}}")
    try:
        address = f"{registry.host}/acme/config:live"
        known = {"OCI_USERNAME": "ci", "OCI_PASSWORD": "let-me-in"}
        publisher = rig.publisher(address=address, auth="basic", environment=known)
        publish(rig, bundle(CHAT, ONE), publisher=publisher)
        assert publisher.held().number == 1
        for environment in ({}, known | {"OCI_PASSWORD": PLAINTEXT}):
            stranger = rig.publisher(address=address, auth="basic", environment=environment)
            error = refused(OutsideError, stranger.held, "denies access")
            assert PLAINTEXT not in str(error) + str(error.hint)
    finally:
        registry.close()


@pytest.mark.parametrize("status", [302, 307, 404, 500, 503])
def test_a_registry_that_answers_otherwise(rig, status):
    elsewhere = Failing(200, {})
    place = f"http://127.0.0.1:{elsewhere.port}/v2/x"
    registry = Failing(status, {"errors": []}, {"Location": place})
    publisher = rig.publisher(
        address=f"127.0.0.1:{registry.port}/acme/config:live",
        environment={"OCI_USERNAME": "ci", "OCI_PASSWORD": PLAINTEXT},
    )
    if status == 404:
        assert publisher.held().number == 0
    else:
        refused(OutsideError, publisher.held)
    registry.close()
    elsewhere.close()
    assert not elsewhere.seen


def test_credentials_go_to_no_token_service_that_was_not_named(rig):
    elsewhere = Failing(200, {"token": "t"})
    challenge = {"WWW-Authenticate": f'Bearer realm="http://127.0.0.1:{elsewhere.port}/token",service="x"'}
    registry = Failing(401, {"errors": []}, challenge)
    known = {"OCI_USERNAME": "ci", "OCI_PASSWORD": PLAINTEXT}
    address = f"127.0.0.1:{registry.port}/acme/config:live"
    refused(OutsideError, rig.publisher(address=address, environment=known).held, "was not named")
    assert not elsewhere.seen
    named = rig.publisher(address=address, environment=known, tokens=f"127.0.0.1:{elsewhere.port}")
    refused(OutsideError, named.held, "denies access")
    assert elsewhere.seen
    for server in (registry, elsewhere):
        server.close()


def test_an_upload_address_elsewhere_gets_nothing(rig):
    elsewhere = Failing(201, {})

    class Hostile(Failing):
        def answer(self, path, headers, body):
            if "/uploads/" in path:
                return 202, {"Location": f"http://127.0.0.1:{elsewhere.port}/take"}, {}
            return 404, {}, {}

    registry = Hostile(404, {})
    publisher = rig.publisher(address=f"127.0.0.1:{registry.port}/acme/config:live")
    refused(OutsideError, lambda: publish(rig, bundle(CHAT, ONE), publisher=publisher), "was not named")
    assert not elsewhere.seen
    for server in (registry, elsewhere):
        server.close()


@pytest.mark.parametrize(
    "address", ["", "registry", "registry/", "https://r/x:y", "r/UPPER:x", "r/../x:y", "u@r/x:y", "r/x:a b"]
)
def test_addresses_that_are_none(rig, address):
    refused(UsageError, lambda: rig.publisher(address=address))
