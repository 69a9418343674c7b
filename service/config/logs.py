"""Logs: one line an event on standard error, as text or as JSON, each with its time, level and ids."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from service.config.sections import LogSettings

request_id: ContextVar[str] = ContextVar("request_id", default="")  # of the request at hand
job_id: ContextVar[str] = ContextVar("job_id", default="")  # of the job at work

# Libraries that log URLs, in which there may be tokens, or the arguments of jobs.
_QUIET = ("aiohttp", "arq", "httpcore", "httpx", "urllib3")


def set_up_logs(settings: LogSettings) -> None:
    """Sends the logs of this process to standard error, in the format and from the level of the settings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines())
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


LINE_BEGIN = '{"time": "'  # of a JSON line


class TextLines(logging.Formatter):
    """`2026-11-30T01:02:03.004Z INFO service.api: words request_id=req_1 job_id=job_2`."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of an event, with its traceback; line ends and other control characters are escaped."""
        message = record.getMessage()
        ids = "".join(f" {name}={value}" for name, value in _ids(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {message}{ids}"
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


class JsonLines(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`, the ids, the event's own fields, `error`."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of an event."""
        event: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_ids(record),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            event["error"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ids(record: logging.LogRecord) -> dict[str, str]:
    known = {"request_id": request_id.get(), "job_id": job_id.get()}
    found = {name: getattr(record, name, "") or value for name, value in known.items()}
    return {name: str(value) for name, value in found.items() if value}
