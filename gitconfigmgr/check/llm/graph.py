"""Names and the graph of fallbacks: what is missing, circular, mixed, weaker, dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.llm.context import count, here, listed
from gitconfigmgr.check.llm.document import MAX_DEPTH

if TYPE_CHECKING:
    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Part, Step


_MOST_COMPARED = 50  # rules that each later one is held against


def judge(context: Context) -> None:
    """All rules about names and chains."""
    _names(context)
    _shared_names(context)
    _circles(context)
    for chain in context.llm.chains.values():
        steps = context.llm.reach(chain.name)
        _modes(context, chain, steps)
        _windows(context, steps)
        _redundancy(context, chain, steps)
        _alive(context, chain, steps)
    for prompt in context.llm.prompts.values():
        _served(context, prompt)
    for routing in context.llm.routings:
        for rule in routing.items("rules"):
            _needs_of_rule(context, rule)
        _rules(context, routing)
        _shares(context, routing)
    if context.settings.unused_endpoints != "off":
        _unused(context)


# -- names (GCM520 to GCM522) ------------------------------------------------------------------------------------------


def _uses(context: Context) -> list[Part]:
    """Every value that names an endpoint or a chain."""
    llm = context.llm
    found: list[Part | None] = [
        target.at("endpoint") for chain in llm.chains.values() for target in chain.items("targets")
    ]
    for routing in llm.routings:
        found.append(routing.at("default"))
        found += [item.at("use") for item in (*routing.items("rules"), *routing.items("weights"))]
    for prompt in llm.prompts.values():
        found += [prompt.at("use"), *(variant.at("use") for variant in prompt.members("variants").values())]
    found += [cache.at("similarity", "embedding") for cache in llm.caches]
    return [part for part in (*found, *llm.uses) if part is not None and part.text() is not None]


def _names(context: Context) -> None:
    llm = context.llm
    names = set(llm.names())
    known = "endpoint or chain" if llm.chains else "endpoint"
    for part in _uses(context):
        if part.text() not in names:
            _missing(context, part, known, sorted(names))
    for routing in llm.routings:
        for rule in routing.items("rules"):
            prompt = rule.at("when", "prompt")
            if prompt is not None and llm.prompts and prompt.text() not in {None, *llm.prompts}:
                _missing(context, prompt, "prompt", sorted(llm.prompts))


def _missing(context: Context, part: Part, kind: str, known: list[str]) -> None:
    name = part.text() or ""
    near = context.near(name, known)
    help_ = f"did you mean {near}?" if near else f"known are {', '.join(known[:12])}" if known else "declare it"
    context.report("GCM520", f"there is no {kind} {name}", part, help_=help_)


def _shared_names(context: Context) -> None:
    llm = context.llm
    for name in llm.endpoints.keys() & llm.chains.keys():
        related = (here(llm.endpoints[name], "the endpoint", key=True),)
        context.report("GCM522", f"{name} is an endpoint and a chain", llm.chains[name], key=True, related=related)


def _circles(context: Context) -> None:
    """Chains that come back to themselves: a finding at the target that closes the circle, each circle once."""
    chains = context.llm.chains
    done: set[str] = set()
    for start in chains:
        if start in done:
            continue
        done.add(start)
        trail = {start: iter(chains[start].items("targets"))}
        steps: list[Part] = []  # steps[i] leads from the chain i of the trail to the next one
        while trail:
            target = next(next(reversed(trail.values())), None)
            name = target.text("endpoint") if target is not None else None
            if target is None:
                trail.popitem()
                del steps[-1:]
            elif name in trail:
                names = list(trail)
                at = names.index(name or "")
                _circle(context, names[at:], [*steps[at:], target])
            elif name in chains and len(trail) > MAX_DEPTH:
                message = f"fallbacks lead on through more than {MAX_DEPTH} chains"
                context.report(
                    "GCM521", message, target.at("endpoint") or target, help_="name the endpoints themselves"
                )
            elif name is not None and name in chains and name not in done:
                done.add(name)
                steps.append(target)
                trail[name] = iter(chains[name].items("targets"))


def _circle(context: Context, names: list[str], steps: list[Part]) -> None:
    closing = steps[-1].at("endpoint") or steps[-1]
    path = " -> ".join([*names, names[0]])
    related = tuple(here(step, f"leads on to {step.text('endpoint')}") for step in steps[:-1])
    message = f"{names[0]} falls back on itself" if len(names) == 1 else f"fallbacks go in a circle: {path}"
    context.report("GCM521", message, closing, related=related)


# -- what a chain promises (GCM523 to GCM526, GCM528) ------------------------------------------------------------------


def _place(step: Step, chain: Part) -> Part:
    """Where a chain names an endpoint."""
    if step.target is None:
        return chain
    return step.target.at("endpoint") or step.target


def _modes(context: Context, chain: Part, steps: list[Step]) -> None:
    first = next((step for step in steps if step.endpoint.text("mode")), None)
    for step in steps:
        mode = step.endpoint.text("mode")
        if first is not None and mode is not None and mode != first.endpoint.text("mode"):
            message = f"{step.endpoint.name} is for {mode}, and {first.endpoint.name} before it for {first.endpoint.text('mode')}"
            related = tuple(
                here(each.endpoint.at("mode") or each.endpoint, f"mode of {each.endpoint.name}")
                for each in (first, step)
            )
            context.report("GCM523", message, _place(step, chain), related=related)


def _windows(context: Context, steps: list[Step]) -> None:
    """Each target against the widest one before it: what that was sent, this one may be sent too."""
    widest: tuple[Part, int] | None = None
    for step in steps:
        window, mode = context.window(step.endpoint), step.endpoint.text("mode")
        if window is None:
            continue
        if widest is None or window[0] >= widest[1]:
            widest = step.endpoint, window[0]
        elif step.target is not None and mode == widest[0].text("mode"):
            _narrower(context, step.target, step.endpoint, window[0], widest)


def _narrower(context: Context, target: Part, endpoint: Part, window: int, widest: tuple[Part, int]) -> None:
    when = target.words("when")
    for_length = "context_too_long" in when
    if when and not for_length:
        return  # it is not asked for requests that are too long
    before, most = widest
    message = f"{endpoint.name} reads {count(window)} tokens, less than the {count(most)} of {before.name} before it"
    if for_length:
        message += ", and is there for requests that are too long"
    both = (before, endpoint)
    related = tuple(here(each.at("context_window") or each, f"what {each.name} reads") for each in both)
    place = target.at("endpoint") or target
    context.report("GCM524", message, place, severity="error" if for_length else "", related=related)


def _served(context: Context, prompt: Part) -> None:
    """A prompt against everything that may serve it: mode, and the capabilities it uses."""
    uses = [prompt.at("use"), *(variant.at("use") for variant in prompt.members("variants").values())]
    needs = context.llm.needs(prompt)
    for use in uses:
        if use is None:
            continue
        for step in context.llm.reach(use.text() or ""):
            mode = step.endpoint.text("mode")
            if mode not in {None, "chat"}:
                related = (here(step.endpoint.at("mode") or step.endpoint, f"mode of {step.endpoint.name}"),)
                context.report(
                    "GCM523", f"the prompt is served by {step.endpoint.name}, which is for {mode}", use, related=related
                )
                continue
            declared = step.endpoint.at("capabilities")
            missing = needs - step.endpoint.words("capabilities") if declared is not None else set()
            if missing:
                _lacking(context, prompt, use, step, missing)


def _lacking(context: Context, prompt: Part, use: Part, step: Step, missing: set[str]) -> None:
    reason = {
        "tools": prompt.at("tools"),
        "json_schema": prompt.at("output", "schema") or prompt.at("parameters", "response_format"),
    }
    wanting = [part for name in sorted(missing) if (part := reason[name]) is not None]
    related = [here(part, "needed for this", key=True) for part in wanting]
    related.append(here(step.endpoint.at("capabilities") or step.endpoint, f"what {step.endpoint.name} can do"))
    message = f"{step.endpoint.name}, which may serve the prompt, has no {listed(missing)}"
    context.report("GCM525", message, use, related=tuple(related))


def _needs_of_rule(context: Context, rule: Part) -> None:
    use, needs = rule.at("use"), rule.words("when", "needs")
    for step in context.llm.reach(use.text() or "") if use is not None and needs else []:
        declared = step.endpoint.at("capabilities")
        missing = needs - step.endpoint.words("capabilities") if declared is not None else set()
        if missing and use is not None:
            related = (
                here(rule.at("when", "needs") or rule, "needed for this"),
                here(declared or step.endpoint, f"what {step.endpoint.name} can do"),
            )
            context.report(
                "GCM525",
                f"{step.endpoint.name}, which may serve the request, has no {listed(missing)}",
                use,
                related=related,
            )


def _redundancy(context: Context, chain: Part, steps: list[Step]) -> None:
    if len(steps) < 2 or len({step.endpoint.text("mode") for step in steps}) > 1:
        return
    places = {(s.endpoint.text("provider"), s.endpoint.text("region"), s.endpoint.text("base_url")) for s in steps}
    if len(places) == 1:
        provider, region, _ = places.pop()
        message = f"all targets of {chain.name} are {provider} in {region}: what stops one stops all"
        related = tuple(here(step.endpoint.at("provider") or step.endpoint, step.endpoint.name) for step in steps[:6])
        context.report("GCM526", message, chain, key=True, related=related)


def _alive(context: Context, chain: Part, steps: list[Step]) -> None:
    off = [step for step in steps if step.endpoint.text("status") == "disabled"]
    if off and len(off) == len(steps):
        related = tuple(
            here(step.endpoint.at("status") or step.endpoint, f"{step.endpoint.name} is disabled") for step in off[:6]
        )
        context.report(
            "GCM528", f"no target of {chain.name} takes requests", chain, key=True, severity="error", related=related
        )
        return
    for step in off:
        related = (here(step.endpoint.at("status") or step.endpoint, "disabled here"),)
        context.report(
            "GCM528",
            f"{step.endpoint.name} is disabled, so the chain passes over it",
            _place(step, chain),
            related=related,
        )


# -- routing (GCM528, GCM529) ------------------------------------------------------------------------------------------


def _rules(context: Context, routing: Part) -> None:
    before: list[Part] = []
    for rule in routing.items("rules"):
        lowest, highest = rule.number("when", "min_input_tokens"), rule.number("when", "max_input_tokens")
        if lowest is not None and highest is not None and lowest > highest:
            part = rule.at("when", "max_input_tokens") or rule
            related = (here(rule.at("when", "min_input_tokens") or rule, "the lower bound"),)
            context.report(
                "GCM528",
                f"no request is longer than {count(lowest)} tokens and shorter than {count(highest)}",
                part,
                related=related,
            )
        earlier = next((each for each in before[:_MOST_COMPARED] if _covers(each, rule)), None)
        if earlier is not None:
            name, other = rule.text("name") or rule.name, earlier.text("name") or earlier.name
            context.report("GCM528", f"the rule {name} is never reached: {other} before it takes all of its requests", rule,
                           related=(here(earlier, "this rule comes first"),))  # fmt: skip
        before.append(rule)


def _covers(one: Part, other: Part) -> bool:
    """Whether each request that the second rule would take is taken by the first."""
    wanted, given = one.members("when"), other.members("when")
    if not wanted or not given:
        return False
    for name, condition in wanted.items():
        told = given.get(name)
        if told is None:
            return False
        if name == "min_input_tokens":
            fits = (condition.number() or 0) <= (told.number() or 0)
        elif name == "max_input_tokens":
            fits = (condition.number() or 0) >= (told.number() or 0)
        elif name == "needs":
            fits = condition.words() <= told.words()
        elif name == "prompt":
            fits = condition.text() == told.text()
        else:
            fits = told.words() <= condition.words()
        if not fits:
            return False
    return True


def _shares(context: Context, routing: Part) -> None:
    weights = routing.at("weights")
    if weights is None or not weights.items():
        return
    if not sum(item.number("weight") or 0 for item in weights.items()):
        context.report("GCM529", "all shares are 0, so no target is chosen", weights)


def _unused(context: Context) -> None:
    """What nothing in the document names; other namespaces and code may still do so, hence a setting.

    Where there is neither prompt nor route, chains are what code asks for.
    """
    llm = context.llm
    named = {part.text() for part in _uses(context)}
    severity = "error" if context.settings.unused_endpoints == "error" else "warning"
    chains = llm.chains if llm.prompts or llm.routings or llm.uses else {}
    for what, parts in (("endpoint", llm.endpoints), ("chain", chains)):
        for name, part in parts.items():
            if name not in named and _is_own(context, part):
                message = f"nothing in the document uses the {what} {name}"
                context.report("GCM527", message, part, key=True, severity=severity)
    for name, prompt in llm.prompts.items():
        forms = (prompt, *prompt.members("variants").values())
        if llm.serving(prompt) is None and not any(form.text("use") for form in forms) and _is_own(context, prompt):
            message = f"nothing in the document says what serves the prompt {name}"
            context.report("GCM527", message, prompt, key=True, severity=severity)


def _is_own(context: Context, part: Part) -> bool:
    """Whether it was written for this namespace, and not taken over from one that others share."""
    return not part.node.via and part.node.document.namespace == context.subject.target.namespace
