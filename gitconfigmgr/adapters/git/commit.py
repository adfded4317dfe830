"""Commits: edits as one commit on a branch, and the first one of a new repository."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.checkout import Checkout, entry_of
from gitconfigmgr.adapters.git.conventions import Conventions
from gitconfigmgr.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE, _PROGRAM, _FOLDER = 0o100644, 0o100755, 0o040000
_SERVER_HOOKS = ("pre-receive", "update", "proc-receive")


class MovedError(OutsideError):
    """The branch is no longer where the edits began."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{_short(name)} has moved in the meantime; nothing was committed", "run it again")


def commit_files(
    repository: Any,
    branch: str | None,
    parent: str | None,
    files: Mapping[str, bytes | None],
    message: str,
    *,
    verify: bool = True,
    author: tuple[str, str] | None = None,
) -> str:
    """One commit with `files` (path from the top of the repository -> bytes, None removes); its id.

    It goes on `branch` (None: what HEAD is at), which must be at the commit `parent` (None: it has none yet); a branch
    that does not exist is made there. Work tree and index follow where the branch is checked out, and must not have
    changes of their own in these files. `author` is a name and an address, where they are not the user's. Hooks and signing are those of the user's configuration; without `verify` the
    hooks pre-commit and commit-msg are left out, as by `git commit --no-verify`. Raises MovedError, UsageError,
    OutsideError; nothing has changed then.
    """
    name = reference_name(repository, branch)
    if tip(repository, name) not in {parent, None}:
        raise MovedError(name)
    base = repository[parent] if parent else None
    rules = Conventions(repository)
    committer = rules.identity("COMMITTER")
    writer = rules.identity("AUTHOR") if author is None else _signature(author, committer)
    followed = _is_followed(repository, name)
    if verify:
        _admit(repository, rules, name, followed=followed)
    with ExitStack() as stack:
        file = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gcm-", dir=repository.path))) / "index"
        entries = {path: _entry(repository, base, path, data) for path, data in files.items()}
        tree = _written(repository, base, entries, file)
        checkout = stack.enter_context(Checkout(repository, base, files)) if followed else None
        text = _prepared(repository, rules, message, file, tree, verify=verify)
        parents = [parent] if parent else []
        if rules.signs():
            commit = rules.signed_commit(str(tree), parents, writer, committer, text)
        else:
            commit = str(repository.create_commit(None, writer, committer, text, tree, parents))
        _move(repository, rules, name, parent, commit, text)
        if checkout is not None:
            checkout.keep(entries)
    if repository.workdir is not None:
        _after(rules)
    return commit


def _signature(who: tuple[str, str], committer: Any) -> Any:
    import pygit2

    return pygit2.Signature(*who, committer.time, committer.offset)


def reference_name(repository: Any, branch: str | None) -> str:
    """The full name of a branch, or of what HEAD is at: a branch, or HEAD itself where it is detached."""
    import pygit2

    if branch is None:
        target = repository.lookup_reference("HEAD").target
        return target if isinstance(target, str) else "HEAD"
    name = f"refs/heads/{branch}"
    if branch.startswith("-") or not pygit2.reference_is_valid_name(name):
        raise UsageError(f"{branch!r} is no name for a branch", "correct it")
    return name


def tip(repository: Any, name: str) -> str | None:
    """The commit a reference is at; None where there is no such reference."""
    try:
        return str(repository.lookup_reference(name).target)
    except KeyError:
        return None


def _is_followed(repository: Any, name: str) -> bool:
    """Whether the work tree has this reference checked out. Raises UsageError where another work tree has."""
    if repository.workdir is not None and name == reference_name(repository, None):
        if _unfinished(Path(repository.path)):
            raise UsageError("a merge, rebase or the like is not finished here", "finish it, or abort it")
        return True
    if any(_head_of(place) == name for place in _other_work_trees(repository)):
        raise UsageError(f"{_short(name)} is checked out in another work tree", "work there, or on another branch")
    return False


def _other_work_trees(repository: Any) -> Iterator[Path]:
    """The folders that hold the HEAD of each work tree of the repository, but for this one."""
    own = Path(repository.path).resolve()
    common = own / (own / "commondir").read_text().strip() if (own / "commondir").is_file() else own
    config = repository.config
    if common.resolve() != own and not ("core.bare" in config and config.get_bool("core.bare")):
        yield common
    if (common / "worktrees").is_dir():
        yield from (place for place in (common / "worktrees").iterdir() if place.resolve() != own)


def _head_of(place: Path) -> str | None:
    try:
        return (place / "HEAD").read_text(encoding="utf-8").removeprefix("ref:").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _unfinished(place: Path) -> bool:
    names = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
    return any((place / name).exists() for name in names)


def _admit(repository: Any, rules: Conventions, name: str, *, followed: bool) -> None:
    """Refuse where a hook would have to be left out silently."""
    if repository.workdir is None:
        for hook in _SERVER_HOOKS:
            if rules.has_hook(hook):
                hint = "push to it from a clone, or add --no-verify"
                raise UsageError(
                    f"this repository judges pushes by its hook {hook}, which a commit would pass by", hint
                )
    elif not followed and rules.has_hook("pre-commit"):
        hint = f"switch to {_short(name)}, or add --no-verify"
        raise UsageError("the hook pre-commit can judge the branch only that is checked out", hint)


