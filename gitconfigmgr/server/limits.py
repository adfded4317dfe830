"""How often somebody may come: the generic cell rate algorithm, one number for each of them."""

from __future__ import annotations

_MOST = 65_536


class Limiter:
    """`rate` requests a second, `burst` of them at once; a rate of 0 is none. Bounded: the oldest are forgotten."""

    def __init__(self, rate: float, burst: float) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._slack = burst * self._gap
        self._due: dict[str, float] = {}

    def wait(self, who: str, now: float) -> float:
        """Count a request. Seconds until the next one is welcome; 0.0: this one is."""
        if not self._gap:
            return 0.0
        due = max(self._due.get(who, 0.0), now)
        ahead = due + self._gap - now
        if ahead > self._slack + self._gap:
            return ahead - self._slack
        if who not in self._due and len(self._due) >= _MOST:
            self._forget(now)
        self._due[who] = due + self._gap
        return 0.0

    def over(self, who: str, now: float) -> float:
        """As `wait`, without counting."""
        ahead = self._due.get(who, 0.0) - now
        return ahead - self._slack if ahead > self._slack else 0.0

    def _forget(self, now: float) -> None:
        kept = {who: due for who, due in self._due.items() if due > now}
        self._due = kept if len(kept) < _MOST else dict(list(kept.items())[_MOST // 2 :])
