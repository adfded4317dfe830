"""Which file is which layer: the paths below configs/, before any of them is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gitconfigmgr.model.diagnostics import Diagnostic, Position
from gitconfigmgr.model.names import GLOBAL, SEGMENT, closest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

ROOT = "configs"
METADATA = "_namespace.yaml"
SETTINGS = "gitconfigmgr.yaml"
POLICIES = "policies"
WAIVERS = "waivers.yaml"
RECIPIENTS = ".sops.yaml"


@dataclass(slots=True)
class Layout:
    """`documents` is namespace -> environment -> path; `metadata` is namespace -> path of its `_namespace.yaml`."""

    documents: dict[str, dict[str, str]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    def leaves(self) -> list[str]:
        """The namespaces with documents that have no child namespace with documents; `global` is none."""
        inner = {GLOBAL}
        for namespace in self.documents:
            parent = namespace.rpartition("/")[0]
            while parent and parent not in inner:
                inner.add(parent)
                parent = parent.rpartition("/")[0]
        return sorted(namespace for namespace in self.documents if namespace not in inner)


_ODD = {
    "link": ("GCM116", "a symbolic link"),
    "submodule": ("GCM120", "a submodule"),
    "badly named": ("GCM117", "no UTF-8 text"),
}


def lay_out(files: Collection[str], oddities: Mapping[str, str], environments: Collection[str]) -> Layout:
    """Sort the paths below configs/ into namespaces and environments."""
    layout = Layout()
    names: dict[str, str | None] = {}
    file_of = {f"{environment}.yaml": environment for environment in environments}
    for path in files:
        if "/." in path:
            continue  # hidden files and folders are not ours: editors keep their own things there
        folder, _, name = path.rpartition("/")
        if folder not in names:
            names[folder] = _namespace(folder, layout.findings)
        namespace = names[folder]
        if namespace is None:
            continue
        environment = file_of.get(name)
        if environment is not None and namespace:
            layout.documents.setdefault(namespace, {})[environment] = path
        elif name == METADATA and namespace:
            layout.metadata[namespace] = path
        else:
            _stranger(path, name, environments, layout.findings)
    layout.findings += _odd(oddities)
    _case_clashes([*files, *oddities], layout.findings)
    return layout


def passed_over(files: Collection[str], oddities: Mapping[str, str]) -> list[Diagnostic]:
    """What lies in policies/ or tests/ as if it were in force, and is not: links and the like, and .yml files."""
    return _odd(oddities) + [_other_ending(path) for path in files if path.endswith(".yml") and "/." not in path]


def not_read(paths: Iterable[str], oddities: Callable[[str], Mapping[str, str]]) -> list[Diagnostic]:
    """Which of some files of rules are links or the like, or lie behind one; `oddities` as in ports.Tree."""
    found: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        if not {"", ".", ".."}.isdisjoint(parts) or "\0" in path:
            continue  # leads out of the repository, which is a finding of its own
        for place in ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1)):
            if place in (what := oddities(place)):
                found[place] = what[place]
    return [replace(item, help="put a file in its place: nothing is read through it") for item in _odd(found)]


def _odd(oddities: Mapping[str, str]) -> list[Diagnostic]:
    found = ((path, *_ODD.get(what, ("GCM126", "no regular file"))) for path, what in oddities.items())
    return [Diagnostic(code, f"{path} is {message}", Position(path)) for path, code, message in found]


def _other_ending(path: str) -> Diagnostic:
    name = path.rpartition("/")[2]
    help_ = f"rename it to {name.removesuffix('.yml')}.yaml"
    return Diagnostic("GCM125", f"{name} has the ending .yml, so it is not read", Position(path), help=help_)


def _namespace(folder: str, findings: list[Diagnostic]) -> str | None:
    """The namespace of a folder, "" for configs/ itself; None, and a finding, where its name is not allowed."""
    namespace = folder[len(ROOT) + 1 :]
    for segment in namespace.split("/") if namespace else ():
        if segment.endswith((".yaml", ".yml")):
            message = f"{segment} is a directory where a file should be"
            findings.append(Diagnostic("GCM121", message, Position(folder)))
            return None
        if not SEGMENT.match(segment) or segment.endswith(".json"):  # compiled documents end so
            message = f"{segment!r} is no name for a namespace"
            help_ = "use lower-case letters, digits, dot, dash and underscore, beginning with a letter or digit"
            findings.append(Diagnostic("GCM117", message, Position(folder), help=help_))
            return None
    return namespace


def _stranger(path: str, name: str, environments: Collection[str], findings: list[Diagnostic]) -> None:
    stem, dot, ending = name.rpartition(".")
    position = Position(path)
    if path.count("/") == 1 and ending == "yaml":
        message = f"{name} lies in no namespace"
        help_ = f"move it to {ROOT}/global/{name}, or into a namespace"
        findings.append(Diagnostic("GCM125", message, position, help=help_))
    elif dot and ending == "yml" and (stem in environments or stem == "_namespace"):
        findings.append(_other_ending(path))
    elif dot and ending == "yaml" and not SEGMENT.match(stem):
        findings.append(
            Diagnostic("GCM117", f"{name!r} is no name for a document", position, help=_near(stem, environments))
        )
    elif dot and ending == "yaml":
        message = f"no environment is called {stem}"
        findings.append(Diagnostic("GCM119", message, position, help=_near(stem, environments)))


def _near(stem: str, environments: Collection[str]) -> str:
    near = closest(stem.lower(), [*environments, "_namespace"])
    if near:
        return f"did you mean {near}.yaml?"
    return f"declare it under environments in {SETTINGS}, or rename the file"


def _case_clashes(paths: Collection[str], findings: list[Diagnostic]) -> None:
    lowered = {path.lower() for path in paths}
    if len(lowered) == len(paths) and all(path.islower() or path == path.lower() for path in paths):
        return
    first: dict[tuple[str, str], str] = {}
    said: set[str] = set()
    for path in sorted(paths):
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            prefix = "/".join(parts[:depth])
            known = first.setdefault(("/".join(parts[: depth - 1]), parts[depth - 1].lower()), prefix)
            if known != prefix and prefix not in said:
                said.add(prefix)
                message = f"{prefix} and {known} differ only in case"
                findings.append(Diagnostic("GCM118", message, Position(prefix), help="rename one of them"))
