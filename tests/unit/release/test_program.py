"""`release` as a program: sealed secrets, two at once, killed, a full disk, keys in Transit, a web server, a webhook."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gitconfigmgr.release import envelope
from tests.conformance.keys.services import OpenBao, free_port
from tests.conformance.publishers import client
from tests.conformance.signing.fakes import AwsKms
from tests.unit.repositories import commit, program, write_files

SETTINGS = """\
version: 1
environments: {{staging: {{}}, production: {{}}}}
leak_guard: "off"
release:
  tenant: acme
{more}"""
TREE = "published/acme"


@dataclass
class Place:
    """A repository, a key set beside it, and a published tree."""

    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def tree(self) -> Path:
        return self.folder / TREE

    @property
    def root(self) -> bytes:
        return (self.folder / "keys/1.root.json").read_bytes()

    def run(self, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return program(*args, cwd=self.repository, env=env)

    def good(self, *args: str, env: dict[str, str] | None = None) -> str:
        done = self.run(*args, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def release(self, *args: str, **more: Any) -> str:
        return self.good("release", *self.where, *args, **more)

    @property
    def where(self) -> list[str]:
        return ["--keys", str(self.folder / "keys"), "--to", f"directory:{self.folder / 'published'}"]

    def edit(self, text: str, service: str = "chat") -> None:
        write_files(self.repository, {f"configs/acme/{service}/base.yaml": text})
        commit(self.repository)


@pytest.fixture
def make(tmp_path):
    def made(more: str = "", *init: str, env: dict[str, str] | None = None) -> Place:
        place = Place(tmp_path)
        place.repository.mkdir()
        write_files(place.repository, {"gitconfigmgr.yaml": SETTINGS.format(more=more)})
        place.edit("limit: 1\n")
        place.good("keys", "init", "--keys", str(tmp_path / "keys"), "--yes", *(init or ("--plain",)), env=env)
        return place

    return made


# -- secrets -----------------------------------------------------------------------------------------------------------

PLAINTEXT = "sk-correct-horse-battery"


@pytest.mark.slow
def test_secrets_arrive_sealed_for_the_tenant_and_nowhere_else(make, tmp_path):
    ours, theirs = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    place = make(f"  seal_for: [{{age: {theirs.to_public()}}}]\n")
    env = {"SOPS_AGE_KEY": str(ours)}
    rules = f"creation_rules:\n  - {{path_regex: chat, encrypted_regex: '^key$', age: {ours.to_public()}}}\n"
    write_files(
        place.repository,
        {
            ".sops.yaml": rules,
            "configs/acme/chat/production.yaml": f"api:\n  key: {PLAINTEXT}\n  port: 80\n",
            "configs/acme/chat/base.yaml": "limit: 1\nurl: 'https://u:${api.key}@x'\napi: {key: {$required: x}}\n",
        },
    )
    place.good("secret", "encrypt", "configs/acme/chat/production.yaml", env=env)
    commit(place.repository)
    out = place.good("release", *place.where, "-e", "production", "--json", env=env)
    assert json.loads(out)["losses"] == []
    found = opened(place, theirs)
    assert found == {"api.key": PLAINTEXT, "url": f"https://u:{PLAINTEXT}@x"}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and ".git/" not in str(path))
    assert PLAINTEXT.encode() not in written
    verified = place.run(
        "verify", str(tmp_path / "published"), "--root", str(tmp_path / "keys/1.root.json"), "--source", "."
    )
    assert verified.returncode == 0, verified.stderr
    assert "1 of 1 rebuilt" in verified.stdout
    # without a key nothing has to be opened where nothing changed, and a change is told by its place alone
    assert "nothing to release" in place.release("-e", "production")
    write_files(
        place.repository, {"configs/acme/chat/base.yaml": "limit: 2\nurl: '${api.key}'\napi: {key: {$required: x}}\n"}
    )
    commit(place.repository)
    done = place.run("release", *place.where, "-e", "production")
    assert done.returncode == 3
    assert re.search(r"acme/chat in production, (url|api.key): the secret cannot be opened", done.stderr)
    assert PLAINTEXT not in done.stdout + done.stderr


@pytest.mark.slow
def test_other_recipients_alone_have_secrets_sealed_again_and_a_rollout_go_on(make):
    ours, first, second = (pyrage.x25519.Identity.generate() for _ in range(3))
    place = make(f"  seal_for: [{{age: {first.to_public()}}}]\n")
    env = {"SOPS_AGE_KEY": str(ours)}
    rules = f"creation_rules:\n  - {{path_regex: chat, encrypted_regex: '^key$', age: {ours.to_public()}}}\n"
    write_files(
        place.repository, {".sops.yaml": rules, "configs/acme/chat/production.yaml": f"api: {{key: {PLAINTEXT}}}\n"}
    )
    place.good("secret", "encrypt", "configs/acme/chat/production.yaml", env=env)
    commit(place.repository)
    place.release(env=env)
    place.edit("limit: 2\n")
    place.release("--percent", "10", env=env)
    assert opened(place, first) == {"api.key": PLAINTEXT}
    write_files(
        place.repository, {"gitconfigmgr.yaml": SETTINGS.format(more=f"  seal_for: [{{age: {second.to_public()}}}]\n")}
    )
    commit(place.repository)
    assert "update   acme/chat production, version 3" in place.release(env=env)
    assert opened(place, second) == {"api.key": PLAINTEXT}
    with pytest.raises(pyrage.DecryptError):
        opened(place, first)
    assert "10 percent, the others version 1" in place.good("release", "status", *place.where)
    assert "nothing to release" in place.release()
    write_files(place.repository, {"gitconfigmgr.yaml": SETTINGS.format(more="")})
    commit(place.repository)
    assert "update   acme/chat production, version 4" in place.release()
    assert client.download(place.tree, place.root, "acme/chat.production.sealed", now()) is None
    out = place.good("verify", str(place.tree.parent), "--root", str(place.folder / "keys/1.root.json"))
    assert "verified" in out


def opened(place: Place, identity: Any) -> dict[str, Any]:
    """What a reader does with the sealed file: nothing of ours but the format."""
    data = client.download(place.tree, place.root, "acme/chat.production.sealed", now())
    assert data is not None
    [wrapped] = json.loads(data)["keys"]
    key = pyrage.decrypt(wrapped["encrypted_dek"].encode(), [identity])
    return envelope.open_sealed(data, bytes(key))


def now():
    from datetime import UTC, datetime

    return datetime.now(UTC)


# -- faults ------------------------------------------------------------------------------------------------------------


def limit(place: Place, service: str = "chat") -> Any:
    data = client.download(place.tree, place.root, f"acme/{service}.production.json", now())
    return None if data is None else json.loads(data)["limit"]


@pytest.mark.slow
def test_two_releases_at_once_both_end_well_and_nothing_is_lost(make):
    place = make()
    place.edit("limit: 1\n", "search")
    place.release()
    place.edit("limit: 2\n")
    place.edit("limit: 2\n", "search")
    command = [sys.executable, "-m", "gitconfigmgr", "release", *place.where, "--no-cache", "-n"]
    running = [
        subprocess.Popen(
            [*command, f"acme/{name}"], cwd=place.repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name in ("chat", "search")
    ]
    ended = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0], ended
    assert (limit(place), limit(place, "search")) == (2, 2)
    assert "release 3 of" in place.good("release", "status", *place.where)


@pytest.mark.slow
def test_a_destination_that_fails_is_made_up_for_by_the_next_run(make, tmp_path):
    place = make()
    blocked = tmp_path / "env"
    blocked.write_text("a file where a folder has to be")
    both = ["--to", f"dotenv:{blocked}"]
    done = place.run("release", *place.where, *both)
    assert done.returncode in {2, 3}, done.stderr
    blocked.unlink()
    out = json.loads(place.good("release", *place.where, *both, "--json"))
    [first, _] = out["targets"]
    assert {item["target"].partition(":")[0] for item in first["published"]} == {"directory", "dotenv"}
    assert limit(place) == 1
    before = {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file() and ".git" not in str(path)
    }
    assert "nothing to release" in place.good("release", *place.where, *both)
    after = {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file() and ".git" not in str(path)
    }
    assert after == before


@pytest.mark.slow
def test_a_killed_process_leaves_one_release_and_the_next_run_completes(make):
    place = make()
    place.release()
    for number in range(2, 5):
        place.edit(f"limit: {number}\n")
        command = [sys.executable, "-m", "gitconfigmgr", "release", *place.where]
        process = subprocess.Popen(command, cwd=place.repository, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3 * (number - 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert limit(place) in (number - 1, number)
        place.release()
        assert limit(place) == number


@pytest.mark.slow
def test_a_clone_that_lacks_what_is_published_cannot_tell_what_is_older(make, tmp_path):
    place = make()
    place.release()
    place.edit("limit: 2\n")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{place.repository}", str(shallow)], check=True)
    done = program("release", *place.where, cwd=shallow)
    assert done.returncode == 1
    assert "which this clone does not have" in done.stderr
    assert "git fetch --unshallow" in done.stderr
    done = program("release", *place.where, "--allow", "older", "-m", "the clone is shallow", cwd=shallow)
    assert done.returncode == 0, done.stderr
    receipt = json.loads(place.good("release", "show", "2", *place.where))
    [override] = receipt["overrides"]
    assert (override["refusal"], override["reason"]) == ("older", "the clone is shallow")
    listed = json.loads(place.good("release", "list", *place.where, "--format", "json"))["releases"]
    assert [item["release"] for item in listed] == [2, 1]
    assert "(refusals set aside)" in place.good("release", "list", *place.where, "--limit", "1")
    place.good(
        "release", "pin", "acme/chat", "-e", "staging", "--owner", "x", "--until", "9999-12-31", "-m", "y", *place.where
    )
    assert place.good("release", "list", *place.where, "--limit", "1").endswith("1 target  (by hand)\n")


@pytest.mark.slow
def test_the_branch_of_the_job_counts_more_than_that_of_the_commit(make):
    place = make("  branch: topic\n")
    subprocess.run(["git", "checkout", "-q", "-b", "topic"], cwd=place.repository, check=True)
    place.edit("limit: 2\n")
    done = place.run("release", *place.where, env={"GITCONFIGMGR_RELEASE_BRANCH": "main"})
    assert done.returncode == 1
    assert "is not on main" in done.stderr
    place.release()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_disk_that_takes_nothing_more_is_reported_and_the_old_release_stays(make, how):
    place = make()
    place.release()
    place.edit("limit: 2\ntext: [" + ",".join(f"line {n}" for n in range(9000)) + "]\n")
    options = "size=400k" if how == "full" else "size=4m"
    script = f"""
