"""The workflows and the action that we publish: what linters say of them, and that their steps do what they promise."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.repositories import SETTINGS, commit, git, write_files

ROOT = Path(__file__).parent.parent.parent.parent
ACTION = ROOT / ".github" / "actions" / "review" / "action.yml"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
STARTER = ROOT / "gitconfigmgr" / "data" / "new-repo" / ".github" / "workflows" / "check.yml"
BIN = Path(sys.executable).parent


def run(*command: str | Path, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    return found


def test_actionlint_has_nothing_to_say() -> None:
    done = run(BIN / "actionlint", *WORKFLOWS, STARTER)
    assert done.returncode == 0, done.stdout


def test_zizmor_has_nothing_to_say() -> None:
    done = run(BIN / "zizmor", "--offline", "--no-progress", *WORKFLOWS, STARTER, ACTION)
    assert done.returncode == 0, done.stdout


def test_what_others_publish_is_pinned_to_a_commit() -> None:
    for file in (*WORKFLOWS, STARTER, ACTION):
        for name in re.findall(r"uses: (\S+)", file.read_text()):
            assert name.startswith("$/") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name), name


def test_no_text_of_a_pull_request_is_part_of_a_script() -> None:
    for step in steps():
        assert "${{" not in step.get("run", "")


def fake(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o755)


@pytest.fixture
def forked(tmp_path: Path) -> tuple[Path, str, str]:
    """A clone with a base and a pull request that was fetched and not checked out; the two commits."""
    root = tmp_path / "upstream"
    write_files(root, SETTINGS | {"configs/acme/chat/base.yaml": "timeout: 30\n"})
    base = commit(root, "base")
    git(root, "checkout", "-qb", "change")
    write_files(
        root, {"configs/acme/chat/production.yaml": "timeuot: 60\n", "configs/acme/chat/base.yaml": "timeout: 20\n"}
    )
    head = commit(root, "change")
    git(root, "update-ref", "refs/pull/7/head", head)
    git(root, "checkout", "-q", "main")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", f"file://{root}", str(clone))
    git(clone, "fetch", "-q", "--no-tags", "origin", "refs/pull/7/head")
    return clone, base, head


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub runs the steps with bash")
def test_the_review_step_reports_a_pull_request_from_git_objects(forked: tuple[Path, str, str], tmp_path: Path) -> None:
    clone, base, head = forked
    fake(
        tmp_path / "gitconfigmgr" / "bin" / "gitconfigmgr", f'#!/bin/sh\nexec "{sys.executable}" -m gitconfigmgr "$@"\n'
    )
    (review,) = [step for step in steps() if step.get("id") == "review"]
    output, summary = tmp_path / "output", tmp_path / "summary"
    done = run(
        "bash", "-eo", "pipefail", "-c", review["run"], cwd=clone,
        PYTHONPATH=str(ROOT), RUNNER_TEMP=str(tmp_path), REPOSITORY=".", FOLDER=".", BASE=base, HEAD=head, STRICT="false",
        GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert said["status"] == "1"
    assert said["written"] == "true"
    assert "::error file=configs/acme/chat/production.yaml,line=1" in done.stdout
    page = Path(said["page"]).read_text()
    assert page.startswith("<!-- gitconfigmgr pr-report -->")
    assert "1 error" in page
    assert "GCM205" in summary.read_text()
    assert Path(said["sarif"]).exists()
    assert not (clone / "configs/acme/chat/production.yaml").exists(), "nothing is checked out"


COMMENT = '#!/bin/sh\nprintf "%s\\n" "$*" >>"$CALLS"\ncase "$*" in *--paginate*) printf "%s" "$KNOWN";; esac\n'


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub runs the steps with bash")
@pytest.mark.parametrize(
    ("known", "call"),
    [("", "--method POST repos/o/n/issues/7/comments"), ("41\n42\n", "--method PATCH repos/o/n/issues/comments/41")],
)
def test_one_comment_is_kept(tmp_path: Path, known: str, call: str) -> None:
    fake(tmp_path / "bin" / "gh", COMMENT)
    (step,) = [step for step in steps() if step.get("name") == "Comment"]
    calls = tmp_path / "calls"
    done = run(
        "bash", "-eo", "pipefail", "-c", step["run"], PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", CALLS=str(calls),
        KNOWN=known, GITHUB_REPOSITORY="o/n", NUMBER="7", PAGE="page.md",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert call in calls.read_text()
    assert "--field body=@page.md" in calls.read_text()


def examples() -> list[str]:
    page = (ROOT / "docs" / "pull-requests.md").read_text()
    return [block for block in re.findall(r"^```yml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE) if "\njobs:" in block]


@pytest.mark.parametrize("example", examples())
def test_the_workflows_in_the_documentation_are_sound(example: str, tmp_path: Path) -> None:
    file = tmp_path / "workflow.yml"
    file.write_text(example)
    done = run(BIN / "actionlint", file)
    assert done.returncode == 0, done.stdout


# -- the workflow of a new repository ----------------------------------------------------------------------------------


def starter(event: str, clone: Path, tmp_path: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """What the commands of the workflow that `init` writes do in a clone, by their steps, installation left out."""
    fake(tmp_path / "bin" / "gitconfigmgr", f'#!/bin/sh\nexec "{sys.executable}" -m gitconfigmgr "$@"\n')
    found = {}
    for step in yaml.safe_load(STARTER.read_text())["jobs"]["check"]["steps"]:
        condition, command = step.get("if", ""), step.get("run", "pip")
        only = "pull_request" if "== 'pull_request'" in condition else "push" if "!=" in condition else event
        if only == event and not command.startswith("pip"):
            found[step.get("name", command)] = run(
                "bash", "-eo", "pipefail", "-c", command, cwd=clone, PYTHONPATH=str(ROOT),
                PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}",
                GITHUB_BASE_REF="main" if event == "pull_request" else "", GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
            )  # fmt: skip
    return found


@pytest.fixture
def started(tmp_path: Path) -> tuple[Path, Path]:
    """A repository that `init` has made, committed, and a clone of it."""
    root = tmp_path / "upstream"
    done = run(sys.executable, "-m", "gitconfigmgr", "init", root, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    commit(root, "begin")
    git(root, "branch", "-M", "main")
    git(tmp_path, "clone", "-q", f"file://{root}", str(tmp_path / "clone"))
    return root, tmp_path / "clone"


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub runs the steps with bash")
def test_the_workflow_of_a_new_repository_passes_on_its_first_commit(
    started: tuple[Path, Path], tmp_path: Path
) -> None:
    done = starter("push", started[1], tmp_path)
    assert list(done) == ["Check the branch", "gitconfigmgr test --rev HEAD"]
    assert [each.returncode for each in done.values()] == [0, 0], done


@pytest.mark.skipif(shutil.which("bash") is None, reason="GitHub runs the steps with bash")
def test_a_pull_request_cannot_loosen_the_rule_that_it_breaks(started: tuple[Path, Path], tmp_path: Path) -> None:
    """The merge of a pull request, as GitHub checks it out: a schema is loosened for the value beside it."""
    _, clone = started
    schema = clone / "schemas" / "service.schema.json"
    schema.write_text("{}")
    (clone / "configs" / "acme" / "chat" / "staging.yaml").write_text("model: {max_tokens: many}\n")
    commit(clone, "change")
    done = starter("pull_request", clone, tmp_path)
    assert list(done) == ["Check the change", "Tell reviewers what it does", "gitconfigmgr test --rev HEAD"]
    assert done["Check the change"].returncode == 1
    assert "title=GCM402" in done["Check the change"].stdout
    assert "title=GCM630" in done["Check the change"].stdout
    assert "max_tokens" in (tmp_path / "summary").read_text()
