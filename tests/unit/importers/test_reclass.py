"""Whole inventories: every folder below tests/examples/reclass is one. reclass itself says what is right."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from gitconfigmgr.app.importing import as_json
from gitconfigmgr.cli.main import cli

from .random_inventories import Generator
from .support import EXAMPLES, assert_equal_to_reclass, computed, imported, truth

CASES = sorted(path.name for path in EXAMPLES.iterdir())
KAPITAN = "kapitan==0.36.3"
INVENTORIES = {  # nodes that reclass computes; the others of kapitan's are made for OmegaConf
    "examples/docker": 1,
    "examples/kubernetes": 10,
    "examples/reclass": 3,
    "examples/terraform": 3,
    "tests/test_resources": 19,
}


@pytest.mark.parametrize("case", [case for case in CASES if case != "broken"])
def test_values_are_those_of_reclass(case: str, tmp_path: Path) -> None:
    assert_equal_to_reclass(EXAMPLES / case / "inventory", tmp_path / "new")


def test_what_reclass_cannot_compute_is_not_imported(tmp_path: Path) -> None:
    """Nor are inventory queries, which reclass does compute where no other node is broken."""
    inventory = EXAMPLES / "broken" / "inventory"
    report = imported(inventory, tmp_path / "new")
    failed = {loss.what.removeprefix("node ") for loss in report.failures}
    assert set(computed(truth(inventory))) == {"good", "constant"}
    assert failed == {"circle", "clash", "cycle", "no-class", "no-value", "open", "query", "yaml"}
    assert not report.proven


@pytest.mark.golden
@pytest.mark.parametrize("case", CASES)
def test_documents_and_report_are_as_expected(case: str, tmp_path: Path) -> None:
    report = imported(EXAMPLES / case / "inventory", tmp_path / "new")
    files = {path.relative_to(tmp_path / "new").as_posix(): path.read_bytes() for path in files_of(tmp_path / "new")}
    files["report.json"] = orjson.dumps(as_json(report), option=orjson.OPT_INDENT_2) + b"\n"
    place = EXAMPLES / case / "becomes"
    if os.environ.get("GCM_UPDATE"):
        for path in files_of(place):
            path.unlink()
        for name, data in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        return
    assert files == {path.relative_to(place).as_posix(): path.read_bytes() for path in files_of(place)}, "`make update`"


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="session")
def kapitan(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of kapitan, unpacked; downloaded once into pytest's cache."""
    cache = pytestconfig.cache
    folder = cache.mkdir("kapitan") if cache is not None else tmp_path_factory.mktemp("kapitan")
    archives = list(folder.glob("kapitan-*.tar.gz"))
    if not archives:
        options = ["--no-binary", "kapitan", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-q"]
        fresh = tmp_path_factory.mktemp("download")
        command = [sys.executable, "-m", "pip", "download", *options, "-d", str(fresh), KAPITAN]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        archives = list(fresh.glob("kapitan-*.tar.gz"))
        if not archives:
            assert not os.environ.get("GCM_CI"), f"kapitan cannot be downloaded:\n{done.stderr}"
            pytest.skip(f"kapitan cannot be downloaded: {done.stderr.strip().splitlines()[-1:]}")
        archives = [Path(archives[0].replace(folder / archives[0].name))]
    place = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archives[0]) as archive:
        wanted = [item for item in archive.getmembers() if "/inventory/" in item.name and item.isfile()]
        archive.extractall(place, members=wanted, filter="data")
    return next(place.iterdir())


@pytest.mark.slow
def test_the_inventories_of_kapitan(kapitan: Path, tmp_path: Path) -> None:
    for name, nodes in INVENTORIES.items():
        report = assert_equal_to_reclass(kapitan / name / "inventory", tmp_path / name)
        assert report is not None
        assert report.targets == nodes, name


def test_an_inventory_for_omegaconf_is_refused(kapitan: Path, tmp_path: Path) -> None:
    source = kapitan / "examples/omegaconf/inventory"
    result = CliRunner().invoke(cli, ["import", "reclass", str(source), "-o", str(tmp_path / "new")], obj=".")
    assert result.exit_code != 0
    assert "can be imported" in str(result.exception)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 40, 10))
def test_random_inventories(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + 10):
        inventory = Generator(seed).write(tmp_path / f"{seed}" / "inventory")
        assert_equal_to_reclass(inventory, tmp_path / f"{seed}" / "new", lenient=True)
