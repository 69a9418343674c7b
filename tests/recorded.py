"""Spans and events of this process, recorded in memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.telemetry import recording


@contextmanager
def recorded(*, explanations: bool = False) -> Iterator[tuple[Callable[[], Any], Callable[[], Any]]]:
    """Records while the block lasts. Yields functions that return the spans that have ended, and the events."""
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    with recording(tracers, loggers, explanations=explanations):
        yield spans.get_finished_spans, lambda: [each.log_record for each in logs.get_finished_logs()]
