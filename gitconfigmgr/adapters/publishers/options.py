"""The options of a destination, read as what a publisher says they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError
from gitconfigmgr.model.names import closest

if TYPE_CHECKING:
    from collections.abc import Collection

    from gitconfigmgr.model.publishing import Destination


class Options:
    """Takes options by name. Raises UsageError for those that are not known, or of the wrong kind."""

    def __init__(self, destination: Destination, known: Collection[str]) -> None:
        self._kind = destination.kind
        self._given = destination.options
        for name in self._given:
            if name not in known:
                near = closest(str(name), sorted(known))
                hint = f"did you mean {near}?" if near else "known are " + ", ".join(sorted(known))
                raise UsageError(f"{self._kind} has no option {name}", hint)

    def text(self, name: str, otherwise: str, pattern: str = r".*") -> str:
        """Text that the pattern matches as a whole."""
        value = self._given.get(name, otherwise)
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
            raise UsageError(
                f"the option {name} of {self._kind} cannot be {value!r}", f"such as {otherwise or pattern}"
            )
        return value

    def choice(self, name: str, *choices: str) -> str:
        """One of some words; the first where it is not given."""
        value = self._given.get(name, choices[0])
        if value not in choices:
            raise UsageError(f"the option {name} of {self._kind} is one of {', '.join(choices)}", f"not {value!r}")
        return str(value)

    def flag(self, name: str, *, otherwise: bool = False) -> bool:
        """A switch."""
        value: Any = self._given.get(name, otherwise)
        if not isinstance(value, bool):
            raise UsageError(f"the option {name} of {self._kind} is true or false", f"not {value!r}")
        return value
