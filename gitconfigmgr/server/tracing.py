"""Spans for OpenTelemetry, where the environment names a collector (OTEL_EXPORTER_OTLP_ENDPOINT). No address and no token is in them."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gitconfigmgr.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gitconfigmgr.http.messages import Request

_NAMES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracing:
    """One server span for each request but health checks; sampling and export are as OTEL_* variables say."""

    def __init__(self) -> None:
        try:
            trace = import_module("opentelemetry.sdk.trace")
            export = import_module("opentelemetry.sdk.trace.export")
            otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            resources = import_module("opentelemetry.sdk.resources")
            self._context: Any = import_module("opentelemetry.trace.propagation.tracecontext")
            self._api: Any = import_module("opentelemetry.trace")
        except ModuleNotFoundError as error:
            raise UsageError(
                f"{error.name} is needed and not installed",
                "pip install 'gitconfigmgr[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT",
            ) from None
        named = resources.Resource.create({"service.name": "gitconfigmgr-endpoint"})
        self._provider: Any = trace.TracerProvider(resource=named, shutdown_on_exit=False)
        self._provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
        self._tracer: Any = self._provider.get_tracer("gitconfigmgr.endpoint")
        self._propagator: Any = self._context.TraceContextTextMapPropagator()

    def done(self, request: Request, status: int) -> None:
        """Told of each response."""
        route = request.route or "other"
        if route.startswith("/health"):
            return
        parent = self._propagator.extract({"traceparent": request.header("traceparent")})
        now = time.time_ns()
        begun = now - int((time.perf_counter() - request.begun) * 1e9)
        method = request.method.decode("latin-1")
        attributes = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        span = self._tracer.start_span(
            f"{method} {route}", parent, kind=self._api.SpanKind.SERVER, attributes=attributes, start_time=begun
        )
        if status >= 500:
            span.set_status(self._api.StatusCode.ERROR)
        span.end(now)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def with_tracing(
    done: Callable[[Request, int], None], environment: Mapping[str, str]
) -> tuple[Callable[[Request, int], None], Callable[[], None]]:
    """What is to be told of responses, and what ends it. Without a collector nothing is loaded."""
    wanted = any(environment.get(name) for name in _NAMES)
    if not wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return done, lambda: None
    tracing = Tracing()

    def both(request: Request, status: int) -> None:
        done(request, status)
        tracing.done(request, status)

    return both, tracing.close
