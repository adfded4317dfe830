"""Policies in Rego, by regorus: the module's `deny` holds texts, or maps with `msg` and `path`.

Always behind `confined.Confined`: deep recursion ends the engine's process. Nothing of the environment, the network or
the clock is within reach: regorus has no files, and the few other functions are refused at load.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.adapters.policies.cel import FACTS
from gitconfigmgr.model.names import PathSyntaxError, parse_path
from gitconfigmgr.model.policies import Breach, Outcome, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.model.policies import Call, Policy, Source

RULE = "deny"
_PLACE = re.compile(r"-->\s*[^\n]*?:(\d+):(\d+)")
_ERROR = re.compile(r"^error: ([^\n]*)", re.MULTILINE)
_REFUSED = re.compile(r"\b(http\.send|opa\.runtime|time\.now_ns|rand\.intn|uuid\.rfc4122|net\.lookup_ip_addr)\b")
_QUOTED = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|`[^`]*`|#[^\n]*")
_MOST = 100  # breaches of one policy in one target
_LONGEST = 500


class RegoEngine:
    """Implements ports.PolicyEngine in this process."""

    def __init__(self) -> None:
        self._engine = load("regorus", "rego").Engine
        self._loaded: dict[str, tuple[Any, str, Policy]] = {}

    def load(self, policies: Sequence[Policy]) -> dict[str, list[Problem]]:
        """Parse each module, and ask it about nothing: names and variables are resolved only then."""
        found = {}
        for policy in policies:
            module = policy.module
            assert module is not None
            problem = self._refused(module) or self._load(policy, module)
            if problem is not None:
                found[policy.id] = [problem]
        return found

    def _refused(self, module: Source) -> Problem | None:
        bare = _QUOTED.sub(lambda text: " " * len(text.group()), module.text)
        match = _REFUSED.search(bare)
        if match is None:
            return None
        message = f"{match.group()} is not available: a policy sees its input, and nothing else"
        return Problem(message, module.at(match.start()))

    def _load(self, policy: Policy, module: Source) -> Problem | None:
        engine = self._engine()
        try:
            engine.add_policy(policy.path, module.text)
            rule = f"{engine.get_packages()[0]}.{RULE}"
        except RuntimeError as error:
            return _problem(str(error), module)
        try:
            engine.set_input_json("{}")
            engine.eval_rule_as_json(rule)
        except RuntimeError as error:
            if "not a valid rule path" in str(error):
                return Problem(
                    f"the module has no rule {RULE}", module.position, f"write `{RULE} contains msg if {{ ... }}`"
                )
            if "divide by zero" not in str(error):  # what depends on the input is no mistake of the module
                return _problem(str(error), module)
        self._loaded[policy.id] = (engine, rule, policy)
        return None

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        """Evaluate `deny` for each call; `input` has the facts and `params`."""
        outcomes = []
        for name, facts, params in calls:
            engine, rule, policy = self._loaded[name]
            assert policy.module is not None
            try:
                engine.set_input_json(json.dumps({key: facts[key] for key in FACTS} | {"params": params}))
                found = json.loads(engine.eval_rule_as_json(rule))
                outcomes.append(_outcome(found, policy.module))
            except RuntimeError as error:
                outcomes.append(Outcome(applies=True, problems=(_problem(str(error), policy.module),)))
        return outcomes


def _outcome(found: Any, module: Source) -> Outcome:
    items = found if isinstance(found, list) else [] if found in ("<undefined>", None, {}) else [found]
    breaches = []
    for item in items[:_MOST]:
        given = item if isinstance(item, dict) else {"msg": item}
        message, places = given.get("msg"), _places(given.get("path"))
        if not isinstance(message, str) or places is None:
            problem = Problem(f"{RULE} holds texts, or maps with msg and path", module.position)
            return Outcome(applies=True, problems=(problem,))
        breaches.append(Breach(RULE, " ".join(message.split())[:_LONGEST] or None, places))
    return Outcome(applies=True, breaches=tuple(breaches))


def _places(path: Any) -> tuple[tuple[str, ...], ...] | None:
    if path is None:
        return ()
    if isinstance(path, list):
        return (tuple(str(part) for part in path),)
    try:
        return (parse_path(path if isinstance(path, str) else ""),)
    except PathSyntaxError:
        return None


def _problem(text: str, module: Source) -> Problem:
    place, said = _PLACE.search(text), _ERROR.search(text)
    message = said.group(1) if said else text.strip().split("\n")[0]
    if place is None:
        return Problem(message[:_LONGEST], module.position)
    line, column = int(place.group(1)), int(place.group(2))
    return Problem(message[:_LONGEST], module.position._replace(line=line, column=column))
