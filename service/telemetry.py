"""OpenTelemetry: spans and events of this process, sent to a collector if one is configured.

Otherwise nothing is recorded, and OpenTelemetry is not imported. It comes with the extra `otel`.
"""

import contextlib
import ipaddress
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, get_args
from urllib.parse import urlsplit

from service.config.sections import TelemetrySettings
from service.config.version import version

if TYPE_CHECKING:
    import requests
    from opentelemetry._logs import Logger, LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Tracer, TracerProvider

_log = logging.getLogger(__name__)

Attribute = str | bool | int | float | list[str]
SpanRole = Literal["internal", "server", "client", "consumer"]
Signal = Literal["TRACES", "LOGS"]

_SCOPE = "judged"
_PROTOCOL = "http/protobuf"
_USUAL_ADDRESS = "http://localhost:4318"
_FLUSH_S = 5.0  # at the end, for all that is not yet sent: a collector that is away must not hold the process up


class TraceSpan(Protocol):
    """A span that is being recorded."""

    def rename(self, name: str) -> None:
        """Gives the span another name."""
        ...

    def note(self, attributes: Mapping[str, Attribute | None]) -> None:
        """Adds attributes; those that are None are left out."""
        ...

    def fail(self, error_type: str) -> None:
        """Marks the span as failed, for a reason from a closed set of words."""
        ...


class _Unrecorded:
    """The span of a process that records nothing, and of a trace that is not sampled."""

    def rename(self, name: str) -> None: ...

    def note(self, attributes: Mapping[str, Attribute | None]) -> None: ...

    def fail(self, error_type: str) -> None: ...


UNRECORDED: TraceSpan = _Unrecorded()
_NO_SPAN = contextlib.nullcontext(UNRECORDED)


class _Recorder(NamedTuple):
    """Where spans and events go; None if they go nowhere. `explanations`: judges' explanations are sent too."""

    tracer: "Tracer | None"
    logger: "Logger | None"
    explanations: bool


_OFF = _Recorder(None, None, False)
_recorder = _OFF


def records_spans() -> bool:
    """Returns whether this process records spans."""
    return _recorder.tracer is not None


def records_events() -> bool:
    """Returns whether this process records events."""
    return _recorder.logger is not None


def records_explanations() -> bool:
    """Returns whether explanations, which may quote judged texts, may be recorded."""
    return _recorder.explanations


