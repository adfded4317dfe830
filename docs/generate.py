"""Writes the generated pages of docs/: diagnostics.md from the table of codes, commands.md from the program's help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitconfigmgr.model import codes

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent
PROGRAM = "gitconfigmgr"


def commands(command: click.Command, name: str = PROGRAM) -> Iterator[tuple[str, click.Command]]:
    """The command and everything below it that is not hidden, in the order of the help."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name)
        for item in command.list_commands(context):
            found = command.get_command(context, item)
            if found is not None and not found.hidden:
                yield from commands(found, f"{name} {item}")


def commands_page(root: click.Command) -> str:
    """The help of every command."""
    lines = ["# Commands", "", "Generated from the program; `gitconfigmgr COMMAND --help` prints the same.", ""]
    for name, command in commands(root):
        context = click.Context(command, info_name=name, terminal_width=100, **root.context_settings)
        lines += [f"## {name}", "", "```", command.get_help(context).rstrip(), "```", ""]
    return "\n".join(lines)


def compliance_page() -> str:
    """Which packaged rules and codes are evidence for which control."""
    from gitconfigmgr.adapters.packaged import read_schema
    from gitconfigmgr.app.policies import CONTROLS, controls
    from gitconfigmgr.wiring.trees import open_packaged_policies

    data = read_schema(f"policies/{CONTROLS}")
    assert data is not None
    lines = [
        "# Compliance",
        "",
        "Generated from `policies/controls.yaml` and the packaged policies; `gitconfigmgr policy list --controls` prints the",
        "same for the policies of a repository. Ids are those of the frameworks, the words are ours. A check that passes is",
        "evidence for a control, never the control itself: what people do is not in the repository. Findings name their controls",
        "in every report, and [waivers](policies.md#waivers) stand beside them with owner, reason and last day.",
    ]
    found = controls(data, open_packaged_policies())
    for framework in dict.fromkeys(item.framework for item in found):
        lines += ["", f"## {framework}", "", "| control | in short | rules of policies | codes |", "|---|---|---|---|"]
        for item in (item for item in found if item.framework == framework):
            rules = ", ".join(f"`{name}`" for name in item.rules)
            shown = ", ".join(f"[{code}](diagnostics.md#{_anchor(code)})" for code in item.codes)
            lines.append(f"| {item.id} | {item.title} | {rules} | {shown} |")
    return "\n".join([*lines, ""])


def _anchor(code: str) -> str:
    return f"{code}-{codes.CODES[code].title}".lower().replace(" ", "-").replace("'", "").replace(",", "")


def pages() -> dict[str, str]:
    """The generated pages by their name."""
    from gitconfigmgr.cli.main import cli

    return {
        "diagnostics.md": codes.as_markdown(), "commands.md": commands_page(cli), "compliance.md": compliance_page(),
    }  # fmt: skip


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text.rstrip() + "\n", encoding="utf-8")
