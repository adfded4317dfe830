"""What a publisher remembers at its destination: the release that readers find, target by target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.bundles import Held, Holding, Loss
from gitconfigmgr.model.names import Target
from gitconfigmgr.release.ports import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gitconfigmgr.model.bundles import Bundle, Release


@dataclass
class Record:
    """`own` is what a publisher adds to a target. As JSON it goes into a file, an entry, an annotation."""

    number: int = 0
    commit: str | None = None
    holdings: dict[Target, Holding] = field(default_factory=dict)
    own: dict[Target, dict[str, Any]] = field(default_factory=dict)
    gone: dict[Target, int] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Any) -> Record:
        """From JSON. Raises KeyError, TypeError or ValueError for what is none."""
        found = cls(int(data["number"]), data["commit"])
        for item in data["targets"]:
            target = Target(str(item["namespace"]), str(item["environment"]))
            found.holdings[target] = Holding(item["content"], int(item["version"]), item["size"], item["digest"])
            found.own[target] = dict(item["own"])
        for item in data["gone"]:
            found.gone[Target(str(item["namespace"]), str(item["environment"]))] = int(item["version"])
        return found

    def data(self) -> dict[str, Any]:
        """As JSON."""
        targets = [
            {**target._asdict(), "content": item.content, "version": item.version, "size": item.size,
             "digest": item.digest, "own": self.own[target]}
            for target, item in sorted(self.holdings.items())
        ]  # fmt: skip
        gone = [{**target._asdict(), "version": version} for target, version in sorted(self.gone.items())]
        return {"format": 1, "number": self.number, "commit": self.commit, "targets": targets, "gone": gone}

    def held(self, usable: Callable[[dict[str, Any]], bool]) -> Held:
        """For the port. What is no longer usable as it is (another layout) counts as held with no content."""
        holdings = {
            target: item if usable(self.own[target]) else item._replace(content="")
            for target, item in self.holdings.items()
        }
        return Held(self.number, self.commit, holdings, dict(self.gone))

    def plan(
        self, name: str, release: Release, usable: Callable[[dict[str, Any]], bool]
    ) -> tuple[list[Bundle], list[Target]]:
        """The bundles to write and the targets to remove. Raises ConflictError where the plan is not based on this."""
        if self.number != release.base:
            message = f"{name} holds release {self.number}, and the plan was made on {release.base}"
            raise ConflictError(message, "somebody else has published: run the release again")
        held = self.held(usable).targets
        todo = [
            bundle
            for target, bundle in sorted(release.bundles.items())
            if target not in held or held[target].content != bundle.content
        ]
        return todo, sorted(release.removed & self.holdings.keys())

    def put(self, bundle: Bundle, release: Release, own: dict[str, Any]) -> None:
        """A bundle is there now."""
        version = release.changes[bundle.target].version
        self.holdings[bundle.target] = Holding(bundle.content, version, len(bundle.document), bundle.digest)
        self.own[bundle.target] = own
        self.gone.pop(bundle.target, None)

    def drop(self, target: Target, release: Release) -> None:
        """A target is not there any more."""
        del self.holdings[target], self.own[target]
        self.gone[target] = release.changes[target].version

    def stamp(self, release: Release) -> None:
        """The release that all this is."""
        self.number, self.commit = release.number, release.revision.commit


def unheeded(name: str, release: Release) -> list[Loss]:
    """Rollouts and pins, where every reader gets the same."""
    message = f"{name} serves every reader alike: they get the release at once"
    return [Loss(target, part, message) for target, custom in sorted(release.custom.items()) for part in sorted(custom)]
