"""`gitconfigmgr layers`."""

from __future__ import annotations

import click

from gitconfigmgr.cli import options


@click.command(
    "layers",
    epilog="""\b
Examples:
  gitconfigmgr layers acme/chat -e production
  gitconfigmgr layers acme/chat -e production --all""",
)
@click.argument("namespace")
@options.environment
@click.option("--all", "everything", is_flag=True, help="Name the files too that could be there and are not.")
@options.rev
@options.staged
@options.output_format("text", "json")
@click.pass_context
def command(
    ctx: click.Context,
    namespace: str,
    environment: str,
    everything: bool,  # noqa: FBT001 - click passes flags so
    rev: str | None,
    staged: bool,  # noqa: FBT001 - click passes flags so
    format_: str,
) -> None:
    """List the files a target is made of, lowest first: a later one overrides the earlier ones."""
    from gitconfigmgr.app.explain import layers
    from gitconfigmgr.wiring.trees import open_repository

    found = layers(open_repository(options.state(ctx, rev, staged=staged)), namespace, environment)
    if format_ == "json":
        records = [{"namespace": s.namespace, "environment": s.environment, "path": s.path} for s in found]
        options.print_json({"namespace": namespace, "environment": environment, "layers": records})
        return
    number = 0
    for slot in found:
        if slot.path:
            number += 1
            click.echo(f"{number:>3}  {slot.path}")
        elif everything:
            click.echo(click.style(f"  -  configs/{slot.namespace}/{slot.environment}.yaml (not there)", dim=True))