mount -t tmpfs -o {options} tmpfs {place.folder}/mount || exit 99
cp -r {place.folder}/published/. {place.folder}/mount
{f"mount -o remount,ro {place.folder}/mount || exit 99" if how == "read-only" else ""}
cd {place.repository}
{sys.executable} -m gitconfigmgr release --keys {place.folder}/keys --to directory:{place.folder}/mount --allow budget -m x
echo "status $?"
{sys.executable} -m gitconfigmgr verify {place.folder}/mount --root {place.folder}/keys/1.root.json
"""
    (place.folder / "mount").mkdir()
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False, timeout=120
        )
    except FileNotFoundError:
        pytest.skip("unshare is not there")
    if done.returncode == 99 or "unshare:" in done.stderr:
        pytest.skip("file systems cannot be mounted here")
    assert "status 3" in done.stdout, done.stderr
    words = "No space left" if how == "full" else "Read-only file system"
    assert words in done.stderr
    assert "release 1: 2 targets, 8 files verified" in done.stdout


@pytest.mark.slow
def test_a_quota_is_reported_and_the_old_release_stays(make):
    """As for a full disk, where no file system can be mounted."""
    place = make()
    place.release()
    place.edit("limit: 2\ntext: [" + ",".join(f"line {n}" for n in range(900)) + "]\n")
    command = [sys.executable, "-m", "gitconfigmgr", "release", *place.where, "--allow", "budget", "-m", "x"]
    limited = [sys.executable, "-c", _LIMIT, *command]
    done = subprocess.run(limited, cwd=place.repository, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 3, done.stderr
    assert "File too large" in done.stderr
    assert "what was published before is untouched" in done.stderr
    assert limit(place) == 1
    place.release("--allow", "budget", "-m", "x")
    assert limit(place) == 2


_LIMIT = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)); os.execv(sys.argv[1], sys.argv[1:])"


@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_permission_that_was_lost_is_reported_and_readers_keep_what_they_have(make, mode):
    place = make()
    place.release()
    place.edit("limit: 2\n")
    folders = [path for path in place.tree.rglob("*") if path.is_dir()]
    try:
        for folder in (*folders, place.tree):
            folder.chmod(mode)
        command = [*_powerless(), sys.executable, "-m", "gitconfigmgr", "release", *place.where]
        done = subprocess.run(command, cwd=place.repository, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 3, done.stderr
        assert "Permission denied" in done.stderr
    finally:
        for folder in (place.tree, *folders):
            folder.chmod(0o700)
    assert limit(place) == 1


def _powerless() -> list[str]:
    """What takes the power to write everywhere from root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere here")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


