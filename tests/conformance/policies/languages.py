"""The same policies in every language: what an engine must say of them is the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitconfigmgr.source.policies import read_policy

if TYPE_CHECKING:
    from gitconfigmgr.model.policies import Facts, Policy


@dataclass(frozen=True)
class Language:
    """How one language writes the policies of the suite, by name; `rule` is what a breach of `bounded` is called."""

    name: str
    rule: str
    sources: dict[str, str]

    def policy(self, name: str) -> Policy:
        source = self.sources[name]
        files = {}
        if self.name != "cel":
            files[f"policies/{name}.src"] = source.encode()
            source = f"id: {name}\nengine: {self.name}\nmodule: policies/{name}.src\nparams: {{max: 3}}\n"
        policy, findings = read_policy(f"policies/{name}.yaml", source.encode(), files.get)
        assert policy is not None, findings
        return policy


def _cel(name: str, expression: str, more: str = "") -> str:
    rule = f"  - name: bounded\n    message: static\n    expression: |\n      {expression}\n{more}"
    return f"id: {name}\nparams: {{max: 3}}\nvalidations:\n{rule}"


def _rego(name: str, body: str) -> str:
    return f"package gitconfigmgr.{name}\n\nimport rego.v1\n\n{body}\n"


CEL = Language("cel", "bounded", {
    "bounded": _cel(
        "bounded", "!has(object.n) || object.n <= params.max",
        "    messageExpression: \"'%d is too much'.format([object.n])\"\n    path: 'n'\n",
    ),
    "places": _cel(
        "places", "object.all(k, object[k] <= params.max)",
        "    pathExpression: object.filter(k, object[k] > params.max).map(k, [k])\n",
    ),
    "syntax": _cel("syntax", "object.n <="),
    "name": _cel("name", "objekt.n < 3"),
    "division": _cel("division", "1 / object.zero == 1"),
    "endless": _cel(
        "endless",
        "object.l.all(a, object.l.all(b, (object.s + object.s + string(a * b)).matches('(x|xx)*y') || true))",
    ),
    "memory": _cel("memory", "object.l.map(a, object.l.map(b, object.s + string(a))).size() > 0"),
    "secret": _cel("secret", "!('$secret' in object.key)"),
    "old": _cel("old", "oldObject == null || object.n <= oldObject.n"),
})  # fmt: skip
REGO = Language("rego", "deny", {
    "bounded": _rego("bounded", (
        'deny contains {"msg": msg, "path": ["n"]} if {\n\tinput.object.n > input.params.max\n'
        '\tmsg := sprintf("%d is too much", [input.object.n])\n}'
    )),
    "places": _rego("places", (
        'deny contains {"msg": "static", "path": [k]} if {\n\tsome k, v in input.object\n\tv > input.params.max\n}'
    )),
    "syntax": _rego("syntax", "deny contains 1 if {"),
    "name": _rego("name", 'deny contains "x" if { nothing(1) }'),
    "division": _rego("division", 'deny contains "x" if { 1 / input.object.zero == 1 }'),
    "endless": _rego("endless", (
        'deny contains "x" if {\n\tinput.object.n\n\tsome a in numbers.range(1, 500)\n\tsome b in numbers.range(1, 500)\n\tsome c in numbers.range(1, 500)\n\ta * b * c < 0\n}'
    )),
    "memory": _rego("memory", "grow(n) := array.concat(grow(n + 1), [n])\n\ndeny contains \"x\" if {\n\tinput.object.n\n\tcount(grow(1)) > 0\n}"),
    "secret": _rego("secret", 'deny contains "static" if { input.object.key["$secret"] }'),
    "old": _rego("old", 'deny contains "static" if {\n\tinput.oldObject != null\n\tinput.object.n > input.oldObject.n\n}'),
})  # fmt: skip


def facts(document: Any, old: Any = None) -> Facts:
    """The facts of a target in production."""
    return {
        "object": document,
        "oldObject": old,
        "target": {"namespace": "acme/chat", "environment": "production"},
        "environment": {"name": "production", "protected": True, "chain": ["base", "production"]},
        "metadata": {"owner_team": "chat"},
        "leaves": {},
        "measure": {},
        "origins": {},
    }
