"""The built-in rules for LLM configuration: implements ports.Judge.

A document without LLM parts costs one look at its schemas; the catalogue is read when the first model is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitconfigmgr.check.llm.catalog import LOCK, PACKAGED, Known
from gitconfigmgr.model.names import prefixes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gitconfigmgr.check.llm.document import Llm, Part
    from gitconfigmgr.check.schemas import View
    from gitconfigmgr.model.diagnostics import Diagnostic
    from gitconfigmgr.model.metadata import Metadata
    from gitconfigmgr.model.settings import Models
    from gitconfigmgr.model.subjects import Subject
    from gitconfigmgr.model.values import Node


class LlmJudge:
    """`view` gives the schemas of a namespace, `locks` the tables of models: that of the base of a change first."""

    def __init__(
        self,
        settings: Models,
        view: Callable[[str], View],
        metadata: Callable[[], Mapping[str, Metadata]],
        locks: Callable[[], list[bytes]],
        read_packaged: Callable[[str], bytes | None],
    ) -> None:
        self.findings: list[Diagnostic] = []
        self.known = Known(lambda: read_packaged(PACKAGED), locks, settings.overrides)
        self._settings = settings
        self._view = view
        self._metadata = metadata

    def inputs(self) -> Collection[str]:
        """The repository's own table of models."""
        return (LOCK,)

    def judge(self, subject: Subject) -> list[Diagnostic]:
        """The findings in one target."""
        roles = self._view(subject.target.namespace).roles
        if roles is None:
            return []
        from gitconfigmgr.check.llm.document import read_parts

        llm = read_parts(subject.root, roles)
        if not llm:
            return []
        from gitconfigmgr.check.llm import cost, examples, graph, keys, lifecycle, parameters, prompts, residency
        from gitconfigmgr.check.llm.context import Context

        context = Context(subject, llm, self.known, self._settings, self._ceilings(subject.target.namespace))
        for rules in (graph, lifecycle, parameters, prompts, examples, residency, keys):
            rules.judge(context)
        prompts.sizes(context)
        cost.judge(context, roles)
        subject.spends = cost.monthly(context)
        return context.findings

    def parts(self, namespace: str, root: Node) -> Llm | None:
        """The LLM parts of a document; None where schemas name none."""
        from gitconfigmgr.check.llm.document import read_parts

        roles = self._view(namespace).roles
        return None if roles is None else read_parts(root, roles)

    def _ceilings(self, namespace: str) -> list[tuple[str, Part]]:
        from gitconfigmgr.check.llm.budgets import ceiling

        found = []
        metadata = self._metadata()
        for name in prefixes(namespace):
            part = ceiling(metadata[name]) if name in metadata else None
            if part is not None:
                found.append((name, part._replace(path=())))
        return found