def span(
    name: str, kind: SpanRole, attributes: Mapping[str, Attribute], parent: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[TraceSpan]:
    """Records a span while the block lasts: a child of the one around it, or of `parent` (see `trace_context`).

    An exception that leaves the block is not recorded: its message may quote a text.
    """
    return _NO_SPAN if _recorder.tracer is None else _recorded(_recorder.tracer, name, kind, attributes, parent)


@contextlib.contextmanager
def _recorded(
    tracer: "Tracer", name: str, kind: SpanRole, attributes: Mapping[str, Attribute], parent: Mapping[str, str] | None
) -> Iterator[TraceSpan]:
    from opentelemetry.trace import SpanKind

    with tracer.start_as_current_span(
        name,
        context=_context(parent),
        kind=SpanKind[kind.upper()],
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as recorded:
        yield _Recorded(recorded) if recorded.is_recording() else UNRECORDED


class _Recorded:
    """See TraceSpan."""

    def __init__(self, recorded: Any) -> None:
        self._span = recorded

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, attributes: Mapping[str, Attribute | None]) -> None:
        self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def fail(self, error_type: str) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("error.type", error_type)
        self._span.set_status(StatusCode.ERROR)


def event(name: str, attributes: Mapping[str, Attribute | None], parent: Mapping[str, str] | None = None) -> None:
    """Records an event, under the span around it or under `parent`. Attributes that are None are left out."""
    if _recorder.logger is None:
        return
    from opentelemetry._logs import SeverityNumber

    _recorder.logger.emit(
        event_name=name,
        severity_number=SeverityNumber.INFO,
        attributes={name: value for name, value in attributes.items() if value is not None},
        context=_context(parent),
    )


def trace_context() -> dict[str, str]:
    """Returns the span around the caller as W3C Trace Context's headers; nothing if none is recorded.

    Other processes take them as the `parent` of their spans.
    """
    if _recorder.tracer is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return headers


def _context(parent: Mapping[str, str] | None) -> "Context | None":
    """Returns None, which means the span around the caller, without a parent; and the same if that can't be read."""
    if not parent:
        return None
    from opentelemetry.context import get_current
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(parent, get_current())


@contextlib.contextmanager
def recording(
    tracers: "TracerProvider | None", loggers: "LoggerProvider | None", *, explanations: bool = False
) -> Iterator[None]:
    """Gives the spans and events of this process to these providers while the block lasts."""
    global _recorder
    before = _recorder
    _recorder = _Recorder(
        None if tracers is None else tracers.get_tracer(_SCOPE, version()),
        None if loggers is None else loggers.get_logger(_SCOPE, version()),
        explanations,
    )
    try:
        yield
    finally:
        _recorder = before


@contextlib.contextmanager
def exporting(settings: TelemetrySettings, environ: Mapping[str, str], role: str) -> Iterator[None]:
    """Sends spans and events to the collector that the settings or the `OTEL_*` variables name, if they name one.

    `role` is the process's, such as `worker`. All that is not yet sent at the end of the block is sent then, within 5
    seconds.
    """
    wanted = [signal for signal in get_args(Signal) if _is_wanted(signal, settings, environ)]
    try:
        providers = _providers({each: _address(each, settings, environ) for each in wanted}, role) if wanted else {}
    except ImportError as error:
        _log.warning("no traces are sent: %s is missing, install judged[otel]", error.name)
        providers = {}
    if not providers:
        yield
        return
    with recording(providers.get("TRACES"), providers.get("LOGS"), explanations=settings.explanations):
        try:
            yield
        finally:
            _shut_down([each.shutdown for each in providers.values()])


def _is_wanted(signal: Signal, settings: TelemetrySettings, environ: Mapping[str, str]) -> bool:
    """Follows OpenTelemetry's specification of its variables, except that nothing is sent unless one is set."""
    exporter = _given(environ, f"{signal}_EXPORTER")
    has_address = settings.endpoint or _given(environ, "EXPORTER_OTLP_ENDPOINT")
    if not (exporter or has_address or _given(environ, f"EXPORTER_OTLP_{signal}_ENDPOINT")):
        return False
    if exporter == "none" or _given(environ, "SDK_DISABLED").lower() == "true":
        return False
    protocol = _given(environ, f"EXPORTER_OTLP_{signal}_PROTOCOL") or _given(environ, "EXPORTER_OTLP_PROTOCOL")
    if exporter not in ("", "otlp") or protocol not in ("", _PROTOCOL):
        _log.warning("no %s are sent: the exporter must be otlp, and its protocol %s", signal.lower(), _PROTOCOL)
        return False
    return True


def _address(signal: Signal, settings: TelemetrySettings, environ: Mapping[str, str]) -> str:
    own = _given(environ, f"EXPORTER_OTLP_{signal}_ENDPOINT")
    if own and not settings.endpoint:
        return own
    base = settings.endpoint or _given(environ, "EXPORTER_OTLP_ENDPOINT") or _USUAL_ADDRESS
    return f"{base.rstrip('/')}/v1/{signal.lower()}"


def _given(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"OTEL_{name}", "").strip()


def _providers(addresses: Mapping[Signal, str], role: str) -> dict[Signal, Any]:
    """Returns a provider for each signal. Raises ImportError if the extra is not installed."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource, providers = _resource(role), dict[Signal, Any]()
    for signal, address in addresses.items():
        if signal == "TRACES":
            tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
            tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(address, session=_session(address))))
            providers[signal] = tracers
        else:
            loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
            exporter = OTLPLogExporter(address, session=_session(address))
            loggers.add_log_record_processor(BatchLogRecordProcessor(exporter))
            providers[signal] = loggers
    return providers


def _resource(role: str) -> "Resource":
    """Returns the description of this process; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    own = {
        "service.name": f"judged-{role}",
        "service.namespace": "judged",
        "service.version": version(),
        "service.instance.id": str(uuid.uuid4()),
    }
    return Resource.create(own).merge(OTELResourceDetector().detect())


def _session(address: str) -> "requests.Session | None":
    """Returns a session that uses no proxy if the address is on this machine."""
    import requests

    host = urlsplit(address).hostname or ""
    try:
        is_here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return None
    session = requests.Session()
    session.trust_env = not is_here
    return session


def _shut_down(shutdowns: Iterable[Callable[[], object]]) -> None:
    """Sends the rest. Gives up after a while, with a line in the log."""
    deadline = time.monotonic() + _FLUSH_S
    threads = [threading.Thread(target=each, daemon=True) for each in shutdowns]
    for each in threads:
        each.start()
    for each in threads:
        each.join(max(deadline - time.monotonic(), 0.0))
    if any(each.is_alive() for each in threads):
        _log.warning("OpenTelemetry: the collector does not answer, the rest is not sent")
