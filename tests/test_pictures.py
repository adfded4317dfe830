"""The pictures in docs/ show what the program prints."""

from __future__ import annotations

import importlib.util
import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

DOCS = Path(__file__).parent.parent / "docs"


def recorder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("record", DOCS / "record.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.golden
@pytest.mark.slow
def test_the_pictures_are_current() -> None:
    made = recorder().pictures()
    if os.environ.get("GCM_UPDATE"):
        for name, content in made.items():
            (DOCS / "pictures" / name).write_text(content, encoding="utf-8")
    assert {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "pictures").glob("*.svg")} == made, (
        "`python docs/record.py` records them"
    )


@pytest.mark.parametrize("path", sorted((DOCS / "pictures").glob("*.svg")), ids=lambda path: path.name)
def test_a_picture_is_sound(path: Path) -> None:
    """It is XML, runs nothing, loads nothing, and names no folder of the machine that made it."""
    text = path.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg", "title", "style", "rect", "circle", "g", "text",
    }  # fmt: skip
    assert text.count("http") == text.count("http://www.w3.org/2000/svg") + text.count("https://chat.example.com")
    assert "/tmp" not in text
    assert str(Path.home()) not in text
    assert "bug in gitconfigmgr" not in text
