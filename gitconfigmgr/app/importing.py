"""`import`: another tool's repository as one of ours, with the proof that every target keeps its values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from gitconfigmgr.app.repair import Difference, Outcome, WrittenOut, differences, repair
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.diagnostics import Diagnostic, collate, has_errors
from gitconfigmgr.model.names import BASE, SEGMENT, prefixes
from gitconfigmgr.model.values import plain
from gitconfigmgr.pipeline import Repository
from gitconfigmgr.source.excerpt import locate
from gitconfigmgr.source.layout import ROOT, SETTINGS
from gitconfigmgr.source.writer import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime
    from pathlib import Path

    from gitconfigmgr.model.imports import Imported, Importer, Loss, Place
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.revisions import Revision

    Create = Callable[[Mapping[str, bytes]], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of an inventory. `failures` are units without a target, `written_out` values without structure."""

    targets: int
    documents: int
    sources: Mapping[Place, tuple[str, ...]]
    losses: tuple[Loss, ...]
    failures: tuple[Loss, ...]
    written_out: tuple[WrittenOut, ...]
    unequal: tuple[Difference, ...] = ()
    findings: tuple[Diagnostic, ...] = field(default=())

    @property
    def proven(self) -> bool:
        """Whether everything was imported, and has the values that the other tool computes."""
        return not self.failures and not self.unequal and not has_errors(self.findings)


def import_repository(importer: Importer, folder: Path, environment: str, create: Create) -> Report:
    """Read a folder, write what it becomes, and compare the effective values of both.

    Raises UsageError where nothing could be imported. What could not be proven is written too: the report names it.
    """
    if not SEGMENT.match(environment) or environment == BASE:
        raise UsageError(
            f"{environment!r} is no name for an environment", "use lower-case letters, digits, dot, dash and underscore"
        )
    proposed = importer(folder, environment)
    if not proposed.effective:
        reasons = "; ".join(f"{loss.what}: {loss.why}" for loss in proposed.failures[:3])
        raise UsageError(f"nothing in {folder} can be imported: {reasons}", "mend the source first")
    imported, written_out = repair(proposed, _compile)
    files = _files(imported)
    create(files)
    unequal, findings = _proof(imported, files)
    return Report(
        targets=len(imported.effective),
        documents=len(imported.documents),
        sources=imported.sources,
        losses=tuple(sorted(imported.losses)),
        failures=tuple(sorted(imported.failures)),
        written_out=tuple(written_out),
        unequal=tuple(unequal),
        findings=tuple(findings),
    )


def _files(imported: Imported) -> dict[str, bytes]:
    """The bytes of every file of the new repository."""
    files = {SETTINGS: dump(dict(imported.settings)).encode()}
    for place, content in imported.documents.items():
        sources = imported.sources.get(place, ())
        head = "".join(f"# from {_one_line(source)}\n" for source in sources)
        files[f"{ROOT}/{place.namespace}/{place.environment}.yaml"] = (head + dump(content)).encode()
    return files


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _open(files: Mapping[str, bytes]) -> Repository:
    return Repository(_Files(files), _nothing_packaged)


def _nothing_packaged(_: str) -> None:
    return None


def _compile(imported: Imported, targets: list[Target]) -> dict[Target, Outcome]:
    """What our compiler makes of some targets of a repository that is not written yet."""
    needed = {name for target in targets for name in prefixes(target.namespace)}
    documents = {place: content for place, content in imported.documents.items() if place.namespace in needed}
    return _outcomes(_open(_files(replace(imported, documents=documents))), targets)


def _outcomes(repository: Repository, targets: list[Target]) -> dict[Target, Outcome]:
    outcomes = {}
    for target in targets:
        compiled = repository.compile(target)
        value = None if compiled.root is None else plain(compiled.root)
        outcomes[target] = Outcome(value, tuple(compiled.findings))
        repository.forget(target.namespace)
    return outcomes


def _proof(imported: Imported, files: Mapping[str, bytes]) -> tuple[list[Difference], list[Diagnostic]]:
    """What differs, and what the compiler finds, in the repository as it was written."""
    repository = _open(files)
    wanted = imported.effective
    unequal = [Difference(target, (), None, None) for target in set(repository.targets) ^ set(wanted)]
    targets = [target for target in repository.targets if target in wanted]
    findings: list[Diagnostic] = []
    for target, outcome in _outcomes(repository, targets).items():
        unequal += differences(target, outcome.value, wanted[target])
        findings += outcome.findings
    repository.read_all()
    return unequal, locate(collate(findings + repository.findings), repository.tree.read)


class _Files:
    """Implements ports.Tree for a repository that is not on disk yet."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self.revision: Revision | None = None

    def files(self, folder: str) -> Collection[str]:
        return [path for path in self._files if path.startswith(f"{folder}/")]

    def oddities(self, folder: str) -> Mapping[str, str]:  # noqa: ARG002 - the port's signature
        return {}

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)

    def blob_id(self, path: str) -> str:
        data = self._files[path]
        return sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    def snapshot(self, folder: str) -> None:  # noqa: ARG002 - the port's signature
        return None

    def changes(self, folder: str, before: object) -> None:  # noqa: ARG002 - the port's signature
        return None

    def time(self) -> datetime | None:
        return None


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs (docs/import.md)."""
    return {
        "targets": report.targets,
        "documents": report.documents,
        "proven": report.proven,
        "layers": [
            {"namespace": place.namespace, "environment": place.environment, "sources": list(sources)}
            for place, sources in sorted(report.sources.items())
        ],
        "losses": [_loss(loss) for loss in report.losses],
        "failures": [_loss(loss) for loss in report.failures],
        "written_out": [
            {"namespace": item.target.namespace, "environment": item.target.environment, "path": list(item.path)}
            for item in report.written_out
        ],
        "unequal": [
            {
                "namespace": item.target.namespace,
                "environment": item.target.environment,
                "path": list(item.path),
                "found": item.found,
                "wanted": item.wanted,
            }
            for item in report.unequal
        ],
        "findings": [{"code": item.code, "message": item.message} for item in report.findings],
    }


def _loss(loss: Loss) -> dict[str, Any]:
    return {"file": loss.file, "line": loss.line or None, "what": loss.what, "why": loss.why}
