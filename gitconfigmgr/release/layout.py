"""The published tree: which file is where, below the folder of a tenant. Everything but what is said to be mutable is immutable.

tuf/metadata/timestamp.json              mutable: the pointer
tuf/metadata/<n>.root.json, <n>.<role>.json
tuf/targets/<project>/<sha256>.<service>.<env>.json, .sealed
delta/<old sha256>/<new sha256>.dcz      bundles; delta/<n>.<role>/<m>.<role>.dcz metadata; the last 8 versions
attest/<sha256>.intoto.dsse.json         named by its own digest
provenance/<sha256>.json, records/<sha256>.json
releases/<number>.json                   receipts
staged/release.json, staged/<role>.json  what waits for more signatures; mutable, and no part of what readers see
.well-known/gitconfigmgr.json            mutable: discovery
"""

from __future__ import annotations

from gitconfigmgr.model.names import Target

METADATA = "tuf/metadata"
TARGETS = "tuf/targets"
TIMESTAMP = f"{METADATA}/timestamp.json"
DISCOVERY = ".well-known/gitconfigmgr.json"
STAGED = "staged"
BUNDLE, SEALED = ".json", ".sealed"
DELTAS_KEPT = 8
PREFIX_DIGITS = 8  # of a digest, where a list names the versions that deltas are on offer for
_SLASH = "~"  # in no name of ours, and untouched by URL quoting


def role_of(target: Target) -> str:
    """The delegated role that signs for a target: one for each project and environment."""
    project = target.namespace.rpartition("/")[0]
    return f"{project.replace('/', _SLASH)}{_SLASH}{target.environment}"


def environment_of(role: str) -> str:
    """The environment of a delegated role."""
    return role.rpartition(_SLASH)[2]


def patterns_of(role: str) -> list[str]:
    """The target paths that a delegated role may sign for."""
    project, _, environment = role.rpartition(_SLASH)
    folder = f"{project.replace(_SLASH, '/')}/" if project else ""
    return [f"{folder}*.{environment}{suffix}" for suffix in (BUNDLE, SEALED)]


def path_of(target: Target, suffix: str = BUNDLE) -> str:
    """The TUF target path of a bundle, or of its sealed secrets. Environments have no dot: see `releasable`."""
    return f"{target.namespace}.{target.environment}{suffix}"


def target_of(path: str) -> Target | None:
    """The target of a bundle's path; None for other paths."""
    if not path.endswith(BUNDLE):
        return None
    namespace, _, environment = path.removesuffix(BUNDLE).rpartition(".")
    return Target(namespace, environment) if namespace else None


def releasable(environment: str) -> bool:
    """Whether the paths of an environment cannot be taken for those of another: `a` + `b.c` would be `a.b` + `c`."""
    return "." not in environment


def file_of(path: str, sha256: str) -> str:
    """Where the bytes of a target path with this digest are."""
    folder, _, name = path.rpartition("/")
    return f"{TARGETS}/{folder}/{sha256}.{name}" if folder else f"{TARGETS}/{sha256}.{name}"


def metadata_file(role: str, version: int) -> str:
    """Where a version of a role's metadata is."""
    return TIMESTAMP if role == "timestamp" else f"{METADATA}/{version}.{role}.json"


def delta_file(old: str, new: str) -> str:
    """Where the delta between two digests, or two `<n>.<role>`, is."""
    return f"delta/{old}/{new}.dcz"


def provenance_file(sha256: str) -> str:
    """Where a provenance document is."""
    return f"provenance/{sha256}.json"


def attestation_file(sha256: str) -> str:
    """Where an attestation is."""
    return f"attest/{sha256}.intoto.dsse.json"
