"""What becomes of changes that agents propose: held against one another, against the repository, and made into branches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from gitconfigmgr.app.change import Change, judge, refused
from gitconfigmgr.app.setting import set_key, unset_key
from gitconfigmgr.errors import UsageError
from gitconfigmgr.history.documents import member, same, snapshot
from gitconfigmgr.model.names import Target, show_path
from gitconfigmgr.sync.proposals import State, decide, meets, time_text
from gitconfigmgr.sync.protection import protects
from gitconfigmgr.sync.vectors import Order, compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.pipeline import Repository
    from gitconfigmgr.ports import Destination
    from gitconfigmgr.sync.proposals import Entry, Operation, Proposal

PROPOSAL, INSTANCE = "Config-Proposal", "Config-Instance"  # trailers of the commits that are made
_LOCKED = "GCM206"
_SHOWN = 3  # findings in one outcome


class Ground(Protocol):
    """The repository that proposals are made into."""

    repository: Repository  # at the revision that branches begin from
    commit: str

    def at(self, commit: str) -> Repository | None:
        """The repository at a commit; None where the clone does not have it."""
        ...

    def carried(self, commit: str) -> frozenset[str]:
        """The proposals that the history of a commit has in it."""
        ...

    def written(self, target: Target, key: str) -> tuple[str, float] | None:
        """The commit that made the value what it is, and its time; None where that cannot be told."""
        ...

    def edited(self, files: Mapping[str, bytes | None]) -> Repository:
        """The repository with these files."""
        ...

    def tip(self, branch: str) -> str | None: ...

    def destination(self, branch: str, author: str) -> Destination: ...


class Settled(NamedTuple):
    """What has become of a proposal, and of others by it."""

    state: State
    outcome: Mapping[str, Any]
    beaten: tuple[Proposal, ...] = ()


class _EndedError(Exception):
    """The answer is known."""

    def __init__(self, state: State, **outcome: Any) -> None:
        super().__init__(state)
        self.settled = Settled(state, outcome)


def branch_of(proposal: Proposal) -> str:
    return f"proposals/{proposal.id}"


def is_merged(entry: Entry, ground: Ground) -> bool:
    return entry.proposal.id in ground.carried(ground.commit)


def settle(proposal: Proposal, standing: Sequence[Entry], ground: Ground, *, dry_run: bool = False) -> Settled:
    """Make a proposal into a branch, or say why not. `standing`: those that became branches before it.

    Raises OutsideError where Git or the file system fails; then nothing is settled.
    """
    try:
        if proposal.id in ground.carried(ground.commit):
            return Settled(State.MERGED, {"commit": ground.commit})
        base = _required(proposal, ground)
        verdict = decide(proposal, standing, ground.carried(proposal.base.commit))
        if verdict.won is not None:
            return Settled(State.LOST, won_by(verdict.won))
        overrides = _against_commits(proposal, standing, base, ground)
        overrides += [item.id for item in verdict.beaten]
        change = _change(proposal, ground)
        commit = "" if dry_run else _committed(proposal, change, overrides, ground)
    except _EndedError as ended:
        return ended.settled
    found = {"branch": branch_of(proposal), "commit": commit} | ({"overrides": overrides} if overrides else {})
    return Settled(State.PROPOSED, found, verdict.beaten)


def won_by(proposal: Proposal) -> dict[str, Any]:
    """The outcome of one that another takes the place of."""
    return {"reason": "another change of the same key counts", "won": _told(proposal)}


def _required(proposal: Proposal, ground: Ground) -> Repository:
    """What holds before anything is compared; the repository that the proposal was made from."""
    settings = ground.repository.settings
    if Target(proposal.namespace, proposal.environment) not in ground.repository.targets:
        raise _EndedError(State.REFUSED, reason=f"there is no {proposal.namespace} in {proposal.environment}")
    for change in proposal.patch:
        if protects(settings.proposals.protected, proposal.namespace, change.path):
            raise _EndedError(State.MANUAL, reason=f"{show_path(change.path)} is protected")
    base = ground.at(proposal.base.commit) if proposal.base.commit else None
    if base is None:
        raise _EndedError(State.MANUAL, reason="the commit that it was made from is not in this clone")
    return base


def _against_commits(proposal: Proposal, standing: Sequence[Entry], base: Repository, ground: Ground) -> list[str]:
    """The commits since the release that changed the same keys, and that this overrides."""
    target = Target(proposal.namespace, proposal.environment)
    old, now = _document(base, target), _document(ground.repository, target)
    own = [
        operation
        for entry in standing
        if meets(proposal, entry.proposal) and compare(proposal.vector, entry.proposal.vector) is Order.AFTER
        for operation in entry.proposal.patch
    ]
    if all(_equal(member(now, change.path), _wanted(change)) for change in proposal.patch):
        raise _EndedError(State.MERGED, reason="the repository has it already", commit=ground.commit)
    overrides = []
    for change in proposal.patch:
        before, after = member(old, change.path), member(now, change.path)
        if _equal(before, after) or _equal(after, _wanted(change)):
            continue
        if any(item.path == change.path and _equal(after, _wanted(item)) for item in own):
            continue  # it is its own earlier change that is there by now
        key = show_path(change.path)
        written = ground.written(target, key)
        if written is None:
            raise _EndedError(State.MANUAL, reason=f"{key} has been changed, and when cannot be told")
        commit, when = written
        if when >= proposal.at:
            won = {"commit": commit, "at": time_text(when), "key": key}
            raise _EndedError(State.LOST, reason="a later commit changed the same key", won=won)
        overrides.append(commit)
    return overrides


def _change(proposal: Proposal, ground: Ground) -> Change:
    """The edit, as one person would make it by `set` and `unset`; checked."""
    if ground.tip(branch_of(proposal)) is not None:  # a run that was ended between the commit and telling of it
        return Change({}, "")
    files: dict[str, bytes | None] = {}
    said = []
    repository = ground.repository
    for operation in proposal.patch:
        arguments = (repository, proposal.namespace, proposal.environment, show_path(operation.path))
        try:
            done = unset_key(*arguments) if operation.remove else set_key(*arguments, operation.value)
        except UsageError as error:
            raise _EndedError(State.REFUSED, reason=str(error)) from None
        files |= done.files
        said.append(done.said)
        repository = ground.edited(files)
    if not files:
        raise _EndedError(State.MERGED, reason="the repository has it already", commit=ground.commit)
    change = Change(files, "; ".join(said))
    _require_sound(proposal, refused(judge(ground.repository, repository, change)), repository)
    return change


def _require_sound(proposal: Proposal, broken: list[Diagnostic], after: Repository) -> None:
    if broken:
        state = State.MANUAL if all(item.code == _LOCKED for item in broken) else State.REFUSED
        told = [f"{item.code}: {item.message}" for item in broken[:_SHOWN]]
        raise _EndedError(state, reason="the check refuses it", findings=told)
    document = _document(after, Target(proposal.namespace, proposal.environment))
    for operation in proposal.patch:
        if not _equal(member(document, operation.path), _wanted(operation)):
            reason = f"{show_path(operation.path)} would not have that value: another layer decides"
            raise _EndedError(State.REFUSED, reason=reason)


def _committed(proposal: Proposal, change: Change, overrides: list[str], ground: Ground) -> str:
    branch = branch_of(proposal)
    made = ground.tip(branch)
    if made is not None:
        if proposal.id in ground.carried(made):
            return made
        raise _EndedError(State.MANUAL, reason=f"there is a branch {branch} of somebody else")
    commit = ground.destination(branch, proposal.instance).save(change.files, message_of(proposal, change, overrides))
    assert commit is not None
    return commit


def message_of(proposal: Proposal, change: Change, overrides: Sequence[str]) -> str:
    """The reason of the proposal is one line, so that it is no trailer."""
    lines = [
        f"{proposal.namespace} in {proposal.environment}: {', '.join(proposal.keys)}"[:100],
        "",
        proposal.reason.strip(),
    ]
    lines += ["", change.said, f"Proposed at {time_text(proposal.at)} on release {proposal.base.release}."]
    if overrides:
        lines.append(f"It overrides {', '.join(overrides)}.")
    return "\n".join([*lines, "", f"{PROPOSAL}: {proposal.id}", f"{INSTANCE}: {proposal.instance}", ""])


def _document(repository: Repository, target: Target) -> Any:
    if target not in repository.targets:
        return {}
    root = repository.resolved(target).root
    return snapshot(root) if root is not None else {}


def _wanted(operation: Operation) -> tuple[bool, Any]:
    return (False, None) if operation.remove else (True, operation.value)


def _equal(one: tuple[bool, Any], other: tuple[bool, Any]) -> bool:
    return one[0] == other[0] and (not one[0] or same(one[1], other[1]))


def _told(proposal: Proposal) -> dict[str, Any]:
    return {"id": proposal.id, "instance": proposal.instance, "at": time_text(proposal.at), "keys": proposal.keys}
