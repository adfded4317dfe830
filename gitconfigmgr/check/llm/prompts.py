"""Prompts: their variables, whom they trust, what is hidden in them, and whether they fit the models that serve them."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.check.llm.context import count, here
from gitconfigmgr.check.llm.document import is_secret
from gitconfigmgr.check.llm.placeholders import Parsed, parse
from gitconfigmgr.check.llm.tokens import measure
from gitconfigmgr.model.names import character

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Part, Step
    from gitconfigmgr.check.llm.placeholders import Piece

_SHOWN = "\ufffc"  # stands for what is filled in
_INSTRUCTING = {"system", "developer"}
_FENCE = re.compile(r"<(/?)([A-Za-z][\w-]{0,60})(?:\s[^<>]{0,200})?>|```|\"\"\"|'''|~~~|\[(/?)([A-Z][A-Z_-]{1,40})\]")
_MOST_NAMED = 4
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


def judge(context: Context) -> None:
    """All rules about prompts."""
    for prompt in context.llm.prompts.values():
        syntax = prompt.text("syntax") or "jinja2"
        used: dict[str, None] = {}
        whole = True
        for form in forms(prompt):
            for message in form.items("messages"):
                content = message.at("content")
                if is_secret(content.node if content else None) and content is not None:
                    context.report(
                        "GCM556", "a secret stands in a prompt, and every provider would read it", content, hidden=True
                    )
                    whole = False
                text = content.text() if content is not None else None
                if text is None or content is None:
                    whole = False
                    continue
                parsed = parse(text, syntax)
                used |= dict.fromkeys(parsed.used)
                whole = whole and parsed.problem is None
                _message(context, prompt, message, content, parsed)
        _declared(context, prompt, used, whole=whole)
        _shares(context, prompt)


def forms(prompt: Part) -> Iterator[Part]:
    """The prompt itself, and its variants that have messages of their own."""
    yield prompt
    yield from (variant for variant in prompt.members("variants").values() if variant.at("messages"))


# -- one message (GCM550, GCM553 to GCM555, GCM558) --------------------------------------------------------------------


def _message(context: Context, prompt: Part, message: Part, content: Part, parsed: Parsed) -> None:
    hidden = list(dict.fromkeys(_INVISIBLE.findall(content.text() or "")))
    if hidden:
        names = ", ".join(map(character, hidden[:_MOST_NAMED])) + (" and others" if len(hidden) > _MOST_NAMED else "")
        context.report("GCM558", f"the text holds {names}, which a reader does not see", content, within=hidden[0])
    if parsed.problem is not None:
        context.report("GCM555", f"the text is no template: {parsed.problem}", content, within=parsed.piece)
        return
    variables = prompt.members("variables")
    for name in parsed.used:
        if name not in variables:
            near = context.near(name, list(variables))
            help_ = f"did you mean {near}?" if near else "declare it below variables, with its type and trust"
            context.report("GCM550", f"{name} is used and not declared", content, within=name, help_=help_)
    untrusted = {name for name, part in variables.items() if part.text("trust") == "untrusted"}
    if untrusted:
        _trust(context, message, content, parsed.pieces, untrusted, variables)


def _trust(
    context: Context,
    message: Part,
    content: Part,
    pieces: tuple[Piece, ...],
    untrusted: set[str],
    variables: dict[str, Part],
) -> None:
    role = message.text("role")
    alone = not any(piece.text.strip() for piece in pieces)
    said: set[str] = set()
    for piece, marked in zip(pieces, _marked(pieces), strict=True):
        for name in sorted(piece.names & untrusted - said):
            related = (here(variables[name].at("trust") or variables[name], f"{name} is untrusted"),)
            if role in _INSTRUCTING:
                said.add(name)
                message_ = f"untrusted text reaches the {role} message: {name}"
                context.report("GCM553", message_, content, within=piece.source, related=related)
            elif role == "user" and not alone and not marked:
                said.add(name)
                message_ = f"nothing marks where {name} begins and ends"
                context.report("GCM554", message_, content, within=piece.source, related=related)


def _marked(pieces: tuple[Piece, ...]) -> list[bool]:
    """For each piece, whether it stands between marks: tags, or a pair of three quotes and the like."""
    starts = [0, *accumulate(len(piece.text or _SHOWN) for piece in pieces)]
    text = "".join(piece.text or _SHOWN for piece in pieces)
    marks = iter([*_FENCE.finditer(text), None])
    mark = next(marks)
    opened: list[str] = []
    found = []
    for start in starts[:-1]:
        while mark is not None and mark.end() <= start:
            _step(mark, opened)
            mark = next(marks)
        found.append(bool(opened) or (mark is not None and mark.start() < start))
    return found


def _step(mark: re.Match[str], opened: list[str]) -> None:
    name = mark[2] or mark[4] or mark[0]
    if mark[1] or mark[3] or (not mark[2] and not mark[4] and name in opened):
        if name in opened:
            del opened[opened.index(name) :]
    else:
        opened.append(name)


# -- variables (GCM551, GCM552) and variants (GCM529) ------------------------------------------------------------------


def _declared(context: Context, prompt: Part, used: dict[str, None], *, whole: bool) -> None:
    variables = prompt.members("variables")
    for name, part in variables.items():
        if whole and name not in used:
            context.report("GCM551", f"{name} is declared and not used", part, key=True)


def _shares(context: Context, prompt: Part) -> None:
    variants = prompt.members("variants")
    total = sum(part.number("weight") or 0 for part in variants.values())
    if total > 100:
        part = next(iter(reversed(variants.values())))
        context.report(
            "GCM529", f"the variants take {total} percent of the requests", part.at("weight") or part, severity="error"
        )
    elif variants and not total:
        context.report("GCM529", "no variant takes any requests", prompt.at("variants") or prompt, key=True)


# -- size (GCM544, GCM545) ---------------------------------------------------------------------------------------------


def sizes(context: Context) -> None:
    """Each form of each prompt against its own budget and every endpoint that may serve it."""
    for prompt in context.llm.prompts.values():
        for form in (prompt, *prompt.members("variants").values()):
            text = written(form if form.at("messages") else prompt)
            _own_budget(context, prompt, form, text)
            use = form.at("use") or prompt.at("use")
            serving = use.text() if use is not None else context.llm.serving(prompt)
            steps = [step for step in context.llm.reach(serving or "") if step.endpoint.text("mode") in {None, "chat"}]
            excesses = [_excess(context, prompt, form, step, text) for step in steps]
            # what is too long for one target is none of its business where a later one is asked for it, and can take it
            takes = [excess is None and _takes_long(step) for step, excess in zip(steps, excesses, strict=True)]
            for at, excess in enumerate(excesses):
                if excess is not None and not any(takes[at + 1 :]):
                    _report_excess(context, prompt, form, steps[at], excess)


def _takes_long(step: Step) -> bool:
    """Whether a target is asked after a request was too long for the one before."""
    when = step.target.words("when") if step.target is not None else set()
    return not when or "context_too_long" in when


def written(form: Part) -> str:
    """The text of all messages, as written."""
    return "\n".join(text for message in form.items("messages") if (text := message.text("content")) is not None)


def room(prompt: Part) -> int:
    """The most tokens that variables with a bound may fill in, by the screen."""
    longest = sum(part.whole("max_chars") or 0 for part in prompt.members("variables").values())
    return -(-longest // 3)


def _own_budget(context: Context, prompt: Part, form: Part, text: str) -> None:
    budget = prompt.at("token_budget")
    limit = budget.whole() if budget is not None else None
    if budget is None or limit is None:
        return
    size = measure(text, limit, None)
    if size.number > limit:
        about = "" if size.exact else "about "
        related = (here(form.at("messages") or form, "the text", key=True),)
        context.report(
            "GCM545",
            f"the text alone has {about}{count(size.number)} tokens, more than the budget of {count(limit)}",
            budget,
            related=related,
        )


class _Excess(NamedTuple):
    """Why a request does not fit: tokens of the prompt, its variables and the answer, and what there is room for."""

    prompt: int
    variables: int
    written: int
    total: int
    answer: Part | None


def _excess(context: Context, prompt: Part, form: Part, step: Step, text: str) -> _Excess | None:
    total = context.total(step.endpoint)
    if total is None:
        return None
    target = step.target.at("parameters") if step.target is not None else None
    answer = context.max_tokens(step.endpoint, form.at("parameters"), prompt.at("parameters"), target)
    written_out = int(answer.whole() or 0) if answer is not None else 0
    budget = prompt.whole("token_budget")
    filled = room(prompt) if budget is None else 0
    limit = total - written_out - filled
    size = budget if budget is not None else measure(text, limit, step.endpoint.text("provider")).number
    return _Excess(size, filled, written_out, total, answer) if size > limit else None


def _report_excess(context: Context, prompt: Part, form: Part, step: Step, excess: _Excess) -> None:
    endpoint = step.endpoint
    place = prompt.at("token_budget") or form.at("messages") or prompt.at("messages") or form
    parts = [f"{count(excess.prompt)} of the prompt"]
    if excess.variables:
        parts.append(f"{count(excess.variables)} of its variables")
    if excess.written:
        parts.append(f"{count(excess.written)} of the answer")
    related = [here(endpoint.at("context_window") or endpoint, f"the window of {endpoint.name}")]
    if excess.answer is not None:
        related.append(here(excess.answer, "the longest answer"))
    if step.target is not None:
        related.append(here(step.target, f"why {endpoint.name} may serve it"))
    message = f"{' and '.join(parts)} do not fit into the {count(excess.total)} tokens of {endpoint.name}"
    context.report("GCM544", message, place, related=tuple(related), key=place.name == "messages")
