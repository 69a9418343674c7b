"""When a process records anything, and what it says where it can't."""

import subprocess
import sys

import pytest

from service import telemetry
from service.config.sections import TelemetrySettings
from tests.stubs.collector import collecting

NOWHERE = "http://127.0.0.1:9"
NOTHING = (False, False)


def recorded(endpoint: str = "", **environ: str) -> tuple[bool, bool]:
    """Whether spans and events are recorded."""
    with telemetry.exporting(TelemetrySettings(endpoint=endpoint), environ, "test"):
        return telemetry.records_spans(), telemetry.records_events()


def test_nothing_is_recorded_unless_a_collector_is_named() -> None:
    assert recorded(OTEL_SERVICE_NAME="mine", OTEL_TRACES_SAMPLER="always_on") == NOTHING
    assert telemetry.trace_context() == {}


def test_the_usual_variables_name_a_collector() -> None:
    assert recorded(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE) == (True, True)
    assert recorded(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=NOWHERE) == (True, False)
    assert recorded(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=NOWHERE) == (False, True)
    assert recorded(OTEL_TRACES_EXPORTER="otlp") == (True, False)


def test_the_setting_names_a_collector() -> None:
    assert recorded(NOWHERE) == (True, True)


def test_a_signal_can_be_turned_off() -> None:
    assert recorded(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE, OTEL_LOGS_EXPORTER="none") == (True, False)
    assert recorded(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE, OTEL_TRACES_EXPORTER="none") == (False, True)
    assert recorded(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE, OTEL_SDK_DISABLED="true") == NOTHING


@pytest.mark.parametrize("wrong", [{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"OTEL_TRACES_EXPORTER": "zipkin"}])
def test_another_exporter_is_said_not_to_be_there(wrong: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    assert recorded(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=NOWHERE, **wrong) == NOTHING
    assert "the exporter must be otlp, and its protocol http/protobuf" in caplog.text


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert recorded(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE) == NOTHING
    assert "install judged[otel]" in caplog.text


def test_the_rest_is_sent_at_the_end() -> None:
    with collecting() as collector:
        settings = TelemetrySettings(endpoint=collector.url + "/")
        with telemetry.exporting(settings, {}, "test"), telemetry.span("outer", "internal", {}) as span:
            span.note({"known": 1, "unknown": None})
            telemetry.event("happened", {"known": True})
    assert [(each.name, each.attributes, each.service) for each in collector.spans] == [
        ("outer", {"known": 1}, "judged-test")
    ]
    assert [(each.name, each.span_id) for each in collector.events] == [("happened", collector.spans[0].span_id)]


def test_a_span_keeps_no_words_of_an_error() -> None:
    with (
        collecting() as collector,
        telemetry.exporting(TelemetrySettings(endpoint=collector.url), {}, "test"),
        pytest.raises(ValueError),
        telemetry.span("failing", "internal", {}),
    ):
        raise ValueError("secret words")
    assert b"secret words" not in b"".join(collector.bodies)
    assert [each.name for each in collector.spans] == ["failing"]


def test_a_parent_that_cant_be_read_is_none(caplog: pytest.LogCaptureFixture) -> None:
    with (
        collecting() as collector,
        telemetry.exporting(TelemetrySettings(endpoint=collector.url), {}, "test"),
        telemetry.span("outer", "internal", {}),
    ):
        telemetry.event("happened", {}, {"traceparent": "no parent"})
        with telemetry.span("inner", "internal", {}, {"traceparent": "00-0-0-01"}):
            pass
    spans = {each.name: each for each in collector.spans}
    assert spans["inner"].parent_id == spans["outer"].span_id == collector.events[0].span_id
    assert caplog.text == ""


def test_nothing_is_imported_unless_something_is_recorded() -> None:
    code = "import sys, worker.process, service.app; print([each for each in sys.modules if 'opentelemetry' in each])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
