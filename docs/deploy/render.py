"""Writes kubernetes/*.yaml: what the charts of helm/ give for the values below. Needs `helm`; `--check` writes nothing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CHARTS = HERE / "helm"
ENDPOINT = [
    "image.repository=registry.example.com/gitconfigmgr",
    "image.tag=0.1.0",
    "endpoint.tls.secret=gitconfigmgr-endpoint-tls",
]
SHARED = [
    *ENDPOINT,
    "endpoint.storage.accessMode=ReadWriteMany",
    "endpoint.autoscaling.enabled=true",
    "endpoint.database.secret=gitconfigmgr-database",
    "endpoint.network.egress[0].to[0].podSelector.matchLabels.app=postgresql",
    "endpoint.network.egress[0].ports[0].port=5432",
    "endpoint.tls.clientCA=gitconfigmgr-clients",
    "endpoint.roots.acme=yours",
]
PAGES = {  # file: chart, release, values
    "endpoint.yaml": ("gitconfigmgr", "gitconfigmgr", ENDPOINT),
    "endpoint-autoscaled.yaml": ("gitconfigmgr", "gitconfigmgr", SHARED),
    "application.yaml": ("example", "chat", []),
}


def digest() -> str:
    """Of the charts and of this file: it stands at the head of each page, so that a change without a new page is seen."""
    found = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(CHARTS.rglob("*")):
        if path.is_file() and not {"charts", "Chart.lock"} & set(path.relative_to(CHARTS).parts):
            found.update(path.relative_to(CHARTS).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def pages(helm: str) -> dict[str, str]:
    """The text of each page."""
    with tempfile.TemporaryDirectory() as folder:
        made = shutil.ignore_patterns("charts", "Chart.lock")  # by helm, where somebody tried the example
        charts = Path(shutil.copytree(CHARTS, Path(folder, "helm"), ignore=made))
        _run(helm, "dependency", "update", str(charts / "example"))
        return {name: _page(helm, charts, *given) for name, given in PAGES.items()}


def _page(helm: str, charts: Path, chart: str, release: str, values: list[str]) -> str:
    options = [option for value in values for option in ("--set", value)]
    text = _run(helm, "template", release, str(charts / chart), *options)
    return f"# Written by docs/deploy/render.py from the charts, {digest()}\n{text}"


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - helm, and our charts


def main() -> int:
    helm = shutil.which("helm")
    if helm is None:
        sys.exit("helm is needed, 3.14 or newer")
    made = pages(helm)
    old = [name for name, text in made.items() if not _same(HERE / "kubernetes" / name, text)]
    if "--check" not in sys.argv:
        for name, text in made.items():
            (HERE / "kubernetes" / name).write_text(text, encoding="utf-8")
        return 0
    return 1 if old else 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
