"""gitconfigmgr.yaml to `Settings`, with a finding for everything that is not understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitconfigmgr.model.diagnostics import position_of
from gitconfigmgr.model.names import BASE, SEGMENT, PathSyntaxError, closest, parse_path
from gitconfigmgr.model.settings import DEFAULT_EXTENDS, Environment, Limits, SchemaBinding, Settings
from gitconfigmgr.source.reader import read_document
from gitconfigmgr.source.sections import key_services, models, policies, proposals, release
from gitconfigmgr.source.sections.reader import SectionReader

if TYPE_CHECKING:
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.values import Node

KEYS = (
    "version",
    "environments",
    "precedence",
    "leak_guard",
    "schemas",
    "limits",
    "key_services",
    "models",
    "policies",
    "release",
    "signatures",
    "proposals",
)
_ENVIRONMENT_KEYS = ("extends", "protected", "abstract")
_SCHEMA_KEYS = ("schema", "namespaces", "path")
_LIMIT_BOUNDS = {"file_bytes": 64 * 1024 * 1024, "depth": 256, "values": 10_000_000}


def read_settings(path: str, blob_id: str, data: bytes) -> tuple[Settings, list[Diagnostic]]:
    """The settings; where there are findings they are not to be used."""
    document, findings = read_document(path, "", BASE, blob_id, data, Limits())
    if document.root is None:
        return Settings(environments={}), findings
    return _Reader(findings).settings(document.root, blob_id), findings


class _Reader(SectionReader):
    def settings(self, root: Node, blob_id: str) -> Settings:
        items = self.members(root, KEYS, "the settings")
        version = items.get("version")
        if version is None or version.value != 1:
            message = "version: 1 is missing" if version is None else f"version {version.value} is not known"
            self.report("GCM140", message, version or root, "write version: 1")
        return Settings(
            environments=self._environments(items.get("environments")),
            precedence=self.choice(items, "precedence", ("environment", "namespace")),
            leak_guard=self.choice(items, "leak_guard", ("error", "warn", "off")),
            schemas=self._bindings(items.get("schemas")),
            limits=self._limits(items.get("limits")),
            key_services=key_services.read(self, items.get("key_services")),
            models=models.read(self, items.get("models")),
            policies=policies.read(self, items.get("policies")),
            release=release.read(self, items.get("release")),
            signatures=self._file(items.get("signatures")),
            proposals=proposals.read(self, items.get("proposals")),
            blob_id=blob_id,
        )

    def _environments(self, node: Node | None) -> dict[str, Environment]:
        if node is None:
            declared: dict[str, tuple[str, dict[str, Node], Any]] = {
                n: (e, {}, None) for n, e in DEFAULT_EXTENDS.items()
            }
            chains = self._chains(declared)
            return {n: Environment(n, chains[n], n == "production", n == BASE) for n in chains}
        if not isinstance(node.value, dict):
            self.report("GCM140", "environments must be a map of names", node)
            return {}
        declared = {}
        for name, child in node.value.items():
            if not SEGMENT.match(name) or name.endswith(".provenance"):  # the files beside compiled documents
                self.report("GCM140", f"{name!r} is no name for an environment", child, key=True)
                continue
            empty = child.value is None
            items = {} if empty else self.members(child, _ENVIRONMENT_KEYS, f"environment {name}")
            extends = items["extends"].value if "extends" in items else BASE
            if not isinstance(extends, str):
                self.report("GCM140", "extends takes the name of one environment", items["extends"])
                extends = BASE
            declared[name] = (extends, items, child)
        chains = self._chains(declared)
        made = {}
        for name, chain in chains.items():
            items = declared[name][1] if name in declared else {}
            protected = self.flag(items, "protected", otherwise=False)
            made[name] = Environment(name, chain, protected, self.flag(items, "abstract", otherwise=name == BASE))
        return made

    def _chains(self, declared: dict[str, tuple[str, dict[str, Node], Any]]) -> dict[str, tuple[str, ...]]:
        chains: dict[str, tuple[str, ...]] = {BASE: (BASE,)}
        said: set[str] = set()
        for name, (_, items, node) in declared.items():
            if name == BASE:
                if "extends" in items:
                    self.report("GCM141", "base extends nothing", items["extends"])
                continue
            chain = [name]
            while chain[-1] != BASE:
                parent = declared[chain[-1]][0]
                if parent in chain and chain[-1] in said:
                    break
                if parent in chain:
                    said |= set(chain)
                    circle = " -> ".join([*chain[chain.index(parent) :], parent])
                    self.report(
                        "GCM141", f"environments extend one another in a circle: {circle}", items.get("extends", node)
                    )
                    break
                if parent != BASE and parent not in declared:
                    if len(chain) == 1:
                        near = closest(parent, list(declared))
                        help_ = f"did you mean {near}?" if near else "declare it, or extend base"
                        self.report(
                            "GCM141", f"{name} extends {parent}, which is not declared", items["extends"], help_
                        )
                    break
                chain.append(parent)
            chains[name] = tuple(reversed(chain))
        return chains

    def _bindings(self, node: Node | None) -> tuple[SchemaBinding, ...]:
        if node is None:
            return ()
        if not isinstance(node.value, list):
            self.report("GCM140", "schemas must be a list", node)
            return ()
        return tuple(binding for item in node.value if (binding := self._binding(item)) is not None)

    def _binding(self, node: Node) -> SchemaBinding | None:
        items = self.members(node, _SCHEMA_KEYS, "a schema binding")
        schema, namespaces, path = items.get("schema"), items.get("namespaces"), items.get("path")
        if schema is None or not isinstance(schema.value, str) or not schema.value:
            self.report("GCM140", "a schema binding needs schema, the path of a file", schema or node)
            return None
        given: Any = None if namespaces is None else namespaces.value
        patterns = ["**"] if namespaces is None else [item.value for item in given] if isinstance(given, list) else []
        if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
            assert namespaces is not None
            self.report("GCM140", "namespaces is a list of patterns such as acme/**", namespaces)
            return None
        keys: tuple[str, ...] = ()
        if path is not None:
            try:
                keys = parse_path(path.value if isinstance(path.value, str) else "")
            except PathSyntaxError:
                self.report("GCM140", "path is a path of keys such as models.endpoints", path)
                return None
        return SchemaBinding(schema.value, tuple(patterns), keys, position_of(schema))

    def _file(self, node: Node | None) -> str | None:
        """The path of a file of the repository."""
        if node is None:
            return None
        if not isinstance(node.value, str) or not node.value or ".." in node.value.split("/") or node.value[0] == "/":
            self.report("GCM140", "signatures is the path of a file of the repository, such as allowed_signers", node)
            return None
        return node.value

    def _limits(self, node: Node | None) -> Limits:
        if node is None:
            return Limits()
        given = {}
        for name, item in self.members(node, tuple(_LIMIT_BOUNDS), "limits").items():
            highest = _LIMIT_BOUNDS[name]
            if isinstance(item.value, bool) or not isinstance(item.value, int) or not 1 <= item.value <= highest:
                self.report("GCM140", f"{name} is a number from 1 to {highest}", item)
            else:
                given[name] = item.value
        return Limits(**given)
