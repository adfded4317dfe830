"""Policies in CEL, by the CEL project's own C++ engine: typed at load, at most 10,000 iterations for an expression."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import load
from gitconfigmgr.check.fast import keyword_test
from gitconfigmgr.check.policies.facts import is_secret
from gitconfigmgr.model.names import PathSyntaxError, closest, is_index, parse_path
from gitconfigmgr.model.policies import Breach, Outcome, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.model.policies import Call, Facts, Policy, Rule, Source

FACTS = ("object", "oldObject", "target", "environment", "metadata", "leaves", "measure")
_MAPS = ("target", "environment", "metadata", "leaves", "measure", "params", "variables")
_AT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): ([^\n]*)")
_TEXT = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
_MEMBER = re.compile(r"\b(params|variables)\s*\.\s*([A-Za-z_]\w*)")
_UNKNOWN = re.compile(r"undeclared reference to '([A-Za-z_]\w*)[^']*'")
_NO_KEY = re.compile(r"NOT_FOUND: Key not found in map : \"(.*)\"", re.DOTALL)
_LONGEST = 500  # characters of a message
_MOST_PLACES = 20
_MOST_KNOWN = 50_000


class _FailedError(Exception):
    """An expression gave no usable value."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem


class CelEngine:
    """Implements ports.PolicyEngine in this process; `confined.Confined` bounds its time and memory."""

    def __init__(self) -> None:
        self._cel = load("cel_expr_python.cel", "policies")
        extensions = [
            getattr(load(f"cel_expr_python.ext.ext_{name}", "policies"), f"Ext{name.title()}")()
            for name in ("strings", "math", "optional")
        ]
        self._facts: Facts = {}
        self._known: dict[str, dict[str, bool]] = {}  # pattern -> path -> whether it occurs there
        kinds = self._cel.Type
        members = kinds.Map(kinds.STRING, kinds.DYN)
        self._env = self._cel.NewEnv(
            variables={"object": kinds.DYN, "oldObject": kinds.DYN} | dict.fromkeys(_MAPS, members),
            extensions=extensions,
            functions=[
                self._function("origin", self._origin, members, kinds.STRING),
                self._function("paths", self._paths, kinds.List(kinds.STRING), kinds.STRING),
                self._cel.FunctionDecl("get", [
                    self._cel.Overload(f"get_{number}", return_type=kinds.DYN, parameters=list(types), impl=self._get)
                    for number, types in enumerate(product((kinds.STRING, kinds.LIST), (
                        kinds.STRING, kinds.INT, kinds.DOUBLE, kinds.BOOL, kinds.LIST, kinds.MAP)))
                ]),
            ],
        )  # fmt: skip
        self._policies: dict[str, _Program] = {}

    def load(self, policies: Sequence[Policy]) -> dict[str, list[Problem]]:
        """Compile every expression."""
        found = {}
        for policy in policies:
            program = _Program(policy, self._env)
            if program.problems:
                found[policy.id] = program.problems
            else:
                self._policies[policy.id] = program
        return found

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        """Evaluate one call after the other; those on the same facts share what the engine made of them."""
        shared: dict[int, Any] = {}
        outcomes = []
        for name, facts, params in calls:
            program = self._policies[name]
            self._facts = facts
            if program.needs_own:
                data = self._env.Activation(_data(facts, params, {}))
            else:
                data = shared.get(id(facts)) or shared.setdefault(id(facts), self._env.Activation(_data(facts, {}, {})))
            outcomes.append(_Run(program, self._env, facts, params, data).outcome())
        return outcomes

    def _function(self, name: str, call: Any, gives: Any, *takes: Any) -> Any:
        overload = self._cel.Overload(f"{name}_1", return_type=gives, parameters=list(takes), impl=call)
        return self._cel.FunctionDecl(name, [overload])

    def _origin(self, path: str) -> dict[str, Any]:
        found = self._facts["origins"].get(path)
        if found is None:
            raise ValueError(f"there is no {path}")
        return dict(found)

    def _paths(self, pattern: str) -> list[str]:
        """The paths of `leaves` in which the pattern occurs; the engine's own `matches` compiles it for each of them."""
        known = self._known.setdefault(pattern, {})  # the documents of a repository have mostly the same paths
        if len(known) > _MOST_KNOWN or len(self._known) > _MOST_PLACES:
            self._known = {pattern: (known := {})}
        new = [path for path in self._facts["leaves"] if path not in known]
        if new:
            test = keyword_test("pattern", pattern)
            if test is None:
                raise ValueError(f"{pattern} is no regular expression")
            known |= {path: test(path) for path in new}
        return [path for path in self._facts["leaves"] if known[path]]

    def _get(self, path: str | list[Any], otherwise: Any) -> Any:
        """The value at a path of the document; `otherwise` where there is none, or one of another type."""
        try:
            parts = parse_path(path) if isinstance(path, str) else path
        except PathSyntaxError:
            raise ValueError(f"{path} is no path of keys") from None
        value = self._facts["object"]
        for part in parts:
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and is_index(str(part), len(value)):
                value = value[int(part)]
            else:
                return otherwise
        return value if _type(value) == _type(otherwise) and not is_secret(value) else otherwise


