"""Log lines have their time, level and ids, and are one line each."""

import json
import logging
import sys

import pytest

from service.config.logs import JsonLines, TextLines, job_id, request_id, set_up_logs
from service.config.sections import LogSettings


def event(message: str, *args: object, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("service.x", logging.WARNING, __file__, 1, message, args, None)
    record.created = 0.0
    record.__dict__.update(extra)
    return record


def test_a_line_of_text_has_the_ids_and_no_line_ends() -> None:
    tokens = request_id.set("req_1"), job_id.set("job_2")
    line = TextLines().format(event("a %s", "b\nc"))
    assert line == "1970-01-01T00:00:00.000Z WARNING service.x: a b\\nc request_id=req_1 job_id=job_2"
    request_id.reset(tokens[0])
    job_id.reset(tokens[1])
    assert TextLines().format(event("a")).endswith("service.x: a")
    assert TextLines().format(event("a", job_id="job_3")).endswith("service.x: a job_id=job_3")


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()])
def test_an_event_is_one_line_whatever_is_in_it(formatter: logging.Formatter) -> None:
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        line = formatter.format(event("a\nb\r\x1b[0m é 判", exc_info=sys.exc_info()))
    assert not {"\n", "\r", "\x1b"} & set(line)
    assert "é 判" in line
    assert "ValueError: one" in line


def test_a_line_of_json_has_the_fields_and_the_error() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = event("a\nb", fields={"status": 200}, exc_info=sys.exc_info())
    found = json.loads(JsonLines().format(record))
    assert (found["level"], found["message"], found["status"]) == ("warning", "a\nb", 200)
    assert "ValueError: no" in found["error"]
    assert "\n" not in JsonLines().format(record)


def test_libraries_that_log_addresses_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    set_up_logs(LogSettings(format="json", level="info"))
    logging.getLogger("httpx").info("POST https://hooks.example/?token=secret")
    logging.getLogger("service").info("said")
    root.handlers[:], root.level = before
    assert [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()] == ["said"]
