"""Records a store as the code here writes it, for the versions to come: `python -m tests.upgrades.record 0.1.0`

Run it at each release. It writes `stores/<name>.rdb.gz`, a backup that was taken while a worker was at work, and
`stores/<name>.json.gz`, what the API answers on it. `test_recorded_stores.py` reads them for ever after.
"""

import argparse
import asyncio
import gzip
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from service.config.sections import KeySettings, Scope
from service.config.settings import Settings
from service.launch.backup import backup, restore
from tests.flows.conftest import FAST, Judged, Row, api_of, settings_for
from tests.flows.faults import GOOD, UNREADABLE
from tests.flows.fleet import Fleet, fleet_of
from tests.launch.processes import ROOT
from tests.polling import until
from tests.stubs.model_server import ModelServer
from tests.stubs.wire_formats import Reply
from tests.worker.test_callbacks import receiving

STORES = Path(__file__).parent / "stores"
MODEL, OTHER = "openai/gpt-4.1-mini", "openai/gpt-4.1-nano"
KEY = "a key of the recorded stores"
SCOPES: tuple[Scope, ...] = ("submit", "read", "label", "admin")
KEPT_DAYS = 36_500.0  # a recorded store is read in later years, too
WIT: Row = {"criterion": "wit", "method": "rating", "instructions": "Is it funny?", "models": [MODEL, OTHER]}
TASTE: Row = {"criterion": "taste", "method": "pairwise", "instructions": "Which is better?", "models": [MODEL]}
BATTLE: Row = {"item": {"input": "q", "output": "answer 3."}, "judge": "helpfulness", "models": [MODEL, OTHER]}
REPEATED = {"Idempotency-Key": "recorded", "Prefer": "wait=60"}
HANGING = 1_000  # from this number on, the model does not answer while the store is recorded

_NUMBER = re.compile(r"answer (\d+)\.")
_COUNTER = re.compile(r"judged_(?!key_requests|http)\w+_total\b")


def answer(body: Row) -> str | Reply:
    """A score by the number in the text and by the model; some answers have none, and some calls fail."""
    number = int(_NUMBER.findall(str(body["messages"]))[0])
    if number >= HANGING:
        return Reply(hang=True)
    if number % 13 == 5:
        return Reply(status=400, body={"error": {"message": "this text is not allowed", "code": "bad_request"}})
    if number % 11 == 7:
        return UNREADABLE
    if "Which is better" in str(body):
        return json.dumps({"explanation": "So.", "winner": "A"})
    differs = number % 7 == 0 and body["model"].endswith("o")
    return json.dumps({"explanation": "So.", "score": 1 + (number + differs) % 5})


def numbered(name: str, start: int, end: int) -> list[Row]:
    return [
        {
            "id": f"{name}-{number}",
            "input": "a question",
            "output": f"answer {number}.",
            "group": "v1" if number % 2 else "v2",
            "case": f"c{number // 2}",
            "metadata": {"n": number},
        }
        for number in range(start, end)
    ]


def settings_of(url: str, model: ModelServer, **worker: Any) -> Settings:
    """The settings of the API and the worker on a recorded store."""
    keys = (KeySettings(name="first", sha256=sha256(KEY.encode()).hexdigest(), scopes=SCOPES, budget_usd_per_day=1000),)
    changes: Row = {
        "keys": keys,
        "store": {"results_keep_days": KEPT_DAYS},
        "server": {"callback_hosts": ("127.0.0.1",), "idempotency_keep_hours": 24 * KEPT_DAYS},
        "worker": worker,
    }
    return settings_for(url, changes, openai=model)


