"""What a key made is seen by that key and by admin alone, over every operation of the API."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from redis.asyncio import Redis

from service.agreement.recording import record_judgments
from service.app import openapi_document
from service.archive.objects import Objects
from service.archive.running import ArchiveRuns
from service.config.settings import KeySettings, Scope, load_settings
from service.store import jobs, keys
from tests.api.conftest import OpenApi, problem_of
from tests.store.made import finished

_EVERY: tuple[Scope, ...] = ("submit", "read", "label")
KEYS: dict[str, tuple[Scope, ...]] = {"owner": _EVERY, "other": _EVERY, "reader": ("read",), "ruler": ("admin",)}
ITEM = {"id": "i-1", "input": "q", "output": "a"}
ORDER: dict[str, Any] = {"judge": "helpfulness", "items": [ITEM], "models": ["control/length"]}
BATTLE: dict[str, Any] = {
    "judge": "helpfulness",
    "item": {"output": "Ha."},
    "models": ["control/length", "control/overlap"],
}
VOTE = {"winner": "A", "voter": "ada"}

ARCHIVED = "/v1/archive/judgments?since=2026-01-01T00:00:00Z"

SHARED = {  # operations on what all keys of an installation share, or that show nothing that is stored
    *("showHealth", "showReadiness", "showMetrics", "listModels", "parseTexts", "computeStatistics"),
    "showCallbackSecret",  # each key has its own
    *("listJudges", "showJudge", "storeJudge", "retireJudge", "showJudgeVersion", "previewJudge"),
    *("storeLabels", "listLabels", "deleteLabel", "deleteLabels", "listQueue", "showLabelProgress"),
    *("listCriteria", "storeCriterion", "showCriterion", "deleteCriterion"),
    *("showAgreement", "listLabelledItems", "rebuildAgreement", "showEstimates", "showCalibration"),
    *("compareGroups", "listGroups", "listChangedCases"),
    *("storeDataset", "listDatasets", "showDataset", "removeDataset", "estimateBenchmark"),
    *("storeAnchors", "listAnchors", "showAnchors", "listAnchorItems", "restartAnchors", "removeAnchors"),
    *("removeAnchor", "showLeaderboard", "rateVotes"),
}


class Made(NamedTuple):
    """What the key `owner` made."""

    job: str
    benchmark: str
    battle: str


class Doors(NamedTuple):
    """An API with four keys, and what one of them made."""

    client: httpx.AsyncClient
    made: Made

    async def ask(self, who: str, method: str, path: str, **sent: Any) -> httpx.Response:
        response: httpx.Response = await self.client.request(method, path, headers=bearer(who), **sent)
        return response


def bearer(who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {who}-key"}


@pytest.fixture
async def doors(open_api: OpenApi, redis: Redis, tmp_path: Path) -> Doors:
    client = await open_api(
        keys=tuple(
            KeySettings(name=name, sha256=sha256(f"{name}-key".encode()).hexdigest(), scopes=scopes)
            for name, scopes in KEYS.items()
        ),
        archive={"url": str(tmp_path / "archive")},
    )

    async def made(path: str, body: dict[str, Any]) -> str:
        headers = {**bearer("owner"), "Idempotency-Key": f"k {path}"}
        response = await client.post(path, json=body, headers=headers)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    dataset = '{"output": "a", "human": {"helpfulness": [4, 5]}}\n{"output": "b", "human": {"helpfulness": [1, 2]}}\n'
    headers = {**bearer("owner"), "Content-Type": "application/x-ndjson"}
    assert (await client.put("/v1/datasets/d", content=dataset, headers=headers)).status_code == 201
    ids = [
        await made("/v1/jobs", ORDER),
        await made("/v1/benchmarks", {"dataset": "d", "judges": ["helpfulness"], "models": ["control/length"]}),
        await made("/v1/arena/battles", BATTLE),
    ]
    found = await jobs.load_job(redis, ids[0])
    assert found is not None
    judged = finished(found[0], 0)
    judgment = judged.judgment.__class__(**{**_fields(judged.judgment), "item_id": "i-1"})
    claim = await jobs.claim_chunk(redis, ids[0], 0, keep_s=600)
    assert claim is not None
    await record_judgments(redis, [judged._replace(judgment=judgment, evidence=None)], keep_s=600)
    await redis.hset("judged:item:i-1", mapping={f"R\t{ids[0]}\t0\t0": "1"})  # type: ignore[misc]
    return Doors(client, Made(*ids))


def _without_ids(response: httpx.Response) -> str:
    problem_of(response, 404, "not-found")
    return re.sub(r"(job|bench|battle)_\w+|i-\d", "…", response.text)


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


# Operation id, method, path, body, and the statuses of the owner, another key with all scopes, a key that may read
# alone, and an admin. `{job}`, `{benchmark}` and `{battle}` are what the owner made.
Case = tuple[str, str, str, Any, int, int, int, int]
CASES: list[Case] = [
    ("showJob", "GET", "/v1/jobs/{job}", None, 200, 404, 404, 200),
    ("showJob", "GET", "/v1/jobs/{job}?wait=0.01", None, 200, 404, 404, 200),
    ("listJudgments", "GET", "/v1/jobs/{job}/judgments", None, 200, 404, 404, 200),
    ("followJob", "GET", "/v1/jobs/{job}/events", None, 200, 404, 404, 200),
    ("cancelJob", "DELETE", "/v1/jobs/{job}", None, 200, 404, 403, 200),
    ("showItem", "GET", "/v1/items/i-1", None, 200, 404, 404, 200),
    ("listArchivedJudgments", "GET", ARCHIVED, None, 200, 200, 200, 200),
    ("showBenchmark", "GET", "/v1/benchmarks/{benchmark}", None, 200, 404, 404, 200),
    ("showBenchmark", "GET", "/v1/benchmarks/{benchmark}?wait=0.01", None, 200, 404, 404, 200),
    ("cancelBenchmark", "DELETE", "/v1/benchmarks/{benchmark}", None, 200, 404, 403, 200),
    ("showBattle", "GET", "/v1/arena/battles/{battle}", None, 200, 404, 404, 200),
    ("showBattle", "GET", "/v1/arena/battles/{battle}?wait=0.01&voter=ada", None, 200, 404, 404, 200),
    ("voteOnBattle", "POST", "/v1/arena/battles/{battle}/vote", VOTE, 409, 404, 403, 409),
    ("regenerateBattle", "POST", "/v1/arena/battles/{battle}/regenerate", None, 202, 404, 403, 202),
]
LISTS = {  # operation -> the path of the list, the name of its entries, and which of the made things is in it
    "listJobs": ("/v1/jobs", "jobs", "job"),
    "listBenchmarks": ("/v1/benchmarks", "benchmarks", "benchmark"),
    "listBattles": ("/v1/arena/battles", "battles", "battle"),
}
SUBMITS = {
    "submitJob": ("/v1/jobs", ORDER, "job"),
    "beginBenchmark": (
        "/v1/benchmarks",
        {"dataset": "d", "judges": ["helpfulness"], "models": ["control/length"]},
        "benchmark",
    ),
    "beginBattle": ("/v1/arena/battles", BATTLE, "battle"),
}


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]} {case[2]}" for case in CASES])
async def test_what_a_key_made_is_another_key_s_404(doors: Doors, case: Case) -> None:
    _, method, path, body, *statuses = case
    if path.endswith("/events"):
        await doors.ask("ruler", "DELETE", f"/v1/jobs/{doors.made.job}")  # else the stream would not end
    for who, status in sorted(zip(KEYS, statuses, strict=True), key=lambda each: -each[1]):
        response = await doors.ask(who, method, path.format(**doors.made._asdict()), json=body)
        assert response.status_code == status, (who, response.text)
        if status == 404:
            nothing = path.format(job="job_0", benchmark="bench_0", battle="battle_0").replace("i-1", "i-0")
            unknown = await doors.ask(who, method, nothing, json=body)
            assert _without_ids(unknown) == _without_ids(response)  # nothing tells that it exists


@pytest.mark.parametrize("operation", list(LISTS))
async def test_a_list_has_the_caller_s_own_alone(doors: Doors, operation: str) -> None:
    path, name, made = LISTS[operation]
    expected = [getattr(doors.made, made)]
    for who, seen in (("owner", expected), ("other", []), ("reader", []), ("ruler", expected)):
        page = (await doors.ask(who, "GET", path)).json()
        ids = {each["id"] for each in page[name]}
        assert ids >= set(seen), who
        assert bool(ids) == bool(seen), who


@pytest.mark.parametrize("operation", list(SUBMITS))
async def test_an_idempotency_key_is_its_key_s_own(doors: Doors, operation: str) -> None:
    path, body, made = SUBMITS[operation]
    ids = {}
    for who in ("owner", "other", "ruler"):
        headers = {**bearer(who), "Idempotency-Key": f"k {path}"}
        response = await doors.client.post(path, json=body, headers=headers)
        assert response.status_code == 202, response.text
        ids[who] = response.json()["id"]
    assert ids["owner"] == getattr(doors.made, made)
    assert len(set(ids.values())) == 3


async def test_archived_judgments_are_the_caller_s_own_alone(doors: Doors, redis: Redis, tmp_path: Path) -> None:
    settings = load_settings(None, {"JUDGED_ARCHIVE_URL": str(tmp_path / "archive")})
    await ArchiveRuns(redis, settings, Objects(settings.archive)).run(0)
    await redis.delete(keys.job(doors.made.job), keys.item("i-1"))
    for who, status, count in (("owner", 200, 1), ("other", 404, 0), ("reader", 404, 0), ("ruler", 200, 1)):
        assert (await doors.ask(who, "GET", "/v1/items/i-1")).status_code == status, who
        assert (await doors.ask(who, "GET", ARCHIVED)).text.count("i-1") == count, who
        later = "/v1/archive/judgments?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z"
        assert (await doors.ask(who, "GET", later)).text == ""
    faulty = await doors.ask("owner", "GET", "/v1/archive/judgments?since=2026-01-01T00:00:00")
    assert problem_of(faulty, 400, "invalid-request")["errors"][0]["pointer"] == "/since"
    [file] = (tmp_path / "archive").glob("judgments/*/*.parquet")
    file.write_bytes(b"PAR1")
    assert problem_of(await doors.ask("owner", "GET", ARCHIVED), 503, "archive-unavailable")


async def test_an_item_s_labels_are_shared_but_not_its_judgments(doors: Doors) -> None:
    label = {"item_id": "i-1", "criterion": "helpfulness", "annotator": "ann", "score": 4}
    assert (await doors.ask("other", "POST", "/v1/labels", json={"labels": [label]})).status_code == 200
    seen = {who: (await doors.ask(who, "GET", "/v1/items/i-1")).json() for who in ("owner", "other", "ruler")}
    assert {who: len(each["judgments"]) for who, each in seen.items()} == {"owner": 1, "other": 0, "ruler": 1}
    assert {len(each["labels"]) for each in seen.values()} == {1}


async def test_the_texts_of_another_key_s_item_make_no_anchor(doors: Doors) -> None:
    anchors = {"items": [{"id": "i-1"}]}
    for who, status in (("other", 422), ("owner", 200), ("ruler", 200)):
        response = await doors.ask(who, "PUT", "/v1/anchors/helpfulness", json=anchors)
        assert response.status_code in {status, 201 if status == 200 else status}, (who, response.text)


def test_every_operation_is_in_a_table_of_this_file() -> None:
    operations = {
        described["operationId"] for item in openapi_document()["paths"].values() for described in item.values()
    }
    tables = {case[0] for case in CASES} | set(LISTS) | set(SUBMITS)
    assert operations == tables | SHARED
