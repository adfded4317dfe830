"""Where requests are processed, by whom, and what may be done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.llm.context import here, listed
from gitconfigmgr.check.llm.regions import ANYWHERE, allowed, jurisdiction, served_in
from gitconfigmgr.model.diagnostics import Related, key_position_of, position_of

if TYPE_CHECKING:
    from gitconfigmgr.check.llm.context import Context
    from gitconfigmgr.check.llm.document import Part

_CALLED_FROM = {"eu": {"uk", "ch"}, "us": {"ca"}, "apac": {"jp", "kr", "in", "au", "sg"}}  # beside the place itself
_SENSITIVE = {"confidential", "restricted"}


def judge(context: Context) -> None:
    """All rules about regions, processors and the use of data."""
    endpoints = context.alive()
    reason = _sensitive(context)
    for endpoint in endpoints:
        _agrees(context, endpoint)
        _provider(context, endpoint)
        if reason is not None:
            _data_use(context, endpoint, reason)
    residency = context.metadata.get("residency")
    if residency is not None and isinstance(residency.value, list):
        named = [item.value for item in residency.value if isinstance(item.value, str)]
        for endpoint in endpoints:
            _inside(
                context, endpoint, named, Related(position_of(residency), "what the namespace allows", listed(named))
            )
    for chain in context.llm.chains.values():
        _stays(context, chain)


def _agrees(context: Context, endpoint: Part) -> None:
    declared, real = endpoint.at("region"), served_in(endpoint)
    if declared is None or real is None:
        return
    one, other = jurisdiction(declared.text() or ""), jurisdiction(real[1])
    if one is not None and other is not None and one != other and not (one == "apac" and other in _CALLED_FROM["apac"]):
        message = f"the region is {declared.text()}, and the address is in {real[1]}"
        context.report("GCM562", message, declared, related=(here(real[0], "the address", key=True),))
    _profile(context, endpoint, real)


def _profile(context: Context, endpoint: Part, real: tuple[Part, str]) -> None:
    """An inference profile of Bedrock can be called from its own part of the world only."""
    called = endpoint.at("bedrock", "region")
    place = jurisdiction(called.text() or "") if called is not None else None
    profile = jurisdiction(real[1])
    if called is None or place is None or profile in {None, ANYWHERE, place} or real[0].path == called.path:
        return
    if place not in _CALLED_FROM.get(profile or "", ()):
        message = f"{called.text()} is called, where the inference profile {real[1]} is not offered"
        context.report("GCM562", message, called, related=(here(real[0], "the profile", key=True),))


def _inside(context: Context, endpoint: Part, named: list[str], rule: Related) -> None:
    declared, real = endpoint.at("region"), served_in(endpoint)
    region = declared.text() if declared is not None else None
    if declared is not None and region is not None and not allowed(region, named):
        where = "anywhere in the world" if region == ANYWHERE else f"in {region}"
        context.report(
            "GCM560", f"{endpoint.name} processes requests {where}, outside {listed(named)}", declared, related=(rule,)
        )
    elif real is not None and not allowed(real[1], named):
        where = "anywhere in the world" if real[1] == ANYWHERE else f"in {real[1]}"
        context.report(
            "GCM560", f"{endpoint.name} is called {where}, outside {listed(named)}", real[0], related=(rule,)
        )


def _stays(context: Context, chain: Part) -> None:
    """Targets in other jurisdictions than the first. `global` may be anywhere; it counts where the chain forbids it."""
    only = chain.value("same_region_only")
    if only is False:
        return
    first: tuple[Part, str] | None = None
    for step in context.llm.reach(chain.name):
        region = step.endpoint.at("region")
        place = jurisdiction(region.text() or "") if region is not None else None
        if region is None or place is None or (place == ANYWHERE and only is not True):
            continue
        if first is None:
            first = region, place
        elif place != first[1]:
            related = (
                here(first[0], f"the first is in {first[0].text()}"),
                here(region, f"region of {step.endpoint.name}"),
            )
            context.report("GCM561", f"{step.endpoint.name} is in {region.text()}, and the chain begins in {first[0].text()}",
                           (step.target.at("endpoint") or step.target) if step.target is not None else chain,
                           severity="error" if only is True or context.protected else "", related=related)  # fmt: skip


def _provider(context: Context, endpoint: Part) -> None:
    part = endpoint.at("provider")
    name = part.text() if part is not None else None
    if part is None or name is None:
        return
    approved = context.settings.providers
    if approved and name not in approved:
        near = context.near(name, list(approved))
        help_ = f"did you mean {near}?" if near else f"models.providers in gitconfigmgr.yaml has {listed(approved)}"
        context.report("GCM563", f"the provider {name} is not approved", part, help_=help_)
    processors = context.metadata.get("processors")
    if processors is not None and isinstance(processors.value, list):
        named = [item.value for item in processors.value if isinstance(item.value, str)]
        if name not in named:
            related = (Related(position_of(processors), "processors of the namespace", listed(named)),)
            context.report("GCM563", f"the provider {name} is no processor of this namespace", part, related=related)


def _data_use(context: Context, endpoint: Part, reason: tuple[str, Related]) -> None:
    training = endpoint.at("data_use", "training")
    if training is not None and training.value() is True:
        context.report(
            "GCM564", f"{endpoint.name} may be trained with data that is {reason[0]}", training, related=(reason[1],)
        )
    elif (
        context.protected
        and reason[0] == "restricted"
        and endpoint.at("data_use") is None
        and endpoint.text("provider") != "self_hosted"
    ):
        context.report("GCM564", f"{endpoint.name} gets data that is restricted, and nothing says what the provider may do with it",
                       endpoint, key=True, severity="warning", related=(reason[1],))  # fmt: skip
    if endpoint.text("provider") == "openrouter" and context.protected:
        _openrouter(context, endpoint, reason)


def _openrouter(context: Context, endpoint: Part, reason: tuple[str, Related]) -> None:
    """OpenRouter sends requests to any provider that may keep them, unless it is told otherwise."""
    block = endpoint.at("openrouter") or endpoint
    if endpoint.text("openrouter", "data_collection") != "deny" and endpoint.value("openrouter", "zdr") is not True:
        context.report("GCM564", f"{endpoint.name} may go to providers that keep data that is {reason[0]}", block, key=True,
                       related=(reason[1],), help_="write data_collection: deny, or zdr: true")  # fmt: skip


def _sensitive(context: Context) -> tuple[str, Related] | None:
    """The most sensitive class of what prompts are filled with, and where that is said."""
    node = context.metadata.get("classification")
    if node is not None and isinstance(node.value, dict):
        node = node.value.get("default")
    if node is not None and node.value == "restricted":
        return "restricted", Related(position_of(node), "classification of the namespace")
    found: tuple[str, Related] | None = None
    for prompt in context.llm.prompts.values():
        for variable in prompt.members("variables").values():
            word = variable.text("classification")
            if word in _SENSITIVE and (found is None or word == "restricted"):
                found = word, Related(key_position_of(variable.node), f"{variable.name} is {word}")
    return found
