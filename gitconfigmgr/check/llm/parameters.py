"""Parameters against the models that they are sent to.

Only what a provider's own package or reference says is held against a configuration; docs/llm-rules.md has the sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.llm.context import count, here, listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.check.llm.catalog import Facts
    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Part
    from gitconfigmgr.model.diagnostics import Related

_SAMPLING = ("temperature", "top_p", "top_k")
_NEUTRAL = {"temperature": 1, "top_p": 1}
_HIGHEST_TEMPERATURE = {"anthropic": 1, "bedrock": 1}
_MOST_STOPS = {"openai": 4, "azure_openai": 4, "groq": 4, "bedrock": 2500}
_UNKNOWN = {
    "openai": {"top_k"}, "azure_openai": {"top_k"}, "groq": {"top_k"},
    "anthropic": {"seed", "frequency_penalty", "presence_penalty"},
    "bedrock": {"seed", "frequency_penalty", "presence_penalty"},
}  # fmt: skip
_OF_CHAT = {
    "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "stop", "seed", "reasoning_effort",
    "response_format", "parallel_tool_calls", "stream", "max_tokens",
}  # fmt: skip
_OF_MODE = {"embedding": {"dimensions", "truncate"}, "rerank": {"top_n", "truncate"}, "chat": _OF_CHAT}


def judge(context: Context) -> None:
    """Each set of parameters against each endpoint it may be sent to."""
    llm = context.llm
    for endpoint in context.alive():
        own = endpoint.at("parameters")
        if own is not None:
            _judge(context, own, endpoint)
        for defaults in llm.defaults:
            if endpoint.text("mode") == "chat":
                _judge(context, defaults, endpoint)
    for chain in llm.chains.values():
        for target in chain.items("targets"):
            given = target.at("parameters")
            for step in llm.reach(target.text("endpoint") or "") if given is not None else ():
                assert given is not None
                _judge(context, given, step.endpoint, target.at("endpoint"))
    for prompt in llm.prompts.values():
        for form in (prompt, *prompt.members("variants").values()):
            given = form.at("parameters")
            use = form.at("use") or prompt.at("use")
            serving = use.text() if use is not None else llm.serving(prompt)
            for step in llm.reach(serving or "") if given is not None else ():
                assert given is not None
                _judge(context, given, step.endpoint, use)
    for part in _sets(context):
        if part.number("temperature") is not None and part.number("top_p") is not None:
            context.report("GCM542", "temperature and top_p are both set", part.at("top_p") or part,
                           related=(here(part.at("temperature") or part, "temperature"),))  # fmt: skip


def _sets(context: Context) -> Iterable[Part]:
    llm = context.llm
    targets = [target for chain in llm.chains.values() for target in chain.items("targets")]
    forms = [form for prompt in llm.prompts.values() for form in (prompt, *prompt.members("variants").values())]
    holders = [each.at("parameters") for each in (*llm.endpoints.values(), *targets, *forms)]
    return [part for part in (*holders, *llm.defaults) if part is not None]


def _judge(context: Context, given: Part, endpoint: Part, via: Part | None = None) -> None:
    provider, mode = endpoint.text("provider") or "", endpoint.text("mode") or "chat"
    facts = context.facts(endpoint)
    for name, part in given.members().items():
        refusal = _refusal(name, part, provider, mode, facts)
        problem = None if refusal else _range(name, part, provider, facts)
        if refusal:
            message = f"{name} is not for {_called(endpoint)}: {refusal}"
            context.report("GCM541", message, part, key=True, related=_route(endpoint, via))
        elif problem:
            context.report("GCM540", f"{problem} for {_called(endpoint)}", part, related=_route(endpoint, via))
    asked = given.at("max_tokens") if mode == "chat" else None
    number = asked.whole() if asked is not None else None
    limit = context.most_output(endpoint) if number is not None else None
    if asked is not None and number is not None and limit is not None and number > limit[0]:
        declared = endpoint.at("max_output_tokens") if limit[1] == "declared" else None
        said = f" ({limit[1]})" if declared is None else ""
        related = (here(declared, "what it writes at most"),) if declared is not None else ()
        message = f"max_tokens is {count(number)}, and {_called(endpoint)} writes at most {count(limit[0])}{said}"
        context.report("GCM543", message, asked, related=_route(endpoint, via) + related)


def _route(endpoint: Part, via: Part | None) -> tuple[Related, ...]:
    found = (here(endpoint, f"endpoint {endpoint.name}", key=True),)
    return found if via is None else (*found, here(via, "sent there because of this"))


def _called(endpoint: Part) -> str:
    return f"{endpoint.name} ({endpoint.text('model')})"


def _refusal(name: str, part: Part, provider: str, mode: str, facts: Facts | None) -> str | None:
    """Why a parameter must not be sent; None where it may."""
    if name in _UNKNOWN.get(provider, ()):
        return f"{provider} has no such parameter"
    others = [each for each, names in _OF_MODE.items() if name in names]
    if others and mode not in others:
        return f"it is a parameter for {listed(others)}, and the endpoint is for {mode}"
    if facts is None or mode != "chat":
        return None
    if name in _SAMPLING and facts.sampling is False and part.number() != _NEUTRAL.get(name):
        return f"the model takes no sampling parameters ({facts.source('sampling')})"
    effort = part.text() if name == "reasoning_effort" else None
    if effort is not None and effort in (facts.refused_efforts or ()):
        return f"the model has no effort {effort} ({facts.source('refused_efforts')})"
    return None


def _range(name: str, part: Part, provider: str, facts: Facts | None) -> str | None:
    """What is wrong with the value of a parameter, within what the schema allows."""
    number = part.number()
    highest = _HIGHEST_TEMPERATURE.get(provider)
    if name == "temperature" and number is not None and highest is not None and highest < number <= 2:
        return f"temperature {number} is above {highest}, the highest"
    stops = len(part.items())
    if name == "stop" and stops > _MOST_STOPS.get(provider, stops):
        return f"{stops} stop texts are more than the {_MOST_STOPS[provider]}"
    length = facts.embedding_dimensions if facts is not None else None
    if name == "dimensions" and number is not None and length and number > length:
        return f"dimensions {number} is above {length}, the length of a vector,"
    return None
