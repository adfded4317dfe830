"""`gitconfigmgr policy`: what policies there are, and whether they do what their tests say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitconfigmgr.cli import options
from gitconfigmgr.model.names import many

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.app.policies import Control, Listed
    from gitconfigmgr.check.policies.judge import Policies
    from gitconfigmgr.pipeline import Repository


@click.group("policy", no_args_is_help=True)
def command() -> None:
    """List policies, and run their inline tests."""


_packaged = click.option("--packaged", is_flag=True, help="Those that come with the program, wherever this is.")


@command.command(
    "list",
    epilog="""\b
Examples:
  gitconfigmgr policy list                 what is in force here
  gitconfigmgr policy list --packaged
  gitconfigmgr policy list --controls --format json""",
)
@_packaged
@click.option("--controls", is_flag=True, help="By control of SOC 2, GDPR, HIPAA and PCI DSS, instead.")
@options.output_format("text", "json")
@click.pass_context
def list_(ctx: click.Context, packaged: bool, controls: bool, format_: str) -> None:  # noqa: FBT001 - click passes flags so
    """List the policies in force, with the number of targets each matches."""
    from gitconfigmgr.adapters.packaged import read_schema
    from gitconfigmgr.app import policies as app
    from gitconfigmgr.cli.render import TextReport, records
    from gitconfigmgr.model.diagnostics import collate
    from gitconfigmgr.source.excerpt import locate

    policies, repository = _policies(ctx, packaged=packaged)
    read = _read_packaged if repository is None else repository.read
    if controls:
        data = read_schema(f"policies/{app.CONTROLS}")
        assert data is not None
        _show_controls(app.controls(data, policies), format_)
        return
    found = app.listed(policies, repository)
    broken = locate(collate(item for item in policies.findings if item.fails), read)
    if format_ == "json":
        options.print_json({"policies": [_record(item) for item in found], "diagnostics": records(broken)})
        return
    for item in found:
        policy = item.policy
        head = f"{policy.id:24} {policy.path}"
        click.echo(click.style(head, bold=True) + ("" if item.targets is None else f"  {many(item.targets, 'target')}"))
        if policy.description:
            click.echo(f"  {' '.join(policy.description.split())}")
        for rule in policy.rules:
            word = "" if rule.severity == "error" else f" ({rule.severity})"
            shown = f": {', '.join(rule.controls)}" if rule.controls else ""
            click.echo(f"  - {rule.name}{word}{shown}")
    if broken:
        report = TextReport(read)
        click.echo("\n\n".join(["not in force:", *map(report.show, broken)]), err=True)
    elif not found:
        click.echo("no policies: put one into policies/, or name packaged ones in gitconfigmgr.yaml")


@command.command(
    "test",
    epilog="""\b
Examples:
  gitconfigmgr policy test
  gitconfigmgr policy test policies/cost.yaml
  gitconfigmgr policy test --packaged --format junit""",
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@_packaged
@options.output_format("text", "json", "junit")
@click.pass_context
def test(ctx: click.Context, paths: tuple[str, ...], packaged: bool, format_: str) -> None:  # noqa: FBT001 - as above
    """Run the inline tests of policies, and list the rules that no test makes fail.

    Ends with status 1 where a test fails or a policy cannot be used.
    """
    from gitconfigmgr.app.policies import default_settings
    from gitconfigmgr.app.policy_test import run_policy_tests
    from gitconfigmgr.cli.commands.check_command import relative_paths
    from gitconfigmgr.cli.tested import show
    from gitconfigmgr.errors import UsageError
    from gitconfigmgr.source.excerpt import locate

    policies, repository = _policies(ctx, packaged=packaged)
    chosen = relative_paths(options.state(ctx).folder, paths) if paths and repository is not None else list(paths)
    for path in chosen:
        known = {policy.path for policy in policies.policies.values()}
        known |= {item.position.path for item in policies.findings if item.position is not None}
        if path not in known:
            raise UsageError(f"{path} is no policy", "`gitconfigmgr policy list` names those in force")
    settings = default_settings() if repository is None else repository.settings
    tested = run_policy_tests(policies, settings, chosen)
    if not tested.cases and not tested.findings:
        raise UsageError("there is no test to run", "docs/policies.md shows how a policy carries its tests")
    read: Callable[[str], bytes | None] = _read_packaged if repository is None else repository.read
    tested.findings = locate(tested.findings, read)
    for case in tested.cases:
        case.failures = locate(case.failures, read)
    show(tested, format_, read)


def _policies(ctx: click.Context, *, packaged: bool) -> tuple[Policies, Repository | None]:
    from gitconfigmgr.wiring.trees import open_packaged_policies, open_repository

    if packaged:
        return open_packaged_policies(), None
    repository = open_repository(options.state(ctx))
    return repository.rules.policies, repository


def _read_packaged(path: str) -> bytes | None:
    from gitconfigmgr.adapters.packaged import read_schema

    return read_schema(path.removeprefix("gcm:"))


def _record(item: Listed) -> dict[str, object]:
    policy = item.policy
    return {
        "id": policy.id,
        "path": policy.path,
        "line": policy.position.line,
        "engine": policy.engine,
        "description": policy.description,
        "targets": item.targets,
        "params": policy.params,
        "rules": [
            {"name": rule.name, "severity": rule.severity, "message": rule.message, "controls": list(rule.controls),
             "line": rule.position.line}
            for rule in policy.rules
        ],
        "tests": len(policy.tests),
    }  # fmt: skip


def _show_controls(found: list[Control], format_: str) -> None:
    if format_ == "json":
        options.print_json({"controls": [
            {"id": item.id, "framework": item.framework, "title": item.title, "rules": item.rules,
             "codes": list(item.codes)} for item in found
        ]})  # fmt: skip
        return
    for item in found:
        click.echo(click.style(item.id, bold=True) + (f"  {item.title}" if item.title else ""))
        for name in [*item.rules, *item.codes]:
            click.echo(f"  - {name}")
        if not item.rules and not item.codes:
            click.echo("  (nothing here)")
