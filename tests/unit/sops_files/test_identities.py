"""Where age identities come from, and which are refused."""

from __future__ import annotations

import subprocess

import pyrage
import pytest

from gitconfigmgr.adapters.keys.age import AgeProvider
from gitconfigmgr.secrets.metadata import Recipient
from gitconfigmgr.secrets.ports import KeyDeniedError, UnusableRecipientError

KEY = b"k" * 32


@pytest.fixture
def identity():
    return pyrage.x25519.Identity.generate()


def _stored(folder, text, mode=0o600):
    path = folder / "keys.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def _opens(provider, identity):
    recipient = Recipient.of("age", recipient=str(identity.to_public()))
    return provider.unwrap(*provider.wrap(recipient, KEY)) == KEY


def test_from_the_environment_a_named_file_and_the_usual_places(tmp_path, identity):
    assert _opens(AgeProvider({"SOPS_AGE_KEY": f"# note\n{identity}\n"}, tmp_path), identity)
    path = _stored(tmp_path, f"# created\n{identity}\n")
    assert _opens(AgeProvider({"SOPS_AGE_KEY_FILE": str(path)}, tmp_path), identity)
    _stored(tmp_path / ".config/sops/age", str(identity))
    _stored(tmp_path / "Library/Application Support/sops/age", str(identity))
    assert _opens(AgeProvider({"HOME": str(tmp_path)}), identity)
    _stored(tmp_path / "x/sops/age", str(identity))
    assert _opens(AgeProvider({"XDG_CONFIG_HOME": str(tmp_path / "x")}, tmp_path / "nowhere"), identity)


def test_ssh_keys(tmp_path):
    path = tmp_path / ".ssh" / "id_ed25519"
    path.parent.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    recipient = Recipient.of("age", recipient=path.with_suffix(".pub").read_text().strip())
    for environment in ({}, {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(path)}):
        provider = AgeProvider(environment, tmp_path)
        assert provider.unwrap(*provider.wrap(recipient, KEY)) == KEY


def test_a_file_that_everybody_can_read(tmp_path, identity):
    path = _stored(tmp_path, str(identity), 0o644)
    with pytest.raises(KeyDeniedError, match="everybody") as caught:
        _opens(AgeProvider({"SOPS_AGE_KEY_FILE": str(path)}, tmp_path), identity)
    assert caught.value.hint == f"type: chmod 600 {path}"
    assert str(identity) not in f"{caught.value}{caught.value.hint}"


def test_a_passphrase(tmp_path, identity):
    protected = pyrage.passphrase.encrypt(str(identity).encode(), "open sesame")
    environment = {"SOPS_AGE_KEY_FILE": str(_stored(tmp_path, protected))}
    with pytest.raises(KeyDeniedError, match="protected by a passphrase"):
        _opens(AgeProvider(environment, tmp_path), identity)
    with pytest.raises(KeyDeniedError, match="does not open"):
        _opens(AgeProvider(environment, tmp_path, lambda _: "wrong"), identity)
    assert _opens(AgeProvider(environment, tmp_path, lambda _: "open sesame"), identity)


@pytest.mark.parametrize("text", ["AGE-SECRET-KEY-1BROKEN", "AGE-PLUGIN-YUBIKEY-1QQ", "nonsense", b"\xff\xfe"])
def test_what_is_no_identity(tmp_path, identity, text):
    path = _stored(tmp_path, text)
    with pytest.raises(KeyDeniedError) as caught:
        _opens(AgeProvider({"SOPS_AGE_KEY_FILE": str(path)}, tmp_path), identity)
    assert caught.value.hint


def test_a_named_file_that_is_not_there(tmp_path, identity):
    with pytest.raises(KeyDeniedError, match="there is no file"):
        _opens(AgeProvider({"SOPS_AGE_KEY_FILE": str(tmp_path / "x")}, tmp_path), identity)


@pytest.mark.parametrize("name", ["", "age1x", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1", "nobody"])
def test_recipients_that_do_not_parse(name):
    with pytest.raises(UnusableRecipientError):
        AgeProvider({}).wrap(Recipient("age", (("recipient", name),)), KEY)
