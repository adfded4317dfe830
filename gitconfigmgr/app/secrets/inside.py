"""`check --with-secrets`: what is inside the secrets of targets, as far as the keys at hand open them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.app.check import Checked, chosen
from gitconfigmgr.app.evaluate import evaluate, usable_cores
from gitconfigmgr.app.secrets.unlocking import Locker
from gitconfigmgr.check.hygiene.inside import Held, Secret, Token, collect, judge, shared
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate
from gitconfigmgr.model.fingerprints import fingerprints
from gitconfigmgr.model.names import BASE, many
from gitconfigmgr.secrets.keyring import NoKeyError
from gitconfigmgr.source.excerpt import locate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gitconfigmgr.app.select import Selection
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.pipeline import Compiled, Repository
    from gitconfigmgr.secrets.errors import SecretsError
    from gitconfigmgr.secrets.ports import KeyProvider
    from gitconfigmgr.secrets.scalars import Scalar

_MOST_REASONS = 5  # that are told of why secrets could not be opened
_DAMAGED = frozenset(("GCM704", "GCM706", "GCM707"))  # of a file with one of these it is known why it does not open


class Closed(NamedTuple):
    """A document that could not be opened here, how many of the secrets stand in it, and why."""

    path: str
    secrets: int
    reason: str
    help: str | None


@dataclass(frozen=True, slots=True)
class Inside:
    """How many different secrets the targets have, and the documents that stay closed."""

    secrets: int
    closed: list[Closed]

    @property
    def opened(self) -> int:
        """How many secrets were looked into."""
        return self.secrets - sum(item.secrets for item in self.closed)


def look_inside(
    repository: Repository, checked: Checked, selection: Selection, paths: Sequence[str],
    providers: Mapping[str, KeyProvider], jobs: int | None = None, before: Repository | None = None,
) -> Checked:  # fmt: skip
    """The check with what is found inside the secrets of the same targets; of a change, what was there `before` is known.

    Plaintext stays in this process, and nothing that comes of it is remembered for later runs.
    """
    targets = chosen(repository, selection, paths)
    found, inside = _found(repository, targets, providers, jobs)
    said = [item for item in (*checked.diagnostics, *checked.known) if item.position]
    damaged = {item.position.path for item in said if item.position and item.code in _DAMAGED}
    copies = {item.position[:2] for item in said if item.position and item.code == "GCM705"}
    findings = [
        item
        for item in locate(collate(repository.rules.waivers.apply(found)), repository.read)
        if item.position is None
        or not (
            (item.code == "GCM716" and item.position.path in damaged)
            or (item.code == "GCM705" and item.position[:2] in copies)
        )
    ]
    known = [] if before is None else _known(findings, repository, before, _found(before, targets, providers, jobs)[0])
    new = [item for item in findings if item not in known]
    return replace(
        checked,
        diagnostics=collate([*checked.diagnostics, *new]),
        known=collate([*checked.known, *known]),
        notes=[*checked.notes, *_notes(inside)],
        secrets=inside,
    )


def _notes(inside: Inside) -> list[str]:
    """How many secrets were looked into, and why others were not, in lines that hold nothing but text."""
    if not inside.closed:
        return [
            f"looked into {many(inside.secrets, 'secret')}" if inside.secrets else "there is no secret to look into"
        ]
    notes = [f"{inside.secrets - inside.opened} of {many(inside.secrets, 'secret')} could not be opened"]
    by_reason: dict[tuple[str, str | None], list[Closed]] = {}
    for item in inside.closed:
        by_reason.setdefault((item.reason, item.help), []).append(item)
    for (reason, help_), items in list(by_reason.items())[:_MOST_REASONS]:
        more = f" and {len(items) - 3} more" if len(items) > 3 else ""
        files = ", ".join(item.path for item in items[:3]) + more
        hint = f" ({help_})" if help_ else ""
        notes.append(f"{sum(item.secrets for item in items)} in {files}: {reason}{hint}")
    left = len(by_reason) - _MOST_REASONS
    notes += [f"and {many(left, 'other reason')}, in --format json"] if left > 0 else []
    return [note if note.isprintable() else repr(note)[1:-1] for note in notes]


def _known(
    findings: list[Diagnostic], repository: Repository, before: Repository, earlier: list[Diagnostic]
) -> list[Diagnostic]:
    """Those that were there before, on lines that have not changed since; what is damaged, in a file that has not."""
    from gitconfigmgr.app.gate import on_changed_lines

    prints = frozenset(fingerprints(locate(collate(earlier), before.read)))
    touched = on_changed_lines(repository.read, before.read)

    def same(item: Diagnostic) -> bool:
        path = item.position.path if item.position else ""
        return not touched(item) and (item.code != "GCM716" or repository.read(path) == before.read(path))

    return [
        item
        for item, print_ in zip(findings, fingerprints(findings), strict=True)
        if print_ in prints and item.waived is None and same(item)
    ]


def _found(
    repository: Repository, targets: Sequence[Target], providers: Mapping[str, KeyProvider], jobs: int | None
) -> tuple[list[Diagnostic], Inside]:
    """What is inside the secrets of targets, as far as the repository has these."""

    def secrets_of(compiled: Compiled) -> tuple[Target, list[Secret]]:
        marks = repository.schemas.view(compiled.target.namespace).marks
        return compiled.target, [] if compiled.root is None else collect(compiled.root, marks)

    present = set(repository.targets)
    there = [target for target in targets if target in present]
    records = evaluate(repository, there, secrets_of, jobs or usable_cores()).records
    locker = Locker(repository, providers)
    homes = {
        token: locker.home(token.text, token.path)
        for token in dict.fromkeys(token for _, secrets in records for secret in secrets for token in secret.tokens())
    }
    failures = locker.open(homes.values())
    values, closed = _values(locker, homes, failures)
    today = repository.today()
    findings = [
        replace(item, affects=(target,))
        for target, secrets in records
        for item in judge(secrets, values.__getitem__, today)
    ]
    findings += _shared(repository, [secret for _, secrets in records for secret in secrets], homes, values)
    findings += [_changed(path, error) for path, error in failures.items() if not isinstance(error, NoKeyError)]
    return findings, Inside(len({(token.text, home) for token, home in homes.items()}), closed)


def _values(
    locker: Locker, homes: Mapping[Token, str], failures: Mapping[str, SecretsError]
) -> tuple[dict[Token, Scalar], list[Closed]]:
    """The plaintexts, and the documents without."""
    values: dict[Token, Scalar] = {}
    without: dict[str, set[str]] = {}
    for token, home in homes.items():
        value = None if home in failures else locker.value(token.text, home)
        if value is None:
            without.setdefault(home, set()).add(token.text)
        else:
            values[token] = value
    return values, [
        Closed(path, len(texts), *(_reason(failures[path]) if path in failures else ("it has no such value", None)))
        for path, texts in sorted(without.items())
    ]


def _shared(
    repository: Repository, secrets: Iterable[Secret], homes: Mapping[Token, str], values: Mapping[Token, Scalar]
) -> list[Diagnostic]:  # fmt: skip
    """Secrets that documents of two environments hold."""
    settings = repository.settings.environments
    documents = repository.layout.documents.items()
    places = {path: (namespace, name) for namespace, paths in documents for name, path in paths.items()}
    held = []
    for secret in secrets:
        found = {homes[token] for token in secret.tokens()}
        if found == {secret.position.path}:  # a reference to a secret, or a text with several, is no copy
            held.append(Held(secret, *places[secret.position.path]))
    order = [BASE, *(name for name in settings if name != BASE)]
    protected = frozenset(name for name, item in settings.items() if item.protected)
    return shared(held, values.__getitem__, order, protected)


def _reason(error: SecretsError) -> tuple[str, str | None]:
    return str(error).removeprefix(f"line {error.line}: "), error.hint


def _changed(path: str, error: SecretsError) -> Diagnostic:
    message, help_ = _reason(error)
    return Diagnostic("GCM716", message, Position(path, error.line or 1), help=help_)
