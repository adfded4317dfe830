"""What the commands that edit files share: their options, and the way from a change to what is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from gitconfigmgr.cli import options
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.app.change import Change, Outcome
    from gitconfigmgr.app.select import State
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Destination, Tree

layer = click.option(
    "-e", "--env", "environment", metavar="ENV", default="base", show_default=True, help="The layer to edit."
)


@dataclass(frozen=True, slots=True)
class How:
    """What the shared options say."""

    dry_run: bool
    commit: bool
    message: str
    branch: str | None
    force: bool
    verify: bool
    format_: str


def how(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that edits; the command gets them as a `How`."""
    from functools import wraps

    @wraps(command)
    def called(*args: Any, **given: Any) -> Any:
        names = ("dry_run", "commit", "message", "branch", "force", "verify", "format_")
        said = How(**{name: given.pop(name) for name in names})
        if said.commit and not said.message.strip():
            raise click.UsageError("--commit needs a message: -m MESSAGE.")
        if said.force and not said.message.strip():
            raise click.UsageError("--force needs a reason: -m REASON.")
        if said.branch is not None and not said.commit:
            raise click.UsageError("--branch goes with --commit.")
        return command(*args, how=said, **given)

    for option in (
        click.option("--dry-run", is_flag=True, help="Show the edit and what it means, write nothing."),
        click.option("--commit", is_flag=True, help="Commit the edit on top of the branch, and nothing else."),
        click.option("-m", "--message", default="", metavar="TEXT", help="The message of the commit; why, for --force."),
        click.option("--branch", metavar="NAME", help="The branch that gets the commit; default: HEAD's."),
        click.option("--force", is_flag=True, help="Write although it brings new errors; needs -m REASON."),
        click.option("--no-verify", "verify", is_flag=True, flag_value=False, default=True, help="Skip the hooks pre-commit and commit-msg."),
        options.output_format("text", "json"),
    )[::-1]:  # fmt: skip
        called = option(called)
    return called


def begin(state: State, how: How) -> tuple[Destination, Repository]:
    """Where the edit goes, and the repository it begins from."""
    from gitconfigmgr.wiring.changes import open_destination
    from gitconfigmgr.wiring.trees import open_repository

    if state.rev is not None and not how.commit:
        raise UsageError("a revision cannot be edited", "add --commit -m MESSAGE, which makes a new one on its branch")
    place = open_destination(state, commit=how.commit, branch=how.branch, verify=how.verify)
    return place, open_repository(replace(state, rev=commit_below(place)), place.tree)


def commit_below(place: Destination) -> str | None:
    """The commit that an edit goes on top of; None for a work tree."""
    return place.tree.revision.commit if place.tree.revision else None


def carry_out(state: State, how: How, place: Destination, before: Repository, change: Change) -> None:
    """Judge the change on the edited state, then write it, or say why not."""
    from gitconfigmgr.app.change import Outcome, judge, refused
    from gitconfigmgr.source.overlay_tree import EditedTree
    from gitconfigmgr.wiring.trees import open_repository

    if not change.files:
        _report(how, change, Outcome(), None)
        return
    after = open_repository(state, EditedTree(place.tree, change.files), commit_below(place))
    outcome = judge(before, after, change)
    broken = refused(outcome)
    if broken and not how.force and not how.dry_run:
        if how.format_ == "json":
            _print_json(change, outcome, None, written=False)
            options.finish(1)
        _print_findings(outcome.findings, after.read)
        click.echo(f"error: the change brings {many(len(broken), 'new error')}; nothing was written", err=True)
        click.echo("hint: correct it, or add --force -m REASON", err=True)
        options.finish(1)
    commit = None
    if how.dry_run:
        if how.format_ == "text":
            click.echo(diff_text(place.tree, change.files), nl=False)
    else:
        commit = place.save(change.files, _message(how, broken))
    _report(how, change, outcome, commit, after.read)
    options.finish(1 if broken and how.dry_run else 0)


def _message(how: How, broken: list[Diagnostic]) -> str:
    """The message of the commit; what was forced is recorded in it."""
    if not broken:
        return how.message
    codes = ", ".join(sorted({item.code for item in broken}))
    trailers = how.message.rstrip().rpartition("\n\n")[2].startswith("Config-")
    return f"{how.message.rstrip()}{'' if trailers else chr(10)}\nForced-Findings: {codes}\n"


def _report(
    how: How, change: Change, outcome: Outcome, commit: str | None, read: Callable[[str], bytes | None] | None = None
) -> None:
    from gitconfigmgr.app.change import consequence

    if how.format_ == "json":
        _print_json(change, outcome, commit, written=bool(change.files) and not how.dry_run)
        return
    if outcome.findings and read is not None:
        _print_findings(outcome.findings, read)
    click.echo(change.said)
    if change.files:
        for line in [*consequence(outcome), *change.notes]:
            click.echo(f"  {line}")
    if commit is not None:
        click.echo(f"  committed as {commit[:12]}")


def _print_findings(findings: list[Diagnostic], read: Callable[[str], bytes | None]) -> None:
    from gitconfigmgr.cli.render import TextReport

    report = TextReport(read)
    click.echo("\n\n".join(report.show(item) for item in findings) + "\n", err=True)


def _print_json(change: Change, outcome: Outcome, commit: str | None, *, written: bool) -> None:
    from gitconfigmgr.cli.render import records

    def named(target: Any) -> dict[str, Any]:
        return {"namespace": target.namespace, "environment": target.environment}

    options.print_json({
        "files": [{"path": path, "removed": data is None} for path, data in sorted(change.files.items())],
        "written": written,
        "commit": commit,
        "changed": [named(target) for target in outcome.changed],
        "shielded": [
            named(target) | {"by": {"path": place.path, "line": place.line, "column": place.column}}
            for target, place in outcome.shielded
        ],
        "notes": change.notes,
        "diagnostics": records(outcome.findings),
    })  # fmt: skip


def diff_text(tree: Tree, files: Mapping[str, bytes | None]) -> str:
    """A unified diff of edited files, as terminals show it."""
    text = ""
    for path, data in sorted(files.items()):
        old = tree.read(path)
        sides = [b"" if side is None else side for side in (old, data)]
        before, after = (side.decode("utf-8", "replace") for side in sides)
        names = ("/dev/null" if old is None else f"a/{path}", "/dev/null" if data is None else f"b/{path}")
        text += unified(before, after, *names)
    return text


def unified(before: str, after: str, old: str, new: str) -> str:
    """The unified diff of two texts."""
    from difflib import unified_diff

    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), old, new)
    return "".join(map(_colored, lines))


def _colored(line: str) -> str:
    text = line.removesuffix("\n")
    color = {"-": "red", "+": "green", "@": "cyan"}.get(line[0]) if line[:3] not in {"---", "+++"} else None
    styled = click.style(text, fg=color) if color else click.style(text, bold=True) if line[0] in "-+" else text
    return f"{styled}\n" if line.endswith("\n") else f"{styled}\n\\ No newline at end of file\n"
