"""Where addresses lead: relative paths begin at one place for every kind, and no link on the way is followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitconfigmgr.adapters.publishers.places import folder_of
from gitconfigmgr.adapters.publishers.registry import open_publisher
from gitconfigmgr.app.release.run import destinations
from gitconfigmgr.errors import OutsideError, UsageError
from gitconfigmgr.model.publishing import Destination, ReleaseSettings
from tests.conformance.publishers.rigs import Rig

KINDS = ("directory", "dotenv", "envoy-ai-gateway", "kubernetes", "litellm")


@pytest.fixture
def rig(tmp_path):
    (tmp_path / "repository").mkdir()
    (tmp_path / "outside").mkdir()
    return Rig(tmp_path / "repository")


@pytest.fixture
def outside(tmp_path):
    return tmp_path / "outside"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["the folder", "on the way", "absolute", "dangling"])
def test_a_link_is_refused_and_nothing_is_written_through_it(rig, outside, kind, way):
    link = rig.folder / "link"
    link.symlink_to(outside / "none" if way == "dangling" else outside)
    address = {"on the way": "link/inner/out", "absolute": str(link)}.get(way, "link")
    with pytest.raises(UsageError, match="is a link to") as caught:
        open_publisher(Destination(kind, address), rig.context())
    assert caught.value.hint
    assert not list(outside.iterdir())


def test_the_folder_of_a_tenant_that_is_a_link(rig, outside):
    (rig.folder / "published").mkdir()
    (rig.folder / "published" / "acme").symlink_to(outside)
    with pytest.raises(UsageError, match="is a link to"):
        open_publisher(Destination("directory", "published"), rig.context())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_beside_the_repository_is_reached_and_so_are_links_that_the_machine_has(rig, outside, tmp_path, kind):
    assert str(outside / "out") in open_publisher(Destination(kind, "../outside/out"), rig.context()).name
    (tmp_path / "srv").symlink_to(outside)
    address = str(tmp_path / "srv" / "out")
    assert open_publisher(Destination(kind, address), rig.context()).name == f"{kind}:{address}"


def test_the_repository_itself_may_be_reached_by_a_link(rig, outside, tmp_path):
    (tmp_path / "checkout").symlink_to(rig.folder)
    context = Rig(tmp_path / "checkout").context()
    assert folder_of(Destination("dotenv", "../outside/out"), context) == outside / "out"


@pytest.mark.parametrize("kind", KINDS)
def test_a_relative_path_begins_where_it_was_typed_or_at_the_settings(rig, tmp_path, kind):
    settings = ReleaseSettings(tenant="acme", to=(Destination(kind, "out", {"namespace": "llm"}),))
    (typed,) = destinations(settings, [f"{kind}:here"], tmp_path / "elsewhere")
    (known,) = destinations(settings, [f"{kind}:out"], tmp_path / "elsewhere")
    assert known == settings.to[0], "word for word an entry of the settings, with its options"
    assert (typed.base, known.base) == (str(tmp_path / "elsewhere"), "")
    assert str(typed) == f"{kind}:here"


def test_a_lock_or_a_folder_for_new_files_that_is_a_link(rig, outside):
    (outside / "theirs").write_text("x")
    tree = rig.folder / "published" / "acme"
    tree.mkdir(parents=True)
    (tree / ".gcm-new").symlink_to(outside)
    files = open_publisher(Destination("directory", "published"), rig.context()).files
    with pytest.raises(UsageError, match="is a link"), files.locked():
        pass
    (tree / ".gcm-new").unlink()
    (tree / ".gcm-lock").symlink_to(outside / "made")
    with pytest.raises(OutsideError), files.locked():
        pass
    assert os.listdir(outside) == ["theirs"]
    assert Path(outside / "theirs").read_text() == "x"
