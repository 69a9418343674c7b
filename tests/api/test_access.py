"""Who may do what: keys, scopes and daily budgets."""

from hashlib import sha256

import httpx
import pytest
from redis.asyncio import Redis

from service.config.settings import KeySettings, Scope
from service.store import clock, keys
from tests.api.conftest import OpenApi, is_untouched, problem_of
from tests.flows.conftest import Row

ORDER: Row = {"judge": "helpfulness", "items": [{"output": "x"}]}
PARSE: Row = {"method": "rating", "texts": ["Score: 4"]}
SUBMITS, READS, LABELS, RULES = "submit-key-91", "read-key-92", "label-key-93", "admin-key-94"
NANO = 10**9


def key(text: str, *scopes: Scope, budget: float | None = None) -> KeySettings:
    digest = sha256(text.encode()).hexdigest()
    return KeySettings(name=text.partition("-")[0], sha256=digest, scopes=scopes, budget_usd_per_day=budget)


@pytest.fixture
async def guarded(open_api: OpenApi) -> httpx.AsyncClient:
    """An API with a key for each scope."""
    client: httpx.AsyncClient = await open_api(
        keys=(key(SUBMITS, "submit"), key(READS, "read"), key(LABELS, "label"), key(RULES, "admin"))
    )
    return client


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer("wrong"),
        bearer(READS + "x"),
        bearer(sha256(READS.encode()).hexdigest()),
        {"Authorization": READS},
        {"Authorization": f"Basic {READS}"},
        {"X-API-Key": ""},
        {"X-API-Key": READS.upper()},
    ],
)
async def test_no_key_or_a_wrong_one_is_401(guarded: httpx.AsyncClient, redis: Redis, headers: dict[str, str]) -> None:
    for method, path, body in (
        ("POST", "/v1/jobs", ORDER),
        ("GET", "/v1/jobs", None),
        ("GET", "/v1/jobs/job_x", None),
        ("DELETE", "/v1/jobs/job_x", None),
        ("GET", "/v1/jobs/job_x/judgments", None),
        ("GET", "/v1/jobs/job_x/events", None),
        ("POST", "/v1/parse", PARSE),
    ):
        response = await guarded.request(method, path, json=body, headers=headers)
        problem_of(response, 401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"
    assert await is_untouched(redis)


@pytest.mark.parametrize("headers", [bearer(READS), {"Authorization": f"bearer   {READS} "}, {"X-API-Key": READS}])
async def test_a_key_may_come_in_either_header(guarded: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await guarded.get("/v1/jobs", headers=headers)).status_code == 200


NEEDED: dict[Scope, tuple[str, ...]] = {
    "read": (
        *("parseTexts", "computeStatistics", "rateVotes", "previewJudge"),
        *("listJobs", "showJob", "listJudgments", "followJob", "showItem", "listArchivedJudgments"),
        *("listJudges", "showJudge", "showJudgeVersion", "listModels", "listCriteria", "showCriterion"),
        *("showAgreement", "listLabelledItems", "showEstimates", "showCalibration"),
        *("listLabels", "listQueue", "showLabelProgress", "compareGroups", "listChangedCases", "listGroups"),
        *("listDatasets", "showDataset", "listBenchmarks", "showBenchmark"),
        *("listAnchors", "showAnchors", "listAnchorItems", "listBattles", "showBattle", "showLeaderboard"),
    ),
    "submit": (
        *("submitJob", "cancelJob", "storeJudge", "storeDataset", "removeDataset", "showCallbackSecret"),
        *("beginBenchmark", "estimateBenchmark", "cancelBenchmark", "beginBattle", "regenerateBattle"),
        *("storeAnchors", "restartAnchors", "removeAnchors", "removeAnchor"),
    ),
    "label": (*("storeLabels", "deleteLabel", "deleteLabels", "storeCriterion", "deleteCriterion", "voteOnBattle"),),
    "admin": ("rebuildAgreement", "retireJudge"),
}
OPEN = ("showHealth", "showReadiness", "showMetrics")


async def test_each_operation_needs_one_scope_or_admin(guarded: httpx.AsyncClient) -> None:
    paths = (await guarded.get("/schema")).json()["paths"]
    operations = {each["operationId"]: (method, path) for path, item in paths.items() for method, each in item.items()}
    assert sorted(operations) == sorted([*OPEN, *(name for names in NEEDED.values() for name in names)])
    keys_by_scope: dict[Scope, str] = {"submit": SUBMITS, "read": READS, "label": LABELS, "admin": RULES}
    for needed, names in NEEDED.items():
        for name in names:
            method, path = operations[name]
            called = path.replace("{version}", "1").replace("{", "").replace("}", "")
            problem_of(await guarded.request(method, called), 401, "unauthorized")
            for scope, text in keys_by_scope.items():
                response = await guarded.request(method, called, headers=bearer(text))
                if scope in (needed, "admin"):
                    assert response.status_code not in (401, 403, 500), (name, scope, response.text)
                else:
                    assert f"lacks the scope {needed}" in problem_of(response, 403, "forbidden")["detail"], name


async def test_what_watches_the_service_needs_no_key(guarded: httpx.AsyncClient) -> None:
    assert (await guarded.get("/healthz")).status_code == 200
    assert (await guarded.get("/readyz")).status_code == 503  # there is no worker
    assert (await guarded.get("/metrics")).status_code == 200
    assert (await guarded.get("/schema")).status_code == 200


async def test_with_no_keys_configured_everything_is_open(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/jobs", json=ORDER)).status_code == 202
    assert (await api.get("/v1/jobs", headers=bearer("anything"))).status_code == 200


async def test_a_key_that_spent_its_budget_is_429_until_tomorrow(open_api: OpenApi, redis: Redis) -> None:
    api = await open_api(keys=(key(SUBMITS, "submit", "read", budget=2.0), key(RULES, "admin")))
    spent = keys.spend("submit", clock.now().strftime("%Y-%m-%d"))
    await redis.set(spent, 2 * NANO - 1)
    assert (await api.post("/v1/jobs", json=ORDER, headers=bearer(SUBMITS))).status_code == 202
    await redis.set(spent, 2 * NANO)
    before = set(await redis.keys())
    response = await api.post("/v1/jobs", json=ORDER, headers=bearer(SUBMITS))
    problem_of(response, 429, "budget-spent")
    assert 0 < int(response.headers["retry-after"]) <= 24 * 3600
    assert set(await redis.keys()) == before
    assert (await api.get("/v1/jobs", headers=bearer(SUBMITS))).status_code == 200
    assert (await api.post("/v1/jobs", json=ORDER, headers=bearer(RULES))).status_code == 202


async def test_a_budget_of_nothing_lets_nothing_in(open_api: OpenApi) -> None:
    api = await open_api(keys=(key(SUBMITS, "submit", budget=0.0),))
    problem_of(await api.post("/v1/jobs", json=ORDER, headers=bearer(SUBMITS)), 429, "budget-spent")


async def test_two_keys_may_use_the_same_idempotency_key_for_different_jobs(open_api: OpenApi) -> None:
    api = await open_api(keys=(key(SUBMITS, "submit"), key(RULES, "admin")))
    ids = [
        (await api.post("/v1/jobs", json=ORDER, headers={**bearer(text), "Idempotency-Key": "k"})).json()["id"]
        for text in (SUBMITS, RULES)
    ]
    assert ids[0] != ids[1]


async def test_no_key_is_ever_logged_or_answered(
    guarded: httpx.AsyncClient, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    texts = ""
    for text in (READS, LABELS, "mistyped-key-95"):
        for headers in (bearer(text), {"X-API-Key": text}):
            texts += (await guarded.get("/v1/jobs", headers=headers)).text
    await redis.set("judged:jobs", "no index: every listing fails")
    texts += (await guarded.get("/v1/jobs", headers=bearer(READS))).text
    for text in (READS, LABELS, "mistyped-key-95"):
        assert text not in caplog.text + texts
        assert sha256(text.encode()).hexdigest() not in caplog.text + texts


async def test_a_key_calls_back_to_the_listed_hosts_alone(open_api: OpenApi) -> None:
    api = await open_api(keys=(key(SUBMITS, "submit"),), server={"callback_hosts": ("hooks.example",)})
    headers = {"Authorization": f"Bearer {SUBMITS}"}
    for url, status in (("https://hooks.example/done", 202), ("http://127.0.0.1:6379/", 422), ("http://[::1]/", 422)):
        body = {"judge": "helpfulness", "items": [{"output": "x"}], "callback_url": url}
        response = await api.post("/v1/jobs", json=body, headers=headers)
        assert response.status_code == status, response.text
    assert response.json()["errors"][0]["pointer"] == "/callback_url"
