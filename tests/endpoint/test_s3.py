"""A tree in an S3-compatible store, which moto plays."""

from __future__ import annotations

import boto3
import pytest
from moto.server import ThreadedMotoServer

from gitconfigmgr.adapters.endpoint.s3 import S3Tree
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.release import layout
from tests.endpoint.conftest import CHAT, eventually


@pytest.fixture
def store(served, monkeypatch):
    """Copies the tree of `served` into a bucket, the timestamp last."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden words",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="config")

    def copy():
        files = sorted(path for path in served.tree.rglob("*") if path.is_file())
        for path in sorted(files, key=lambda path: path.name == "timestamp.json"):
            client.put_object(Bucket="config", Key=f"published/{path.relative_to(served.tree)}", Body=path.read_bytes())

    copy()
    yield copy
    client.close()
    server.stop()


def test_a_tree_is_read_and_followed(served, store):
    copied = served.tree
    served.tree = "s3://config/published"
    served.start()
    token, publisher = served.token(), served.token("publish")
    assert served.ask(f"/acme/{layout.TIMESTAMP}", token).body == (copied / "acme" / layout.TIMESTAMP).read_bytes()
    assert served.ask(f"/acme/v1/b/{CHAT.namespace}/production", token).json["limit"] == 2
    assert served.ask("/acme/tuf/metadata/9.root.json", token).status == 404
    assert served.ask("/acme/v1/releases", publisher, method="POST", body=b"", If_None_Match="*").status == 403
    served.tree = copied
    served.edge.publish(3)
    store()
    eventually(lambda: served.ask(f"/acme/v1/b/{CHAT.namespace}/production", token).json["limit"] == 3)
    assert served.ask("/acme/v1/watch?after=2", token, Prefer="wait=30").json["release"] == 3


def test_a_store_that_fails_is_told_without_its_credentials(store):
    tree = S3Tree("s3://config/published/")
    assert tree.tenants() == ["acme"]
    assert tree.read("acme", "none") is None
    other = S3Tree("s3://another")
    for fails in (other.tenants, lambda: S3Tree("s3://another").stamp("acme") and other.read("acme", layout.TIMESTAMP)):
        with pytest.raises(OutsideError) as caught:
            fails()
        assert "hidden" not in str(caught.value)
    with pytest.raises(UsageError):
        S3Tree("s3://")
