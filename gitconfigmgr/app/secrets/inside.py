"""`check --with-secrets`: what is inside the secrets of targets, as far as the keys at hand open them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from gitconfigmgr.app.check import Checked, chosen
from gitconfigmgr.app.evaluate import evaluate, usable_cores
from gitconfigmgr.app.secrets.unlocking import Locker
from gitconfigmgr.check.hygiene.inside import Held, Secret, Token, collect, judge, shared
from gitconfigmgr.model.diagnostics import Diagnostic, Position, collate
from gitconfigmgr.model.names import BASE
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

_SAID = frozenset(("GCM704", "GCM706", "GCM707"))  # of a file with one of these it is known why it does not open


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
    providers: Mapping[str, KeyProvider], jobs: int | None = None,
) -> Checked:  # fmt: skip
    """The check with what is found inside the secrets of the same targets.

    Plaintext stays in this process, and nothing that comes of it is remembered for later runs.
    """

    def secrets_of(compiled: Compiled) -> tuple[Target, list[Secret]]:
        marks = repository.schemas.view(compiled.target.namespace).marks
        return compiled.target, [] if compiled.root is None else collect(compiled.root, marks)

    records = evaluate(repository, chosen(repository, selection, paths), secrets_of, jobs or usable_cores()).records
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
    findings += _shared(repository, [secret for _, secrets in records for secret in secrets], homes, values, checked)
    said = {item.position.path for item in checked.diagnostics if item.code in _SAID and item.position}
    findings += [_changed(path, error) for path, error in failures.items() if path not in said and _is_damage(error)]
    return replace(
        checked,
        diagnostics=collate(checked.diagnostics + locate(collate(findings), repository.read)),
        secrets=Inside(len({(token.text, home) for token, home in homes.items()}), closed),
    )


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
    repository: Repository, secrets: Iterable[Secret], homes: Mapping[Token, str], values: Mapping[Token, Scalar],
    checked: Checked,
) -> list[Diagnostic]:  # fmt: skip
    """Secrets of two environments, without those that are told already: the same token, in two files of one namespace."""
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
    known = {item.position[:2] for item in checked.diagnostics if item.code == "GCM705" and item.position}
    return [
        item
        for item in shared(held, values.__getitem__, order, protected)
        if item.position and item.position[:2] not in known
    ]


def _reason(error: SecretsError) -> tuple[str, str | None]:
    return str(error).removeprefix(f"line {error.line}: "), error.hint


def _is_damage(error: SecretsError) -> bool:
    return not isinstance(error, NoKeyError)


def _changed(path: str, error: SecretsError) -> Diagnostic:
    message, help_ = _reason(error)
    return Diagnostic("GCM716", message, Position(path, error.line or 1), help=help_)
