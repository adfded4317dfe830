"""The systemd units and the Containerfile."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from gitconfigmgr.cli.main import cli

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
PROGRAM = "/opt/gitconfigmgr/bin/gitconfigmgr"


def commands_of(text: str) -> list[list[str]]:
    """The arguments of each command line that starts our program."""
    lines = re.findall(r"^Exec\w+=(.*)$", text, re.MULTILINE)
    return [shlex.split(line)[1:] for line in lines if line.startswith(PROGRAM)]


def given() -> list[list[str]]:
    found = [line for path in UNITS for line in commands_of(path.read_text(encoding="utf-8"))]
    assert len(found) == 3
    return found


@pytest.mark.parametrize("arguments", given(), ids=" ".join)
def test_the_commands_of_the_units_exist(arguments: list[str]) -> None:
    accepts(arguments)


def test_the_commands_of_the_manifests_exist() -> None:
    from tests.deploy.test_kubernetes import resource

    endpoint = resource("endpoint-autoscaled.yaml", "Deployment")["spec"]["template"]["spec"]["containers"][0]
    accepts(endpoint["args"])
    agent = resource("application.yaml", "Deployment")["spec"]["template"]["spec"]["initContainers"][0]
    accepts(agent["args"])
    for probe in ("startupProbe", "livenessProbe"):
        program, *arguments = agent[probe]["exec"]["command"]
        assert program == "gitconfigmgr"
        accepts(arguments)


def accepts(arguments: list[str]) -> None:
    """Parsed, by the command that is named, and not run."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert name
        assert found
        command = found
        context = click.Context(command, parent=context, info_name=name)
    command.parse_args(context, list(arguments))


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    assert ANALYZE
    text = unit.read_text(encoding="utf-8").replace(PROGRAM, sys.executable)
    (tmp_path / unit.name).write_text(text, encoding="utf-8")
    done = subprocess.run([ANALYZE, "verify", tmp_path / unit.name], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_the_unit_is_hardened(unit: Path) -> None:
    """Exposure by systemd's own measure, of 100: below 20."""
    assert ANALYZE
    command = [ANALYZE, "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-200:]


def test_the_containerfile_copies_what_the_build_needs() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = {name for line in re.findall(r"^COPY ([^-].*) \S+$", text, re.MULTILINE) for name in line.split()}
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hatch = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*hatch["packages"], *hatch["force-include"], "pyproject.toml", "README.md"} <= copied
    extras = re.findall(r"^ARG EXTRAS=(.*)$", text, re.MULTILINE)[0].split(",")
    assert {*extras} <= project["project"]["optional-dependencies"].keys()
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)
