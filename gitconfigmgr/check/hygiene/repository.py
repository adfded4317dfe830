"""The hygiene of one config repository: what the pipeline asks for each document, and for each target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.model.names import BASE
from gitconfigmgr.model.values import SEALED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.check.hygiene.layers import RuleOf
    from gitconfigmgr.check.hygiene.marked import Marks
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.settings import Settings
    from gitconfigmgr.model.values import Document, Node


class Hygiene:
    """`documents` are the paths by namespace and environment. Modules are loaded when the first document comes."""

    def __init__(
        self,
        settings: Settings,
        documents: Mapping[str, Mapping[str, str]],
        read: Callable[[str], bytes | None],
        rule_of: RuleOf,
    ) -> None:
        self._settings = settings
        self._documents = documents
        self._read = read
        self._rule_of = rule_of
        self._compared: set[str] = set()
        self._keys: set[tuple[str, int]] = set()  # lines that have a finding of their own

    def inspect(self, document: Document, data: bytes) -> list[Diagnostic]:
        """The findings in a document that was just read."""
        from gitconfigmgr.check.hygiene.layers import check_block, secrets_of

        if len(data) > self._settings.limits.file_bytes:
            return []
        secrets = secrets_of(document.path, data)
        self._keys |= {(document.path, item.position.line) for item in secrets.findings if item.position}
        findings = secrets.findings + check_block(document, data, self._rule_of)
        if secrets.places and document.namespace not in self._compared:
            self._compared.add(document.namespace)
            findings += self._copies(document.namespace)
        return findings

    def misused(self, root: Node, marks: Marks) -> list[Diagnostic]:
        """The findings in a target: values that a schema wants encrypted, and secrets of one kind used as another."""
        from gitconfigmgr.check.hygiene.marked import crossed, plaintext
        from gitconfigmgr.check.hygiene.marks import Lines, without_allowed

        left = []
        for item in plaintext(root, marks):
            assert item.position is not None
            if (item.position.path, item.position.line) not in self._keys:
                left += without_allowed([item], Lines(self._read(item.position.path) or b""))
        return left + crossed(root, marks) if root.flags & SEALED else left

    def _copies(self, namespace: str) -> list[Diagnostic]:
        from gitconfigmgr.check.hygiene.layers import copies, secrets_of

        paths = self._documents.get(namespace, {})
        order = [BASE, *(name for name in self._settings.environments if name != BASE)]
        found = []
        for environment in order:
            data = self._read(paths[environment]) if environment in paths else None
            if data is not None and len(data) <= self._settings.limits.file_bytes:
                found.append((environment, secrets_of(paths[environment], data)))
        protected = frozenset(name for name, item in self._settings.environments.items() if item.protected)
        return copies(found, protected)
