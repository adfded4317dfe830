"""Many targets at once: split by namespace over forked processes, findings and records brought together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, TypeVar

from gitconfigmgr.errors import GitConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.pipeline import Compiled, Repository

Record = TypeVar("Record")
WORTH_FORKING = 48  # targets; below, a second process costs more than it saves


@dataclass(slots=True)
class Evaluation(Generic[Record]):
    """What came of some targets. `now_asked` says that the date of the run took part; `inputs` are the rules it read.

    `documents` are the paths of those that were read, with their findings among `findings`.
    """

    records: list[Record] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    now_asked: bool = False
    inputs: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)


def evaluate(
    repository: Repository, targets: Sequence[Target], sink: Callable[[Compiled], Record], jobs: int
) -> Evaluation[Record]:
    """Compile the targets and hand each to `sink`; the records keep the order of the targets."""
    jobs = min(jobs, max(1, len(targets) // WORTH_FORKING))
    if jobs == 1 or not hasattr(os, "fork"):
        return _evaluate(repository, targets, sink)
    parts = _split(targets, jobs)
    children = [_fork(repository, part, sink) for part in parts[1:]]
    result = _evaluate(repository, parts[0], sink)
    for pid, pipe in children:
        other: Evaluation[Record] = _collect(pid, pipe)
        result.records += other.records
        result.findings += other.findings
        result.now_asked |= other.now_asked
        repository.inputs_elsewhere |= other.inputs
        repository.read_before |= other.documents
    return result


def usable_cores() -> int:
    """How many processes can run at once here."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _evaluate(
    repository: Repository, targets: Sequence[Target], sink: Callable[[Compiled], Record]
) -> Evaluation[Record]:
    result: Evaluation[Record] = Evaluation()
    namespace = None
    for target in targets:
        if namespace is not None and target.namespace != namespace:
            repository.forget(namespace)
        namespace = target.namespace
        compiled = repository.compile(target)
        result.findings += compiled.findings
        result.records.append(sink(compiled))
    result.findings += repository.found_in_files()
    result.now_asked = repository.now_asked
    result.inputs = repository.inputs()
    result.documents = repository.read_before | repository.documents.keys()
    return result


def _split(targets: Sequence[Target], jobs: int) -> list[Sequence[Target]]:
    """Runs of about equal length that keep each namespace whole."""
    cuts = [0]
    for job in range(1, jobs):
        cut = len(targets) * job // jobs
        while cut < len(targets) and targets[cut].namespace == targets[cut - 1].namespace:
            cut += 1
        cuts.append(max(cut, cuts[-1]))
    cuts.append(len(targets))
    return [targets[start:end] for start, end in pairwise(cuts)]


def _fork(repository: Repository, targets: Sequence[Target], sink: Callable[[Compiled], Record]) -> tuple[int, int]:
    import pickle

    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    status = 1
    try:
        os.close(reader)
        try:
            answer: object = _evaluate(repository, targets, sink)
        except GitConfigError as error:
            answer = error
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(answer, pipe, pickle.HIGHEST_PROTOCOL)
        status = 0
    finally:
        os._exit(status)


def _collect(pid: int, pipe: int) -> Evaluation[Record]:
    import pickle

    with os.fdopen(pipe, "rb") as stream:
        data = stream.read()
    _, status = os.waitpid(pid, 0)
    if status or not data:
        raise RuntimeError(f"a worker process ended with status {status}")
    answer = pickle.loads(data)  # noqa: S301 - written by our own fork
    if isinstance(answer, GitConfigError):
        raise answer
    assert isinstance(answer, Evaluation)
    return answer
