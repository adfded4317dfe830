"""Regions and the jurisdictions they lie in."""

from __future__ import annotations

import pytest

from gitconfigmgr.check.llm.regions import allowed, jurisdiction


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("eu", "eu"), ("eu-central-1", "eu"), ("europe-west4", "eu"), ("swedencentral", "eu"), ("europe-west12", "eu"),
        ("eu-west-2", "uk"), ("europe-west2", "uk"), ("uksouth", "uk"), ("eu-central-2", "ch"), ("switzerlandnorth", "ch"),
        ("norwayeast", "no"), ("us-east-1", "us"), ("us-central1", "us"), ("eastus2", "us"), ("us-gov-west-1", "us-gov"),
        ("ap-northeast-1", "jp"), ("global", "global"), ("local", None), ("eu-west", None), ("x" * 10_000, None),
    ],
)  # fmt: skip
def test_jurisdictions(region: str, place: str | None) -> None:
    assert jurisdiction(region) == place


def test_residency() -> None:
    assert allowed("eu-central-1", ["eu"])
    assert not allowed("eu-west-2", ["eu"])
    assert not allowed("global", ["eu", "us"])
    assert not allowed("local", ["eu"])
    assert allowed("local", ["eu", "local"])
    assert allowed("norwayeast", ["eea"])
    assert allowed("swedencentral", ["eea"])
    assert not allowed("switzerlandnorth", ["eea"])