async def sent(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> Row:
    response = await client.request(method, path, **request)
    assert response.status_code < 300, f"{method} {path}: {response.text}"
    answered: Row = response.json() if response.content else {}
    return answered


async def fill(judged: Judged, callback_url: str) -> None:
    """Everything that ends: judges, jobs with each outcome, labels, a benchmark, a battle, anchors."""
    client = judged.client
    await sent(client, "PUT", "/v1/judges/wit", json=WIT)
    await sent(client, "PUT", "/v1/judges/wit", json={**WIT, "instructions": "Is it funny, or at least silly?"})
    await sent(client, "PUT", "/v1/judges/taste", json=TASTE)
    await sent(client, "PUT", "/v1/judges/charm", json={**WIT, "criterion": "charm"})
    await sent(client, "DELETE", "/v1/judges/charm")
    await sent(client, "PUT", "/v1/criteria/mood", json={"scale": {"min": 1, "max": 3}})
    await sent(client, "POST", "/v1/jobs", json={"judge": "wit", "items": numbered("w", 0, 60)}, headers=REPEATED)
    await judged.judge(numbered("h", 0, 30), judge=["helpfulness", "wit@1"], models=[MODEL], budget_usd=1.0)
    pairs = [{"id": f"p-{n}", "input": "q", "outputs": [f"answer {n}.", f"answer {n}!"]} for n in range(12)]
    await judged.judge(pairs, judge="taste")
    await judged.judge(numbered("c", 0, 2), models=[MODEL], callback_url=callback_url)
    labels = [
        {"item_id": f"{prefix}-{n}", "criterion": criterion, "annotator": who, "score": 1 + (n + (n % 5 == 0) * by) % 5}
        for prefix, criterion in (("w", "wit"), ("h", "helpfulness"))
        for n in range(30)
        for by, who in enumerate(("ann", "bea", "cyn"))
    ]
    await sent(client, "POST", "/v1/labels", json={"labels": labels})
    rows = [{**item, "human": {"helpfulness": [1 + n % 5, 1 + n % 4]}} for n, item in enumerate(numbered("d", 0, 20))]
    await sent(client, "PUT", "/v1/datasets/people", json={"items": rows})
    order = {"dataset": "people", "judges": ["helpfulness"], "models": [MODEL, OTHER]}
    benchmark = await sent(client, "POST", "/v1/benchmarks", json=order)
    battle = await sent(client, "POST", "/v1/arena/battles", json=BATTLE)

    async def are_over() -> bool:
        ended = (await sent(client, "GET", f"/v1/benchmarks/{benchmark['id']}"))["status"]
        is_open = (await sent(client, "GET", f"/v1/arena/battles/{battle['id']}"))["status"]
        return (ended, is_open) == ("completed_with_errors", "open")

    await until(are_over, "the benchmark and the battle")
    await sent(client, "POST", f"/v1/arena/battles/{battle['id']}/vote", json={"winner": "A", "voter": "ann"})
    await sent(client, "PUT", "/v1/anchors/helpfulness", json={"items": numbered("anchor", 0, 4)})


async def leave_open(judged: Judged, callback_url: str) -> None:
    """What is under way or waits: jobs, a cancelled one, a benchmark, a battle."""
    client = judged.client
    running = [*numbered("r", 100, 130), *numbered("r", HANGING, HANGING + 90)]
    under_way = await judged.submit(running, models=[MODEL], callback_url=callback_url)

    async def has_begun() -> bool:
        counts: Row = (await judged.job(under_way))["counts"]
        return bool(counts["scored"] + counts["unscored"] + counts["failed"] >= 25)

    await until(has_begun, "the first judgments")
    await judged.submit(numbered("q", 200, 260), judge="wit")
    cancelled = await judged.submit(numbered("x", 300, 310), models=[MODEL])
    await sent(client, "DELETE", f"/v1/jobs/{cancelled}")
    order = {"dataset": "people", "judges": ["wit"], "models": [OTHER]}
    rows = [{**item, "human": {"wit": [1 + n % 5]}} for n, item in enumerate(numbered("e", 0, 20))]
    await sent(client, "PUT", "/v1/datasets/more", json={"items": rows})
    await sent(client, "POST", "/v1/benchmarks", json={**order, "dataset": "more"})
    await sent(client, "POST", "/v1/arena/battles", json=BATTLE)


PATHS = (
    *("/v1/judges", "/v1/judges/wit", "/v1/judges/wit/versions/1", "/v1/judges/charm", "/v1/criteria", "/v1/datasets"),
    *("/v1/datasets/people", "/v1/labels?limit=1000", "/v1/items/w-3", "/v1/items/h-7", "/v1/arena/leaderboard"),
    *("/v1/anchors/helpfulness/items", "/v1/groups?criterion=wit", "/v1/jobs?limit=1000", "/v1/callbacks/secret"),
    f"/v1/agreement?judge=wit&model={MODEL}&window=all",
    "/v1/agreement?judge=wit&model=panel&window=all",
    f"/v1/agreement?judge=helpfulness&model={MODEL}&window=all",
    f"/v1/agreement/items?judge=helpfulness&model={MODEL}",
    f"/v1/estimates?judge=wit&model={MODEL}&window=all",
    f"/v1/calibration?judge=helpfulness&model={MODEL}&window=all",
    f"/v1/compare?judge=wit&model={MODEL}&a=v1&b=v2",
)


async def answers(client: httpx.AsyncClient) -> Row:
    """The answers of the API by their paths, and the counters of the metrics."""
    found = {path: await sent(client, "GET", path) for path in PATHS}
    for job in found["/v1/jobs?limit=1000"]["jobs"]:
        for path in (f"/v1/jobs/{job['id']}", f"/v1/jobs/{job['id']}/judgments?limit=1000"):
            found[path] = await sent(client, "GET", path)
    for name in ("benchmarks", "arena/battles"):
        listed = await sent(client, "GET", f"/v1/{name}")
        for each in listed[name.rpartition("/")[2]]:
            found[f"/v1/{name}/{each['id']}"] = await sent(client, "GET", f"/v1/{name}/{each['id']}")
    shown = (await client.get("/metrics")).text.splitlines()
    return {"answers": found, "counters": sorted(line for line in shown if _COUNTER.match(line))}


@asynccontextmanager
async def restored(file: Path, folder: Path, model: ModelServer) -> AsyncIterator[tuple[Fleet, Judged]]:
    """The API on the store of a backup, with the key that wrote it, and no worker."""
    data = folder / "restored"
    await asyncio.to_thread(restore, settings_of("redis://unused", model), str(data), file, None, lambda *_: None)
    async with fleet_of(data, model) as fleet, api_on(fleet, model) as judged:
        yield fleet, judged


@asynccontextmanager
async def api_on(fleet: Fleet, model: ModelServer, **worker: Any) -> AsyncIterator[Judged]:
    settings = settings_of(fleet.store.url, model, **worker)
    async with api_of(settings) as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        yield Judged(client, settings, FAST)


async def record(name: str, commit: str, folder: Path) -> None:
    file = folder / "all.rdb"
    async with ModelServer("openai", answer) as model, receiving(503) as receiver:
        async with (
            fleet_of(folder, model) as fleet,
            api_on(fleet, model, max_calls=5, refresh_seconds=1.0) as judged,
            judged.worker(),
        ):
            await fill(judged, receiver.url)
            await leave_open(judged, receiver.url)
            await asyncio.to_thread(backup, judged.settings, None, file, lambda _: None)
            model.reply = lambda body: GOOD
            for connection in list(model.connections):
                connection.abort()
        async with restored(file, folder, model) as (_, judged):
            known = await answers(judged.client)
    about = {"commit": commit, "callback_url": receiver.url, **known}
    STORES.mkdir(exist_ok=True)
    for ending, content in ((".rdb.gz", file.read_bytes()), (".json.gz", json.dumps(about).encode())):
        (STORES / f"{name}{ending}").write_bytes(gzip.compress(content, mtime=0))
    print(f"{name}: {len(known['answers'])} answers, {len(known['counters'])} counters")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the version")
    parser.add_argument("--commit", default="HEAD", help="of its code, which tests run beside later code")
    options = parser.parse_args()
    shown = ["git", "rev-parse", options.commit]
    commit = subprocess.run(shown, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="judged-record-", dir="/tmp") as folder:
        asyncio.run(record(options.name, commit, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
