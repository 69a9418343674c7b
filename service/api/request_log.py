"""One line in the log for each request: method, path without its query, status, time and key."""

import logging
import time
from collections.abc import MutableMapping
from typing import Any

from litestar.types import HTTPResponseStartEvent, Send

from service.api.responses import on_start
from service.config.logs import request_id

logger = logging.getLogger(__name__)


def logging_request(scope: MutableMapping[str, Any], send: Send) -> Send:
    """Returns a `send` that logs the request once its response begins; and lets other log lines have its id."""
    request_id.set(scope["state"]["request_id"])
    began = time.perf_counter()

    def log(message: HTTPResponseStartEvent) -> None:
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": message["status"],
            "seconds": round(time.perf_counter() - began, 4),
            "key": scope["state"].get("key_name"),
        }
        logger.info("%(method)s %(path)s %(status)s in %(seconds)s s (key %(key)s)", fields, extra={"fields": fields})

    return on_start(send, log)
