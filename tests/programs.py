"""Programs that are no Python packages. Where one is missing a test is skipped; in CI, which installs them, it fails."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str, package: str = "") -> str:
    """The path of a program, of the Debian package of this name unless told otherwise."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        message = f"{name} is not installed: apt-get install {package or name}"
        if os.environ.get("GCM_CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found
