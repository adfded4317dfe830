"""References and templates of a merged target (docs/language.md, section 4).

Each node is resolved once. A failure is a finding, and a value that no later stage looks into.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gitconfigmgr.model.diagnostics import Diagnostic, Related, position_of
from gitconfigmgr.model.names import Target, closest, is_index, show_path
from gitconfigmgr.model.values import (
    EXPRESSION,
    REQUIRED,
    SEALED,
    UNUSUAL,
    Derived,
    Expression,
    Node,
    Sealed,
    Segments,
    Template,
    kind_of,
    scalar_text,
    union_of_flags,
)
from gitconfigmgr.resolve.expressions import ExpressionSyntaxError, Reference, parse
from gitconfigmgr.resolve.guards import unfilled

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CHAIN = 32
MAX_TEXT = 1024 * 1024  # characters of one text that references make
MAX_STEPS = 64  # nodes that the provenance of one value names
MAX_ACTIVE = 256  # where following stops at all, whatever is remembered
FAILED = Sealed("", "unknown")  # stands where a reference could not be resolved; opaque to every later stage


class Missing(NamedTuple):
    """Why a reference has no target."""

    what: str  # namespace, environment or version
    message: str
    help: str | None


class Session:
    """What the resolvers of one run share: how to find other targets, and the references now being followed."""

    def __init__(self, open_target: Callable[[Target], Resolver | Missing | None],
        open_version: Callable[[Target, str], Resolver | Missing | None], read_plain: Callable[[str], Any],
        has_documents: Callable[[str], bool], max_values: int,
    ) -> None:  # fmt: skip
        self.open_target = open_target  # None where the target has findings of its own that keep it from being read
        self.open_version = open_version  # None where no version is meant, but an environment
        self.read_plain = read_plain
        self.has_documents = has_documents
        self.max_values = max_values
        self.active: list[tuple[Resolver, Node, str]] = []
        self.findings: dict[int, Diagnostic] = {}  # of what is being resolved, by identity
        self.reached = 0  # how deep the references below what is being resolved go


class Resolver:
    """The references of one target. `used` are the other targets whose values it took."""

    def __init__(self, target: Target, root: Node, session: Session) -> None:
        self.target = target
        self.root = root
        self.session = session
        self.used: dict[Target, Resolver] = {}
        self.sought: set[Target] = set()  # targets that are not there, or only by what lies below them
        self.pinned: set[tuple[Target, int]] = set()  # recorded versions that it asked for
        self._done: dict[int, tuple[Node, int, dict[int, Diagnostic]]] = {}
        self._copied = 0
        self._too_large = False  # said once for a target

    def resolved(self) -> tuple[Node, list[Diagnostic]]:
        """The document with every reference and template resolved, and what was found on the way."""
        self.session.findings = {}
        return self.resolve(self.root), list(self.session.findings.values())

    def resolve(self, node: Node) -> Node:
        """A node of this target, resolved; memoised with the depth of its references and their findings."""
        if not node.flags & EXPRESSION:
            return node
        session = self.session
        known = self._done.get(id(node))
        if known is not None:
            done, depth, findings = known
            session.findings.update(findings)
            session.reached = max(session.reached, depth)
            return done
        outer, session.reached = session.reached, 0
        others, session.findings = session.findings, {}
        done = self._resolve(node)
        self._done[id(node)] = done, session.reached, session.findings
        session.reached = max(session.reached, outer)
        others.update(session.findings)
        session.findings = others
        return done

    def _resolve(self, node: Node) -> Node:
        value = node.value
        kind = type(value)
        if kind is dict:
            items = dict(value)
            for key, child in value.items():
                if child.flags & EXPRESSION:
                    items[key] = self.resolve(child)
            return _with(node, items, union_of_flags(items.values()), node.via)
        if kind is list:
            members = [self.resolve(child) for child in value]
            return _with(node, members, union_of_flags(members), node.via)
        if kind is Expression or kind is Template:
            return self._follow(node, value.text if kind is Expression else "$template")
        return node

    def _follow(self, node: Node, text: str) -> Node:
        active = self.session.active
        if any(other is node and resolver is self for resolver, other, _ in active):
            return self._circle(node)
        if len(active) >= MAX_ACTIVE:
            return self._too_deep(node)
        active.append((self, node, text))
        try:
            done = self._template(node) if type(node.value) is Template else self._expression(node, text)
        finally:
            active.pop()
        self.session.reached += 1
        if self.session.reached > MAX_CHAIN and done.value is not FAILED:
            return self._too_deep(node)
        return done

    def _too_deep(self, node: Node) -> Node:
        message = f"more than {MAX_CHAIN} references follow one another"
        return self._failed(node, "GCM304", message, related=self._steps(self.session.active[-3:]))

    def _expression(self, node: Node, text: str) -> Node:
        try:
            pieces = parse(text)
        except ExpressionSyntaxError as error:
            help_ = "a literal ${ is written $${"
            return self._failed(node, "GCM301", str(error), within=error.piece, help_=help_)
        if len(pieces) == 1 and isinstance(pieces[0], Reference):
            return self._whole(node, pieces[0])
        parts: list[str | Sealed] = []
        via: tuple[Node, ...] = ()
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            found = self._find(node, piece, in_text=True)
            if found is None or found.value is FAILED:
                return node.replaced(value=FAILED, flags=SEALED)
            if found is not node:
                via = _steps_of(via, found)
            parts += self._as_text(node, piece, found)
        return self._joined(node, parts, via)

    def _joined(self, node: Node, parts: list[str | Sealed], via: tuple[Node, ...]) -> Node:
        if FAILED in parts:
            return node.replaced(value=FAILED, flags=SEALED)
        if sum(len(part) for part in parts if isinstance(part, str)) > MAX_TEXT:
            return self._failed(node, "GCM304", f"the text grows beyond {MAX_TEXT // 1024} KiB")
        if any(isinstance(part, Sealed) for part in parts):
            return node.replaced(value=Segments(_merged_text(parts)), flags=SEALED, via=via)
        return _with(node, "".join(map(str, parts)), 0, via)

    def _as_text(self, node: Node, piece: Reference, found: Node) -> list[str | Sealed]:
        value = found.value
        if isinstance(value, Segments):
            return list(value.parts)
        if isinstance(value, Sealed):
            return [value]
        if isinstance(value, (dict, list)):
            message = f"{piece.text} is a {kind_of(value)}, which cannot stand inside text"
            self._report(
                node, "GCM305", message, within=piece.text, related=(Related(position_of(found), "the value is at"),)
            )
            return [FAILED]
        return [scalar_text(value)]

    def _whole(self, node: Node, reference: Reference) -> Node:
        found = self._find(node, reference, in_text=False)
        if found is None:
            return node.replaced(value=FAILED, flags=SEALED)
        if found is node:
            assert reference.default is not None
            return self._default(node, reference.default)
        if isinstance(found.value, (dict, list)):
            self._copied += _size(found)
            if self._copied > self.session.max_values:
                if self._too_large:
                    return node.replaced(value=FAILED, flags=SEALED)
                self._too_large = True
                message = f"the references of this target copy more than {self.session.max_values} values"
                return self._failed(node, "GCM304", message, within=reference.text)
        return _with(node, found.value, found.flags, _steps_of((), found))

    def _default(self, node: Node, text: str) -> Node:
        if len(text) >= 2 and text[0] == text[-1] == '"':
            return node.replaced(value=text[1:-1], flags=0)
        value = self.session.read_plain(text) if text else ""
        return node.replaced(value=value, flags=UNUSUAL if isinstance(value, float) else 0)

    def _find(self, node: Node, reference: Reference, *, in_text: bool) -> Node | None:
        """The resolved node a reference names; `node` itself where its default applies; None after a finding."""
        target = Target(reference.namespace or self.target.namespace, reference.environment or self.target.environment)
        pinned = self._version(reference)
        owner = pinned or (self if target == self.target else self.session.open_target(target))
        if owner is None:
            self.sought.add(target)
            return node.replaced(value=FAILED, flags=SEALED)
        if isinstance(owner, Missing):
            if pinned is None:
                self.sought.add(target)
            if reference.default is not None and owner.what == "namespace":
                return self._text_default(node, reference) if in_text else node
            code = "GCM306" if pinned is None else "GCM307"
            self._report(node, code, owner.message, within=reference.text, help_=owner.help)
            return None
        if pinned is None and owner is not self:
            self.used[target] = owner
            if not self.session.has_documents(target.namespace):
                self.sought.add(target)
        found, known = owner.lookup(reference.path)
        if found is not None and pinned is not None and found.flags & SEALED:
            message = f"{reference.text} is a secret there, and its key may be another one today"
            self._report(node, "GCM307", message, within=reference.text, help_="refer to the secret as it is now")
            return None
        if found is not None:
            return self._filled(found, reference, owner) if found.flags & REQUIRED else found
        if reference.default is not None:
            return self._text_default(node, reference) if in_text else node
        self._dangling(node, reference, owner, known)
        return None

    def _filled(self, found: Node, reference: Reference, owner: Resolver) -> Node | None:
        """The node, unless a `$required` is left in it: that finding is the owner's, and of all who take the value."""
        missing = list(unfilled(found, reference.path))
        if owner is not self:
            self.session.findings.update((id(finding), finding) for finding in missing)
        return None if missing else found

    def _version(self, reference: Reference) -> Resolver | Missing | None:
        """What a reference to a recorded version leads to; None for any other reference."""
        number = reference.environment
        if number is None or not number.isdecimal():
            return None
        target = Target(reference.namespace or self.target.namespace, self.target.environment)
        found = self.session.open_version(target, number)
        if found is not None:
            self.pinned.add((target, int(number[:18])))
        return found

    def _text_default(self, node: Node, reference: Reference) -> Node:
        text = reference.default or ""
        if len(text) >= 2 and text[0] == text[-1] == '"':
            text = text[1:-1]
        return Node(text, node.document, node.mark)

    def lookup(self, path: tuple[str, ...]) -> tuple[Node | None, list[str]]:
        """The resolved node at a path, or None and the keys that are there where it ends."""
        node = self.root
        for part in path:
            if type(node.value) is Expression:
                node = self.resolve(node)
            value = node.value
            child = None
            if isinstance(value, dict):
                child = value.get(part)
            elif isinstance(value, list) and is_index(part, len(value)):
                child = value[int(part)]
            if child is None:
                if value is FAILED:
                    return node, []
                return None, list(value) if isinstance(value, dict) else []
            node = child
        return self.resolve(node), []

    def _dangling(self, node: Node, reference: Reference, owner: Resolver, known: list[str]) -> None:
        where = "" if owner is self else f" of {owner.target.namespace}"
        message = f"{reference.text} names no key{where}"
        near = next((match for part in reference.path if (match := closest(part, known))), None)
        help_ = f"did you mean {near}?" if near else f"correct {show_path(reference.path)}, or give a default with :-"
        active = self.session.active
        steps = self._steps(active[:-1]) if len(active) > 1 else ()
        self._report(node, "GCM302", message, within=reference.text, help_=help_, related=steps)

    def _circle(self, node: Node) -> Node:
        active = self.session.active
        first = next(index for index, step in enumerate(active) if step[0] is self and step[1] is node)
        circle = active[first:]
        _, start, text = min(circle, key=lambda step: (position_of(step[1]).path, position_of(step[1]).line))
        names = " -> ".join(step[2] for step in circle)
        related = tuple(Related(position_of(other), "through", name) for _, other, name in circle if other is not start)
        self._report(start, "GCM303", f"references form a circle: {names}", within=text, related=related)
        return node.replaced(value=FAILED, flags=SEALED)

    def _steps(self, active: list[tuple[Resolver, Node, str]]) -> tuple[Related, ...]:
        return tuple(Related(position_of(node), "reached through", text) for _, node, text in active)

    def _template(self, node: Node) -> Node:
        from gitconfigmgr.resolve.template_syntax import TemplateError
        from gitconfigmgr.resolve.templates import render

        template = node.value
        variables = {name: self.resolve(child) for name, child in template.variables.items()}
        via: tuple[Node, ...] = ()
        for child in variables.values():
            via = _steps_of(via, child)
        if any(child.value is FAILED for child in variables.values()):
            return node.replaced(value=FAILED, flags=SEALED)
        try:
            parts = render(template.text.value, variables)
        except TemplateError as error:
            return self._failed(template.text, error.code, str(error), within=error.piece, help_=error.help)
        return self._joined(node, parts, via)

    def _failed(
        self, node: Node, code: str, message: str, *,
        within: str | None = None, help_: str | None = None, related: tuple[Related, ...] = (),
    ) -> Node:  # fmt: skip
        self._report(node, code, message, within=within, help_=help_, related=related)
        return node.replaced(value=FAILED, flags=SEALED)

    def _report(
        self, node: Node, code: str, message: str, *,
        within: str | None = None, help_: str | None = None, related: tuple[Related, ...] = (),
    ) -> None:  # fmt: skip
        place = position_of(node)
        finding = Diagnostic(code, message, place, within=within, help=help_, related=related)
        self.session.findings[id(finding)] = finding


def _with(node: Node, value: Any, flags: int, via: tuple[Node, ...]) -> Node:
    """`node.replaced`, written out: there is one for each reference and each map around it."""
    return Derived(value, node.document, node.mark, node.key_mark, flags, node.lower, node.directive, node.notes, via)


def _steps_of(via: tuple[Node, ...], found: Node) -> tuple[Node, ...]:
    """The steps of a value with one more that it was taken from; each once, and not without end."""
    known = set(map(id, via))
    more = [step for step in (found, *found.via) if id(step) not in known]
    return (*via, *more)[:MAX_STEPS]


def _merged_text(parts: list[str | Sealed]) -> tuple[str | Sealed, ...]:
    """The parts with neighbouring text joined."""
    merged: list[str | Sealed] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    return tuple(merged)


def _size(node: Node) -> int:
    value = node.value
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1
