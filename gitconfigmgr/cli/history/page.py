"""The page about one target: one HTML file that asks for nothing, runs nothing, and reads well in the dark.

Everything from the repository is text here: it passes `_text`, and the policy of the page allows one style and no more.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from gitconfigmgr.app.explain import layer_name
from gitconfigmgr.app.log import reason, trailers
from gitconfigmgr.cli.history.blame_text import moment, person
from gitconfigmgr.cli.history.page_style import STYLE
from gitconfigmgr.cli.history.timeline import timeline
from gitconfigmgr.cli.history.values import block, is_block, is_text, one_line, text_lines
from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import many, show_path
from gitconfigmgr.resolve.provenance import lowers, shown

if TYPE_CHECKING:
    from gitconfigmgr.app.story import Chapter, Story, Value
    from gitconfigmgr.history.changes import Change
    from gitconfigmgr.model.values import Node

_OPEN = 8  # versions whose changes are unfolded at first, where the heading does not say all
_MOST_LINES = 200


def page(story: Story) -> str:
    """The whole file."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"{story.target.namespace} in {story.target.environment}"
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{_text(title)}</title>",
        f"<style>{STYLE}</style>",
        *_header(story),
        '<section aria-label="Timeline" class="strip">',
        timeline([chapter.entry for chapter in story.chapters]),
        "</section>",
        '<main><section class="versions"><h2>Versions</h2>',
        *(_chapter(chapter, index < _OPEN) for index, chapter in enumerate(story.chapters)),
        "</section>",
        *_values(story),
        "</main></html>",
    ]
    return "\n".join(parts) + "\n"


def _header(story: Story) -> list[str]:
    target, log = story.target, story.log
    newest = story.chapters[0].entry
    state = "does not compile" if newest.version.broken else "is gone" if not newest.version.digest else ""
    shown_ = "" if len(story.chapters) == log.total else f", the newest {len(story.chapters)} shown"
    branch = f" of {_text(log.branch)}" if log.branch else ""
    bad = f" <strong class=bad>It {state}.</strong>" if state else ""
    return [
        "<header>",
        f'<h1>{_text(target.namespace)} <span class="env">{_text(target.environment)}</span></h1>',
        f"<p>{many(log.total, 'version')}{shown_}, as at commit <code>{story.tip[:10]}</code>{branch}.{bad}</p>",
        "</header>",
    ]


def _chapter(chapter: Chapter, unfolded: bool) -> str:  # noqa: FBT001 - one caller
    version, commit = chapter.entry.version, chapter.entry.commit
    kind = "broken" if version.broken else version.change_type
    said = reason(commit).split("\n", 1)
    rest = f'<p class="more">{_text(said[1].strip())}</p>' if len(said) > 1 and said[1].strip() else ""
    notes = "".join(f'<li><span class="key">{_text(key)}</span> {_text(value)}</li>' for key, value in trailers(commit))
    back = f' to <a href="#v{version.rollback_to}">{version.rollback_to}</a>' if version.rollback_to else ""
    was = f"<p>Was <code>{_text(version.renamed_from)}</code> before.</p>" if version.renamed_from else ""
    errors = "".join(f'<p class="bad">{_text(error)}</p>' for error in version.errors[1:])
    body = "".join(_change(change) for change in chapter.changes)
    if body:
        opened = " open" if unfolded and 1 < len(chapter.changes) <= 40 else ""
        count = many(len(chapter.changes), "change")
        body = f'<details{opened}><summary>{count}</summary><table class="diff">{body}</table></details>'
    return (
        f'<article id="v{version.number}" class="{kind}">'
        f'<div class="number">{version.number}</div><div>'
        f'<h3>{_text(version.summary)}</h3><p class="meta"><span class="kind">{kind}{back}</span> '
        f'<time datetime="{commit.time.isoformat()}">{moment(commit.time)}</time> '
        f"{_text(person(commit.author))} <code>{commit.id[:10]}</code></p>"
        f'<p class="reason">{_text(said[0])}</p>{rest}{f"<ul>{notes}</ul>" if notes else ""}{was}{errors}{body}'
        "</div></article>"
    )


def _change(change: Change) -> str:
    sign = {"add": "+", "remove": "\N{MINUS SIGN}", "replace": "~", "move": "\N{UP DOWN ARROW}"}[change.op]
    return f'<tr class="{change.op}"><td class="sign">{sign}</td><th>{_text(change.key)}</th><td>{_difference(change)}</td></tr>'


def _difference(change: Change) -> str:
    if change.op == "move":
        return f"order now {_text(', '.join(map(str, change.to_value)))}"
    if change.secret:
        return '<span class="secret">secret</span> with a new ciphertext'
    if is_text(change):
        lines = [f'<span class="{_side(line)}">{_text(line) or " "}</span>' for line in text_lines(change, _MOST_LINES)]
        return f"<pre>{''.join(lines)}</pre>"
    sides = []
    if change.op != "add":
        sides.append(_value(change.from_value, "del"))
    if change.op != "remove":
        sides.append(_value(change.to_value, "ins"))
    return ' <span class="arrow">\N{RIGHTWARDS ARROW}</span> '.join(sides)


def _side(line: str) -> str:
    return {"+": "ins", "-": "del"}.get(line[:1], "same")


def _value(value: object, tag: str) -> str:
    if is_block(value):
        return f"<{tag}><pre>{_text(chr(10).join(block(value, _MOST_LINES)))}</pre></{tag}>"
    return f"<{tag}>{_text(one_line(value))}</{tag}>"


def _values(story: Story) -> list[str]:
    if not story.values:
        return []
    head = "<thead><tr><th>Key</th><th>Value, and where it is set</th><th>Since version</th></tr></thead>"
    return [
        '<section class="values"><h2>Values now</h2>',
        f'<div class="scroll"><table>{head}<tbody>',
        *(_row(value) for value in story.values),
        "</tbody></table></div></section>",
    ]


def _row(value: Value) -> str:
    line = value.line
    number = line.version.number
    return (
        f'<tr><th>{_text(show_path(line.path))}</th><td>{_now(line.value)}<div class="origin">{_origin(value.node)}</div></td>'
        f'<td><a href="#v{number}" title="{_text(line.commit.summary)}">{number}</a> '
        f"<time>{line.commit.time:%Y-%m-%d}</time></td></tr>"
    )


def _now(value: object) -> str:
    if isinstance(value, str) and "\n" in value:
        return f'<pre class="value">{_text(value.rstrip())}</pre>'
    return f'<span class="value">{_text(one_line(value))}</span>'


def _origin(node: Node | None) -> str:
    if node is None:
        return ""
    lines = [_place(node)]
    lines += [f"through {_place(step)}" for step in node.via[:4]]
    for below in list(lowers(node))[:6]:
        if not isinstance(below.value, dict):
            lines.append(f"over {_place(below)}, <code>{_text(one_line(shown(below))[:60])}</code>")
    return "<br>".join(lines)


def _place(node: Node) -> str:
    position = position_of(node)
    return f'<span title="{_text(layer_name(node.document))}">{_text(position.path)}:{position.line}</span>'


def _text(text: str) -> str:
    """Text of a repository as HTML: no markup, and nothing that is not printed."""
    return escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text), quote=True)
