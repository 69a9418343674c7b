"""The client of the HTTP API that the commands share."""

import argparse
import ipaddress
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import httpx

from service.cli.command import CommandError
from service.cli.console import print_note

DEFAULT_URL = "http://127.0.0.1:8000"

_JOB_WAIT_S = 20  # the longest time that the service may hold one request for a job's progress
_BENCHMARK_WAIT_S = 2  # shorter: the service answers such a request only at the benchmark's end
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_LONG_TIMEOUT = httpx.Timeout(600.0, connect=5.0)  # for storing a large dataset and making its leaderboard
_REBUILD_TIMEOUT_S = 3600.0
_OUTAGE_LIMIT_S = 60.0  # how long the service may be away while a command waits for it
_OUTAGE_PAUSE_S = 1.0
_TEMPORARY_STATUSES = frozenset({429, 502, 503, 504})
_NO_KEY = 401
_NOT_FOUND = 404
_UNFINISHED = frozenset({"queued", "running"})
_NDJSON = {"Content-Type": "application/x-ndjson"}
_IN_A_BATCH = re.compile(r"/(?:items|labels)/(\d+)(?:/(.*))?")


class FaultyPlace(NamedTuple):
    """One place that the service refused: its JSON pointer and the reason."""

    pointer: str
    detail: str


class ClientError(CommandError):
    """The service can't be reached or refused the request.

    If it refused, `status` is the HTTP status and `places` are the places that it named.
    """

    def __init__(self, lines: Sequence[str], *, status: int | None = None, places: Sequence[FaultyPlace] = ()) -> None:
        super().__init__(lines)
        self.status = status
        self.places = list(places)

    def lines_in_file(self, line_numbers: Sequence[int]) -> list[str]:
        """Returns the reasons with each item's or label's position replaced by the line of the file it came from.

        `line_numbers` has the line of each item or label that was sent. If the service named no place, the reasons
        are returned as they are.
        """
        return [_in_file(place, line_numbers) for place in self.places] or self.lines


