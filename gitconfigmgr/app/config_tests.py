"""`test`: the config unit tests of a repository, and what they do not touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.untested import Overrides, SchemaRules, policy_rules
from gitconfigmgr.check.fast import keyword_test
from gitconfigmgr.check.globs import matches
from gitconfigmgr.check.policies.waivers import names_policy
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, Related, collate, position_of
from gitconfigmgr.model.names import closest, is_index, parse_path, show_path
from gitconfigmgr.model.tests import Case, Tested
from gitconfigmgr.model.values import Sealed, Segments, plain
from gitconfigmgr.resolve.provenance import lowers
from gitconfigmgr.source.config_tests import FOLDER, is_test, read_config_tests
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.layout import passed_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.tests import ConfigTest, Expectation
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Compiled, Repository

_SHOWN = 60  # characters of a value in a message


def run_config_tests(repository: Repository, paths: Sequence[str] = (), *, coverage: bool = False) -> Tested:
    """Run the tests below tests/, or those of the files and folders that `paths` (from the root) name."""
    tested = Tested()
    present = sorted(repository.tree.files(FOLDER))
    tested.findings += passed_over(present, repository.tree.oddities(FOLDER))
    found = [path for path in present if is_test(path)]
    files = [path for path in found if not paths or any(path == p or path.startswith(f"{p}/") for p in paths)]
    if not files and not tested.findings:
        raise UsageError("there is no test to run", "docs/config-tests.md shows how to write one: tests/chat.yaml")
    tests: list[tuple[ConfigTest, Case, list[Target]]] = []
    for path in files:
        read, findings = read_config_tests(path, repository.read(path) or b"")
        tested.findings += findings
        for test in read if not findings else ():
            case = Case(path, test.name, test.position)
            tested.cases.append(case)
            tests.append((test, case, _targets(repository, test, case.failures)))
    _run(repository, tests, tested, coverage=coverage)
    for case in tested.cases:
        case.failures = locate(collate(case.failures), repository.read)
    tested.findings = locate(tested.findings, repository.read)
    return tested


def _targets(repository: Repository, test: ConfigTest, findings: list[Diagnostic]) -> list[Target]:
    environments = repository.settings.compiled_environments()
    for name in test.environments:
        if name not in environments:
            near = closest(name, environments)
            help_ = f"did you mean {near}?" if near else f"known are {', '.join(environments)}"
            findings.append(Diagnostic("GCM660", f"there is no environment {name}", test.position, help=help_))
    names = sorted({target.namespace for target in repository.targets})
    for pattern in test.namespaces:
        if not any(matches([pattern], name) for name in names):
            near = closest(pattern, names)
            help_ = f"did you mean {near}?" if near else "see `gitconfigmgr layers`"
            findings.append(Diagnostic("GCM660", f"no namespace matches {pattern}", test.position, help=help_))
    wanted = test.environments or tuple(environments)
    return [t for t in repository.targets if t.environment in wanted and matches(test.namespaces, t.namespace)]


def _run(
    repository: Repository, tests: list[tuple[ConfigTest, Case, list[Target]]], tested: Tested, *, coverage: bool
) -> None:
    by_target: dict[Target, list[tuple[ConfigTest, Case]]] = {}
    for test, case, targets in tests:
        for target in targets:
            by_target.setdefault(target, []).append((test, case))
    overrides, rules = Overrides(), SchemaRules()
    namespace = None
    for target in repository.targets:
        if target not in by_target and not coverage:
            continue
        if namespace is not None and namespace != target.namespace:
            repository.forget(namespace)
        namespace = target.namespace
        compiled = repository.compile(target)
        mine = by_target.get(target, [])
        for test, case in mine:
            case.failures += [item for each in test.expectations if (item := _failure(compiled, each)) is not None]
        if coverage and compiled.root is not None:
            paths = [each.path for test, _ in mine for each in test.expectations if each.path]
            overrides.look(compiled.root, paths)
            rules.look(repository.schemas.view(target.namespace), compiled.root, paths)
    if coverage:
        tested.coverage += [overrides.coverage(), rules.coverage()]
        tested.coverage.append(policy_rules(repository, [test for test, _, _ in tests]))


def _failure(compiled: Compiled, expected: Expectation) -> Diagnostic | None:
    if expected.kind in {"finding", "policy"}:
        return _unfound(compiled, expected)
    if compiled.root is None:
        return _made(compiled, expected, f"{compiled.target} cannot be read", help_="run `gitconfigmgr check`")
    node = _at(compiled.root, expected.path)
    key = show_path(expected.path)
    if expected.kind == "absent":
        return None if node is None else _made(compiled, expected, f"{key} is there", node)
    if node is None:
        return _made(compiled, expected, f"{key} is missing")
    said = _said(node, expected)
    return None if said is None else _made(compiled, expected, f"{key} {said}", node)


def _said(node: Node, expected: Expectation) -> str | None:
    """What is wrong with a value; None where it is what was expected."""
    value, wanted = plain(node), expected.value
    secret = isinstance(node.value, (Sealed, Segments))
    if expected.kind == "secret":
        if not secret:
            return "is no secret: it stands in plaintext"
        kind = getattr(node.value, "kind", None)
        return None if wanted is True or kind == wanted else f"is a secret of the kind {kind}, not {wanted}"
    if expected.kind == "present":
        return None
    if secret:
        return "is a secret, whose content is not known here"
    if expected.kind == "equals":
        return None if same(value, wanted) else f"is {_shown(value)}, not {_shown(wanted)}"
    if not isinstance(value, str):
        return f"is {_shown(value)}, which is no text"
    test = keyword_test("pattern", wanted)
    if test is None:
        return f"cannot be held against {_shown(wanted)}: it is no regular expression"
    return None if test(value) else f"is {_shown(value)}, which does not match {_shown(wanted)}"


def _unfound(compiled: Compiled, expected: Expectation) -> Diagnostic | None:
    """None where the finding that is expected is there, waived or not."""
    for item in compiled.findings:
        if expected.kind == "finding" and item.code != expected.value:
            continue
        if expected.kind == "policy" and (item.code != "GCM601" or not names_policy(item.rule or "", expected.value)):
            continue
        if not expected.path or (item.key is not None and parse_path(item.key)[: len(expected.path)] == expected.path):
            return None
    where = f" at {show_path(expected.path)}" if expected.path else ""
    return _made(compiled, expected, f"there is no finding {expected.value}{where}")


def _made(
    compiled: Compiled, expected: Expectation, message: str, node: Node | None = None, help_: str | None = None
) -> Diagnostic:
    related: tuple[Related, ...] = ()
    if node is not None:
        related = (Related(position_of(node), "the value stands here"), *(
            Related(position_of(below), "overrides") for below in list(lowers(node))[:3]
        ))  # fmt: skip
    key = show_path(expected.path) or None
    return Diagnostic(
        "GCM661", message, expected.position, related=related, affects=(compiled.target,), help=help_, key=key
    )


def _at(root: Node, path: tuple[str, ...]) -> Node | None:
    node = root
    for part in path:
        value = node.value
        if isinstance(value, dict) and part in value:
            node = value[part]
        elif isinstance(value, list) and is_index(part, len(value)):
            node = value[int(part)]
        else:
            return None
    return node


def same(value: Any, other: Any) -> bool:
    """Equality of JSON values: 1 is 1.0, and true is not 1."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(same(value[key], other[key]) for key in value)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(same, value, other))
    return bool(value == other)


def _shown(value: Any) -> str:
    import orjson

    from gitconfigmgr.check.hygiene.finding import masked

    text = masked(orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
