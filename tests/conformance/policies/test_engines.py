"""Runs the suite of every engine in a process of its own: engines fork, and bound memory by what the process holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).with_name("engines_suite.py")
ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_every_engine_keeps_the_contract():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", str(SUITE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