def _entry(repository: Any, base: Any | None, path: str, data: bytes | None) -> tuple[Any, Any] | None:
    """The blob of a file and its mode, written to the object database."""
    import pygit2

    present = entry_of(base, path)
    for above in _parents(path):
        found = entry_of(base, above)
        if found is not None and found.filemode != _FOLDER:
            raise UsageError(f"{above} is no folder in this commit", "name another place")
    if present is not None and present.filemode not in (_FILE, _PROGRAM):
        raise UsageError(f"{path} is no regular file in this commit", "name another place")
    if data is None:
        return None
    return repository.create_blob(data), pygit2.enums.FileMode(_FILE if present is None else present.filemode)


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    for depth in range(1, len(parts)):
        yield "/".join(parts[:depth])


def _written(repository: Any, base: Any | None, entries: Mapping[str, tuple[Any, Any] | None], file: Path) -> Any:
    """The tree of the commit, which also stands as an index in `file`, as hooks expect it."""
    import pygit2

    index = pygit2.Index(str(file))
    if base is not None:
        index.read_tree(base.tree)
    for path, entry in entries.items():
        if entry is not None:
            index.add(pygit2.IndexEntry(path, *entry))
        elif path in index:
            index.remove(path)
    tree = index.write_tree(repository)
    if base is not None and tree == base.tree_id:
        raise UsageError("there is nothing to commit: the branch has these contents already")
    index.write()
    return tree


def _prepared(repository: Any, rules: Conventions, message: str, file: Path, tree: Any, *, verify: bool) -> str:
    """The message, after the hooks that come before a commit."""
    import pygit2

    text = _cleaned(message)
    if repository.workdir is None:
        return text
    if verify:
        rules.run_hook("pre-commit", index=file)
        index = pygit2.Index(str(file))
        index.read()
        if index.write_tree(repository) != tree:
            hint = "make the hook's change by itself first, or add --no-verify"
            raise OutsideError("the hook pre-commit changed what is to be committed", hint)
    place = Path(repository.path, "COMMIT_EDITMSG")
    place.write_text(text, encoding="utf-8")
    rules.run_hook("prepare-commit-msg", str(place), "message", index=file)
    if verify:
        rules.run_hook("commit-msg", str(place), index=file)
    return _cleaned(place.read_text(encoding="utf-8"))


def _cleaned(message: str) -> str:
    """As `git commit -m` cleans a message: no blanks at line ends, no empty lines around. Raises UsageError if empty."""
    lines = [line.rstrip() for line in message.replace("\r\n", "\n").split("\n")]
    text = "\n".join(lines).strip("\n")
    if not text or "\0" in text:
        raise UsageError("the message of the commit is empty" if not text else "the message has a NUL in it")
    return f"{text}\n"


def _move(repository: Any, rules: Conventions, name: str, parent: str | None, commit: str, message: str) -> None:
    """Compare and swap."""
    import pygit2

    log = f"commit{'' if parent else ' (initial)'}: {message.splitlines()[0]}"
    before = tip(repository, name)
    if before not in {parent, None}:
        raise MovedError(name)
    try:
        if rules.has_hook("reference-transaction"):
            rules.update_reference(name, commit, before, log)
        elif before is None:
            repository.create_reference_direct(name, commit, False, message=log)  # noqa: FBT003 - not by force
        else:
            reference = repository.lookup_reference(name)
            if str(reference.target) != before:
                raise MovedError(name)
            reference.set_target(commit, log)  # fails where another process has moved it since it was looked up
    except (pygit2.GitError, ValueError, KeyError, OutsideError):
        if tip(repository, name) != before:
            raise MovedError(name) from None
        raise


def _after(rules: Conventions) -> None:
    try:
        rules.run_hook("post-commit")
    except OutsideError:  # the commit stands, as with git
        return


def _short(name: str) -> str:
    return name.removeprefix("refs/heads/")


def ensure_repository(folder: Path) -> None:
    """Make the folder a Git repository unless it lies in one."""
    import pygit2

    if not pygit2.discover_repository(str(folder)):
        pygit2.init_repository(str(folder), initial_head="main")


def checked_out(folder: Path) -> str | None:
    """The branch that is checked out, with or without a commit; None where there is none or no repository."""
    import pygit2

    found = pygit2.discover_repository(str(folder)) if folder.exists() else None
    head = pygit2.Repository(found).lookup_reference("HEAD").target if found else None
    return head.removeprefix("refs/heads/") if isinstance(head, str) else None


def commit_all(folder: Path, message: str) -> None:
    """Commit everything below a folder as the program itself: for repositories that it made."""
    import pygit2

    repository = pygit2.Repository(str(folder))
    repository.index.add_all()
    repository.index.write()
    # a fixed time: the demo prints the same commit on every machine
    author = pygit2.Signature("gitconfigmgr demo", "demo@gitconfigmgr.invalid", 1_767_225_600, 0)
    parents = [] if repository.head_is_unborn else [repository.head.target]
    repository.create_commit("HEAD", author, author, message, repository.index.write_tree(), parents)
