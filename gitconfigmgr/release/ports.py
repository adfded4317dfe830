"""What releasing asks of the outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from gitconfigmgr.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from gitconfigmgr.model.bundles import Bundle, Held, Publication, Release
    from gitconfigmgr.model.names import KeyPath
    from gitconfigmgr.model.publishing import Destination, ReleaseSettings
    from gitconfigmgr.model.settings import KeyServices
    from gitconfigmgr.release.trust import Trusted


class ConflictError(OutsideError):
    """Somebody else has published since the plan was made. Planning anew and publishing again may succeed."""


class OpenSecrets(Protocol):
    """Opens the secrets of a bundle in memory: key path -> plaintext, each `{"$segments"}` joined.

    Raises a GitConfigError that names the file and the key, never a value. Called only by publishers that need it.
    """

    def __call__(self, bundle: Bundle) -> Mapping[KeyPath, Any]: ...


class Facts(Protocol):
    """What Git says of the commit that is released."""

    def dirty(self) -> str | None:
        """A file of the configuration that differs from HEAD, or that Git does not know; None where all is committed."""
        ...

    def on_branch(self, commit: str, branch: str) -> bool | None:
        """Whether the branch, that of origin where there is one, contains the commit; None without such a branch."""
        ...

    def follows(self, commit: str, earlier: str) -> bool | None:
        """Whether `earlier` is the commit or came before it; None where this clone does not have it."""
        ...


class Signing(Protocol):
    """The keys of a tenant, as far as they are at hand. Roles are those of `release.keyset`."""

    def roots(self) -> list[bytes]:
        """All versions of the root metadata, the first one first. Raises UsageError where keys were never made."""
        ...

    def signers(self, role: str, environment: str | None = None) -> list[Any]:
        """A securesystemslib Signer for each key of the role that can be used here; none is no error.

        Raises UsageError for a key file that others can read.
        """
        ...

    def public(self, role: str, environment: str | None = None) -> tuple[list[Any], int]:
        """The public keys of the role and how many of them have to sign."""
        ...


class Publisher(Protocol):
    """A place that releases are published to. One object serves one run; its methods are called from one thread.

    * Idempotent: publishing what is held already writes nothing at all, versions and times included.
    * Atomic or resumable: a reader finds the release before or this one, never a mixture, whatever moment the process
      is killed at. `held` answers for what readers find; what a killed run left behind, the next `publish` completes
      or cleans up.
    * Compare-and-swap: `publish` raises ConflictError, having changed nothing that readers find, where the number held
      is not `release.base`. Of two publishers at once one wins.
    * Only targets of `bundles` and `removed` are written; all others keep their content and their version.
    * Secrets go nowhere but to the destination: not into results, errors, logs or temporary files. What is not opened
      and not sealed is left out, and said in `Publication.losses`.
    * Only the address of the destination is contacted, with a time limit, following no redirect. Raises OutsideError
      where it fails, UsageError where options are wrong, each with a hint.
    """

    name: str
    """`kind:address` without credentials, as receipts show it."""

    def held(self) -> Held:
        """What readers find now, verified as far as the destination allows. Writes nothing."""
        ...

    def publish(self, release: Release, secrets: OpenSecrets) -> Publication:
        """Make the release what readers find."""
        ...


class Tree(Publisher, Protocol):
    """A publisher with signed metadata, whose readers refuse lower numbers than they have seen."""

    def trusted(self) -> Trusted | None:
        """The verified metadata; None where nothing is published. Raises UntrustedError."""
        ...

    def read(self, path: str) -> bytes | None:
        """A file below the folder of the tenant; not verified."""
        ...


def tree_of(publisher: Publisher) -> Tree | None:
    """The publisher, where it is a tree."""
    return cast("Tree", publisher) if hasattr(publisher, "trusted") else None


@dataclass(frozen=True)
class Context:
    """What a publisher is made with. `folder` is what relative paths begin at: for a destination of the settings the
    root of the config repository, for one of the command line the folder it was typed in.

    `environment` holds credentials, such as VAULT_TOKEN; `services` is the allow-list of key services of the released
    revision. `signing` gives the keys of the tenant, where a publisher signs what it writes. `wrap` wraps a data key for
    each of `settings.seal_for`: `kek_id` and `encrypted_dek`; none where nothing is to be sealed.
    """

    folder: Path
    settings: ReleaseSettings
    environment: Mapping[str, str]
    services: KeyServices
    now: Callable[[], datetime]
    signing: Callable[[], Signing]
    wrap: Callable[[bytes], list[dict[str, str]]]


class OpenPublisher(Protocol):
    """The entry point of the group `gitconfigmgr.publishers`, named as the kind. Contacts nothing yet.

    Raises UsageError for an address or an option that it does not know.
    """

    def __call__(self, destination: Destination, context: Context) -> Publisher: ...
