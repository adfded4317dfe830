"""What a release asks of Git: is the work tree clean, is the commit on the branch, which commit came first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.git.revision import open_repository

if TYPE_CHECKING:
    from pathlib import Path


class GitFacts:
    """Implements release.ports.Facts for the repository that a folder lies in; `prefix` is where the configuration is."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self._repository: Any = open_repository(folder)
        self._prefix = prefix

    def dirty(self) -> str | None:
        """A file of the configuration that differs from HEAD, or that Git does not know yet; None in a bare clone."""
        import pygit2

        if self._repository.is_bare:
            return None
        clean = pygit2.enums.FileStatus.CURRENT | pygit2.enums.FileStatus.IGNORED
        for path, status in sorted(self._repository.status(untracked_files="all").items()):
            if path.startswith(self._prefix) and status | clean != clean:
                return str(path)
        return None

    def on_branch(self, commit: str, branch: str) -> bool | None:
        """Whether the branch contains the commit: that of origin where there is one; None where there is no such branch."""
        for name in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"):
            reference = self._repository.references.get(name)
            if reference is not None:
                tip = str(reference.resolve().target)
                return tip == commit or self._descends(tip, commit)
        return None

    def follows(self, commit: str, earlier: str) -> bool | None:
        """Whether `earlier` is the commit or came before it; None where this clone does not have it."""
        if commit == earlier:
            return True
        if earlier not in self._repository:
            return None
        return self._descends(commit, earlier)

    def _descends(self, commit: str, ancestor: str) -> bool:
        return bool(self._repository.descendant_of(commit, ancestor))
