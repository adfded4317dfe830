"""Vault as it runs in production, at real OpenBao servers: sealed midway, two nodes, narrow limits, the policy of the page."""

from __future__ import annotations

import json
import re
import threading
from itertools import count
from pathlib import Path

import pytest
import requests

from gitconfigmgr.adapters.publishers.vault import open_publisher
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.publishing import Destination
from gitconfigmgr.model.settings import KeyServices
from tests.conformance.publishers.bao import Node
from tests.conformance.publishers.rigs import CHAT, SEARCH, Rig, bundle, plaintexts, release
from tests.conformance.publishers.test_vault import publish, refused
from tests.conformance.publishers.vault import VaultRig, on_write

pytestmark = pytest.mark.slow
ONE, TWO = {"limit": 1}, {"limit": 2}
DOCS = Path(__file__).resolve().parents[3] / "docs" / "publishers.md"


class NodeRig(VaultRig):
    """As VaultRig, at a node of a cluster."""

    def __init__(self, folder, node):
        Rig.__init__(self, folder)
        self.node, self.client, self.address = node, node.client, node.plain
        self.mount, self.path, self.token = "kv", "gitconfigmgr/acme", node.token


@pytest.fixture
def nodes(tmp_path):
    made = []

    def start(*, follow=None):
        node = Node(tmp_path, f"node{len(made)}")
        made.append(node)
        if follow:
            node.follow(follow)
        else:
            node.initialise()
            node.client.sys.enable_secrets_engine("kv", path="kv", options={"version": "2"})
            node.until(lambda: node.client.adapter.get("/v1/kv/config"))
        return node

    yield start
    for node in made:
        node.close()


def test_sealed_midway_and_unsealed_again(tmp_path, nodes):
    node = nodes()
    rig = NodeRig(tmp_path, node)
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    numbers = count()

    def act(url):
        if "/kv/" in url and next(numbers) == 1:
            requests.put(f"{node.plain}/v1/sys/seal", headers={"X-Vault-Token": node.token}, timeout=60)

    def run():
        with on_write(act, f"{node.plain}/v1/kv"):
            publish(rig, bundle(CHAT, TWO, token="t1"), bundle(SEARCH, TWO))

    refused(OutsideError, run, "sealed or down")
    refused(OutsideError, rig.publisher().held, "sealed or down")
    node.unseal()
    node.until(node.active)
    assert (rig.read(CHAT), rig.read(SEARCH)) == (ONE, ONE)
    publish(rig, bundle(CHAT, TWO, token="t1"), bundle(SEARCH, TWO))
    assert (rig.read(CHAT)["limit"], rig.read(SEARCH)) == (2, TWO)


def test_a_node_that_stands_by(tmp_path, nodes):
    active = nodes()
    standby = nodes(follow=active)
    rig = NodeRig(tmp_path, standby)
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))  # it hands on what it may not answer itself
    standby.until(lambda: rig.publisher().held().number == 1)
    assert NodeRig(tmp_path, active).read(CHAT) == ONE
    active.close()
    error = refused(OutsideError, lambda: publish(rig, bundle(CHAT, TWO)))
    assert standby.plain in str(error)
    active.start()
    active.unseal()
    active.until(lambda: 200 in (active.health(), standby.health()))
    standby.until(lambda: publish(rig, bundle(CHAT, TWO)) and rig.read(CHAT) == TWO)
    assert rig.read(SEARCH) == ONE


def test_a_server_that_takes_less_than_others(tmp_path, nodes):
    node = nodes()
    rig = NodeRig(tmp_path, node)
    publish(rig, bundle(CHAT, ONE))
    narrow = rig.publisher(address=node.narrow)
    large = bundle(CHAT, {"text": "x" * 100_000})
    refused(UsageError, lambda: publish(rig, large, publisher=narrow), "larger than Vault takes")
    assert rig.read(CHAT) == ONE
    publish(rig, large)
    assert len(rig.read(CHAT)["text"]) == 100_000


def test_a_mount_that_asks_for_cas_and_keeps_few_versions(tmp_path, nodes):
    node = nodes()
    rig = NodeRig(tmp_path, node)
    node.client.secrets.kv.v2.configure(max_versions=2, cas_required=True, mount_point="kv")
    for limit in range(6):
        publish(rig, bundle(CHAT, {"limit": limit}), bundle(SEARCH, ONE))
        assert rig.read(CHAT) == {"limit": limit}
        assert rig.read(SEARCH) == ONE


def test_the_policy_of_the_page_is_enough_and_nothing_of_it_too_much(tmp_path, nodes):
    """Without any line of it something is refused; with all of them nothing is."""
    node = nodes()
    rig = NodeRig(tmp_path, node)
    (text,) = re.findall(r"```hcl\n(.*?)```", DOCS.read_text(), re.DOTALL)
    rules = [f"{line}\n" for line in text.replace("secret/", "kv/").splitlines() if line]
    assert len(rules) == 2

    def with_rules(*some):
        node.client.sys.create_or_update_policy("release", "".join(some) or 'path "x" { capabilities = ["read"] }')
        return node.client.auth.token.create(policies=["release"], ttl="10m")["auth"]["client_token"]

    for missing in rules:
        rig.token = with_rules(*(rule for rule in rules if rule != missing))
        refused(OutsideError, lambda: publish(rig, bundle(CHAT, ONE)), "does not let the token")
    for limit in (1, 2):
        rig.token = with_rules(*rules)
        publish(rig, bundle(CHAT, {"limit": limit}, token=f"t{limit}"), bundle(SEARCH, ONE))
    publish(rig, removed=(SEARCH,))
    assert rig.read(CHAT)["limit"] == 2


def test_several_releases_at_once(tmp_path, nodes):
    rig = NodeRig(tmp_path, nodes())
    publish(rig, bundle(CHAT, ONE), bundle(SEARCH, ONE))
    held = rig.publisher().held()
    results: list[object] = []

    def run(limit):
        publisher = rig.publisher()
        try:
            publisher.publish(
                release(held, bundle(CHAT, {"limit": limit}), bundle(SEARCH, {"limit": limit})), plaintexts
            )
            results.append(limit)
        except OutsideError as error:
            results.append(error)

    threads = [threading.Thread(target=run, args=(limit,)) for limit in (10, 11, 12, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [item for item in results if isinstance(item, int)]
    assert len(winners) <= 1, "each of the others has said so"
    wanted = {"limit": winners[0]} if winners else ONE
    assert (rig.read(CHAT), rig.read(SEARCH)) == (wanted, wanted)
    assert rig.publisher().held().number == 1 + len(winners)
    publish(rig, bundle(CHAT, TWO), bundle(SEARCH, TWO))
    assert (rig.read(CHAT), rig.read(SEARCH)) == (TWO, TWO)


def test_tls_is_trusted_by_its_authority_alone(tmp_path, nodes):
    node = nodes()
    environment = {"VAULT_TOKEN": node.token}
    services = KeyServices(vault=(node.tls,))

    def at(**more):
        context = Rig(tmp_path).context(environment=environment | more, services=services)
        return open_publisher(Destination("vault", node.tls, {"mount": "kv"}), context)

    refused(OutsideError, at().held, "not trusted")
    refused(OutsideError, at(VAULT_SKIP_VERIFY="1").held, "not trusted")
    publisher = at(VAULT_CACERT=str(node.certificate))
    publisher.publish(release(publisher.held(), bundle(CHAT, ONE)), plaintexts)
    assert json.loads(NodeRig(tmp_path, node).latest("_release")["release"])["number"] == 1
    refused(UsageError, at(VAULT_CACERT="/nowhere/none.pem").held, "none.pem")
