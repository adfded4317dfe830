"""Which bundles a release needs: compiled where something changed, remembered where nothing did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.app.check import of_the_whole
from gitconfigmgr.app.evaluate import evaluate, usable_cores
from gitconfigmgr.app.incremental import Trace, plan, remember, trace
from gitconfigmgr.app.secrets.unlocking import Locker
from gitconfigmgr.app.select import Selection, choose
from gitconfigmgr.errors import GitConfigError
from gitconfigmgr.model.bundles import Bundle, SecretPlace, Token
from gitconfigmgr.model.canonical import canonical_bytes
from gitconfigmgr.model.diagnostics import Diagnostic, collate
from gitconfigmgr.model.names import show_path
from gitconfigmgr.model.values import (
    DIRECTIVE,
    EXPRESSION,
    REQUIRED,
    SEALED,
    SEALED_TYPES,
    DirectiveMap,
    Sealed,
    Segments,
    scalar_text,
)
from gitconfigmgr.resolve.provenance import provenance
from gitconfigmgr.secrets.errors import TamperedError
from gitconfigmgr.source.excerpt import locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.model.values import Node
    from gitconfigmgr.pipeline import Compiled, Repository
    from gitconfigmgr.ports import StateStore
    from gitconfigmgr.secrets.ports import KeyProvider

_UNFINISHED = DIRECTIVE | EXPRESSION | REQUIRED


@dataclass
class Built:
    """`contents` has every selected target that compiles; `bundles` those among them that somebody lacks."""

    contents: dict[Target, str]
    bundles: dict[Target, Bundle] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)
    selected: frozenset[Target] = frozenset()


def build(
    repository: Repository,
    selection: Selection,
    known: Mapping[Target, AbstractSet[str]],
    store: StateStore | None = None,
    *,
    identity: str = "",
    jobs: int | None = None,
) -> Built:
    """Compile and check the selected targets. `known` are the contents that need no bundle, by target.

    `store` remembers the contents of all targets, so that only what changed is compiled.
    """
    targets = choose(repository, selection)
    whole = selection == Selection()
    store = store if whole else None
    planned = plan(repository, targets, store, identity)
    jobs = jobs or usable_cores()
    sink = _Sink(known)
    result = evaluate(repository, planned.stale, sink, jobs)
    made = Built({}, selected=frozenset(targets))
    for item, bundle in result.records:
        _take(made, item, bundle)
    lacking = [target for target, content in planned.known.items() if content not in known.get(target, ())]
    if lacking:  # nothing changed in them, and they are not published: compiled for their bytes
        for item, bundle in evaluate(repository, lacking, sink, jobs).records:
            _take(made, item, bundle)
    made.contents |= {target: content for target, content in planned.known.items() if target not in made.contents}
    if whole and planned.before is None:
        repository.read_all()
    found = result.findings + repository.found_in_files()
    if store is not None:
        files = {item.position.path for item in found if item.position and not item.affects}
        traces = [item for item, _ in result.records]
        remember(repository, planned, traces, store, identity, files, now_asked=result.now_asked)
    made.findings = locate(collate(found + (of_the_whole(repository) if whole else [])), repository.read)
    return made


def bundle_of(repository: Repository, target: Target) -> Bundle | None:
    """The bundle of one target; None where it has no document."""
    return _bundle(repository.compile(target))


def _take(made: Built, item: Trace, bundle: Bundle | None) -> None:
    if item.record is not None:
        made.contents[item.target] = item.record
    if bundle is not None:
        made.bundles[item.target] = bundle


class _Sink:
    """Gives the content of a target, and its bundle where it is lacking; runs in the worker processes."""

    def __init__(self, known: Mapping[Target, AbstractSet[str]]) -> None:
        self.known = known

    def __call__(self, compiled: Compiled) -> tuple[Trace, Bundle | None]:
        bundle = _bundle(compiled)
        if bundle is None:
            return trace(compiled, None), None
        content = bundle.content
        lacking = content not in self.known.get(compiled.target, ())
        return trace(compiled, content), bundle if lacking else None


def _bundle(compiled: Compiled) -> Bundle | None:
    """None where there is no whole document: it has no bytes, whatever errors somebody sets aside."""
    root = compiled.root
    if root is None or _unfinished(root):
        return None
    origins = orjson.dumps(provenance(compiled.resolution), option=orjson.OPT_SORT_KEYS)
    return Bundle(compiled.target, canonical_bytes(root), origins, tuple(_secrets(root, ())))


def _unfinished(node: Node) -> bool:
    """Whether something is left to evaluate or to fill in. Flags of containers stay when a higher layer fills a place."""
    value = node.value
    if not node.flags & _UNFINISHED:
        return False
    if isinstance(value, DirectiveMap) or not isinstance(value, dict | list):
        return True
    return any(map(_unfinished, value.values() if isinstance(value, dict) else value))


def _secrets(node: Node, path: KeyPath) -> Iterator[SecretPlace]:
    """The secrets of a document, in its order."""
    value = node.value
    if not node.flags & SEALED:
        return
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _secrets(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _secrets(child, (*path, index))
    elif isinstance(value, Sealed):
        yield SecretPlace(path, (_token(value, node),), SEALED_TYPES.get(value.type, "string"), value.kind)
    elif isinstance(value, Segments):
        parts = tuple(part if isinstance(part, str) else _token(part, node) for part in value.parts)
        yield SecretPlace(path, parts, "string", None)


def _token(sealed: Sealed, node: Node) -> Token:
    return Token(sealed.token, sealed.type, node.document.path)


class BundleSecrets:
    """Implements release.ports.OpenSecrets: plaintexts from the files of the repository, in memory."""

    def __init__(self, repository: Repository, providers: Mapping[str, KeyProvider]) -> None:
        self._locker = Locker(repository, providers)
        self._providers = providers

    def of(self, repository: Repository) -> BundleSecrets:
        """The same for another state of the repository."""
        return BundleSecrets(repository, self._providers)

    def __call__(self, bundle: Bundle) -> dict[KeyPath, Any]:
        return {place.path: self._value(bundle, place) for place in bundle.secrets}

    def _value(self, bundle: Bundle, place: SecretPlace) -> Any:
        if len(place.parts) == 1 and isinstance(place.parts[0], Token):
            return self._plain(bundle, place, place.parts[0])
        return "".join(
            part if isinstance(part, str) else scalar_text(self._plain(bundle, place, part)) for part in place.parts
        )

    def _plain(self, bundle: Bundle, place: SecretPlace, token: Token) -> Any:
        path = self._locker.home(token.text, token.document)
        where = f"{bundle.target}, {show_path(place.path)}"
        try:
            value = self._locker.value(token.text, path)
            if value is None:
                raise TamperedError("it stands in no encrypted file", "run `gitconfigmgr secret status`")
        except GitConfigError as error:
            raise UnopenedError(f"{where}: the secret cannot be opened: {error}", error) from None
        return _jsonable(value)


class UnopenedError(GitConfigError):
    """A secret that a publisher needs does not open."""

    def __init__(self, message: str, error: GitConfigError) -> None:
        super().__init__(message, error.hint)
        self.exit_status = 3 if error.exit_status == GitConfigError.exit_status else error.exit_status


def _jsonable(value: Any) -> Any:
    """Bytes and times as text, as a YAML reader of the plaintext file would hand them on."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str | int | float | bool) or value is None else value.isoformat()