class Client:
    """Calls one service. A context manager, which closes the connections at its end.

    A service that is away is waited for while `may_return` is true.
    """

    def __init__(self, url: str, key: str | None, *, may_return: Callable[[], bool] = lambda: True) -> None:
        self.url = url.rstrip("/")
        self._may_return = may_return
        self._has_answered = False
        is_here = _is_loopback(self.url)
        if key and not (key.isascii() and key.isprintable()):
            raise ClientError(["the API key (--key or JUDGED_API_KEY) has a character that no key can have"])
        try:
            self._http = httpx.Client(
                base_url=self.url,
                headers={"Authorization": f"Bearer {key}"} if key else {},
                timeout=_TIMEOUT,
                trust_env=not is_here,  # no proxy, however the environment names one, stands before this machine
                verify=httpx.create_ssl_context(),  # as SSL_CERT_FILE says, for a loopback address too
            )
        except (httpx.InvalidURL, ValueError, ImportError, OSError) as error:
            variables = "SSL_CERT_FILE" if is_here else "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY or SSL_CERT_FILE"
            raise ClientError([f"the environment's {variables} can't be used: {error}"]) from error

    @classmethod
    def from_options(cls, options: argparse.Namespace) -> Self:
        """Returns a client for `--url` and `--key`, else for `JUDGED_URL` and `JUDGED_API_KEY`."""
        url = options.url or os.environ.get("JUDGED_URL") or DEFAULT_URL
        return cls(url, options.key or os.environ.get("JUDGED_API_KEY"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit_job(
        self, lines: bytes, judge: str | dict[str, Any], models: list[str], *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Returns the new job, for items as NDJSON and a judge by name or by definition.

        If an earlier request had the same `idempotency_key`, it returns the job of that request.
        """
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        if isinstance(judge, str):
            query = {"judge": judge, **({"models": ",".join(models)} if models else {})}
            return self._json("POST", "/v1/jobs", params=query, content=lines, headers={**headers, **_NDJSON})
        items = [_item(number, line) for number, line in enumerate(lines.splitlines(), 1) if line.strip()]
        order = {"judge": judge, "items": items, "models": models or None}
        return self._json("POST", "/v1/jobs", json=order, headers=headers)

    def job(self, job_id: str) -> dict[str, Any]:
        """Returns a job in its present state: a repeated `submit_job` returns the state at its beginning."""
        return self._json("GET", f"/v1/jobs/{_segment(job_id)}")

    def jobs(self, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yields jobs without their judgments, the newest first."""
        yield from self._paged("/v1/jobs", "jobs", query)

    def cancel_job(self, job_id: str) -> dict[str, Any]:
        """Cancels the part of a job that has not started, and returns the job."""
        return self._json("DELETE", f"/v1/jobs/{_segment(job_id)}")

    def judges(self) -> Iterator[dict[str, Any]]:
        """Yields the latest version of each judge by name."""
        yield from self._paged("/v1/judges", "judges", {})

    def judge(self, reference: str) -> dict[str, Any]:
        """Returns the latest version of `name`, or the version that `name@version` pins."""
        return self._json("GET", f"/v1/judges/{_segment(reference)}")

    def retire_judge(self, name: str) -> None:
        """Makes a judge take no new jobs."""
        self._send("DELETE", f"/v1/judges/{_segment(name)}")

    def follow_job(self, job: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yields the job, then its state after each poll, until it has ended."""
        return self._follow(job, "jobs", _JOB_WAIT_S, _TIMEOUT)

    def judgments(self, job_id: str, *, outcome: str | None = None) -> Iterator[dict[str, Any]]:
        """Yields all judgments of a job, or those of an outcome, in the order of its items."""
        yield from self._lines(f"/v1/jobs/{_segment(job_id)}/judgments", _without_none(outcome=outcome))

    def archived_judgments(
        self, since: datetime, until: datetime, query: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        """Yields the archived judgments that ended in a period; none if the service has no archive."""
        times = {"since": since.isoformat(), "until": until.isoformat()}
        yield from self._lines("/v1/archive/judgments", {**times, **query})

    def labels(self) -> Iterator[dict[str, Any]]:
        """Yields all labels by criterion, item and annotator."""
        yield from self._lines("/v1/labels", {})

    def store_dataset(self, name: str, lines: bytes) -> dict[str, Any]:
        """Stores items with people's values, as NDJSON, and returns the dataset's description."""
        return self._json("PUT", f"/v1/datasets/{name}", content=lines, headers=_NDJSON, timeout=_LONG_TIMEOUT)

    def estimate_benchmark(self, order: dict[str, Any]) -> dict[str, Any]:
        """Returns the number of judgments and the estimated cost of a benchmark."""
        return self._json("POST", "/v1/benchmarks/estimate", json=order, timeout=_LONG_TIMEOUT)

    def start_benchmark(self, order: dict[str, Any]) -> dict[str, Any]:
        """Starts a benchmark and returns it."""
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        return self._json("POST", "/v1/benchmarks", json=order, headers=headers, timeout=_LONG_TIMEOUT)

    def follow_benchmark(self, benchmark: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yields the benchmark, then its state after each poll, until it has ended."""
        return self._follow(benchmark, "benchmarks", _BENCHMARK_WAIT_S, _LONG_TIMEOUT)

    def arena_leaderboard(self, criterion: str | None) -> dict[str, Any]:
        """Returns the models ranked by people's votes, over all criteria if none is given."""
        return self._json("GET", "/v1/arena/leaderboard", params=_without_none(criterion=criterion))

    def arena_markdown(self, criterion: str | None) -> str:
        """Returns the arena's leaderboard as Markdown."""
        headers, query = {"Accept": "text/markdown"}, _without_none(criterion=criterion)
        return self._send("GET", "/v1/arena/leaderboard", headers=headers, params=query).text

    def battles(self) -> Iterator[dict[str, Any]]:
        """Yields a summary of every battle of the arena, newest first."""
        yield from self._paged("/v1/arena/battles", "battles", {})

    def battle(self, battle_id: str, voter: str) -> dict[str, Any]:
        """Returns a battle as this voter may see it: without the models' names until they have voted."""
        return self._json("GET", f"/v1/arena/battles/{battle_id}", params={"voter": voter})

    def vote(self, battle_id: str, winner: str, voter: str) -> dict[str, Any]:
        """Stores a vote and returns the battle with the names of its models."""
        return self._json("POST", f"/v1/arena/battles/{battle_id}/vote", json={"winner": winner, "voter": voter})

    def store_labels(self, lines: bytes) -> dict[str, Any]:
        """Stores labels, as NDJSON, and returns how many were new. Sending them again changes nothing."""
        return self._json_after_outage("POST", "/v1/labels", content=lines, headers=_NDJSON)

    def has_labels(self, criterion: str) -> bool:
        """Returns whether any label on the criterion is stored."""
        return bool(self._json("GET", "/v1/labels", params={"criterion": criterion, "limit": 1})["labels"])

    def criteria(self) -> Iterator[dict[str, Any]]:
        """Yields all criteria by name."""
        yield from self._paged("/v1/criteria", "criteria", {})

    def criterion(self, name: str) -> dict[str, Any]:
        """Returns a criterion with the values of its labels."""
        return self._json("GET", f"/v1/criteria/{_segment(name)}")

    def label_queue(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns a page of the items to label next."""
        return self._json_after_outage("GET", "/v1/labels/queue", params=query)

    def label_progress(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns how far the labels on a criterion are from the wished interval."""
        return self._json_after_outage("GET", "/v1/labels/progress", params=query)

    def store_label(self, label: Mapping[str, Any]) -> dict[str, Any]:
        """Stores one label. Sending it again changes nothing."""
        return self._json_after_outage("POST", "/v1/labels", json={"labels": [label]})

    def delete_label(self, item_id: str, criterion: str, annotator: str) -> None:
        """Deletes a label; does nothing if it is gone."""
        try:
            self._send("DELETE", f"/v1/labels/{_segment(item_id)}/{_segment(criterion)}/{_segment(annotator)}")
        except ClientError as error:
            if error.status != _NOT_FOUND:
                raise

    def item(self, item_id: str) -> dict[str, Any]:
        """Returns all judgments and labels of an item."""
        return self._json_after_outage("GET", f"/v1/items/{_segment(item_id)}")

    def agreement(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns the report of a judge's agreement with people or with another judge."""
        return self._json("GET", "/v1/agreement", params=query)

    def estimates(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns a judge's mean score and the mean corrected by people's labels."""
        return self._json("GET", "/v1/estimates", params=query)

    def calibration(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns the people's value that each of a judge's values stands for."""
        return self._json("GET", "/v1/calibration", params=query)

    def compare(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns two groups of items compared by a judge and by labels."""
        return self._json("GET", "/v1/compare", params=query)

    def rebuild(self, *, repair: bool) -> dict[str, Any]:
        """Recounts the counters of agreement from the labels and returns how many differ."""
        query = {"repair": str(repair).lower()}
        return self._json("POST", "/v1/agreement/rebuild", params=query, timeout=_REBUILD_TIMEOUT_S)

    def not_ready(self) -> str | None:
        """Returns why jobs stand still, such as that no worker is alive; None if the service knows no reason."""
        try:
            self._send("GET", "/readyz")
        except ClientError as error:
            return None if error.status is None else error.lines[0].partition(": ")[2]
        return None

    def unlike(self, version: str) -> str | None:
        """Returns in which way the service is not judged of this version, None if it is."""
        try:
            described = self._json("GET", "/schema")["info"]
            title, running = described["title"], described["version"]
        except (ClientError, LookupError, TypeError):
            title, running = None, None
        if title != "judged":
            return f"{self.url} is no judged service"
        return None if running == version else f"{self.url} runs judged {running}, and this command is of {version}"

    def _lines(self, path: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yields the values of an answer as NDJSON, as they come."""
        accept = {"Accept": "application/x-ndjson"}
        try:
            with self._http.stream("GET", path, headers=accept, params=query) as response:
                if response.is_error:
                    response.read()
                    raise _refusal(response)
                yield from map(json.loads, _lines_of(response))
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _paged(self, path: str, name: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yields the entries of each page of a list, which has them under `name`."""
        cursor = None
        while True:
            page = self._json("GET", path, params={**query, **_without_none(cursor=cursor)})
            yield from page[name]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def _follow(
        self, state: dict[str, Any], kind: str, wait_s: int, timeout: httpx.Timeout
    ) -> Iterator[dict[str, Any]]:
        yield state
        while state["status"] in _UNFINISHED:
            state = self._json_after_outage(
                "GET", f"/v1/{kind}/{state['id']}", params={"wait": wait_s}, timeout=timeout
            )
            yield state

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        return _json_of(self._send(method, path, **request))

    def _json_after_outage(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Like `_json`, but repeats the request while the service is away, for up to `_OUTAGE_LIMIT_S`.

        A service that has never answered is not away: its address may be wrong.
        """
        until, is_said = time.monotonic() + _OUTAGE_LIMIT_S, False
        while True:
            try:
                return self._json(method, path, **request)
            except ClientError as error:
                is_temporary = (error.status is None and self._has_answered) or error.status in _TEMPORARY_STATUSES
                if not is_temporary or time.monotonic() > until or not self._may_return():
                    raise
                if not is_said:
                    print_note(f"{error.lines[0]} (tried again for up to {_OUTAGE_LIMIT_S:.0f} s)")
                    is_said = True
            time.sleep(_OUTAGE_PAUSE_S)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        self._has_answered = True
        if response.is_error:
            raise _refusal(response)
        return response

    def _unreachable(self, error: httpx.TransportError) -> ClientError:
        return ClientError([f"{self.url} can't be reached ({error}): is `judged up` running?"])


def _lines_of(response: httpx.Response) -> Iterator[bytes]:
    """Yields the lines of NDJSON, which only line feeds end: `iter_lines` also ends them at U+2028 within texts."""
    pending: list[bytes] = []
    for part in response.iter_bytes():
        first, *rest = part.split(b"\n")
        pending.append(first)
        for following in rest:
            if line := b"".join(pending).strip():
                yield line
            pending = [following]
    if line := b"".join(pending).strip():
        yield line


def _is_loopback(url: str) -> bool:
    """Returns whether an address is of this machine. Raises ClientError if it is no address of a service."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ClientError([f"the address {url} (--url or JUDGED_URL) is not valid: {error}"]) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ClientError([f"the address {url} (--url or JUDGED_URL) must be like {DEFAULT_URL}"])
    try:
        return ipaddress.ip_address(parsed.host).is_loopback
    except ValueError:
        return parsed.host == "localhost" or parsed.host.endswith(".localhost")


def _segment(text: str) -> str:
    if not text:
        raise ClientError(["a name or an id is empty: is a variable of the shell not set?"])
    return quote(text, safe="").replace(".", "%2E")  # the client would resolve the path `..`


def _item(number: int, line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ClientError([f"line {number}: not JSON: {error}"]) from error


def _without_none(**query: str | None) -> dict[str, str]:
    return {name: value for name, value in query.items() if value is not None}


def _json_of(response: httpx.Response) -> dict[str, Any]:
    try:
        content: dict[str, Any] = response.json()
    except ValueError as error:
        raise ClientError([f"the answer of {response.url} is not JSON: is it a judged service?"], status=200) from error
    return content


def _refusal(response: httpx.Response) -> ClientError:
    """Returns the problem's detail with one line for each place that it names (RFC 9457)."""
    try:
        problem = response.json()
        summary = problem.get("detail") or problem.get("title") or response.reason_phrase
        places = [
            FaultyPlace(each.get("pointer") or "/", str(each.get("detail"))) for each in problem.get("errors") or ()
        ]
    except (ValueError, AttributeError):
        summary, places = f"{response.url} answered {response.reason_phrase}", []
    details = [line for each in places if (line := f"{each.pointer}: {each.detail}") != summary]
    if response.status_code == _NO_KEY:
        summary = f"{summary}: --key or JUDGED_API_KEY"
    lines = [f"refused ({response.status_code}): {summary}", *details]
    return ClientError(lines, status=response.status_code, places=places)


def _in_file(place: FaultyPlace, line_numbers: Sequence[int]) -> str:
    found = _IN_A_BATCH.fullmatch(place.pointer)
    if found is None or int(found[1]) >= len(line_numbers):
        return f"{place.pointer}: {place.detail}"
    where = f"line {line_numbers[int(found[1])]}"
    return f"{where}: {found[2]}: {place.detail}" if found[2] else f"{where}: {place.detail}"
