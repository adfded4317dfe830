"""Models by the catalogue: known, alive, pinned; and what an endpoint says of its model against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.llm.catalog import LOCK
from gitconfigmgr.check.llm.context import count
from gitconfigmgr.check.llm.document import day
from gitconfigmgr.model.diagnostics import Diagnostic, Position, whole

if TYPE_CHECKING:
    from gitconfigmgr.check.llm.catalog import Facts
    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Part

_FIELDS = ("context_window", "max_output_tokens", "embedding_dimensions")
_WORDS = {
    "context_window": "reads",
    "max_output_tokens": "writes",
    "embedding_dimensions": "gives vectors of length",
}


def judge(context: Context) -> None:
    """All rules that hold an endpoint against the catalogue."""
    looked_up = False
    for endpoint in context.llm.endpoints.values():
        model = endpoint.at("model")
        provider = endpoint.text("provider")
        if model is None or not model.text() or provider in {None, "self_hosted"}:
            continue
        looked_up = True
        facts = context.facts(endpoint)
        _retires(context, endpoint, model, facts)
        if facts is None:
            _unknown(context, endpoint, model)
            continue
        _pinned(context, model, facts)
        _agrees(context, endpoint, facts)
        _locked(context, model, facts)
    if looked_up:
        _table(context)


def _unknown(context: Context, endpoint: Part, model: Part) -> None:
    name, provider = model.text() or "", endpoint.text("provider") or ""
    if name.startswith("arn:"):  # a deployment of our own; what stands behind it is not said
        return
    known = context.known.names(provider)
    if not known:  # a provider that the catalogue does not cover
        return
    near = context.near(name, known)
    add = f"add {provider}/{name} to models.overrides in gitconfigmgr.yaml"
    context.report("GCM530", f"{provider} has no model {name} in the catalogue", model,
                   help_=f"did you mean {near}? If it is new, {add}" if near else add)  # fmt: skip


def _retires(context: Context, endpoint: Part, model: Part, facts: Facts | None) -> None:
    declared, place, source = endpoint.at("retires"), model, ""
    ends = day(declared.text()) if declared is not None else None
    if declared is not None and ends is not None:
        place = declared
    elif facts is not None and (ends := day(facts.retires)) is not None:
        source = f" ({facts.source('retires')})"
    today = context.subject.today() if ends is not None and endpoint.text("status") != "disabled" else None
    if ends is None or today is None:
        return
    name = model.text()
    if ends <= today:
        context.report("GCM531", f"{name} was switched off on {ends}{source}", place)
    elif (ends - today).days <= context.settings.retire_warning_days:
        context.report("GCM532", f"{name} is switched off on {ends}, in {(ends - today).days} days{source}", place)


def _pinned(context: Context, model: Part, facts: Facts) -> None:
    if not context.protected:
        return
    name, wanted = model.text() or "", context.settings.floating_aliases
    if facts.floating and wanted != "off":
        start = f"{facts.id}-"
        pins = [
            each
            for each in context.known.names(facts.id.split("/")[0])
            if f"{facts.id.split('/')[0]}/{each}".startswith(start)
        ]
        dated = [pin for pin in pins if not pin.endswith("-latest") and pin[len(name) + 1 :].replace("-", "").isdigit()]
        help_ = f"name a version: {', '.join(dated[-3:])}" if dated else None
        context.report("GCM533", f"{name} is an alias that the provider moves to other models", model,
                       severity="error" if wanted == "error" else "", help_=help_)  # fmt: skip
    if facts.status == "preview":
        context.report("GCM534", f"{name} is a preview ({facts.source('status')})", model)


def _agrees(context: Context, endpoint: Part, facts: Facts) -> None:
    """What the endpoint says may be less than the catalogue's numbers, never more."""
    for name in _FIELDS:
        part, known = endpoint.at(name), getattr(facts, name)
        said = part.whole() if part is not None else None
        if part is None or said is None or not known:
            continue
        most = max([known, *(value for value, _ in facts.others.get(name, []) if isinstance(value, int))])
        if said > most or (name == "embedding_dimensions" and said != known and said > known):
            message = f"{facts.id} {_WORDS[name]} {count(known)} by {facts.source(name)}, not {count(said)}"
            context.report("GCM536", message, part)
    mode = endpoint.at("mode")
    if mode is not None and facts.mode is not None and mode.text() not in {None, facts.mode}:
        context.report(
            "GCM536", f"{facts.id} is for {facts.mode} by {facts.source('mode')}, not for {mode.text()}", mode
        )


def _locked(context: Context, model: Part, facts: Facts) -> None:
    own = context.known.own
    if own and not any(facts.id in table for table in own) and facts.id not in context.settings.overrides:
        context.report("GCM537", f"{LOCK} has no {facts.id}", model, help_="run `gitconfigmgr models lock`")


def _table(context: Context) -> None:
    """The table itself: whether it can be used, and how old it is."""
    known = context.known
    own = known.own[0] if known.own else None
    if known.problem is not None:
        context.findings.append(Diagnostic("GCM537", f"{LOCK} cannot be used: {known.problem}", whole(LOCK)))
    days = context.settings.catalog_max_age_days
    made = day((own or known.packaged).date)
    today = context.subject.today() if days and made is not None else None
    if made is None or today is None or (today - made).days <= days:
        return
    name = LOCK if own else "the packaged catalogue"
    position = Position(LOCK, 2) if own else Position("gitconfigmgr.yaml")
    message = f"{name} is of {made}: older than {days} days"
    context.findings.append(Diagnostic("GCM535", message, position))
