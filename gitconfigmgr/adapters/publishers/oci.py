"""`oci:HOST/REPOSITORY:TAG`: a release as one artifact of an OCI registry.

Each bundle is a layer; sealed secrets and, with the option attest, its attestation are layers beside it. The manifest says
what each layer is, so that one request tells what is held. Layers come first, the tag last: it moves in one step.
A registry has no compare-and-swap: the tag is looked at once more before it is moved.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import orjson

from gitconfigmgr.adapters.publishers.oci_client import MANIFEST, MOST, OciClient, Place
from gitconfigmgr.adapters.publishers.options import Options
from gitconfigmgr.adapters.publishers.record import Record, unheeded
from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.bundles import Loss, Publication, Published
from gitconfigmgr.model.canonical import canonical_json, digest
from gitconfigmgr.model.names import many
from gitconfigmgr.release import attestation, envelope, keyset
from gitconfigmgr.release.ports import ConflictError

if TYPE_CHECKING:
    from gitconfigmgr.model.bundles import Bundle, Held, Release
    from gitconfigmgr.model.publishing import Destination
    from gitconfigmgr.release.ports import Context, OpenSecrets

ARTIFACT = "application/vnd.gitconfigmgr.release.v1"
CONFIG = "application/vnd.gitconfigmgr.release.v1+json"
BUNDLE = "application/vnd.gitconfigmgr.bundle.v1+json"
SEALED = "application/vnd.gitconfigmgr.sealed.v1+json"
ATTESTATION = "application/vnd.dsse.envelope.v1+json"
_ADDRESS = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?)/(?P<repository>[a-z0-9]+([._/-]+[a-z0-9]+)*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
)


def open_publisher(destination: Destination, context: Context) -> OciPublisher:
    """See release.ports.OpenPublisher."""
    options = Options(destination, ("insecure", "auth", "tokens", "attest"))
    match = _ADDRESS.fullmatch(destination.address)
    if match is None:
        raise UsageError(
            "an oci destination needs host, repository and tag", "such as oci:registry.example.com/acme/config:live"
        )
    place = Place(
        match["host"],
        match["repository"],
        match["tag"] or "latest",
        options.flag("insecure"),
        options.choice("auth", "token", "basic"),
        options.text("tokens", "", r"([A-Za-z0-9.-]+(:\d+)?)?"),
    )
    return OciPublisher(OciClient(place, context.environment), context, attest=options.flag("attest"))


class OciPublisher:
    """See release.ports.Publisher."""

    def __init__(self, client: OciClient, context: Context, *, attest: bool) -> None:
        self._client = client
        self._context = context
        self._attest = attest
        place = client.place
        self._repository = f"{place.host}/{place.repository}"
        self.name = f"oci:{self._repository}:{place.tag}"
        self._wrapped: tuple[bytes, list[dict[str, str]]] | None = None

    def held(self) -> Held:
        return self._record()[0].held(self._usable)

    def publish(self, release: Release, secrets: OpenSecrets) -> Publication:
        record, before = self._record()
        todo, gone = record.plan(self.name, release, self._usable)
        losses = unheeded(self.name, release)
        place = before
        if todo or gone:
            for bundle in todo:
                record.put(
                    bundle, release, {"attest": self._attest, "layers": self._layers(bundle, release, secrets, losses)}
                )
            for target in gone:
                record.drop(target, release)
            record.stamp(release)
            place = self._point(record, before)
        changed = {*(bundle.target for bundle in todo), *gone}
        targets = sorted({*record.holdings, *gone})
        published = {target: Published(f"oci:{self._repository}@{place}", target in changed) for target in targets}
        return Publication(published, tuple(losses))

    def _usable(self, own: dict[str, Any]) -> bool:
        return bool(own["attest"] == self._attest)

    # -- layers ------------------------------------------------------------------------------------------------------

    def _layers(
        self, bundle: Bundle, release: Release, secrets: OpenSecrets, losses: list[Loss]
    ) -> list[dict[str, Any]]:
        target = bundle.target
        stem = f"{target.namespace}/{target.environment}"
        found = [self._layer(BUNDLE, f"{stem}.json", bundle.document)]
        if bundle.secrets:
            key, wrapped = self._data_key()
            if wrapped:
                data = envelope.seal(bundle, release.tenant, secrets(bundle), key, wrapped)
                found.append(self._layer(SEALED, f"{stem}.sealed.json", data))
            else:
                message = "a secret: left out, as release.seal_for names nobody to seal it for"
                losses += [Loss(target, path, message) for path in bundle.fingerprints]
        if self._attest:
            signers = self._context.signing().signers(keyset.RELEASE, target.environment)
            if not signers:
                raise UsageError(f"no key of {target.environment} is at hand to attest with", "see `gitconfigmgr keys`")
            provenance = {"provenance": digest(bundle.provenance).removeprefix("sha256:")}
            payload = attestation.statement(bundle, f"{stem}.json", release, provenance)
            found.append(self._layer(ATTESTATION, f"{stem}.intoto.dsse.json", attestation.sign(payload, signers)))
        return found

    def _layer(self, kind: str, title: str, data: bytes) -> dict[str, Any]:
        self._client.blob(data)
        annotations = {"org.opencontainers.image.title": title}
        return {"mediaType": kind, "digest": digest(data), "size": len(data), "annotations": annotations}

    def _data_key(self) -> tuple[bytes, list[dict[str, str]]]:
        if self._wrapped is None:
            key = envelope.new_data_key()
            self._wrapped = key, self._context.wrap(key)
        return self._wrapped

    # -- the manifest ------------------------------------------------------------------------------------------------

    def _record(self) -> tuple[Record, str]:
        """What the tag names, and the digest of that manifest."""
        found = self._client.manifest()
        if found is None:
            return Record(), ""
        manifest, name = found
        try:
            if manifest["config"]["mediaType"] == CONFIG:
                return _read(manifest), name
        except (KeyError, TypeError, ValueError, IndexError):
            pass
        message = f"{self.name} holds something that gitconfigmgr did not write"
        raise UsageError(message, "name another repository or tag")

    def _point(self, record: Record, before: str) -> str:
        config = canonical_json({"number": record.number, "commit": record.commit})
        self._client.blob(config)
        manifest = _written(record, config)
        if len(canonical_json(manifest)) > MOST:
            hint = "give parts of the namespaces destinations of their own"
            raise UsageError(f"{many(len(record.holdings), 'target')} are too many for one artifact", hint)
        now = self._client.manifest()
        if (now[1] if now else "") != before:
            hint = "run the release again: what they published is what readers find"
            raise ConflictError(f"{self.name}: somebody else has published meanwhile", hint)
        return self._client.point(manifest)


def _written(record: Record, config: bytes) -> dict[str, Any]:
    """The manifest: the record, spread over the annotations of what it tells of."""
    layers = []
    for target, holding in sorted(record.holdings.items()):
        first, *more = record.own[target]["layers"]
        told = {
            "gitconfigmgr/namespace": target.namespace,
            "gitconfigmgr/environment": target.environment,
            "gitconfigmgr/content": holding.content,
            "gitconfigmgr/version": str(holding.version),
            "gitconfigmgr/attest": str(record.own[target]["attest"]).lower(),
        }
        layers += [{**first, "annotations": first["annotations"] | told}, *more]
    gone = [[*target, version] for target, version in sorted(record.gone.items())]
    annotations = {
        "org.opencontainers.image.revision": record.commit or "",
        "gitconfigmgr/number": str(record.number),
        "gitconfigmgr/gone": orjson.dumps(gone).decode(),
    }
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": ARTIFACT,
        "config": {"mediaType": CONFIG, "digest": f"sha256:{hashlib.sha256(config).hexdigest()}", "size": len(config)},
        "layers": layers,
        "annotations": annotations,
    }


def _read(manifest: dict[str, Any]) -> Record:
    """The inverse of `_written`."""
    told = manifest["annotations"]
    targets: list[dict[str, Any]] = []
    for layer in manifest["layers"]:
        notes = layer["annotations"]
        if layer["mediaType"] == BUNDLE:
            plain = {"org.opencontainers.image.title": notes["org.opencontainers.image.title"]}
            own: dict[str, Any] = {"attest": notes["gitconfigmgr/attest"] == "true", "layers": []}
            targets.append({
                "namespace": notes["gitconfigmgr/namespace"], "environment": notes["gitconfigmgr/environment"],
                "content": notes["gitconfigmgr/content"], "version": notes["gitconfigmgr/version"],
                "size": layer["size"], "digest": layer["digest"], "own": own,
            })  # fmt: skip
            layer = {**layer, "annotations": plain}  # noqa: PLW2901 - without what the record tells already
        targets[-1]["own"]["layers"].append(layer)
    gone = [
        {"namespace": namespace, "environment": environment, "version": version}
        for namespace, environment, version in orjson.loads(told["gitconfigmgr/gone"])
    ]
    commit = told["org.opencontainers.image.revision"] or None
    return Record.of({"number": told["gitconfigmgr/number"], "commit": commit, "targets": targets, "gone": gone})
