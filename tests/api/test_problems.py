"""Every error is an RFC 9457 problem, bad input is named place by place, and nothing of it is stored."""

import json
import re
import socket
import time
from typing import Any

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import Secret, Settings
from service.contracts.pointing import MAX_DEPTH, MOST_FAULTS
from service.store import health, jobs
from tests.api.conftest import OpenApi, client_of, is_untouched, pointers, problem_of
from tests.flows.conftest import Row

GOOD = {"input": "a question", "output": "an answer"}
RATING = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?"}
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


def order(*items: Any, **changes: Any) -> Row:
    return {"judge": "helpfulness", "items": list(items) or [GOOD], **changes}


async def post(api: httpx.AsyncClient, body: Row | bytes, path: str = "/v1/jobs") -> httpx.Response:
    """Python's own writer, since msgspec's can't write what is to be refused."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await api.post(path, content=content, headers=JSON)


async def post_lines(api: httpx.AsyncClient, content: bytes, query: str = "judge=helpfulness") -> httpx.Response:
    return await api.post(f"/v1/jobs?{query}", content=content, headers=NDJSON)


def line(**item: Any) -> bytes:
    return json.dumps(item or GOOD).encode()


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (order(surprise=1), ["/surprise"]),
        ({"items": [GOOD]}, ["/judge"]),
        ({"judge": "helpfulness"}, ["/items"]),
        ({}, ["/judge", "/items"]),
        (order(judge=7), ["/judge"]),
        (order(judge=None), ["/judge"]),
        (order(judge=""), ["/judge"]),
        (order(judge=[]), ["/judge"]),
        (order(judge=["helpfulness", 3]), ["/judge/1"]),
        (order(judge=["helpfulness", {"method": "rating", "instructions": "x"}]), ["/judge/1/criterion"]),
        (order(judge={**RATING, "scale": {"min": 1, "max": 5, "step": 0}}), ["/judge/scale/step"]),
        (order(judge={**RATING, "scale": {"min": "1", "step": -1}}), ["/judge/scale/min", "/judge/scale/step"]),
        (order(judge={**RATING, "method": "guessing", "reasks": 99}), ["/judge/method", "/judge/reasks"]),
        (order(judge={**RATING, "models": ["no slash"]}), ["/judge/models/0"]),
        (order(judge={**RATING, "parameters": {"temperature": 3, "heat": 1}}),
         ["/judge/parameters/heat", "/judge/parameters/temperature"]),
        (order(judge={**RATING, "choices": [{"label": ""}, {"label": "x", "score": "1"}]}),
         ["/judge/choices/0/label", "/judge/choices/1/score"]),
        (order({"output": 1}, GOOD, {"outputs": ["a", 2, None]}), ["/items/0/output", "/items/2/outputs/1",
                                                                    "/items/2/outputs/2"]),
        (order({"id": "", "input": 1, "nope": 2, "metadata": []}),
         ["/items/0/nope", "/items/0/id", "/items/0/input", "/items/0/metadata"]),
        (order("text", None, [GOOD]), ["/items/0", "/items/1", "/items/2"]),
        (order({**GOOD, "a/b~c": 1}), ["/items/0/a~1b~0c"]),
        (order({**GOOD, "": 1}), ["/items/0/"]),
        (order(GOOD, cache="yes", budget_usd=-1, callback_url="ftp://x"), ["/cache", "/budget_usd", "/callback_url"]),
        (order(models=["x"]), ["/models/0"]),
        (order(models=[]), ["/models"]),
        (order(items=[]), ["/items"]),
        (order(items={"0": GOOD}), ["/items"]),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)  # fmt: skip
async def test_each_place_that_does_not_fit_is_named(
    api: httpx.AsyncClient, redis: Redis, body: Row, places: list[str]
) -> None:
    response = await post(api, body)
    assert sorted(pointers(response)) == sorted(places)
    assert await is_untouched(redis)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (order({"output": "\ud800"}), ["/items/0/output"]),
        (order({"output": "half \udfff way"}, GOOD, {"input": "\ud83d"}), ["/items/0/output", "/items/2/input"]),
        (order({**GOOD, "metadata": {"a": [1, "\ud800"]}}), ["/items/0/metadata/a/1"]),
        (order({**GOOD, "metadata": {"\ud800": 1}}), ["/items/0/metadata/?"]),
        (order({"output": "\ud800", "input": 7}), ["/items/0/output", "/items/0/input"]),
        (order(judge={**RATING, "criterion": "\ud800"}), ["/judge/criterion"]),
        (order(judge={**RATING, "method": "\ud800"}), ["/judge/method"]),
        (b'{"judge": "helpfulness", "items": [{"output": "\xff\xfe"}, {"output": "\xed\xa0\x80"}]}',
         ["/items/0/output", "/items/1/output"]),
        (b'{"judge": "helpfulness", "items": [{"output": "x", "metadata": {"a": NaN, "b": -Infinity, "c": 1e999}}]}',
         ["/items/0/metadata/a", "/items/0/metadata/b", "/items/0/metadata/c"]),
        (b'{"judge": "helpfulness", "items": [{"output": "x"}], "budget_usd": Infinity}', ["/budget_usd"]),
        (order({**GOOD, "metadata": {"trace": 2**64, "ok": 2**64 - 1}}), ["/items/0/metadata/trace"]),
        (order({**GOOD, "metadata": {"trace": [-(2**63) - 1]}}), ["/items/0/metadata/trace/0"]),
        (b"", [""]),
        (b"   ", [""]),
        (b"null", [""]),
        (b"[]", [""]),
        (b'"text"', [""]),
        (b'{"judge": "helpfulness", "items": [{"output": "x"}]', [""]),
        (b'{"judge": "helpfulness", "items": [{"output": "x"}]} {}', [""]),
        (b'{"judge": "helpfulness", "items": [{"output": "\x01"}]}', [""]),
        (b"{'judge': 'helpfulness'}", [""]),
        (b"[" * 100_000, [""]),
        (b'{"judge": "helpfulness", "items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", [""]),
        (b'{"judge": "helpfulness", "items": [{}], "budget_usd": ' + b"9" * 10_000 + b"}", ["/budget_usd"]),
    ],
    ids=lambda value: str(value)[:60] if not isinstance(value, list) else "",
)  # fmt: skip
async def test_what_json_in_utf8_does_not_have_is_refused_where_it_stands(
    api: httpx.AsyncClient, redis: Redis, body: Row | bytes, places: list[str]
) -> None:
    assert sorted(pointers(await post(api, body))) == sorted(places)
    assert await is_untouched(redis)


async def test_metadata_nested_too_deep_is_refused_and_the_deepest_allowed_is_taken(
    api: httpx.AsyncClient, redis: Redis
) -> None:
    def nested(depth: int) -> Any:
        return [] if depth <= 1 else [nested(depth - 1)]

    refused = await post(api, order({**GOOD, "metadata": {"a": nested(MAX_DEPTH + 1)}}))
    assert pointers(refused)[0].startswith("/items/0/metadata/a/0/0")
    assert await is_untouched(redis)
    assert (await post(api, order({**GOOD, "metadata": {"a": nested(MAX_DEPTH)}}))).status_code == 202


@pytest.mark.parametrize("text", ["\x00", "a\u0085b", "\U000e0041", "\ufeff", "\uffff", "\u202e", "👩‍🚀"])
async def test_any_valid_character_is_data(api: httpx.AsyncClient, text: str) -> None:
    item = {"id": text, "output": text, "metadata": {text: text}}
    assert (await post(api, order(item))).status_code == 202
    assert (await post_lines(api, msgspec.json.encode(item))).status_code == 202


async def test_two_items_of_one_id_are_refused_at_the_later_ones(api: httpx.AsyncClient, redis: Redis) -> None:
    body = order({**GOOD, "id": "a"}, {**GOOD, "id": "b"}, {**GOOD, "id": "a"}, GOOD, GOOD, {**GOOD, "id": "b"})
    assert pointers(await post(api, body)) == ["/items/2/id", "/items/5/id"]
    lines = b"\n".join(line(**item) for item in body["items"])
    assert pointers(await post_lines(api, lines)) == ["/items/2/id", "/items/5/id"]
    assert await is_untouched(redis)


async def test_no_more_faults_are_named_than_anyone_reads(api: httpx.AsyncClient) -> None:
    assert len(pointers(await post(api, order(*[{"output": 1}] * (MOST_FAULTS + 50))))) == MOST_FAULTS
    lines = b'{"output": 1}\n' * (MOST_FAULTS + 50)
    assert len(pointers(await post_lines(api, lines))) == MOST_FAULTS


async def test_a_bad_line_is_named_by_its_number_and_refuses_all(api: httpx.AsyncClient, redis: Redis) -> None:
    lines = [
        line(),
        line(output=3),
        b"",
        b"  ",
        b'{"output": "\xff"}',
        b"{",
        line(id="", what=1),
        b'{"input": "\\ud800"}',
    ]
    places = ["/items/1/output", "/items/4/output", "/items/5", "/items/6/what", "/items/6/id", "/items/7/input"]
    assert pointers(await post_lines(api, b"\n".join(lines))) == places
    assert await is_untouched(redis)


async def test_a_bad_line_after_thousands_of_good_ones_leaves_nothing_behind(
    api: httpx.AsyncClient, redis: Redis
) -> None:
    good = (line() + b"\n") * 3000
    assert pointers(await post_lines(api, good + b'{"output": 1}')) == ["/items/3000/output"]
    assert await is_untouched(redis)
    assert await jobs.count_pending(redis) == 0


@pytest.mark.parametrize(
    "content",
    [
        line() + b"\n" + line() + b"\n",
        line() + b"\n" + line(),
        line() + b"\r\n" + line() + b"\r\n",
        b"\n\n" + line() + b"\n \t\n\n" + line() + b"\n\n",
    ],
)
async def test_lines_may_end_in_any_way_and_empty_ones_are_passed_over(api: httpx.AsyncClient, content: bytes) -> None:
    response = await post_lines(api, content)
    assert response.status_code == 202, response.text
    assert response.json()["counts"]["total"] == 2


@pytest.mark.parametrize("content", [b"", b"\n", b" \r\n\n"])
async def test_an_upload_with_no_item_is_refused(api: httpx.AsyncClient, redis: Redis, content: bytes) -> None:
    assert pointers(await post_lines(api, content)) == ["/items"]
    assert await is_untouched(redis)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("", ["/judge"]),
        ("judge=helpfulness&what=1", ["/what"]),
        ("judge=helpfulness&cache=perhaps&budget_usd=-1", ["/cache", "/budget_usd"]),
        ("judge=helpfulness&budget_usd=nan", ["/budget_usd"]),
        ("judge=helpfulness&budget_usd=inf", ["/budget_usd"]),
        ("judge=helpfulness&models=nothing", ["/models/0"]),
        ("judge=helpfulness&callback_url=here", ["/callback_url"]),
    ],
)
async def test_what_is_wrong_in_the_query_of_an_upload_is_named(
    api: httpx.AsyncClient, redis: Redis, query: str, places: list[str]
) -> None:
    assert pointers(await post_lines(api, line(), query)) == places
    assert await is_untouched(redis)


async def test_an_order_in_the_query_of_a_json_request_is_refused(api: httpx.AsyncClient, redis: Redis) -> None:
    response = await post(api, order(), "/v1/jobs?budget_usd=1")
    assert pointers(response) == ["/budget_usd"]
    assert await is_untouched(redis)


async def test_too_much_is_413_and_leaves_nothing_behind(open_api: OpenApi, redis: Redis) -> None:
    api = await open_api(server={"max_items": 3, "max_body_bytes": 1000})
    long = line(output="x" * 1000)
    for response in (
        await post(api, order(*[{}] * 4)),
        await post(api, order({"output": "x" * 1000})),
        await post(api, {"method": "rating", "texts": ["x" * 1000]}, "/v1/parse"),
        await post_lines(api, b"\n".join([line()] * 4)),
        await post_lines(api, long),
        await post_lines(api, long + b"\n"),
        await post_lines(api, long + b"\n" + line()),
        await post_lines(api, line() + b"\n" + long),
    ):
        problem_of(response, 413, "too-large")
    assert await is_untouched(redis)
    assert (await post_lines(api, b"\n".join([line()] * 3))).status_code == 202


async def test_an_upload_larger_than_a_body_may_be_is_taken_line_by_line(open_api: OpenApi) -> None:
    api = await open_api(server={"max_body_bytes": 1000})
    response = await post_lines(api, b"\n".join([line(output="x" * 500)] * 20))
    assert response.status_code == 202
    assert response.json()["counts"]["total"] == 20


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/jsonp", "", None])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/parse"])
async def test_another_media_type_is_415(api: httpx.AsyncClient, path: str, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    problem_of(await api.post(path, content=b"{}", headers=headers), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", " application/json ;x=y"]
)
async def test_a_media_type_may_have_parameters_and_any_case(api: httpx.AsyncClient, content_type: str) -> None:
    response = await api.post("/v1/jobs", content=json.dumps(order()), headers={"content-type": content_type})
    assert response.status_code == 202


async def test_other_methods_are_405_and_say_which_are_allowed(api: httpx.AsyncClient) -> None:
    for method, path, allowed in (
        ("PUT", "/v1/jobs", "POST"),
        ("GET", "/v1/parse", "POST"),
        ("POST", "/healthz", "GET"),
    ):
        response = await api.request(method, path)
        problem_of(response, 405, "method-not-allowed")
        assert allowed in response.headers["allow"]


async def test_unknown_paths_and_things_are_404(api: httpx.AsyncClient) -> None:
    jobs = ("job_nope", "job_nope/judgments", "job_nope/events", "%00", "a%2Fb", "%ff/judgments")
    for path in ("/nowhere", "/v1", *(f"/v1/jobs/{each}" for each in jobs)):
        problem_of(await api.get(path), 404, "not-found")
    problem_of(await api.delete("/v1/jobs/job_nope"), 404, "not-found")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v1/jobs?limit=0", "/limit"),
        ("/v1/jobs?limit=1001", "/limit"),
        ("/v1/jobs?limit=many", "/limit"),
        ("/v1/jobs/x?wait=-1", "/wait"),
        ("/v1/jobs/x?wait=nan", "/wait"),
        ("/v1/jobs/x/judgments?outcome=nice", "/outcome"),
    ],
)
async def test_a_query_parameter_that_does_not_fit_is_named(api: httpx.AsyncClient, path: str, place: str) -> None:
    assert pointers(await api.get(path)) == [place]


@pytest.mark.parametrize("cursor", ["-1", "1.5", "x", "²", ""])
async def test_a_cursor_that_is_none_is_named(api: httpx.AsyncClient, cursor: str) -> None:
    job_id = (await post(api, order())).json()["id"]
    assert pointers(await api.get(f"/v1/jobs/{job_id}/judgments", params={"cursor": cursor})) == ["/cursor"]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (order(judge="nope"), ["/judge"]),
        (order(judge="helpfulness@2"), ["/judge"]),
        (order(judge="helpfulness@"), ["/judge"]),
        (order(judge="helpfulness@01"), ["/judge"]),
        (order(judge=["helpfulness", "nope"]), ["/judge/1"]),
        (order(judge=["helpfulness", "helpfulness@1"]), ["/judge/1"]),
        (order(models=["elsewhere/m", "control/length"]), ["/models/0"]),
        (order(models=["control/length", "control/length"]), ["/models/1"]),
        (order(judge={**RATING, "models": ["control/length", "elsewhere/m"]}), ["/judge/models/1"]),
        (order(judge={**RATING, "scale": {"min": 3, "max": 3}}), ["/judge/scale/max"]),
        (order(judge={**RATING, "scale": {"min": 5, "max": 1}}), ["/judge/scale/max"]),
        (order(judge={**RATING, "scale": {"min": 1, "max": 2, "step": 0.3}}), ["/judge/scale/step"]),
        (order(judge=["helpfulness", {**RATING, "scale": {"step": 3}}]), ["/judge/1/scale/step"]),
        (order(judge={**RATING, "scale": {"descriptors": {"9": "beyond"}}}), ["/judge/scale/descriptors/9"]),
        (order(judge={**RATING, "method": "ranking"}), ["/items/0/outputs"]),
        (order(GOOD, GOOD, GOOD, {"input": "alone"}), ["/items/3/output"]),
        (order({"input": "a"}, {"input": "b"}), ["/items/0/output", "/items/1/output"]),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)  # fmt: skip
async def test_what_is_understood_and_impossible_is_422_at_its_place(
    api: httpx.AsyncClient, redis: Redis, body: Row, places: list[str]
) -> None:
    assert pointers(await post(api, body), 422, "impossible") == places
    assert await is_untouched(redis)


async def test_an_upload_of_items_that_the_judge_can_not_judge_is_422(api: httpx.AsyncClient, redis: Redis) -> None:
    response = await post_lines(api, line() + b"\n\n" + line(input="alone"))
    assert pointers(response, 422, "impossible") == ["/items/2/output"]
    assert await is_untouched(redis)


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_of_no_use_is_400(api: httpx.AsyncClient, redis: Redis, key: str) -> None:
    response = await api.post("/v1/jobs", json=order(), headers={"Idempotency-Key": key})
    problem_of(response, 400, "invalid-request")
    assert await is_untouched(redis)


async def test_another_body_under_the_same_idempotency_key_is_409_and_stores_nothing_more(
    api: httpx.AsyncClient, redis: Redis
) -> None:
    key = {"Idempotency-Key": "once"}
    assert (await api.post("/v1/jobs", json=order(), headers=key)).status_code == 202
    before = await redis.dbsize()
    problem_of(await api.post("/v1/jobs", json=order(GOOD, GOOD), headers=key), 409, "idempotency-conflict")
    assert (await redis.dbsize(), await jobs.count_pending(redis)) == (before, 1)


@pytest.mark.parametrize("wait", ["nan", "inf", "-inf", "1e400", "-1", "soon", "", '"0.01"', "0.01; x=y"])
async def test_a_wait_of_any_kind_ends(open_api: OpenApi, wait: str) -> None:
    api = await open_api(server={"max_wait_seconds": 0.05})
    response = await api.post("/v1/jobs", json=order(), headers={"Prefer": f"respond-async, wait={wait}"}, timeout=3)
    assert response.status_code == 202
    assert response.headers.get("preference-applied") in {None, "wait=0.05", "wait=0.01"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/jobs"),
        ("GET", "/v1/jobs"),
        ("GET", "/v1/jobs/job_x"),
        ("DELETE", "/v1/jobs/job_x"),
        ("GET", "/v1/jobs/job_x/judgments"),
        ("GET", "/v1/jobs/job_x/events"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
    ],
)
async def test_with_the_store_away_it_is_503_at_once(settings: Settings, method: str, path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    store = msgspec.structs.replace(settings.store, redis_url=Secret(f"redis://127.0.0.1:{nobody}/0"))
    async with client_of(msgspec.structs.replace(settings, store=store)) as api:
        began = time.monotonic()
        response = await api.request(method, path, json=order() if method == "POST" else None)
        assert time.monotonic() - began < 3
    problem_of(response, 503, "store-unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert "127.0.0.1" not in response.text
    assert str(nobody) not in response.text


async def test_with_the_store_away_what_needs_none_still_answers(settings: Settings) -> None:
    store = msgspec.structs.replace(settings.store, redis_url=Secret("unix:///nowhere/store.sock"))
    async with client_of(msgspec.structs.replace(settings, store=store)) as api:
        assert (await api.get("/healthz")).status_code == 200
        assert (await api.get("/schema")).status_code == 200
        assert (await post(api, {"method": "rating", "texts": ["Score: 4"]}, "/v1/parse")).status_code == 200


async def test_a_defect_of_ours_is_a_500_that_reveals_nothing(
    api: httpx.AsyncClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = (await post(api, order())).json()["id"]
    await redis.set(f"judged:job:{job_id}", "no hash, my secret")
    response = await api.get(f"/v1/jobs/{job_id}")
    problem = problem_of(response, 500, "internal")
    assert set(problem) == {"type", "title", "status", "detail"}
    assert not re.search("secret|WRONGTYPE|hash|Traceback|service/", response.text)
    assert f"GET /v1/jobs/{job_id} failed" in caplog.text


async def test_a_job_that_too_few_replicas_have_is_503_and_says_what_to_do(
    redis: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_CONFIRMED_WITHIN_MS", 1)
    store = msgspec.structs.replace(settings.store, confirmed_replicas=1)
    async with client_of(msgspec.structs.replace(settings, store=store)) as api:
        for _ in range(2):
            response = await api.post("/v1/jobs", json=order(), headers={"Idempotency-Key": "k"})
            problem = problem_of(response, 503, "unconfirmed")
            assert "with the same Idempotency-Key" in problem["detail"]
            assert response.headers["retry-after"]
        assert len((await api.get("/v1/jobs")).json()["jobs"]) == 1
