"""What the stages ask of the outside, and of one another. An adapter implements a port; its docstring is the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.names import KeyPath, Target
    from gitconfigmgr.model.policies import Call, Outcome, Policy, Problem
    from gitconfigmgr.model.revisions import Blame, Commit, Revision
    from gitconfigmgr.model.subjects import Subject
    from gitconfigmgr.model.values import Node

FETCH = "fetch it: `git fetch --unshallow`, or `git fetch --refetch --no-filter` in a partial clone"


class Tree(Protocol):
    """The files of a work tree, an index or a commit, as one unchanging snapshot.

    Paths are relative to the folder that holds gitconfigmgr.yaml, with `/`. Reading changes nothing, follows no link,
    runs no filter and no hook. Raises OutsideError where Git or the file system fails.
    """

    revision: Revision | None

    def files(self, folder: str) -> Collection[str]:
        """The paths of all regular files below a folder; none where there is no such folder."""
        ...

    def oddities(self, folder: str) -> Mapping[str, str]:
        """Path -> what it is (link, submodule) for what is neither file nor folder."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content; None where there is no such file. Raises MissingObjectError where Git lacks the bytes."""
        ...

    def blob_id(self, path: str) -> str:
        """The id Git gives the bytes of a file that `files` names."""
        ...

    def snapshot(self, folder: str) -> Any:
        """What identifies the files below a folder, as JSON, for a later `changes`."""
        ...

    def changes(self, folder: str, before: Any) -> set[str] | None:
        """The paths that differ from an earlier snapshot (a superset is allowed); None where that cannot be told."""
        ...

    def time(self) -> datetime | None:
        """The time that stands for `now`: that of the commit, or of HEAD; None without any commit."""
        ...


class MissingObjectError(Exception):
    """The repository names an object that it does not hold (shallow, partial or damaged clone)."""


class DamagedTreeError(OutsideError):
    """A folder of a commit cannot be read; `missing` says that this clone lacks it, else it is no folder at all."""

    def __init__(self, where: str, *, missing: bool) -> None:
        what = "is missing from this clone" if missing else "is no folder that Git can read"
        super().__init__(f"git: {where} {what}", FETCH if missing else "run `git fsck`")
        self.missing = missing


class History(Protocol):
    """Who wrote a line."""

    def blame(self, path: str, line: int) -> Blame | None:
        """The commit that last changed this line (from 1) in the tree's revision; None where it is not committed."""
        ...


class Lineage(Protocol):
    """The commits a state has come from: first parents only, as a branch has seen them.

    `tip` is the last one; None before the first commit. `identity` changes where the same tip may have another history
    (a shallow clone, grafts). `prefix` is the folder of the config repository in each commit, with a final slash.
    `lacking` is what was asked for and is not in this clone; `partial` says that this is to be expected. Raises
    OutsideError where Git fails (DamagedTreeError for a folder), UsageError where the tip is of no config repository.
    """

    tip: str | None
    branch: str | None
    identity: str
    shallow: bool
    lacking: list[str]

    @property
    def prefix(self) -> str: ...

    @property
    def partial(self) -> bool: ...

    def commits(self) -> list[str]:
        """All commits, oldest first."""
        ...

    def commit(self, commit: str) -> Commit:
        """What is known of a commit."""
        ...

    def entry(self, commit: str, path: str) -> str | None:
        """What identifies the file or folder at a path in a commit; None where there is none."""
        ...

    def tree(self, commit: str) -> Tree:
        """The files of a commit."""
        ...

    def renamed(self, commit: str, folder: str) -> str | None:
        """The folder whose files a commit moved to this one; None where they are new."""
        ...


class Versions(Protocol):
    """What references to recorded versions (`@17`) resolve by: the history before the state that holds them."""

    def __call__(self, target: Target, number: int) -> Node | str:
        """The document of a version, without expressions; or why there is none."""
        ...


class Judge(Protocol):
    """Rules over effective documents: the built-in ones, and the repository's policies.

    `judge` is called once for each target, in any order and in several processes; it does no I/O but through what it
    was made with. What belongs to files rather than to targets (a rule that cannot be read) is in `findings`.
    """

    findings: list[Diagnostic]

    def judge(self, subject: Subject) -> list[Diagnostic]:
        """What is wrong with one target, at the position of the value."""
        ...

    def inputs(self) -> Collection[str]:
        """The files whose content decides what this judge says; a change of any makes every target stale."""
        ...


class PolicyEngine(Protocol):
    """Evaluates the policies of one language. It sees the facts it is given, and reaches nothing else.

    Neither call raises for what stands in a policy: that is a problem in the answer, as are a policy that takes too
    long and one that takes too much memory. The same policy and facts give the same outcome.
    """

    def load(self, policies: Sequence[Policy]) -> dict[str, list[Problem]]:
        """Make policies known, with all that can be said before facts are there, by policy id; none for good ones."""
        ...

    def run(self, calls: Sequence[Call]) -> list[Outcome]:
        """The outcome of each call, in order; all policies are loaded ones without problems."""
        ...


class Knowledge(Protocol):
    """What the schemas of a namespace say about a path, as far as merging asks."""

    def strategy(self, path: KeyPath) -> tuple[Any, str] | None:
        """The `x-gcm-merge` of a list and where it is declared."""
        ...

    def knows(self, path: KeyPath) -> bool:
        """Whether a schema names this path."""
        ...

    def is_list(self, path: KeyPath) -> bool:
        """Whether a schema says that the path is a list."""
        ...

    def members(self, path: KeyPath) -> list[str]:
        """The keys that schemas name below this path."""
        ...


class Destination(Protocol):
    """Where edits go: the files of a work tree, or one commit on a branch. `tree` is the state they begin from."""

    tree: Tree

    def save(self, files: Mapping[str, bytes | None], message: str) -> str | None:
        """Write all files (None removes one), or none of them; the id of the commit, None where there is none.

        Raises UsageError, and OutsideError where the file system, Git or one of its hooks refuses.
        """
        ...


class OutputTree(Protocol):
    """A folder that is replaced as a whole: readers see the old tree or the new one.

    `write` may be called from forked processes. Nothing is visible before `commit`; leaving the context without it
    leaves the old tree as it was. Raises UsageError for a folder that is not ours to replace, OutsideError where the
    file system fails.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def write(self, path: str, data: bytes) -> None:
        """Write one file of the new tree."""
        ...

    def commit(self) -> None:
        """Put the new tree in the old one's place."""
        ...

    def based_on(self, before: Any, removed: Collection[str]) -> bool:
        """Begin with the tree that an earlier run left, without the removed paths; False where it is not as it was.

        `before` is what `state` gave that run.
        """
        ...

    def state(self) -> Any:
        """After `commit`: what tells a later run that the tree is untouched, as JSON."""
        ...


class StateStore(Protocol):
    """Remembers one JSON value between runs. Losing it costs time only, so failures to read or write stay silent."""

    def load(self) -> dict[str, Any] | None:
        """What was saved last; None where there is nothing that can be read."""
        ...

    def save(self, state: dict[str, Any]) -> None:
        """Replace what is saved."""
        ...