def _type(value: Any) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _data(facts: Facts, params: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in FACTS} | {"params": params, "variables": variables}


class _Program:
    """A policy with its expressions compiled, by the place of their text; `problems` are those of the load."""

    def __init__(self, policy: Policy, env: Any) -> None:
        self.policy = policy
        self.problems: list[Problem] = []
        self._env = env
        self._known = {"params": list(policy.params), "variables": []}
        self.compiled: dict[int, Any] = {}
        for _, source in policy.conditions:
            self._add(source, "BOOL")
        for name, source in policy.variables:
            self._add(source)
            self._known["variables"].append(name)
        for rule in policy.rules:
            self._add(rule.expression, "BOOL")
            for extra, kinds in ((rule.message_expression, ("STRING",)), (rule.path_expression, ("STRING", "LIST"))):
                if extra is not None:
                    self._add(extra, *kinds)
        texts = [source.text for source in self._sources()]
        self.needs_own = bool(policy.variables) or any("params" in text for text in texts)

    def _sources(self) -> list[Source]:
        found = [source for _, source in self.policy.conditions + self.policy.variables]
        for rule in self.policy.rules:
            found += [s for s in (rule.expression, rule.message_expression, rule.path_expression) if s is not None]
        return found

    def _add(self, source: Source, *kinds: str) -> None:
        try:
            compiled = self._env.compile(source.text)
        except RuntimeError as error:
            self.problems += _mistakes(source, str(error))
            return
        given = compiled.return_type().name()
        if kinds and given != "DYN" and not given.startswith(kinds):
            words = " or ".join(_WORDS[kind] for kind in kinds)
            self.problems.append(Problem(f"the expression gives {_word(given)}, not {words}", source.start))
            return
        for match in _MEMBER.finditer(_TEXT.sub(lambda text: " " * len(text.group()), source.text)):
            kind, name = match.groups()
            if name not in self._known[kind]:
                near = closest(name, self._known[kind])
                help_ = f"did you mean {near}?" if near else f"declare it in {kind}"
                self.problems.append(Problem(f"{kind} has no {name} here", source.at(match.start(2)), help_))
        self.compiled[id(source)] = compiled


