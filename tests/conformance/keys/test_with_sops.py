"""The real `sops` and we, over the same key services."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from gitconfigmgr.adapters.keys.extras import Allowed
from gitconfigmgr.adapters.keys.pgp import PgpProvider
from gitconfigmgr.adapters.keys.transit import TransitProvider
from gitconfigmgr.secrets import keyring, opening, sealing
from gitconfigmgr.secrets.ports import KeyDeniedError, UnusableRecipientError
from gitconfigmgr.secrets.selection import Selection
from gitconfigmgr.secrets.tokens import DataKey
from tests.unit.sops_files.support import NOW, VECTORS, sops_binary

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")]

PLAIN = b"a: 1\nb: x\n"


def _sops(arguments, data, environment):
    command = [sops_binary(), *arguments, "--input-type", "yaml", "--output-type", "yaml", "/dev/stdin"]
    done = subprocess.run(
        command, input=data, capture_output=True, env={"PATH": os.environ["PATH"], **environment}, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _ours(provider, recipient):
    key = DataKey.new()
    groups = keyring.wrap(key, ((recipient,),), 0, {provider.kind: provider}, NOW)
    return sealing.encrypt(PLAIN, "yaml", key, groups, Selection(), NOW)


def _opened(data, provider):
    return opening.decrypt(data, "yaml", keyring.unwrap(opening.read(data, "yaml").metadata, {provider.kind: provider}))


def test_transit(running):
    service = running("OpenBao")
    environment = {"VAULT_TOKEN": "root", "HOME": "/nonexistent"}
    assert _sops(["decrypt"], _ours(service.provider, service.recipient), environment) == PLAIN
    theirs = _sops(["encrypt", "--hc-vault-transit", f"{service.address}/v1/transit/keys/one"], PLAIN, environment)
    assert _opened(theirs, service.provider) == PLAIN


def test_aws(running):
    service = running("Aws")
    environment = {
        "AWS_ENDPOINT_URL": service.endpoint,
        "AWS_ACCESS_KEY_ID": "AKIATEST",
        "AWS_SECRET_ACCESS_KEY": "no",
        "HOME": "/nonexistent",
    }
    assert _sops(["decrypt"], _ours(service.provider, service.recipient), environment) == PLAIN
    theirs = _sops(
        ["encrypt", "--kms", service.recipient["arn"], "--encryption-context", "app:chat"], PLAIN, environment
    )
    assert _opened(theirs, service.provider) == PLAIN


def test_the_transit_vector(running):
    service = running("OpenBao")
    backup = (VECTORS / "keys" / "transit-sops-vectors.backup").read_text().strip()
    service.client.adapter.post("/v1/transit/restore/sops-vectors", json={"backup": backup})
    data = (VECTORS / "enc" / "08-hc-vault.yaml").read_bytes()
    here = data.replace(b"http://127.0.0.1:18200", service.address.encode())
    assert _opened(here, service.provider) == (VECTORS / "decrypted" / "08-hc-vault.yaml").read_bytes()


def test_a_hostile_address_in_a_file_sees_no_connection(running):
    from tests.conformance.keys.fakes import Failing

    service = running("OpenBao")
    thief = Failing(200, {})
    try:
        data = _ours(service.provider, service.recipient)
        hostile = data.replace(service.address.encode(), f"http://127.0.0.1:{thief.port}".encode())
        with pytest.raises(keyring.NoKeyError, match="not an allowed key service"):
            _opened(hostile, service.provider)
        assert thief.seen == []
    finally:
        thief.close()


def test_many_files_in_few_calls(running):
    service = running("OpenBao")
    calls = []

    class Counting(TransitProvider):
        def _batch(self, *arguments):
            calls.append(1)
            return super()._batch(*arguments)

    provider = Counting(Allowed((service.address,)), {"VAULT_TOKEN": "root"})
    keys = [DataKey.new() for _ in range(60)]
    wrapped = provider.wrap_batch([(service.recipient, key.reveal()) for key in keys])
    calls.clear()
    template = opening.read(_ours(service.provider, service.recipient), "yaml").metadata
    stanza = template.groups[0][0]
    files = [template.with_groups(((type(stanza)(item.recipient, item.enc),),), 0) for item in wrapped]
    assert keyring.unwrap_many(files, {"hc_vault": provider}) == keys
    assert len(calls) == 1


@pytest.mark.skipif(not shutil.which("gpg"), reason="gpg is not installed")
def test_pgp_is_read(tmp_path_factory):
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    environment = {"GNUPGHOME": str(home), "PATH": os.environ["PATH"], "HOME": str(home)}
    gpg = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run(
        [*gpg, "--quick-generate-key", "t@example.org", "rsa2048", "encr", "never"],
        check=True,
        env=environment,
        capture_output=True,
    )
    listed = subprocess.run(
        ["gpg", "--list-keys", "--with-colons"], check=True, env=environment, capture_output=True
    ).stdout.decode()
    fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
    try:
        theirs = _sops(["encrypt", "--pgp", fingerprint], PLAIN, environment)
        provider = PgpProvider(environment)
        assert _opened(theirs, provider) == PLAIN
        after = sealing.set_value(
            theirs, "yaml", keyring.unwrap(opening.read(theirs, "yaml").metadata, {"pgp": provider}), ("a",), 2, NOW
        )
        assert _sops(["decrypt"], after, environment) == b"a: 2\nb: x\n"
        stanza = opening.read(theirs, "yaml").metadata.groups[0][0]
        with pytest.raises(UnusableRecipientError):
            provider.wrap(stanza.recipient, b"k" * 32)
        empty = tmp_path_factory.mktemp("e")
        empty.chmod(0o700)
        with pytest.raises(KeyDeniedError):
            PgpProvider(environment | {"GNUPGHOME": str(empty)}).unwrap(stanza.recipient, stanza.enc)
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)


def test_the_json_of_a_stanza_survives(running):
    service = running("Aws")
    data = _ours(service.provider, service.recipient)
    again = opening.read(sealing.rekey(data, "yaml", opening.read(data, "yaml").metadata.groups), "yaml").metadata
    assert again == opening.read(data, "yaml").metadata
    assert json.dumps(again.recipients()[0].fields)


def test_entries_follow_the_newest_version_of_the_key(running):
    service = running("OpenBao")
    data = _ours(service.provider, service.recipient)
    metadata = opening.read(data, "yaml").metadata
    providers = {"hc_vault": service.provider}
    assert keyring.rewrapped(metadata, providers, NOW) == metadata.groups
    service.rotate()
    groups = keyring.rewrapped(metadata, providers, NOW)
    assert groups != metadata.groups
    assert _opened(sealing.rekey(data, "yaml", groups), service.provider) == PLAIN
