"""Unknown query parameters are refused, and invalid values are answered with the allowed ones."""

import httpx
import pytest

from service.api.parameters import preferred_wait
from tests.api.conftest import pointers, problem_of


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("GET", "/v1/jobs?limt=3", "unknown query parameter; did you mean 'limit'?"),
        ("GET", "/v1/jobs?per_page=3", "unknown query parameter (known: cursor, group, judge, limit, purpose, status)"),
        ("GET", "/v1/agreement?judge=helpfulness&windw=7d", "unknown query parameter; did you mean 'window'?"),
        ("GET", "/v1/judges/helpfulness?version=1", "unknown query parameter; this operation has none"),
        ("POST", "/v1/jobs?modles=a/b", "unknown query parameter; did you mean 'models'?"),
        ("DELETE", "/v1/jobs/job_x?force=true", "unknown query parameter; this operation has none"),
    ],
)
async def test_an_unknown_query_parameter_is_refused(
    api: httpx.AsyncClient, method: str, path: str, detail: str
) -> None:
    [error] = problem_of(await api.request(method, path), 400, "invalid-request")["errors"]
    assert error["detail"] == detail


async def test_every_unknown_query_parameter_is_named_once(api: httpx.AsyncClient) -> None:
    assert pointers(await api.get("/v1/jobs?a=1&limit=3&b=2&a=3")) == ["/a", "/b"]


@pytest.mark.parametrize(
    "path", ["/v1/jobs/x/judgments?outcome=scored&outcome=failed", "/v1/labels?criterion=a&criterion=b&limit=2"]
)
async def test_a_parameter_that_is_given_twice_is_refused(api: httpx.AsyncClient, path: str) -> None:
    [error] = problem_of(await api.get(path), 400, "invalid-request")["errors"]
    assert error["detail"] == "given 2 times: give it once"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs?status=null"),
        ("GET", "/v1/jobs?purpose=Null"),
        ("GET", "/v1/jobs/x?wait=null"),
        ("DELETE", "/v1/labels?criterion=tone&matched=null"),
        ("POST", "/v1/jobs?judge=helpfulness&budget_usd=null"),
    ],
)
async def test_null_is_not_taken_for_a_parameter_that_was_left_out(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await api.request(method, path, headers={"Content-Type": "application/x-ndjson"})
    [error] = problem_of(response, 400, "invalid-request")["errors"]
    assert error["detail"] == "'null' is not a value; leave the parameter out"


async def test_null_is_a_name_like_others(api: httpx.AsyncClient) -> None:
    job = {"judge": "helpfulness", "models": ["control/length"], "items": [{"output": "x", "group": "null"}]}
    accepted = (await api.post("/v1/jobs", json=job)).json()
    await api.post("/v1/jobs", json={**job, "items": [{"output": "x", "group": "none"}]})
    assert [each["id"] for each in (await api.get("/v1/jobs?group=null")).json()["jobs"]] == [accepted["id"]]


async def test_operations_outside_the_api_ignore_unknown_query_parameters(api: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/metrics", "/schema"):
        assert (await api.get(f"{path}?name=x")).status_code == 200


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/v1/jobs/x/judgments?outcome=nice", "unknown outcome 'nice' (scored, unscored, failed, cancelled)"),
        ("/v1/agreement?judge=helpfulness&window=3d", "unknown window '3d' (24h, 7d, 30d, all)"),
        ("/v1/agreement?judge=helpfulness&model=gpt", "neither a model (provider/name) nor `panel`"),
        ("/v1/agreement", "missing"),
        ("/v1/calibration?judge=helpfulness&score=high", "must be a number, not 'high'"),
        ("/v1/labels?matched=perhaps", "must be true or false, not 'perhaps'"),
        ("/v1/labels?limit=many", "must be a whole number, not 'many'"),
    ],
)
async def test_an_invalid_value_is_answered_with_the_allowed_ones(
    api: httpx.AsyncClient, path: str, detail: str
) -> None:
    [error] = problem_of(await api.get(path), 400, "invalid-request")["errors"]
    assert error["detail"] == detail


async def test_an_invalid_header_is_named_as_it_is_sent(api: httpx.AsyncClient) -> None:
    response = await api.post("/v1/jobs", json={}, headers={"Idempotency-Key": "x" * 256})
    assert pointers(response) == ["/Idempotency-Key"]


@pytest.mark.parametrize(
    ("prefer", "wait_s"),
    [
        (None, 0), ("", 0), ("wait=20", 20), ("respond-async, wait=5", 5), ('WAIT = "5"; x=y', 5), ("wait=99", 30),
        ("wait=soon", 0), ("wait=-1", 0), ("wait=nan", 0), ("waiting=5", 0),
    ],
)  # fmt: skip
def test_the_preferred_wait_is_read_as_rfc_7240_says(prefer: str | None, wait_s: float) -> None:
    assert preferred_wait(prefer, 30) == wait_s