# -- keys elsewhere ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_age_encrypted_key_files(make, tmp_path):
    identity = pyrage.x25519.Identity.generate()
    env = {"SOPS_AGE_KEY": str(identity)}
    place = make("", "--age", str(identity.to_public()))
    assert b"PRIVATE KEY" not in (tmp_path / "keys/release-1.pem.age").read_bytes()
    nowhere = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = place.run("release", *place.where, env=nowhere)
    assert done.returncode == 3
    assert "there is no age identity here" in done.stderr
    place.release(env=env)
    assert limit(place) == 1


@pytest.mark.slow
def test_unattended_keys_are_encrypted_for_an_identity_of_this_machine(make, tmp_path):
    place = make("", "--role", "root=1/1", env={"SOPS_AGE_KEY_FILE": str(tmp_path / "identity.txt")})
    assert b"BEGIN AGE ENCRYPTED FILE" in (tmp_path / "keys/root-1.pem.age").read_bytes()
    place.release(env={"SOPS_AGE_KEY_FILE": str(tmp_path / "identity.txt")})
    assert limit(place) == 1


def test_without_the_extra_nothing_is_made(tmp_path, monkeypatch, capsys):
    from gitconfigmgr.cli.main import run

    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(tmp_path / "identity.txt"))
    monkeypatch.setitem(sys.modules, "tuf.api.metadata", None)
    assert run(["-C", str(tmp_path), "keys", "init", "--keys", str(tmp_path / "keys"), "--yes"]) == 2
    assert "pip install 'gitconfigmgr[release]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def bao(tmp_path_factory):
    service = OpenBao(tmp_path_factory.mktemp("bao"))
    yield service
    service.close()


