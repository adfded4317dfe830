"""The table of attacks names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs/attacks.md").read_text()


def test_every_test_of_the_page_is_there():
    known = {name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    named = set(re.findall(r"\b(test_\w+)(?!\w|\.py)", PAGE))
    assert len(named) > 20
    assert named - known == set()


def test_every_file_of_the_page_is_there():
    paths = set(re.findall(r"tests/[\w/.-]+\.(?:py|txtar)", PAGE))
    assert len(paths) > 5
    assert {path for path in paths if not (TESTS.parent / path).is_file()} == set()
