"""Spans arrive at a collector, and tell nothing of tokens and addresses."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gitconfigmgr.release import layout
from tests.endpoint.conftest import eventually


@pytest.fixture
def collector():
    """What was received, as bytes and as spans."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    thread.join(60)
    server.server_close()


def spans(received):
    made = [ExportTraceServiceRequest.FromString(data) for data in received]
    return [
        span
        for item in made
        for resource in item.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_a_span_for_each_request_below_the_caller_s(served, collector, monkeypatch):
    address, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    served.start()
    token = served.token()
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    assert served.ask("/health/live").status == 200
    assert served.ask(f"/acme/{layout.TIMESTAMP}", token, traceparent=f"00-{trace}-{parent}-01").status == 200
    assert served.ask(f"/acme/{layout.TIMESTAMP}").status == 401
    eventually(lambda: len(spans(received)) >= 2)
    assert served.stop() == 0
    first, second = sorted(spans(received), key=lambda span: span.start_time_unix_nano)
    assert (first.name, first.trace_id.hex(), first.parent_span_id.hex()) == ("GET /tuf", trace, parent)
    said = {item.key: item.value.int_value or item.value.string_value for item in second.attributes}
    assert said == {"http.request.method": "GET", "http.route": "/tuf", "http.response.status_code": 401}
    assert second.end_time_unix_nano >= second.start_time_unix_nano
    everything = b"".join(received)
    assert token.encode() not in everything
    assert b"timestamp.json" not in everything


def test_a_collector_that_is_away_changes_nothing(served, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    served.start()
    token = served.token()
    assert served.ask(f"/acme/{layout.TIMESTAMP}", token).status == 200
    assert served.stop() == 0
