"""A thin client of the HTTP API, for the commands."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import httpx

DEFAULT_URL = "http://127.0.0.1:8000"

_WAIT_S = 20  # how long the service may hold one question after a job
_LOOK_S = 2  # how long it may hold one after a benchmark, of which only the end wakes it
_LONG = httpx.Timeout(600.0, connect=5.0)  # very many items take a while to take in, and their leaderboard to make
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_RECOUNT_S = 3600.0  # how long the service may take to recount everything
_AWAY_LIMIT_S = 60.0  # how long the service may be away while a job runs
_AWAY_PAUSE_S = 1.0
_PASSING = frozenset({429, 502, 503, 504})
_UNDER_WAY = frozenset({"queued", "running"})


class ClientError(Exception):
    """What was asked for can't be had; `lines` say why, one thing a line.

    Where the service refused it, `status` is the HTTP status and `places` has each (JSON pointer, what is wrong there).
    """

    def __init__(self, lines: list[str], *, status: int | None = None, places: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.status = status
        self.places = list(places)


class Client:
    """Speaks to one service, until it is closed as the context manager it is."""

    def __init__(self, environ: Mapping[str, str], url: str | None, key: str | None) -> None:
        self.url = (url or environ.get("JUDGED_URL") or DEFAULT_URL).rstrip("/")
        key = key or environ.get("JUDGED_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            self._http = httpx.Client(base_url=self.url, headers=headers, timeout=_TIMEOUT)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ClientError([f"{self.url} or the key can't be used: {error}"]) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit(self, lines: bytes, judge: str | dict[str, Any], models: list[str]) -> dict[str, Any]:
        """The new job, for items as NDJSON and a judge by name or by its definition."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        if isinstance(judge, str):
            query = {"judge": judge, **({"models": ",".join(models)} if models else {})}
            headers["Content-Type"] = "application/x-ndjson"
            return self._answer("POST", "/v1/jobs", params=query, content=lines, headers=headers)
        items = [json.loads(line) for line in lines.splitlines() if line.strip()]
        order = {"judge": judge, "items": items, "models": models or None}
        return self._answer("POST", "/v1/jobs", json=order, headers=headers)

    def progress(self, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The job each time that it was asked after, from what `submit` gave to its end."""
        yield job
        while job["status"] in _UNDER_WAY:
            job = self._patiently("GET", f"/v1/jobs/{job['id']}", params={"wait": _WAIT_S})
            yield job

    def judgments(self, job_id: str) -> Iterator[dict[str, Any]]:
        """All judgments of a job, in the order of its items."""
        path, accept = f"/v1/jobs/{job_id}/judgments", {"Accept": "application/x-ndjson"}
        try:
            with self._http.stream("GET", path, headers=accept) as response:
                if response.is_error:
                    response.read()
                    raise _refusal(response)
                yield from (json.loads(line) for line in response.iter_lines() if line.strip())
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def store_dataset(self, name: str, lines: bytes) -> dict[str, Any]:
        """What the dataset is that these items, as NDJSON, make."""
        headers = {"Content-Type": "application/x-ndjson"}
        return self._answer("PUT", f"/v1/datasets/{name}", content=lines, headers=headers, timeout=_LONG)

    def estimate(self, order: dict[str, Any]) -> dict[str, Any]:
        """What a benchmark would cost."""
        return self._answer("POST", "/v1/benchmarks/estimate", json=order, timeout=_LONG)

    def begin_benchmark(self, order: dict[str, Any]) -> dict[str, Any]:
        """A benchmark that has begun."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return self._answer("POST", "/v1/benchmarks", json=order, headers=headers, timeout=_LONG)

    def follow_benchmark(self, benchmark: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The benchmark each time that it was asked after, from what `begin_benchmark` gave to its end."""
        yield benchmark
        path = f"/v1/benchmarks/{benchmark['id']}"
        while benchmark["status"] in _UNDER_WAY:
            benchmark = self._patiently("GET", path, params={"wait": _LOOK_S}, timeout=_LONG)
            yield benchmark

    def arena_leaderboard(self, criterion: str | None) -> dict[str, Any]:
        """The models by people's votes; on all criteria together where none is given."""
        return self._answer("GET", "/v1/arena/leaderboard", params=_given(criterion=criterion))

    def arena_markdown(self, criterion: str | None) -> str:
        """The same as Markdown."""
        return self._text("/v1/arena/leaderboard", "text/markdown", params=_given(criterion=criterion))

    def battles(self) -> Iterator[dict[str, Any]]:
        """Every battle of the arena in short, newest first."""
        cursor = None
        while True:
            page = self._answer("GET", "/v1/arena/battles", params=_given(cursor=cursor))
            yield from page["battles"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def battle(self, battle_id: str, voter: str) -> dict[str, Any]:
        """A battle as this voter may see it."""
        return self._answer("GET", f"/v1/arena/battles/{battle_id}", params={"voter": voter})

    def vote(self, battle_id: str, winner: str, voter: str) -> dict[str, Any]:
        """The battle with the names of its models, now that this vote counts."""
        said = {"winner": winner, "voter": voter}
        return self._answer("POST", f"/v1/arena/battles/{battle_id}/vote", json=said)

    def _text(self, path: str, media_type: str, **request: Any) -> str:
        try:
            response = self._http.get(path, headers={"Accept": media_type}, **request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if response.is_error:
            raise _refusal(response)
        return response.text

    def store_labels(self, lines: bytes) -> dict[str, Any]:
        """How many of these labels were new, for labels as NDJSON. To send them again changes nothing."""
        headers = {"Content-Type": "application/x-ndjson"}
        return self._patiently("POST", "/v1/labels", content=lines, headers=headers)

    def agreement(self, query: Mapping[str, str]) -> dict[str, Any]:
        """How far a judge agrees with people, or with another judge."""
        return self._answer("GET", "/v1/agreement", params=query)

    def estimates(self, query: Mapping[str, str]) -> dict[str, Any]:
        """A judge's mean, and what people's labels make of it."""
        return self._answer("GET", "/v1/estimates", params=query)

    def rebuild(self, *, repair: bool) -> dict[str, Any]:
        """What a recount of the labels says of the counters."""
        query = {"repair": str(repair).lower()}
        return self._answer("POST", "/v1/agreement/rebuild", params=query, timeout=_RECOUNT_S)

    def _answer(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        return _content(response)

    def _patiently(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """As `_answer`, but bears with a service that is away for a while: nothing accepted is lost."""
        until = time.monotonic() + _AWAY_LIMIT_S
        while True:
            try:
                response = self._http.request(method, path, **request)
                if response.status_code not in _PASSING or time.monotonic() > until:
                    return _content(response)
            except httpx.TransportError as error:
                if time.monotonic() > until:
                    raise self._unreachable(error) from error
            time.sleep(_AWAY_PAUSE_S)

    def _unreachable(self, error: httpx.TransportError) -> ClientError:
        return ClientError([f"{self.url} can't be reached ({error}): is `judged up` running?"])


def _given(**query: str | None) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def _content(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise _refusal(response)
    try:
        content: dict[str, Any] = response.json()
    except ValueError as error:
        raise ClientError([f"{response.url} does not answer as judged does"]) from error
    return content


def _refusal(response: httpx.Response) -> ClientError:
    """The problem's own words, with one line for each place that it names."""
    try:
        problem = response.json()
        summary = problem.get("detail") or problem.get("title") or response.reason_phrase
        places = [(each.get("pointer") or "/", str(each.get("detail"))) for each in problem.get("errors") or ()]
    except (ValueError, AttributeError):
        summary, places = f"{response.url} answers {response.reason_phrase}", []
    said = [line for pointer, detail in places if (line := f"{pointer}: {detail}") != summary]
    lines = [f"refused ({response.status_code}): {summary}", *said]
    return ClientError(lines, status=response.status_code, places=places)