@pytest.mark.slow
def test_keys_that_stay_in_transit(make, tmp_path, bao):
    for name in ("online", "release"):
        bao.client.secrets.transit.create_key(name, key_type="ed25519")
    env = {"VAULT_TOKEN": "root"}
    at = [
        argument
        for role in ("online", "release")
        for argument in ("--at", f"{role}=transit:{bao.address}/transit/{role}")
    ]
    place = Place(tmp_path)
    place.repository.mkdir()
    write_files(place.repository, {"gitconfigmgr.yaml": SETTINGS.format(more="")})
    place.edit("limit: 1\n")
    init = ["keys", "init", "--keys", str(tmp_path / "keys"), "--plain", "--yes", *at]
    done = place.run(*init, env=env)
    assert done.returncode == 3
    assert "is not an allowed key service: it was not contacted" in done.stderr
    settings = SETTINGS.format(more="") + f"key_services: {{vault: ['{bao.address}']}}\n"
    write_files(place.repository, {"gitconfigmgr.yaml": settings})
    commit(place.repository)
    assert place.run(*init[:-4], *at, "--at", f"targets=transit:{bao.address}/transit/one", env=env).returncode == 2
    place.good(*init, env=env)
    place.release(env=env)
    assert limit(place) == 1
    assert not (tmp_path / "keys/online-1.pem").exists()
    done = place.run("resign", "--force", *place.where, env={"VAULT_TOKEN": "wrong"})
    assert done.returncode == 3
    assert "denies the use of the key" in done.stderr
    bao.client.secrets.transit.rotate_key("online")
    place.edit("limit: 2\n")
    place.release(env=env)
    assert limit(place) == 2, "the version of the key is part of its address"


