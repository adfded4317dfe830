"""What operators see: one JSON line for each event, and counters for Prometheus. No token or content is in either."""

from __future__ import annotations

import sys
import time
from bisect import bisect_left
from typing import Any

import orjson

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_HELP = {
    "gcm_endpoint_requests_total": "Requests by route and status.",
    "gcm_endpoint_request_seconds": "From the first byte of a request to its answer, by route.",
    "gcm_endpoint_connections": "Connections that are open.",
    "gcm_endpoint_watchers": "Clients that wait for releases.",
    "gcm_endpoint_release": "The release that is served, by tenant.",
    "gcm_endpoint_metadata_age_seconds": "Since the metadata was read anew.",
    "gcm_endpoint_uploads_total": "Uploads by result.",
    "gcm_endpoint_denied_total": "Requests refused, by reason.",
}


def log(level: str, message: str, **more: Any) -> None:
    """One line on standard error."""
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "level": level, "message": message, **more}
    sys.stderr.write(orjson.dumps(line, default=str).decode() + "\n")
    sys.stderr.flush()


class Metrics:
    """Counted in the one thread that answers."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, list[float]] = {}  # by route: counts below each bound, then the sum
        self.counts: dict[tuple[str, str, str], float] = {}  # metric, label, value
        self.gauges: dict[tuple[str, str, str], float] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        key = (route, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        found = self._seconds.get(route)
        if found is None:
            found = self._seconds[route] = [0.0] * (len(_BOUNDS) + 2)
        found[bisect_left(_BOUNDS, seconds)] += 1
        found[-1] += seconds

    def count(self, metric: str, label: str, value: str) -> None:
        key = (metric, label, value)
        self.counts[key] = self.counts.get(key, 0) + 1

    def page(self) -> bytes:
        """In the text format of Prometheus."""
        lines: list[str] = []
        _title(lines, "gcm_endpoint_requests_total", "counter")
        for (route, status), times in sorted(self._requests.items()):
            lines.append(f'gcm_endpoint_requests_total{{route="{route}",status="{status}"}} {times}')
        _title(lines, "gcm_endpoint_request_seconds", "histogram")
        for route, found in sorted(self._seconds.items()):
            below = 0.0
            for bound, number in zip((*_BOUNDS, "+Inf"), found[:-1], strict=True):
                below += number
                lines.append(f'gcm_endpoint_request_seconds_bucket{{route="{route}",le="{bound}"}} {below:.0f}')
            lines.append(f'gcm_endpoint_request_seconds_sum{{route="{route}"}} {found[-1]:.6f}')
            lines.append(f'gcm_endpoint_request_seconds_count{{route="{route}"}} {below:.0f}')
        for kind, values in (("counter", self.counts), ("gauge", self.gauges)):
            named = ""
            for (metric, label, value), number in sorted(values.items()):
                if metric != named:
                    _title(lines, metric, kind)
                    named = metric
                lines.append(f'{metric}{{{label}="{value}"}} {number:g}' if label else f"{metric} {number:g}")
        return "\n".join([*lines, ""]).encode()


def _title(lines: list[str], metric: str, kind: str) -> None:
    if metric in _HELP:
        lines.append(f"# HELP {metric} {_HELP[metric]}")
    lines.append(f"# TYPE {metric} {kind}")
