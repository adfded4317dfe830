"""`compile`: every effective document with its provenance, and a manifest, as one atomic output tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr import __version__
from gitconfigmgr.app.evaluate import evaluate, usable_cores
from gitconfigmgr.app.incremental import Plan, Trace, plan, remember, trace
from gitconfigmgr.app.select import Selection, choose
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.canonical import canonical_bytes, digest
from gitconfigmgr.model.diagnostics import Diagnostic, collate, has_errors
from gitconfigmgr.resolve.provenance import provenance
from gitconfigmgr.source.excerpt import locate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.pipeline import Compiled, Repository
    from gitconfigmgr.ports import OutputTree, StateStore

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One target in the manifest. Digests are of the files' bytes."""

    namespace: str
    environment: str
    digest: str
    size: int
    provenance: str

    def record(self, suffix: str) -> dict[str, Any]:
        """The entry as the manifest has it."""
        stem = f"{self.namespace}/{self.environment}"
        return {
            "namespace": self.namespace,
            "environment": self.environment,
            "path": stem + suffix,
            "digest": self.digest,
            "size": self.size,
            "provenance": {"path": f"{stem}.provenance.json", "digest": self.provenance},
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """`entries` is empty where there were errors: then nothing was written."""

    diagnostics: list[Diagnostic]
    entries: list[Entry]
    documents: int
    written: bool


def compile_all(
    repository: Repository,
    selection: Selection,
    output: OutputTree,
    store: StateStore | None = None,
    *,
    identity: str = "",
    jobs: int | None = None,
    suffix: str = ".json",
) -> Outcome:
    """Compile the selected targets into the output tree. With any error nothing of it changes.

    `store` remembers what the tree holds, so that only changed targets are compiled; `identity` names the program.
    """
    targets = choose(repository, selection)
    if not targets and not repository.findings:
        raise UsageError("nothing to compile: no namespace has a document", "add configs/<org>/<service>/base.yaml")
    fingerprint = f"{identity} {suffix} {selection}"
    with output:
        planned = plan(repository, targets, store, fingerprint)
        if planned.before is not None:
            gone = planned.before["targets"].keys() - {f"{t.namespace}@{t.environment}" for t in targets}
            if not output.based_on(
                planned.before["output"], [path for name in gone for path in paths_of(name, suffix)]
            ):
                planned = Plan(list(targets))
        result = evaluate(repository, planned.stale, _Sink(output.write, suffix), jobs or usable_cores())
        findings = collate(result.findings + repository.found_in_files())
        documents = sum(map(len, repository.layout.documents.values()))
        if has_errors(findings):
            return Outcome(locate(findings, repository.read), [], documents, written=False)
        entries = [Entry(*record) for record in planned.known.values()]
        entries += [Entry(*trace.record) for trace in result.records]
        output.write(MANIFEST, manifest(repository, entries, suffix))
        output.commit()
        if store is not None:
            noisy = {item.position.path for item in repository.findings if item.position is not None}
            noisy |= {item.position.path for item in result.findings if item.position is not None and not item.affects}
            remember(
                repository, planned, result.records, store, fingerprint, noisy,
                now_asked=result.now_asked, more={"output": output.state()},
            )  # fmt: skip
    return Outcome(locate(findings, repository.read), entries, documents, written=True)


def paths_of(name: str, suffix: str) -> list[str]:
    """The files of a target, named namespace@environment."""
    namespace, _, environment = name.rpartition("@")
    return [f"{namespace}/{environment}{suffix}", f"{namespace}/{environment}.provenance.json"]


def manifest(repository: Repository, entries: Sequence[Entry], suffix: str) -> bytes:
    """The manifest: the same bytes for the same commit, on any machine."""
    revision = repository.tree.revision
    data = {
        "version": 1,
        "compiler": f"gitconfigmgr {__version__}",
        "revision": revision.commit if revision else None,
        "settings": repository.settings.blob_id,
        "targets": [
            entry.record(suffix) for entry in sorted(entries, key=lambda item: (item.namespace, item.environment))
        ],
    }
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS) + b"\n"  # canonical: ASCII keys, no fractions


class _Sink:
    """Writes one compiled target; runs in the worker processes."""

    def __init__(self, write: Callable[[str, bytes], None], suffix: str) -> None:
        self.write = write
        self.suffix = suffix

    def __call__(self, compiled: Compiled) -> Trace:
        root = compiled.root
        if root is None or has_errors(compiled.findings):
            return trace(compiled, None)
        namespace, environment = compiled.target
        document = canonical_bytes(root) if self.suffix == ".json" else as_yaml(root)
        origins = orjson.dumps(provenance(compiled.resolution), option=orjson.OPT_SORT_KEYS)
        stem = f"{namespace}/{environment}"
        self.write(stem + self.suffix, document)
        self.write(f"{stem}.provenance.json", origins)
        return trace(compiled, [namespace, environment, digest(document), len(document), digest(origins)])


def as_yaml(root: Any) -> bytes:
    """The document as YAML that every reader takes alike."""
    from gitconfigmgr.model.values import plain
    from gitconfigmgr.source.writer import dump

    return dump(plain(root)).encode()
