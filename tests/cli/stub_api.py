"""Servers on loopback in place of the API, with answers that a test sets."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Row = dict[str, Any]


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes
    headers: Mapping[str, str]


@contextmanager
def served(answer: Callable[[Asked], tuple[int, bytes]]) -> Iterator[str]:
    """Yields the address of a server that answers each request with the status and the body that `answer` returns."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            query = dict(parse_qsl(target.query))
            status, content = answer(Asked(self.command, target.path, query, body, dict(self.headers)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_POST()

        def do_PUT(self) -> None:
            self.do_POST()

        def do_DELETE(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class JobApi:
    """Answers as the service does for one job, and keeps the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.posted: list[Asked] = []
        self.outcomes = ["scored", "unscored"]
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.busy = 0  # how often to answer 503 before the job is shown

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        if asked.method == "POST":
            self.posted.append(asked)
            status, body = self.refusal or (202, self.job("queued"))
            return status, json.dumps(body).encode()
        if self.busy:
            self.busy -= 1
            return 503, b""
        if asked.path.endswith("/judgments"):
            return 200, self.judgments()
        return 200, json.dumps(self.job("completed")).encode()

    def job(self, status: str) -> dict[str, Any]:
        pending = 0 if status == "completed" else len(self.outcomes)
        counts = {"total": len(self.outcomes), "pending": pending}
        counts |= {name: self.outcomes.count(name) for name in ("scored", "unscored", "failed")}
        return {"id": "job_1", "status": status, "counts": counts, "usage": {"cost_usd": 0.0123}}

    def judgments(self) -> bytes:
        told = [
            {
                "item_id": f"i{n}",
                "criterion": "politeness",
                "outcome": outcome,
                "reason": None if outcome == "scored" else "no_score",
                "score": 4 if outcome == "scored" else None,
                "label": None,
                "ranking": None,
                "explanation": "Kind [bold]words[/bold].",
            }
            for n, outcome in enumerate(self.outcomes)
        ]
        return b"".join(json.dumps(each).encode() + b"\n" for each in told)


class ScriptedApi:
    """Answers each path with its next answer, the last one repeatedly, and keeps the requests."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, list[tuple[int, Row]]] = {}
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> tuple[int, bytes]:
        self.asked.append(asked)
        status, body = self._next(asked)
        return status, json.dumps(body, ensure_ascii=False).encode()

    def _next(self, asked: Asked) -> tuple[int, Row]:
        if asked.path == "/v1/labels" and asked.path not in self.answers:
            count = len(asked.body.splitlines())
            return 200, {"received": count, "stored": count, "unchanged": 0}
        answers = self.answers[asked.path]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def labels(self) -> list[Row]:
        return [json.loads(line) for each in self.asked if each.path == "/v1/labels" for line in each.body.splitlines()]
