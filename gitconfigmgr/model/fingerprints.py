"""What makes a finding the same one in another state of the files."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitconfigmgr.model.diagnostics import Diagnostic

_NUMBER = re.compile(r"\d+")


def fingerprints(findings: Iterable[Diagnostic]) -> list[str]:
    """An id for each, in the order given: 32 hexadecimal digits, and which of its equals it is, from 1.

    No line takes part, and no value where the finding has a key: what moves or changes from wrong to wrong stays known.
    """
    seen: Counter[str] = Counter()
    found = []
    for item in findings:
        path = item.position.path if item.position else ""
        what = item.key or _NUMBER.sub("#", item.message)
        text = "\0".join((item.code, path, what, item.rule or "")).encode("utf-8", "surrogatepass")
        name = hashlib.sha256(text).hexdigest()[:32]
        seen[name] += 1
        found.append(f"{name}:{seen[name]}")
    return found
