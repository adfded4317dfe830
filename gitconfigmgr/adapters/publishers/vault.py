"""Releases in a KV version 2 mount of HashiCorp Vault or OpenBao.

    <path>/<namespace>/<environment>          layout tree: the document, its secrets opened
    <path>/<namespace>/<environment>/<NAME>   layout litellm: one secret, in the field `key`
    <path>/_release                           the pointer: which version of which entry belongs to the release

The pointer is written last, by compare-and-swap: who reads the versions that it names reads one release.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.adapters.keys.extras import Allowed
from gitconfigmgr.adapters.publishers.options import Options
from gitconfigmgr.adapters.publishers.record import Record, unheeded
from gitconfigmgr.adapters.publishers.vault_client import Login, MismatchError, VaultClient
from gitconfigmgr.adapters.publishers.vault_entries import BYTES, STRINGS, At, Put, Wanted, Writer, strings, text_of
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.bundles import Publication, Published
from gitconfigmgr.model.names import many, show_path
from gitconfigmgr.model.values import scalar_text
from gitconfigmgr.release.emit.opened import opened, variable_names
from gitconfigmgr.release.ports import ConflictError

if TYPE_CHECKING:
    from gitconfigmgr.model.bundles import Bundle, Held, Release
    from gitconfigmgr.model.names import Target
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.ports import Context, OpenSecrets

POINTER = "_release"  # no namespace begins with an underscore
_SEGMENTS = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"
_OPTIONS = ("mount", "path", "layout", "form", "namespace", "auth", "auth_mount", "role")


def open_publisher(destination: Destination, context: Context) -> VaultPublisher:
    """See release.ports.OpenPublisher. The address has to be on the allow-list of key services."""
    options = Options(destination, _OPTIONS)
    environment = context.environment
    address = (destination.address or environment.get("VAULT_ADDR") or environment.get("BAO_ADDR") or "").rstrip("/")
    if not re.fullmatch(r"https?://[^/@?#\s]+", address):
        raise UsageError("a vault destination needs an address", "such as vault:https://vault.example.com:8200")
    if address not in Allowed(context.services.vault):
        hint = "add it to key_services.vault in gitconfigmgr.yaml on the protected branch, if it is yours"
        raise UsageError(f"{address} is not an allowed key service: it was not contacted", hint)
    method = options.choice("auth", "token", "approle", "jwt")
    role = options.text("role", environment.get("VAULT_ROLE_ID" if method == "approle" else "VAULT_ROLE") or "")
    login = Login(method, options.text("auth_mount", method, _SEGMENTS), role)
    namespace = options.text("namespace", environment.get("VAULT_NAMESPACE") or "") or None
    client = VaultClient(address, options.text("mount", "secret", _SEGMENTS), namespace, login, environment)
    path = options.text("path", f"gitconfigmgr/{context.settings.tenant}", _SEGMENTS)
    layout, form = options.choice("layout", "tree", "litellm"), options.choice("form", "json", "fields")
    return VaultPublisher(client, path, layout if layout == "litellm" else f"{layout} {form}")


class VaultPublisher:
    """See release.ports.Publisher. `form`: litellm, "tree json" or "tree fields"."""

    def __init__(self, client: VaultClient, path: str, form: str) -> None:
        self._client = client
        self._path = path
        self._form = form
        self.name = f"vault:{client.place}/{path}"

    def held(self) -> Held:
        """What the pointer says. A target that is held in another form has to be published anew."""
        return self._pointer()[0].held(self._usable)

    def publish(self, release: Release, secrets: OpenSecrets) -> Publication:
        record, cas = self._pointer()
        todo, gone = record.plan(self.name, release, self._usable)
        notes = self._write(record, cas, release, todo, gone, secrets) if todo or gone else ()
        changed = {*(bundle.target for bundle in todo), *gone}
        targets = sorted({*record.holdings, *gone})
        published = {target: Published(self._location(target, record), target in changed) for target in targets}
        return Publication(published, tuple(unheeded(self.name, release)), notes)

    def _usable(self, own: dict[str, Any]) -> bool:
        return bool(own["form"] == self._form)

    def _write(
        self, record: Record, cas: int, release: Release, todo: list[Bundle], gone: list[Target], secrets: OpenSecrets
    ) -> tuple[str, ...]:
        """Entries, then the pointer; `record` is what readers find afterwards."""
        for bundle in todo:
            self._refuse_large(bundle)
        before = _paths(record)
        writer = Writer(self._client, release, self._client.versions_kept())
        for target, entries in writer.write(self._wanted(bundle, record, secrets) for bundle in todo):
            record.put(release.bundles[target], release, {"form": self._form, "entries": entries})
        for target in gone:
            record.drop(target, release)
        record.stamp(release)
        self._point(record, cas)
        left = sorted(before - _paths(record))
        if left:
            writer.notes.append(f"what no release names any more stays in Vault ({many(len(left), 'path')}, such as "
                                f"{self._client.mount}/{left[0]}): delete it there when nothing reads it")  # fmt: skip
        return tuple(writer.notes)

    # -- entries -----------------------------------------------------------------------------------------------------

    def _wanted(self, bundle: Bundle, record: Record, secrets: OpenSecrets) -> Wanted:
        known = _entries(record, bundle.target)
        folder = self._folder(bundle.target)
        if self._form != "litellm":
            data = self._data(bundle, secrets)
            return Wanted(bundle.target, [Put(folder, bundle.content, data, known.get(folder))], {})
        names = variable_names(place.path for place in bundle.secrets)
        places = {f"{folder}/{name}": path for path, name in names.items()}
        marks = {path: bundle.fingerprints[show_path(place)] for path, place in places.items()}
        stays = {path: at for path, at in known.items() if marks.get(path) == at.mark}
        changed = places.keys() - stays.keys()
        values = secrets(bundle) if changed else {}
        puts = [
            Put(path, marks[path], {"key": scalar_text(values[places[path]])}, known.get(path))
            for path in sorted(changed)
        ]
        return Wanted(bundle.target, puts, stays)

    def _data(self, bundle: Bundle, secrets: OpenSecrets) -> dict[str, Any]:
        document = json.loads(bundle.document)
        if bundle.secrets:
            document = opened(document, secrets(bundle))
        if self._form == "tree json" or not isinstance(document, dict):
            return {"document": text_of(document)}
        return document

    def _refuse_large(self, bundle: Bundle) -> None:
        """What can be told before anything is written."""
        if self._form == "tree fields" and (count := strings(json.loads(bundle.document))) > STRINGS:
            message = f"{bundle.target} has {count} keys and texts, and Vault takes {STRINGS} in one write"
            raise UsageError(message, "set the option form of this destination to json")
        if self._form != "litellm" and len(bundle.document) > BYTES:
            message = f"{bundle.target} has {len(bundle.document)} bytes, and an entry of Vault holds 1 MiB"
            raise UsageError(message, "split the namespace, or keep what is large elsewhere")

    def _folder(self, target: Target) -> str:
        return f"{self._path}/{target.namespace}/{target.environment}"

    def _location(self, target: Target, record: Record) -> str:
        place = f"{self._client.address}/v1/{self._client.mount}/data/{self._folder(target)}"
        at = _entries(record, target).get(self._folder(target))
        return f"{place}?version={at.version}" if at else place

    # -- the pointer -------------------------------------------------------------------------------------------------

    def _pointer(self) -> tuple[Record, int]:
        """What readers find, and the version of the pointer's own entry."""
        entry = self._client.read(f"{self._path}/{POINTER}")
        if entry.data is None:
            return Record(), entry.version
        try:
            return Record.of(json.loads(entry.data["release"])), entry.version
        except (KeyError, TypeError, ValueError):
            place = f"{self._client.mount}/{self._path}/{POINTER}"
            raise UsageError(
                f"{place} was not written by gitconfigmgr", "name another place by the option path"
            ) from None

    def _point(self, record: Record, cas: int) -> None:
        text = text_of(record.data())
        if len(text) > BYTES:
            hint = "give parts of the namespaces destinations of their own, each with its own path"
            raise UsageError(f"{many(len(record.holdings), 'target')} are too many for one destination in Vault", hint)
        try:
            self._client.write(f"{self._path}/{POINTER}", {"release": text}, cas)
        except MismatchError:
            message = f"{self.name}: somebody else has published meanwhile"
            raise ConflictError(message, "run the release again: what they published is what readers find") from None


def _entries(record: Record, target: Target) -> dict[str, At]:
    own = record.own.get(target, {})
    return {path: At(*at) for path, at in own.get("entries", {}).items()}


def _paths(record: Record) -> set[str]:
    return {path for own in record.own.values() for path in own["entries"]}
