"""What a release refuses, and what sets a refusal aside: its name, by somebody, with a reason, kept in the receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from gitconfigmgr.errors import GitConfigError, UsageError
from gitconfigmgr.model.diagnostics import has_errors
from gitconfigmgr.model.names import many
from gitconfigmgr.release.budget import exceeded, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gitconfigmgr.app.release.bundling import Built
    from gitconfigmgr.model.bundles import Bundle, Held
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.publishing import Budget
    from gitconfigmgr.release.ports import Facts

REFUSALS = {
    "dirty": "the work tree has changes that are not committed",
    "branch": "the commit is not on the protected branch",
    "findings": "the check finds errors",
    "budget": "a document grows or is larger than the budget allows",
    "older": "what is published does not come before the commit",
    "lost": "metadata that was published is gone",
}


class RefusedError(GitConfigError):
    """The release was refused (exit status 1)."""

    exit_status = 1


@dataclass
class Gate:
    """`allowed` are the refusals that `actor` sets aside for a `reason`; `used` those that there were."""

    allowed: frozenset[str] = frozenset()
    reason: str | None = None
    actor: str = ""
    used: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(self.allowed - REFUSALS.keys())
        if unknown:
            raise UsageError(f"there is no refusal {unknown[0]}", f"known are {', '.join(REFUSALS)}")
        if self.allowed and not (self.reason or "").strip():
            raise UsageError("--allow needs a reason", "say why by -m: it is kept in the receipt")

    def refuse(self, name: str, message: str, hint: str) -> None:
        """Refuse, unless it was set aside."""
        if name not in self.allowed:
            raise RefusedError(f"refused: {message}", f"{hint}; or --allow {name} -m REASON")
        self.used[name] = message

    def overrides(self) -> tuple[Mapping[str, str], ...]:
        """What was set aside, for the receipt."""
        return tuple(
            {"refusal": name, "message": message, "actor": self.actor, "reason": self.reason or ""}
            for name, message in sorted(self.used.items())
        )

    # -- the refusals ------------------------------------------------------------------------------------------------

    def place(self, facts: Facts, commit: str, branch: str | None, *, explicit: bool) -> None:
        """Of the commit: a revision that somebody names is what it is, whatever lies in the work tree."""
        path = None if explicit else facts.dirty()
        if path is not None:
            self.refuse("dirty", f"{path} is not committed", "commit or stash it, or name the commit by --rev")
        if branch is None:
            return
        on_it = facts.on_branch(commit, branch)
        if on_it is None:
            self.refuse("branch", f"there is no branch {branch} here", f"fetch it: `git fetch origin {branch}`")
        elif not on_it:
            self.refuse("branch", f"{commit[:12]} is not on {branch}", "merge it first")

    def findings(self, built: Built, commit: str) -> None:
        """Of what the check found in the commit."""
        if has_errors(built.findings):
            number = sum(item.severity == "error" for item in built.findings)
            self.refuse(
                "findings",
                f"the check finds {many(number, 'error')}",
                f"see them by `gitconfigmgr check --rev {commit[:12]}`",
            )

    def present(self, name: str, held: Held, remembered: int) -> None:
        """Of a tree that was published and is not there any more; `remembered` is the last release that this clone knows."""
        hint = "restore it from a copy; readers refuse what begins again at lower numbers"
        if held.lost:
            self.refuse("lost", f"{name}: {held.lost}", hint)
        elif held.number < remembered:
            found = f"holds release {held.number}" if held.number else "is empty"
            self.refuse("lost", f"{name} {found}, and release {remembered} was published there from here", hint)

    def order(self, facts: Facts, name: str, held: Held, commit: str) -> None:
        """Of what is published already."""
        if held.commit is None:
            return
        follows = facts.follows(commit, held.commit)
        if follows is None:
            self.refuse(
                "older", f"{name} holds commit {held.commit[:12]}, which this clone does not have",
                "fetch the whole history: `git fetch --unshallow`",
            )  # fmt: skip
        elif not follows:
            self.refuse(
                "older", f"{name} holds commit {held.commit[:12]}, which does not come before {commit[:12]}",
                "release the branch that it is on",
            )  # fmt: skip

    def budget(self, held: Mapping[Target, int], bundles: Iterable[Bundle], budget: Budget) -> None:
        """Of the documents; `held` are the sizes that are published."""
        for bundle in bundles:
            shape = shape_of(orjson.loads(bundle.document), len(bundle.document))
            for sentence in exceeded(shape, held.get(bundle.target, 0), budget):
                self.refuse("budget", f"{bundle.target}: {sentence}", "raise release.budget where it is meant")
