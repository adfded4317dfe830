"""`check --base`: a change judged by the rules of what it is to be merged into, and for what it brings.

The rules (settings, schemas, policies, waivers ...) are those of the base revision itself, so that neither a change nor
an old starting point can choose milder ones. Where a change alters rules, it must hold by its own too. Findings that
were there where the change began are counted, not failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gitconfigmgr.app.check import Checked, check, of_the_whole, record_of
from gitconfigmgr.app.evaluate import evaluate, usable_cores
from gitconfigmgr.app.reach import changed_files
from gitconfigmgr.app.select import Selection
from gitconfigmgr.check.llm.catalog import LOCK
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate, whole
from gitconfigmgr.model.fingerprints import fingerprints
from gitconfigmgr.model.names import Target
from gitconfigmgr.pipeline import Repository
from gitconfigmgr.rules import SettingsError
from gitconfigmgr.source.config_tests import FOLDER as TESTS
from gitconfigmgr.source.config_tests import is_test
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.layout import RECIPIENTS, ROOT, SETTINGS, WAIVERS
from gitconfigmgr.source.rules import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

    from gitconfigmgr.model.revisions import Base
    from gitconfigmgr.ports import PolicyEngine, StateStore, Tree, Versions

RULE_FOLDERS = ("schemas", "policies")
RULE_FILES = (RECIPIENTS, WAIVERS, LOCK)
NEVER_KNOWN = frozenset({"GCM621"})  # an expired waiver fails everywhere, whoever's change it is
OF_ALL = frozenset({"GCM576", "GCM604", "GCM622"})  # only all targets together tell whether it was there
_ALLOW = b"gitconfigmgr:allow"


@dataclass(slots=True)
class Gate:
    """A change from three sides: `judged` by the rules of the base, `own` by its own, `before` is where it began.

    `own` is None where it alters no rule, `before` where there is nothing to compare with. `findings` are the gate's.
    """

    base: Base
    judged: Repository
    own: Repository | None
    before: Repository | None
    findings: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def open_gate(
    base: Base, tip: Tree, begin: Tree | None, tree: Tree,
    read_packaged: Callable[[str], bytes | None], now: date | None,
    *, engine: Callable[[str], PolicyEngine] | None = None,
    versions: Versions | None = None, versions_before: Versions | None = None,
) -> Gate:  # fmt: skip
    """The sides of a change: `tree` is its result. Raises as `Repository` does for that tree.

    `versions` are what is recorded before the change's result, `versions_before` before the place where it began.
    """
    own = Repository(tree, read_packaged, now, engine=engine, versions=versions)
    now = now or own.today()
    rules, findings = _usable(base, tip)
    notes = []
    before = None
    try:
        before = None if begin is None else Repository(begin, read_packaged, now, rules, None, engine, versions_before)
    except UsageError as error:
        notes.append(f"there is nothing to compare with where the change began: {error}")
    if base.begin is None:
        notes.append(f"{base.name} and the change have no common history: every finding counts as new")
    elif base.begin != base.commit:
        notes.append(
            f"{base.name} has gone on since the change left it at {base.begin[:12]}: the rules are those of {base.name}"
        )
    judged = Repository(tree, read_packaged, now, rules, before, engine, versions)
    own.now, own.before = now, before
    for namespace in {target.namespace for target in judged.targets}:
        judged.schemas.view(namespace)  # read now: whatever they refer to, wherever it lies, is a file of rules
    start = tip if begin is None else begin
    altered = [] if rules is None else list(_altered(own, judged, start))
    tests = list(_tests(tree, start))
    allowed = [] if before is None else list(_allowed(judged, before))
    said = locate([*findings, *altered, *tests, *allowed], own.read)
    return Gate(base, judged, own if altered else None, before, said, notes)


def _usable(base: Base, tip: Tree) -> tuple[Tree | None, list[Diagnostic]]:
    """The tree that rules are read from; None, and a finding, where it has none."""
    from gitconfigmgr.rules import settings_of

    try:
        settings_of(tip)
    except SettingsError as error:
        first = error.findings[0]
        message = f"{SETTINGS} cannot be used at {base.name} ({first.message}): the change is judged by its own rules"
        return None, [Diagnostic("GCM631", message, whole(SETTINGS))]
    except UsageError:
        if base.moved:
            message = f"{base.name} has its settings in {base.moved}, which this change takes away"
            return None, [Diagnostic("GCM632", message, whole(SETTINGS))]
        message = f"there is no {SETTINGS} at {base.name}: the change is judged by its own rules"
        return None, [Diagnostic("GCM631", message, whole(SETTINGS))]
    return tip, []


def _altered(own: Repository, judged: Repository, begin: Tree) -> Iterator[Diagnostic]:
    """What a change does to rules since it began, a finding for each."""
    old, new = begin.read(SETTINGS), own.tree.read(SETTINGS)
    if old is not None and new is not None and old != new:
        for item in differences(SETTINGS, old, new):
            yield Diagnostic("GCM630", f"{item.key} is {item.what} in the settings", item.position, key=item.key)
    named = {own.settings.signatures, judged.settings.signatures} - {None}
    paths = {*RULE_FILES, *filter(None, named), *_bound(own), *_bound(judged), *own.inputs(), *judged.inputs()}
    for folder in RULE_FOLDERS:
        paths |= {*begin.files(folder), *own.tree.files(folder)}
    for path in sorted(paths - {SETTINGS}):
        before, after = begin.read(path), own.read(path)
        if before != after:
            what = "added" if before is None else "removed" if after is None else "changed"
            yield Diagnostic("GCM630", f"{path} is {what}, a file of rules", whole(path))


def _tests(tree: Tree, begin: Tree) -> Iterator[Diagnostic]:
    """The config tests that a change removes or rewrites; a new one takes nothing away."""
    for path in sorted(path for path in begin.files(TESTS) if is_test(path)):
        before, after = begin.read(path), tree.read(path)
        if before != after:
            what = "removed" if after is None else "changed"
            yield Diagnostic("GCM630", f"{path} is {what}, a file of config tests", whole(path))


def _bound(repository: Repository) -> list[str]:
    """The files that schema bindings name, wherever they lie."""
    return [item.schema for item in repository.settings.schemas if not item.schema.startswith("gcm:")]


def _allowed(judged: Repository, before: Repository) -> Iterator[Diagnostic]:
    """The comments that a change adds to silence the search for secrets."""
    for path in sorted(changed_files(before.tree, judged.tree, ROOT)):
        data = judged.read(path) or b""
        if _ALLOW in data:
            known = frozenset((before.read(path) or b"").split(b"\n"))
            for number, line in enumerate(data.split(b"\n"), 1):
                if _ALLOW in line and line not in known:
                    message = "a new comment silences the search for secrets here"
                    yield Diagnostic("GCM633", message, Position(path, number), hidden=True)


def check_change(
    gate: Gate,
    selection: Selection,
    paths: Sequence[str] = (),
    store: StateStore | None = None,
    *,
    identity: str = "",
    jobs: int | None = None,
) -> Checked:
    """What the change brings: by the rules of the base, and by its own where it alters them."""
    identity = f"{identity} {gate.base.commit} {gate.base.begin}"
    checked = check(gate.judged, selection, paths, store, identity=identity, jobs=jobs)
    findings = checked.diagnostics
    if gate.own is not None:
        findings = _by_both(findings, check(gate.own, selection, paths, jobs=jobs).diagnostics, gate.base.name)
    known = _known(gate.before, findings, whole=not paths and selection == Selection(), jobs=jobs)
    touched = on_changed_lines(gate.judged.read, gate.before.read if gate.before else None)
    new: list[Diagnostic] = []
    old: list[Diagnostic] = []
    for item, print_ in zip(findings, fingerprints(findings), strict=True):
        was_there = print_ in known and item.waived is None and item.code not in NEVER_KNOWN
        (old if was_there and not touched(item) else new).append(item)
    return replace(checked, diagnostics=collate([*new, *gate.findings]), known=old, notes=gate.notes, base=gate.base)


def on_lines_of_change(gate: Gate, before: Checked, after: Checked) -> Checked:
    """Of the findings that `after` has and `before` has not, those on lines that the change wrote; the others are known."""
    touched = on_changed_lines(gate.judged.read, gate.before.read if gate.before else None)
    causes = {item.cause for item in before.diagnostics}
    new = [item for item in after.diagnostics if gate.before is None or item.cause in causes or touched(item)]
    old = [item for item in after.diagnostics if item not in new]
    return replace(after, diagnostics=new, known=collate([*after.known, *old]))


def on_changed_lines(
    read: Callable[[str], bytes | None], read_before: Callable[[str], bytes | None] | None
) -> Callable[[Diagnostic], bool]:
    """Whether a finding stands on a line that its file did not have before."""
    lines: dict[str, tuple[list[bytes], frozenset[bytes]]] = {}

    def touched(item: Diagnostic) -> bool:
        position = item.position
        if position is None or read_before is None:
            return False
        if position.path not in lines:
            now = (read(position.path) or b"").split(b"\n")
            lines[position.path] = now, frozenset((read_before(position.path) or b"").split(b"\n"))
        now, before = lines[position.path]
        return 0 < position.line <= len(now) and now[position.line - 1] not in before

    return touched


def _by_both(judged: list[Diagnostic], own: list[Diagnostic], name: str) -> list[Diagnostic]:
    """The findings by either set of rules; those that only the base's give say so."""
    causes = {item.cause for item in own}
    failing = {item.cause for item in judged if item.waived is None}  # a waiver of the change's own does not count
    help_ = f"so say the rules of {name}, which this change alters: have the change of rules merged first"
    return collate([*(item if item.cause in causes else replace(item, help=help_) for item in judged),
                    *(item for item in own if item.waived is None or item.cause not in failing)])  # fmt: skip


def _known(before: Repository | None, findings: list[Diagnostic], *, whole: bool, jobs: int | None) -> frozenset[str]:
    """The fingerprints of what was found where the change began, as far as the findings ask."""
    if before is None or not findings:
        return frozenset()
    affected = {Target(*target) for item in findings for target in item.affects}
    everything = whole and any(item.code in OF_ALL for item in findings)
    targets = before.targets if everything else [target for target in before.targets if target in affected]
    result = evaluate(before, targets, record_of, jobs or usable_cores())
    if not all(item.affects for item in findings):  # about a file of rules, which is read where a target asks for it
        for namespace in {target.namespace for target in before.targets}:
            before.schemas.view(namespace)
        before.rules.policies.load()
    before.read_some({item.position.path for item in findings if item.position})
    found = result.findings + before.found_in_files()
    if whole:
        found += of_the_whole(before, dict(zip(targets, result.records, strict=True)) if everything else None)
    if everything:
        before.read_all()
        found += before.rules.waivers.unused(found)
    return frozenset(fingerprints(collate(found)))