# -- served by nginx ---------------------------------------------------------------------------------------------------


@pytest.fixture
def nginx(tmp_path):
    port = free_port()
    config = tmp_path / "nginx.conf"
    blocks = re.search(r"```nginx\n(.*?)```", (Path(__file__).parents[3] / "docs/release.md").read_text(), re.DOTALL)
    assert blocks
    served = blocks[1].replace("/srv/published", str(tmp_path / "published"))
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(f"""
daemon off; {user} pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;
events {{}}
http {{ access_log off; client_body_temp_path {tmp_path}/t1; proxy_temp_path {tmp_path}/t2; fastcgi_temp_path {tmp_path}/t3;
uwsgi_temp_path {tmp_path}/t4; scgi_temp_path {tmp_path}/t5;
server {{ listen 127.0.0.1:{port}; {served} }} }}
""")
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, "nginx is not installed: apt-get install nginx-light"
    command = [found, "-e", str(tmp_path / "error.log"), "-c", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.02)
    assert process.poll() is None, (tmp_path / "error.log").read_text()
    yield port
    process.terminate()
    process.wait()


def get(port: int, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


@pytest.mark.slow
def test_served_by_nginx_read_by_python_tuf_alone_as_the_page_shows(make, tmp_path, nginx):
    place = make()
    place.edit("limit: 1\ntext: [" + ",".join(f"line {n}" for n in range(300)) + "]\n")
    place.release()
    page = (Path(__file__).parents[3] / "docs/verify.md").read_text()
    snippet = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert snippet
    names: dict[str, Any] = {}
    exec(compile(snippet[1], "docs/verify.md", "exec"), names)
    base = f"http://127.0.0.1:{nginx}/acme"
    data = names["read_config"](base, place.root, tmp_path / "cache", "acme/chat.production.json")
    assert json.loads(data)["limit"] == 1
    with pytest.raises(LookupError):
        names["read_config"](base, place.root, tmp_path / "cache", "acme/other.production.json")
    timestamp = get(nginx, "/acme/tuf/metadata/timestamp.json")
    assert timestamp.getheader("Cache-Control") == "no-cache"
    again = get(nginx, "/acme/tuf/metadata/timestamp.json", If_None_Match=timestamp.getheader("ETag"))
    assert again.status == 304
    bundle = max(place.tree.glob("tuf/targets/acme/*.chat.production.json"))
    packed = get(nginx, f"/acme/{bundle.relative_to(place.tree)}", Accept_Encoding="gzip")
    assert packed.getheader("Content-Encoding") == "gzip"
    assert len(packed.body) < bundle.stat().st_size
    missing = get(nginx, "/acme/tuf/metadata/2.root.json")
    assert (missing.status, missing.getheader("Cache-Control")) == (404, "no-store")
    # the next release is seen at once, although the timestamp has the same length
    place.edit("limit: 2\ntext: [" + ",".join(f"line {n}" for n in range(300)) + "]\n")
    place.release()
    changed = get(nginx, "/acme/tuf/metadata/timestamp.json", If_None_Match=timestamp.getheader("ETag"))
    assert changed.status == 200
    assert len(changed.body) == len(timestamp.body)
    data = names["read_config"](base, place.root, tmp_path / "cache", "acme/chat.production.json")
    assert json.loads(data)["limit"] == 2
    out = place.good("verify", base, "--root", str(tmp_path / "keys/1.root.json"), "--source", ".")
    assert "2 of 2 rebuilt to the same bytes" in out
    assert (
        place.run("verify", f"http://127.0.0.1:{nginx}/nobody", "--root", str(tmp_path / "keys/1.root.json")).returncode
        == 2
    )


# -- receipts ----------------------------------------------------------------------------------------------------------


class Receiver(BaseHTTPRequestHandler):
    status = 202
    seen: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.slow
def test_the_webhook_is_told_and_can_verify_who_tells_it(make, tmp_path):
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Receiver.seen.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/hook?a=b"
        place = make(f"  webhook: {url}\n")
        output = tmp_path / "outputs"
        place.release(env={"GITHUB_OUTPUT": str(output)})
        place.release()
        [(headers, body)] = Receiver.seen
        event = json.loads(body)
        assert event["type"] == "gitconfigmgr.release.published"
        assert event["data"]["release"] == 1
        assert re.match(r"release=1\nchanged=2\ncommit=[0-9a-f]{40}\n", output.read_text())
        check_signature(place, url, headers, body)
        with pytest.raises(AssertionError):
            check_signature(place, url, headers, body + b" ")
        pinned = ["pin", "acme/chat", "-e", "staging", "--owner", "x", "--until", "9999-12-31", "-m", "y"]
        place.good("release", *pinned, *place.where)
        assert [json.loads(body)["data"]["release"] for _, body in Receiver.seen] == [1, 2]
        Receiver.status = 500
        place.edit("limit: 2\n")
        done = place.run("release", *place.where)
        assert done.returncode == 0
        assert "answers 500" in done.stderr
    finally:
        Receiver.status = 202
        server.shutdown()
        server.server_close()


def check_signature(place: Place, url: str, headers: dict[str, str], body: bytes) -> None:
    """RFC 9421, section 2.5, written out; the key is that of the TUF root."""
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    assert headers["content-digest"] == digest
    parameters = headers["signature-input"].removeprefix("gcm=")
    base = (
        f'"@method": POST\n"@target-uri": {url}\n"content-type": {headers["content-type"]}\n'
        f'"content-digest": {digest}\n"@signature-params": {parameters}'
    )
    keyid = re.search(r'keyid="([0-9a-f]{64})"', parameters)
    assert keyid
    root = json.loads(place.root)["signed"]
    assert keyid[1] in root["roles"]["timestamp"]["keyids"]
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(root["keys"][keyid[1]]["keyval"]["public"]))
    public.verify(base64.b64decode(headers["signature"].removeprefix("gcm=:").removesuffix(":")), base.encode())


