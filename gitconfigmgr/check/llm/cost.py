"""What a request may cost at worst, and budgets: against ceilings, against one another, against the base of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.check.llm.context import count, here
from gitconfigmgr.check.llm.document import Part, read_parts
from gitconfigmgr.check.llm.prompts import room, written
from gitconfigmgr.check.llm.tokens import screen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gitconfigmgr.check.hygiene.marked import Marks
    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Llm
    from gitconfigmgr.model.diagnostics import Related

_MILLION = 1_000_000


class Worst(NamedTuple):
    """The dearest request with a prompt: dollars, tokens read and written, and what decides about them."""

    dollars: float
    read: int
    written: int
    endpoint: Part
    answer: Part | None


def judge(context: Context, roles: Marks) -> None:
    """All rules about prices and budgets."""
    if context.protected:
        _priced(context)
        _present(context)
    _ceilings(context)
    _tree(context)
    for budget in context.llm.budgets:
        _consistent(context, budget)
    if context.subject.previous is not None:
        _increase(context, roles)


# -- prices (GCM570, GCM571) -------------------------------------------------------------------------------------------


def price(context: Context, endpoint: Part, tokens: int = 0) -> tuple[float, float] | None:
    """Dollars for a million tokens read and written, in a request that reads so many."""
    block = endpoint.at("price")
    if block is not None and block.text("currency") in {None, "USD"}:
        reads, writes = block.number("input_per_million"), block.number("output_per_million")
        bound = block.number("long_context", "above_tokens")
        if bound is not None and tokens > bound:
            reads = block.number("long_context", "input_per_million") or reads
            writes = block.number("long_context", "output_per_million") or writes
        if reads is not None:
            return reads, writes or 0
    facts = context.facts(endpoint)
    if facts is None or facts.input_per_million is None:
        return None
    if facts.long_context and tokens > facts.long_context[0]:
        return facts.long_context[1], facts.long_context[2]
    return facts.input_per_million, facts.output_per_million or 0


def _priced(context: Context) -> None:
    for endpoint in context.alive():
        facts, block = context.facts(endpoint), endpoint.at("price")
        own_deployment = (endpoint.text("model") or "").startswith("arn:")
        if block is not None or not (facts or own_deployment) or price(context, endpoint) is not None:
            continue  # a model that is not known at all has a finding of its own
        context.report("GCM570", f"what {endpoint.name} costs is not known", endpoint, key=True)


def worst(context: Context, prompt: Part) -> Worst | None:
    """The dearest request with a prompt or one of its variants; None where no price is known."""
    found: Worst | None = None
    for form in (prompt, *prompt.members("variants").values()):
        use = form.text("use") or prompt.text("use") or context.llm.serving(prompt)
        for step in context.llm.reach(use or ""):
            target = step.target.at("parameters") if step.target else None
            answer = context.max_tokens(step.endpoint, form.at("parameters"), prompt.at("parameters"), target)
            reads = _most_read(context, prompt, form, step.endpoint)
            limit = context.most_output(step.endpoint)
            asked = answer.whole() if answer is not None else None
            writes = int(asked) if asked is not None else limit[0] if limit is not None else 0
            prices = price(context, step.endpoint, reads)
            if prices is not None:
                dollars = (reads * prices[0] + writes * prices[1]) / _MILLION
                if found is None or dollars > found.dollars:
                    found = Worst(dollars, reads, writes, step.endpoint, answer)
    return found


def _most_read(context: Context, prompt: Part, form: Part, endpoint: Part) -> int:
    """The longest prompt: its own budget, else its text with bounded variables, else what is passed on at all."""
    window = context.window(endpoint)
    most = window[0] if window is not None else 0
    for quotas in context.llm.quotas:
        most = min(most, quotas.whole("max_input_tokens") or most)
    budget = prompt.whole("token_budget")
    variables = prompt.members("variables").values()
    if budget is None and all(
        part.whole("max_chars") or part.text("type") in {"integer", "number", "boolean"} for part in variables
    ):
        budget = screen(written(form if form.at("messages") else prompt)) + room(prompt)
    return min(most, budget) if budget is not None else most


def _ceilings(context: Context) -> None:
    general = [part for budget in context.llm.budgets if (part := budget.at("max_request_usd")) is not None]
    for prompt in context.llm.prompts.values():
        own = prompt.at("max_cost_usd")
        for ceiling in [own] if own is not None else general:
            limit = ceiling.number()
            found = worst(context, prompt) if limit is not None else None
            if found is not None and limit is not None and found.dollars > limit:
                message = f"a request with {prompt.name} may cost {_usd(found.dollars)}, more than {_usd(limit)}"
                context.report("GCM571", message, ceiling, related=_reasons(prompt, found))


def _reasons(prompt: Part, found: Worst) -> tuple[Related, ...]:
    block = found.endpoint.at("price") or found.endpoint
    related = [
        here(prompt, f"{count(found.read)} tokens are read", key=True),
        here(block, f"the price of {found.endpoint.name}", key=True),
    ]
    if found.answer is not None:
        related.append(here(found.answer, f"{count(found.written)} tokens are written"))
    return tuple(related)


def _usd(dollars: float) -> str:
    return f"{dollars:.2f} USD" if dollars >= 0.1 or not dollars else f"{dollars:.2g} USD"


# -- budgets (GCM572, GCM573, GCM575) ----------------------------------------------------------------------------------


def _tree(context: Context) -> None:
    """A budget of a namespace against those above it, and that of the document against all of them."""
    lowest: tuple[str, Part] | None = None
    for namespace, part in context.ceilings:
        number = part.number()
        if number is None:
            continue
        if lowest is not None and number > (lowest[1].number() or 0):
            _above(context, part, lowest)
        else:
            lowest = namespace, part
    for budget in context.llm.budgets if lowest is not None else ():
        own = budget.at("monthly_usd")
        number = own.number() if own is not None else None
        if own is not None and number is not None and lowest is not None and number > (lowest[1].number() or 0):
            _above(context, own, lowest)


def _above(context: Context, part: Part, ceiling: tuple[str, Part]) -> None:
    limit = ceiling[1].number() or 0
    message = f"a budget of {count(part.number() or 0)} USD is more than the {count(limit)} of {ceiling[0]}"
    context.report("GCM572", message, part, related=(here(ceiling[1], f"the budget of {ceiling[0]}"),))


def monthly(context: Context) -> float | None:
    """What the document allows for a month; the highest where it has several budgets."""
    return max((sum_ for each in context.llm.budgets if (sum_ := each.number("monthly_usd")) is not None), default=None)


def _present(context: Context) -> None:
    """Limits without a budget. Where no schema has a place for limits, nothing can be said."""
    if not context.alive() or any(budget.number("monthly_usd") is not None for budget in context.llm.budgets):
        return
    if context.llm.budgets:
        context.report("GCM573", "the budget says nothing of a month", context.llm.budgets[0], key=True)
    elif context.llm.quotas:
        context.report(
            "GCM573", f"there is no budget in {context.subject.target.environment}", context.llm.quotas[0], key=True
        )


def _consistent(context: Context, budget: Part) -> None:
    month, stop, day = budget.number("monthly_usd"), budget.at("hard_stop_usd"), budget.at("daily_usd")
    end = stop.number() if stop is not None else None
    if stop is not None and end is not None and month is not None and end < month:
        related = (here(budget.at("monthly_usd") or budget, "the budget of a month"),)
        context.report(
            "GCM575",
            f"requests are refused from {_usd(end)} on, before the budget of {_usd(month)} is spent",
            stop,
            related=related,
        )
    daily = day.number() if day is not None else None
    if day is not None and daily is not None and month is not None and daily > month:
        related = (here(budget.at("monthly_usd") or budget, "the budget of a month"),)
        context.report(
            "GCM575", f"a day may cost {_usd(daily)}, more than the {_usd(month)} of a month", day, related=related
        )


# -- against the base (GCM574) -----------------------------------------------------------------------------------------


def _increase(context: Context, roles: Marks) -> None:
    assert context.subject.previous is not None
    root = context.subject.previous()
    if root is None:
        return
    before = _at(context, read_parts(root, roles))
    for name, old, new in _pairs(before, context):
        if old.dollars > 0 and new.dollars > old.dollars * (1 + context.settings.cost_increase_percent / 100):
            percent = round((new.dollars / old.dollars - 1) * 100)
            message = f"a request with {name} may cost {_usd(new.dollars)}, {percent} percent more than the {_usd(old.dollars)} before"
            part = _changed(context.llm.prompts[name], old, new)
            context.report("GCM574", message, part, key=True, related=_reasons(context.llm.prompts[name], new))


def _at(context: Context, llm: Llm) -> Context:
    from dataclasses import replace

    return replace(context, llm=llm, findings=[])


def _pairs(before: Context, after: Context) -> Iterator[tuple[str, Worst, Worst]]:
    for name, prompt in after.llm.prompts.items():
        earlier = before.llm.prompts.get(name)
        old = worst(before, earlier) if earlier is not None else None
        new = worst(after, prompt) if old is not None else None
        if old is not None and new is not None:
            yield name, old, new


def _changed(prompt: Part, old: Worst, new: Worst) -> Part:
    """The part that made the difference: the answer, the text, or the price."""
    if new.written != old.written and new.answer is not None and new.endpoint.name == old.endpoint.name:
        return new.answer
    if new.read != old.read:
        return prompt.at("token_budget") or prompt
    if new.endpoint.name == old.endpoint.name:
        return new.endpoint.at("price") or new.endpoint
    return prompt.at("use") or prompt
