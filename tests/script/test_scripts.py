"""Every *.txtar file below this folder is one case. README.md describes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.script.runner import perform

FOLDER = Path(__file__).parent
NAMES = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.txtar"))
CASES = [pytest.param(name, marks=pytest.mark.slow if name.startswith("hostile/") else ()) for name in NAMES]


@pytest.mark.golden
@pytest.mark.parametrize("name", CASES)
def test_script(name: str, tmp_path: Path) -> None:
    path = FOLDER / f"{name}.txtar"
    expected = path.read_text(encoding="utf-8")
    actual = perform(expected, tmp_path)
    assert "this is a bug in gitconfigmgr" not in actual
    assert "\n[-" not in actual, "a command was ended by a signal: it took too much time or memory"
    if os.environ.get("GCM_UPDATE"):
        path.write_text(actual, encoding="utf-8")
        return
    assert actual == expected, "the output differs; `make update` rewrites it"