@pytest.mark.slow
def test_a_release_that_nobody_can_tell_of_is_out_all_the_same(make, tmp_path):
    place = make("  webhook: http://127.0.0.1:9/hook\n")
    for keys, words in (
        (tmp_path / "none", "there is no key set"),
        (tmp_path / "keys", "sign for online are not here"),
    ):
        (tmp_path / "keys/online-1.pem").unlink(missing_ok=True)
        done = place.run("release", "--to", f"dotenv:{tmp_path / keys.name}-out", "--keys", str(keys))
        assert done.returncode == 0, done.stderr
        assert "note: the webhook 127.0.0.1:9 was not told: " in done.stderr
        assert words in done.stderr


@pytest.mark.slow
def test_a_key_that_stays_in_a_cloud(make, tmp_path):
    pytest.importorskip("boto3")
    server = AwsKms()
    try:
        env = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        }
        key = server.make("online")
        place = Place(tmp_path)
        place.repository.mkdir()
        write_files(place.repository, {"gitconfigmgr.yaml": SETTINGS.format(more="")})
        place.edit("limit: 1\n")
        init = ["keys", "init", "--keys", str(tmp_path / "keys"), "--plain", "--yes", "--at", f"online=awskms:{key}"]
        done = place.run(*init, env=env)
        assert done.returncode == 3
        assert "is not an allowed key service: it was not contacted" in done.stderr
        assert not server.seen
        settings = SETTINGS.format(more="") + f"key_services: {{aws_kms: ['{key}']}}\n"
        write_files(place.repository, {"gitconfigmgr.yaml": settings})
        commit(place.repository)
        place.good(*init, env=env)
        server.mode = "denied"
        done = place.run("release", *place.where, env=env)
        assert done.returncode == 3
        assert "denies the use of the key" in done.stderr
        assert limit(place) is None
        server.mode = ""
        place.release(env=env)
        assert limit(place) == 1
        server.make("online")  # another key in its place: what does not verify is never published
        place.edit("limit: 2\n")
        done = place.run("release", *place.where, env=env)
        assert done.returncode == 3
        assert "signs something else" in done.stderr
        assert limit(place) == 1
    finally:
        server.close()
