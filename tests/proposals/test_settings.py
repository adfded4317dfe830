"""`proposals` in gitconfigmgr.yaml."""

from __future__ import annotations

import pytest

from gitconfigmgr.source.settings import read_settings


@pytest.mark.parametrize(
    ("text", "protected", "found"),
    [
        ("", (), []), ("proposals: {}", (), []),
        ("proposals: {protected: ['acme/*:api.key', '*:models']}", ("acme/*:api.key", "*:models"), []),
        ("proposals: {protected: '*:models'}", (), ["proposals.protected is a list"]),
        ("proposals: {protected: [models]}", ("models",), ["no entry for proposals.protected: models"]),
        ("proposals: {protect: []}", (), ["unknown setting protect"]), ("proposals: 5", (), ["proposals must be a map"]),
    ],
)  # fmt: skip
def test_the_section(text: str, protected: tuple[str, ...], found: list[str]) -> None:
    settings, findings = read_settings("gitconfigmgr.yaml", "", f"version: 1\n{text}\n".encode())
    assert settings.proposals.protected == protected
    assert [item.code for item in findings] == ["GCM140"] * len(found)
    assert all(item.message.startswith(message) for item, message in zip(findings, found, strict=True))
