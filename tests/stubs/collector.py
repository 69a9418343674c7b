"""A collector of OpenTelemetry on loopback: OTLP over HTTP, spans and log records."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Received(NamedTuple):
    """A span or an event as it came; ids in hexadecimal digits, "" if it has none."""

    service: str
    name: str
    attributes: dict[str, Any]
    trace_id: str
    span_id: str
    parent_id: str
    is_failed: bool


class Collector:
    """What came so far. `bodies` are the requests as they were on the wire, `headers` those of the last one."""

    def __init__(self) -> None:
        self.spans: list[Received] = []
        self.events: list[Received] = []
        self.bodies: list[bytes] = []
        self.headers: Mapping[str, str] = {}
        self.url = ""

    def named(self, name: str) -> list[Received]:
        """The spans of a name."""
        return [each for each in self.spans if each.name == name]

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        self.headers = headers
        self.bodies.append(body)
        if path == "/v1/traces":
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = _attributes(group.resource.attributes)["service.name"]
                self.spans += [_received(service, each) for scope in group.scope_spans for each in scope.spans]
        elif path == "/v1/logs":
            for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
                service = _attributes(logs.resource.attributes)["service.name"]
                self.events += [_received(service, each) for scope in logs.scope_logs for each in scope.log_records]


def _received(service: str, each: Any) -> Received:
    is_span = hasattr(each, "parent_span_id")
    return Received(
        service,
        each.name if is_span else each.event_name,
        _attributes(each.attributes),
        each.trace_id.hex(),
        each.span_id.hex(),
        each.parent_span_id.hex() if is_span else "",
        is_span and each.status.code == each.status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {each.key: _value(each.value) for each in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector at `url` until the block ends."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.take(self.path, dict(self.headers), body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield collector
        finally:
            server.shutdown()
            serving.join(10)
