"""`gitconfigmgr demo` tells its story to the end, and leaves the current folder alone."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.script.runner import PROGRAM, ROOT

if TYPE_CHECKING:
    from pathlib import Path

STORY = [
    "$ gitconfigmgr check",
    "ok: ",
    "$ gitconfigmgr get ",
    "$ gitconfigmgr explain ",
    "$ gitconfigmgr compile ",
    "error[GCM402]: ",
    "ok: ",
    "$ gitconfigmgr release ",
    " published 14 targets",
    "$ gitconfigmgr verify ",
    "14 of 14 rebuilt to the same bytes",
]


@pytest.mark.slow
def test_the_demo_tells_its_story(tmp_path: Path) -> None:
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    here.mkdir()
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT), "demo"],
        cwd=here,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    rest = done.stdout
    for step in STORY:
        assert step in rest
        rest = rest.partition(step)[2]
    assert not list(here.iterdir())