class _Run:
    """One policy on one target."""

    def __init__(self, program: _Program, env: Any, facts: Facts, params: dict[str, Any], data: Any) -> None:
        self.program = program
        self.env = env
        self.facts = facts
        self.params = params
        self.data = data
        self.failed: dict[str, Problem] = {}  # variables without a value: an error only where one is asked for

    def outcome(self) -> Outcome:
        policy = self.program.policy
        try:
            if not all(self._holds(source) for _, source in policy.conditions):
                return Outcome(applies=False)
        except _FailedError as error:
            return Outcome(applies=True, problems=(error.problem,))
        if policy.variables:
            self._compute(policy)
        breaches: list[Breach] = []
        problems: list[Problem] = []
        for rule in policy.rules:
            try:
                if not self._holds(rule.expression):
                    breaches.append(self._breach(rule, problems))
            except _FailedError as error:
                problems.append(error.problem)
        return Outcome(applies=True, breaches=tuple(breaches), problems=tuple(dict.fromkeys(problems)))

    def _compute(self, policy: Policy) -> None:
        values: dict[str, Any] = {}
        for name, source in policy.variables:
            try:
                values[name] = self._value(source)
            except _FailedError as error:
                self.failed[name] = error.problem
                continue
            self.data = self.env.Activation(_data(self.facts, self.params, values))

    def _holds(self, source: Source) -> bool:
        value = self._value(source)
        if not isinstance(value, bool):
            raise _FailedError(
                Problem(f"the expression gives {_word(type(value).__name__)}, not true or false", source.start)
            )
        return value

    def _breach(self, rule: Rule, problems: list[Problem]) -> Breach:
        message: str | None = None
        places: tuple[tuple[str, ...], ...] = ()
        try:
            if rule.message_expression is not None:
                given = self._value(rule.message_expression)
                message = " ".join(given.split())[:_LONGEST] if isinstance(given, str) else None
            if rule.path_expression is not None:
                places = _places(self._value(rule.path_expression), rule.path_expression)
        except _FailedError as error:
            problems.append(error.problem)
        return Breach(rule.name, message or None, places)

    def _value(self, source: Source) -> Any:
        try:
            result = self.program.compiled[id(source)].eval(self.data)
            value = result.plain_value()
        except RuntimeError as error:
            budget = "Iteration budget" in str(error)
            message = "the expression loops too often (more than 10,000 steps)" if budget else _lower(str(error))
            raise _FailedError(Problem(message, source.start)) from None
        except TypeError:
            help_ = "take its value: .orValue(...)"
            raise _FailedError(Problem("the expression gives an optional, not a value", source.start, help_)) from None
        if result.type().name() == "ERROR":
            raise _FailedError(self._problem(str(value), source))
        return value

    def _problem(self, text: str, source: Source) -> Problem:
        missing = _NO_KEY.match(text)
        if missing is None:
            help_ = "convert one side: string(...), int(...), double(...)" if "overload" in text else None
            return Problem(_lower(text), source.start, help_)
        name = missing.group(1)
        if name in self.failed and "variables" in source.text:
            return self.failed[name]
        help_ = f"ask first whether it is there: has(...), or get('...{name}', otherwise)"
        return Problem(f"there is no key {name}", source.word(name), help_)


def _places(value: Any, source: Source) -> tuple[tuple[str, ...], ...]:
    found = set()
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, list):
            found.add(tuple(str(part) for part in item))
            continue
        try:
            found.add(parse_path(item if isinstance(item, str) else ""))
        except PathSyntaxError:
            message = "pathExpression gives a path such as 'models.main', or a list of paths or of lists of keys"
            raise _FailedError(Problem(message, source.start)) from None
    return tuple(sorted(found)[:_MOST_PLACES])  # the engine's maps have no order


def _mistakes(source: Source, text: str) -> list[Problem]:
    found = []
    for line, column, message in _AT.findall(text):
        offset, number = 0, int(line)
        for _ in range(number - 1):
            offset = source.text.find("\n", offset) + 1
        position = source.at(offset + int(column) - 1) if number > 0 else source.start
        said = message.partition(" (in container")[0].partition(" expecting {")[0]
        said = said.replace("mismatched input '<EOF>'", "the expression ends too early")
        help_ = None
        unknown = _UNKNOWN.match(said)
        if said.startswith("reserved identifier: namespace"):
            help_ = "namespace is a word of CEL: write target.namespace"
        elif unknown is not None:
            position, near = (
                source.word(unknown[1]),
                closest(unknown[1], (*FACTS, "params", "variables", "origin", "get", "paths")),
            )
            said, help_ = f"there is no {unknown[1]} here", f"did you mean {near}?" if near else None
        found.append(Problem(_lower(said), position, help_))
    return found or [Problem(_lower(text), source.start)]


def _lower(text: str) -> str:
    text = re.sub(r"^[A-Z_]+: ", "", text.strip().split("\n")[0])
    text = re.sub(r"\s*\[[A-Z_]+\]$", "", text).replace(" : ", ": ")[:_LONGEST]
    return text[:1].lower() + text[1:]


_WORDS = {"BOOL": "true or false", "STRING": "a text", "LIST": "a list"}


def _word(name: str) -> str:
    known = {"INT": "a number", "DOUBLE": "a number", "UINT": "a number", "NULL": "null", "int": "a number",
             "float": "a number", "str": "a text", "list": "a list", "dict": "a map", "NoneType": "null"}  # fmt: skip
    return known.get(name) or _WORDS.get(name.partition("<")[0], "a map" if name.startswith("MAP") else name)
