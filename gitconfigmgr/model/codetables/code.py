"""What the table says of one diagnostic code."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """`severity` is error or warning; `why` and `remedy` are sentences for `explain CODE`."""

    code: str
    severity: str
    title: str
    why: str
    remedy: str

    @property
    def hint(self) -> str:
        """The first sentence of the remedy, as a help line."""
        first = self.remedy.split(". ")[0].rstrip(".")
        return first[0].lower() + first[1:]
