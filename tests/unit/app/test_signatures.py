"""Commits signed by real keys with the real git and ssh-keygen, and signatures that were tampered with."""

from __future__ import annotations

import base64
import hashlib
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gitconfigmgr.adapters.git import signatures
from gitconfigmgr.adapters.git.revision import open_repository
from gitconfigmgr.adapters.git.signatures import signed_commits, verify
from gitconfigmgr.app.select import State
from gitconfigmgr.app.signatures import judge, read_signers
from gitconfigmgr.wiring.changes import open_gate
from tests.unit.repositories import SETTINGS, commit, git, program, write_files

if TYPE_CHECKING:
    from gitconfigmgr.model.revisions import SignedCommit

needs_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen makes the keys")
KINDS = {"ed25519": ["ed25519"], "ecdsa-256": ["ecdsa", "256"], "ecdsa-384": ["ecdsa", "384"], "ecdsa-521": ["ecdsa", "521"],
         "rsa": ["rsa", "2048"]}  # fmt: skip
WHO = "carol@example.com"


def make_key(place: Path, kind: str, bits: str = "") -> str:
    """A key pair; its public half as the allowed signers have it."""
    import subprocess

    size = ["-b", bits] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "", "-f", str(place)], check=True)
    return Path(f"{place}.pub").read_text().strip()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit on main."""
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", WHO)
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "gpg.format", "ssh")
    write_files(root, SETTINGS | {"configs/acme/chat/base.yaml": "a: 1\n"})
    commit(root, "base")
    return root


def sign(root: Path, key: Path, number: int = 2, date: str = "") -> str:
    write_files(root, {"configs/acme/chat/base.yaml": f"a: {number}\n"})
    git(root, "add", "-A")
    git(root, "-c", f"user.signingkey={key}", "commit", "-q", "-S", "-m", f"change {number}", date=date)
    return git(root, "rev-parse", "HEAD")


def found(root: Path, signers: str) -> list[str]:
    listed, wrong = read_signers("allowed_signers", signers.encode())
    assert not wrong
    commits = signed_commits(open_repository(root), git(root, "rev-parse", "main"), git(root, "rev-parse", "HEAD"))
    return [item.code for item in judge(commits, listed, "allowed_signers")]


@needs_keygen
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_what_git_signs_holds_and_what_was_altered_does_not(root: Path, tmp_path: Path, kind: list[str]) -> None:
    public = make_key(tmp_path / "key", *kind)
    git(root, "checkout", "-qb", "change")
    sign(root, tmp_path / "key")
    assert found(root, f"{WHO} {public}") == []
    assert found(root, f'*@example.com namespaces="file,git" {public} a comment') == []
    assert found(root, f'{WHO} namespaces="file" {public}') == ["GCM642"]
    assert found(root, f"dave@example.com {public}") == ["GCM641"]
    assert found(root, f"!carol@*,*@example.com {public}") == ["GCM641"]
    other = make_key(tmp_path / "other", "ed25519")
    assert found(root, f"{WHO} {other}") == ["GCM641"]

    altered = git(root, "cat-file", "commit", "HEAD").replace("change 2", "change 3") + "\n"
    made = git(root, "hash-object", "-t", "commit", "-w", "--stdin", data=altered.encode())
    git(root, "reset", "-q", "--hard", made)
    assert found(root, f"{WHO} {public}") == ["GCM641"]


@needs_keygen
def test_a_key_counts_from_and_to_its_days(root: Path, tmp_path: Path) -> None:
    public = make_key(tmp_path / "key", "ed25519")
    git(root, "checkout", "-qb", "change")
    sign(root, tmp_path / "key", date="2026-06-01T12:00:00Z")
    assert found(root, f'{WHO} valid-after="20260601",valid-before="20260602" {public}') == []
    assert found(root, f'{WHO} valid-after="20260601120000Z" {public}') == []
    assert found(root, f'{WHO} valid-before="20260601120000Z" {public}') == ["GCM642"]
    assert found(root, f'{WHO} valid-after="202606011201" {public}') == ["GCM642"]
    both = f'{WHO} valid-before="20200101" {public}\n{WHO} valid-after="20200101" {public}'
    assert found(root, both) == [], "one line of several is enough"


@needs_keygen
def test_unsigned_commits_among_signed_ones_are_found(root: Path, tmp_path: Path) -> None:
    public = make_key(tmp_path / "key", "ed25519")
    git(root, "checkout", "-qb", "change")
    sign(root, tmp_path / "key", 2)
    write_files(root, {"configs/acme/chat/base.yaml": "a: 3\n"})
    commit(root, "unsigned")
    sign(root, tmp_path / "key", 4)
    assert found(root, f"{WHO} {public}") == ["GCM640"]


@needs_keygen
def test_the_allowed_signers_are_those_of_the_base(root: Path, tmp_path: Path) -> None:
    """A change cannot let its own author in."""
    mine, theirs = make_key(tmp_path / "mine", "ed25519"), make_key(tmp_path / "theirs", "ed25519")
    write_files(
        root, {"allowed_signers": f"{WHO} {mine}\n", "gitconfigmgr.yaml": "version: 1\nsignatures: allowed_signers\n"}
    )
    commit(root, "signers")
    git(root, "checkout", "-qb", "change")
    write_files(root, {"allowed_signers": f"{WHO} {theirs}\n"})
    sign(root, tmp_path / "theirs")
    done = program("check", "--base", "main", cwd=root)
    assert done.returncode == 1
    assert "which allowed_signers does not list" in done.stdout
    assert "warning[GCM630]: allowed_signers is changed" in done.stdout
    git(root, "reset", "-q", "--hard", "main")
    sign(root, tmp_path / "mine")
    done = program("check", "--base", "main", cwd=root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert open_gate(State(root), "main").judged.settings.signatures == "allowed_signers"


def signature(root: Path) -> tuple[bytes, bytes]:
    armored, payload = open_repository(root)[git(root, "rev-parse", "HEAD")].gpg_signature
    return armored, payload


@needs_keygen
def test_malformed_signatures_are_refused(root: Path, tmp_path: Path) -> None:
    make_key(tmp_path / "key", "ed25519")
    sign(root, tmp_path / "key")
    armored, payload = signature(root)
    key, namespace = verify(armored, payload)
    assert namespace == "git"
    lines = armored.strip().split(b"\n")
    blob = base64.b64decode(b"".join(lines[1:-1]))

    def wrapped(data: bytes) -> bytes:
        return b"\n".join([lines[0], base64.b64encode(data), lines[-1]])

    assert verify(wrapped(blob), payload) == (key, "git")
    for data in [blob[:n] for n in range(0, len(blob), 7)] + [blob + b"\0", blob.replace(b"git", b"gat"), b"x" + blob]:
        with pytest.raises((signatures._BadError, signatures._StrangeError, struct.error)):
            verify(wrapped(data), payload)
    for n in range(len(blob)):
        with pytest.raises((signatures._BadError, signatures._StrangeError, struct.error)):
            verify(wrapped(blob[:n] + bytes([blob[n] ^ 1]) + blob[n + 1 :]), payload)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----", "unverifiable"),
        ("-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----", "unverifiable"),
        ("-----BEGIN SSH SIGNATURE-----\n!!!!\n-----END SSH SIGNATURE-----", "bad"),
        ("-----BEGIN SSH SIGNATURE-----\nAAAA", "bad"),
        ("nonsense", "unverifiable"),
    ],
)
def test_what_is_no_ssh_signature(root: Path, text: str, status: str) -> None:
    head = git(root, "cat-file", "commit", "HEAD")
    fields, _, message = head.partition("\n\n")
    made = f"{fields}\ngpgsig {text.replace(chr(10), chr(10) + ' ')}\n\n{message}\n"
    git(root, "checkout", "-qb", "change")
    first = git(root, "commit-tree", "HEAD^{tree}", "-m", "other root")
    name = git(root, "hash-object", "-t", "commit", "-w", "--stdin", data=made.encode())
    commits: list[SignedCommit] = list(signed_commits(open_repository(root), first, name))
    assert [item.status for item in commits] == [status]


def test_security_keys(tmp_path: Path) -> None:
    """What a device signs (PROTOCOL.u2f), made here, since no device is at hand."""
    private = Ed25519PrivateKey.generate()
    string = signatures._string
    kind = b"sk-ssh-ed25519@openssh.com"
    key = string(kind) + string(private.public_key().public_bytes_raw()) + string(b"ssh:")
    signed = b"SSHSIG" + string(b"git") + string(b"") + string(b"sha512") + string(hashlib.sha512(b"content").digest())

    def made(flags: int) -> bytes:
        tail = bytes([flags]) + struct.pack(">I", 7)
        data = hashlib.sha256(b"ssh:").digest() + tail + hashlib.sha256(signed).digest()
        inner = string(kind) + string(private.sign(data)) + tail
        blob = b"SSHSIG" + struct.pack(">I", 1) + b"".join(map(string, (key, b"git", b"", b"sha512", inner)))
        return b"-----BEGIN SSH SIGNATURE-----\n" + base64.b64encode(blob) + b"\n-----END SSH SIGNATURE-----"

    assert verify(made(1), b"content") == (key, "git")
    with pytest.raises(signatures._BadError, match="touch"):
        verify(made(0), b"content")
    with pytest.raises(signatures._BadError, match="does not fit"):
        verify(made(1), b"other content")


@pytest.mark.parametrize(
    "line",
    [
        "carol@example.com",
        "carol@example.com ssh-ed25519",
        "carol@example.com ssh-ed25519 !!",
        "carol@example.com cert-authority ssh-ed25519 AAAA",
        'carol@example.com valid-before="soon" ssh-ed25519 AAAA',
        'carol@example.com valid-before="20261399" ssh-ed25519 AAAA',
    ],
)
def test_lines_that_are_no_signer_are_findings(line: str) -> None:
    signers, findings = read_signers("allowed_signers", f"# a comment\n\n{line}\n".encode())
    assert not signers
    assert [(item.code, item.position.line if item.position else 0) for item in findings] == [("GCM644", 3)]
