"""An afternoon of traffic, and all that the service says about it: `python -m tests.benchmarks.afternoon`.

Real processes: an embedded store, the API, a worker, and a stub of a provider on loopback that speaks OpenAI's format.
Two versions of a bot answer the same cases; their answers come in jobs from 12:00 to 18:00. Two simulated people label
what the queue lists, in sittings. In the middle the provider serves another model under the same name. After each
sitting everything that the service says is printed, beside the truth, which is known.

Time is compressed: the afternoon's clock runs `--speed` times as fast as the processes'. Windows are by the store's
clock, so that all of an afternoon lies within the last 24 hours, compressed or not. Two things go by the time of the
afternoon: the anchors, whose day is shortened in the worker, and the alerts (`for: 10m`, `offset 1h`), which promtool
evaluates on the metrics that were scraped, a sample for each minute of the afternoon. With `--history`, items were
judged and labelled days before: then the processes ran with an earlier clock (libfaketime). Nothing else is made up but
the model's words and the labels.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from service.launch import embedded_store
from service.launch.preflight import free_port
from service.stats.trust import WORST_FIRST
from tests.benchmarks.afternoon_alerts import Scrapes
from tests.benchmarks.afternoon_traffic import AFTER, BEFORE, GROUPS, PEOPLE, Model, Traffic, traffic
from tests.polling import until
from tests.stubs.model_server import ModelServer

ROOT = Path(__file__).parents[2]
JUDGE, MODEL = "helpfulness", "stub/judge-model"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
WORKER = """
import sys, worker.anchors as anchors, worker.process as process, worker.__main__ as main
process.PERIOD_S, anchors._DAY_S = 0.2, 86400 / {speed}
sys.exit(main._main())
"""
HOURS, ANCHORS, ANCHORS_A_DAY = 6, 30, 500
REPEATS = 64  # of anchors in the days before
GAUGES = (
    "agreement_spearman{",
    "agreement_exact{",
    "agreement_pairs{",
    "agreement_fall_evidence{",
    "score_shift_z{",
    "score_shift_points{",
    "trust_verdict{",
    "trust_statistic{",
    "judge_mean{",
    "corrected_mean{",
    "anchor_shift_evidence{",
    "anchor_shift_of_judge{",
    "served_model_changes_total{",
)

Row = dict[str, Any]


class Clock:
    """The clock of the afternoon, which begins at 12:00 and runs `speed` times as fast as all other clocks."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.started_at = self._wall = time.time()

    def start(self) -> None:
        """It is 12:00 now."""
        self.started_at = time.time()

    @property
    def minutes(self) -> float:
        """Minutes since 12:00."""
        return (time.time() - self.started_at) / 60 * self.speed

    def __str__(self) -> str:
        minutes = int(self.minutes) + 720
        return f"{minutes // 60:02}:{minutes % 60:02} (wall {time.time() - self._wall:4.0f} s)"


class Afternoon:
    """The running service, and what was done so far."""

    client: httpx.AsyncClient

    def __init__(self, clock: Clock, people: Traffic, model: Model) -> None:
        self.clock, self.people, self.model = clock, people, model
        self.scrapes = Scrapes()
        self.judged: dict[str, list[int]] = {BEFORE: [], AFTER: []}  # items by the model that was served
        self.labelled: dict[str, list[str]] = {each: [] for each in PEOPLE}
        self.anchored = False

    @contextlib.asynccontextmanager
    async def client_of(self, environ: dict[str, str]) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=environ["JUDGED_URL"], timeout=90) as self.client:
            yield

    async def get(self, path: str, **query: Any) -> Row:
        answered = await self.client.get(path, params=query)
        if answered.status_code >= 400:
            return {"refused": answered.status_code, "detail": answered.json().get("detail")}
        found: Row = answered.json()
        return found

    async def judge(self, numbers: range) -> None:
        """One job for each group, over the same cases."""
        began = time.monotonic()
        paths = []
        for group in range(2):
            lines = "".join(json.dumps(self.people.item(n)) + "\n" for n in numbers if n % 2 == group)
            headers = {"content-type": "application/x-ndjson"}
            answered = await self.client.post("/v1/jobs", params={"judge": JUDGE}, content=lines, headers=headers)
            paths.append(answered.raise_for_status().headers["location"])
        for path in paths:
            while (job := await self.get(path, wait=30))["counts"]["pending"]:
                pass
            assert job["counts"]["scored"] == job["counts"]["total"], job["counts"]
        self.judged[self.model.served] += numbers
        took = time.monotonic() - began
        print(f"\n[{self.clock}] {len(numbers)} answers judged by {self.model.served}: {len(numbers) / took:.0f}/s")

    async def label(self, count: int) -> None:
        """A sitting: each person labels what the queue lists, in pages of ten."""
        for person in PEOPLE:
            left = count // len(PEOPLE)
            while left:
                query = {
                    "criterion": JUDGE,
                    "annotator": person,
                    "per_item": 2,
                    "include": "item",
                    "limit": min(left, 10),
                }
                page = (await self.get("/v1/labels/queue", **query))["items"]
                assert page, "the queue is empty"
                labels = [self._label(each, person) for each in page]
                answered = await self.client.post("/v1/labels", json={"labels": labels})
                said = answered.raise_for_status().json()
                assert (said["stored"], said["unmatched"]) == (len(page), 0), said
                self.labelled[person] += [each["item_id"] for each in page]
                left -= len(page)

    def _label(self, listed: Row, person: str) -> Row:
        assert "ticket" in listed["item"]["output"], listed
        assert "score" not in str(listed), listed
        number = int(listed["item_id"].partition("/")[2])
        kept: Row = {name: listed[name] for name in ("item_id", "selection", "probability") if name in listed}
        return {
            **kept,
            "criterion": JUDGE,
            "annotator": person,
            "score": int(self.people.labels[number][PEOPLE.index(person)]),
        }

    async def anchor(self) -> None:
        ids = list(dict.fromkeys(self.labelled[PEOPLE[0]] + self.labelled[PEOPLE[1]]))[:ANCHORS]
        lines = "".join(json.dumps({"id": each}) + "\n" for each in ids)
        headers = {"content-type": "application/x-ndjson"}
        answered = await self.client.put(f"/v1/anchors/{JUDGE}", content=lines, headers=headers)
        answered.raise_for_status()
        self.anchored = True
        print(f"[{self.clock}] {len(ids)} labelled items marked as anchors")

    async def pass_time(self, minutes: float) -> None:
        """Scrapes until the afternoon's clock shows so many minutes since 12:00."""
        while self.clock.minutes < minutes:
            await self.scrape()
            await asyncio.sleep(1)

    async def metrics(self) -> dict[str, float]:
        text = (await self.client.get("/metrics")).text
        parted = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in parted}

    async def refreshed(self) -> None:
        """Waits until the gauges were computed anew."""
        asked = time.time()

        async def is_so() -> bool:
            return (await self.metrics()).get("judged_agreement_refreshed_timestamp_seconds", 0) > asked

        await until(is_so, "a refresh of the gauges", 120)

    async def has_repeats(self) -> bool:
        """Whether the anchors were judged so often that a change can be found."""
        found = await self.metrics()
        judged = [value for name, value in found.items() if name.startswith("judged_anchor_judgments_total")]
        return sum(judged) > ANCHORS + REPEATS

    async def scrape(self) -> None:
        """Keeps what `/metrics` shows."""
        minute = max(round(self.clock.minutes) + 60, 0)
        self.scrapes.add(minute, (await self.client.get("/metrics")).text)


async def report(on: Afternoon, environ: dict[str, str]) -> None:
    """Prints what the service says now, beside the truth."""
    await on.refreshed()
    await on.scrape()
    print(f"[{on.clock}] {sum(map(len, on.labelled.values()))} labels. The service says:")
    agreement = await on.get("/v1/agreement", judge=JUDGE)
    served = agreement.get("served_model", BEFORE)
    items = np.array(on.judged[served])
    await _print_agreement(on, agreement, items)
    _print_estimate(on.people, await on.get("/v1/estimates", judge=JUDGE), items, served)
    compared = await on.get("/v1/compare", judge=JUDGE, a=GROUPS[0], b=GROUPS[1])
    _print_comparison(on.people, compared, items, served)
    metrics = await on.metrics()
    print("  gauges, without window or of 24h")
    for name, value in sorted(metrics.items()):
        if name.startswith(tuple(f"judged_{each}" for each in GAUGES)) and ("window=" not in name or '"24h"' in name):
            labels = name.partition("{")[2].rstrip("}")
            kept = [
                each
                for each in labels.split(",")
                if not each.startswith(("judge=", "version", "criterion", "window", "model"))
            ]
            print(f"    {name.partition('{')[0]} {' '.join(kept)} {value:.4g}")
    _check_gauges(agreement, metrics)
    print("  alerts that fire:")
    for alert in on.scrapes.firing_now() or ["none"]:
        print(f"    {alert}")
    await _print_commands(agreement, compared, environ)


def _check_gauges(said: Row, metrics: dict[str, float]) -> None:
    """Says if a gauge of 7 days differs from the API's answer."""
    if "refused" in said:
        return
    shown = {
        name.partition("{")[0].removeprefix("judged_agreement_"): value
        for name, value in metrics.items()
        if name.startswith("judged_agreement_") and 'window="7d"' in name
    }
    for name in ("exact", "spearman", "bias"):
        if (value := said["statistics"][name]["value"]) is not None and abs(shown.get(name, 9e9) - value) > 1e-9:
            print(f"  !! gauge of {name}, 7d: {shown.get(name)}, API {value}")
    verdict = [value for name, value in metrics.items() if name.startswith("judged_trust_verdict") and '"7d"' in name]
    if verdict != [WORST_FIRST.index(said["trust"]["verdict"])]:
        print(f"  !! gauge of the verdict, 7d: {verdict}, API {said['trust']['verdict']}")


async def _print_agreement(on: Afternoon, said: Row, items: np.ndarray) -> None:
    if "refused" in said:
        print(f"  agreement: {said}")
        return
    counts = on.people.counts(items, said["served_model"])
    asked = await on.client.post("/v1/statistics", json={"values": [1, 2, 3, 4, 5], "counts": counts})
    truth = asked.json()["statistics"]
    print(f"  verdict {said['trust']['verdict']}, more_labels {said['trust'].get('more_labels')}")
    for each in said["trust"]["because"]:
        print(textwrap.fill(each, 140, initial_indent="    - ", subsequent_indent="      "))
    print(f"  served {said['served_model']}; flags {said['flags']}; {said['pairs']} pairs on {said['items']} items")
    for each in said["served_models"]:
        print(
            f"    {each['served_model']}: {each['scored']} scored, {each['pairs']} pairs, "
            f"{each['first_seen']} to {each['last_seen']}"
        )
    for name in ("exact", "bias", "spearman"):
        base = {of: each[name]["value"] for of, each in said["baselines"].items()}
        print(f"    {name}: {_interval(said['statistics'][name])}; truth {truth[name]['value']:.3f}; baselines {base}")
    if said.get("human_ceiling"):
        print(f"    people: spearman {_interval(said['human_ceiling']['statistics']['spearman'])}")
    anchors = said.get("anchors")
    if anchors:
        print(f"  anchors: {anchors['verdict']}")
        for each in anchors["because"]:
            print(textwrap.fill(each, 140, initial_indent="    - ", subsequent_indent="      "))


def _interval(each: Row | None) -> str:
    if each is None or each.get("value") is None:
        return f"none ({each and each.get('reason')})"
    return f"{each['value']:.3f} ({each['lower']:.3f} to {each['upper']:.3f})"


def _print_estimate(people: Traffic, said: Row, items: np.ndarray, served: str) -> None:
    if "refused" in said:
        print(f"  estimate: {said}")
        return
    print(f"  judge's mean {_interval(said['judge_mean'])}; truth {people.judge_mean(items, served):.3f}")
    print(
        f"  corrected mean {_interval(said['corrected_mean'])}; truth {people.people_mean(items):.3f}; "
        f"{said['method']}, {said['labels']} labels, worth {said['labels_worth']}"
    )


def _print_comparison(people: Traffic, said: Row, items: np.ndarray, served: str) -> None:
    if "refused" in said:
        print(f"  compare: {said}")
        return
    over_all = people.judge_difference(items, served)
    print(
        f"  compare: by the judge {_interval(said['judge_difference'])} (over all {over_all:.3f}); "
        f"corrected {_interval(said['corrected_difference'])} (truth {people.people_difference(items):.3f}); "
        f"decided {said['decided']} by {said['decided_by']}; {said['design']}"
    )


async def _print_commands(agreement: Row, compared: Row, environ: dict[str, str]) -> None:
    """Prints what the commands say, and says if their words differ from the API's."""
    shown = await command(environ, "agreement", JUDGE)
    print("  judged agreement")
    print(textwrap.indent(shown, "    | "))
    for each in agreement.get("trust", {}).get("because", []):
        if each not in shown:
            print(f"  !! not in `judged agreement`: {each}")
    print("  judged compare")
    print(textwrap.indent(await command(environ, "compare", *GROUPS, "--judge", JUDGE), "    | "))
    for options in (("--min", "3"), ("--group", GROUPS[1], "--against", GROUPS[0], "--min", "0")):
        print(f"  judged gate {' '.join(options)}")
        print(textwrap.indent(await command(environ, "gate", "--judge", JUDGE, *options), "    | "))


async def command(environ: dict[str, str], *words: str) -> str:
    """What a command prints, and its exit code if that is not 0."""
    argv = (sys.executable, "-m", "service.cli", *words)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=ROOT, env=environ, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    code = "" if process.returncode == 0 else f"\n(exit code {process.returncode})"
    return printed.decode().rstrip() + code


@contextlib.asynccontextmanager
async def _process(*argv: str, environ: dict[str, str]) -> AsyncIterator[None]:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, env=environ, stdout=quiet)
    try:
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


@contextlib.asynccontextmanager
async def service(
    folder: Path, stub: ModelServer, options: argparse.Namespace, days_ago: float = 0
) -> AsyncIterator[dict[str, str]]:
    """Store, API and worker, with clocks that show a time some days ago. Yields the environment of commands."""
    async with contextlib.AsyncExitStack() as running:
        socket = running.enter_context(embedded_store.socket_for(folder))
        store = embedded_store.Store(embedded_store.find_binary(None), folder, socket)
        port = free_port("127.0.0.1")
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("JUDGED_")},
            "JUDGED_REDIS_URL": store.url,
            "JUDGED_PROVIDERS": json.dumps({"stub": {"kind": "openai", "base_url": stub.base_url}}),
            "JUDGED_MODELS": MODEL,
            "JUDGED_PORT": str(port),
            "JUDGED_WORKER_REFRESH_SECONDS": str(options.refresh),
            "JUDGED_ANCHORS_JUDGMENTS_PER_DAY": str(options.anchors_per_day),
            "JUDGED_LOG_LEVEL": "warning",
            "JUDGED_URL": f"http://127.0.0.1:{port}",
        }
        clock = {"LD_PRELOAD": FAKETIME, "FAKETIME": f"-{days_ago}d", "DONT_FAKE_MONOTONIC": "1"} if days_ago else {}
        own = {**environ, **clock}
        await running.enter_async_context(_process(*embedded_store.store_command(store), environ=own))
        await embedded_store.wait_until_ready(socket)
        await running.enter_async_context(_process(sys.executable, "-m", "service.cli", "api", environ=own))
        await running.enter_async_context(
            _process(sys.executable, "-c", WORKER.format(speed=2000 if days_ago else options.speed), environ=own)
        )
        await _until_ready(environ["JUDGED_URL"])
        yield environ


async def _until_ready(url: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(300):
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.2)
    raise SystemExit("the service did not come up")


async def simulate(options: argparse.Namespace) -> None:
    people = traffic(options.history + options.items, options.swap, options.seed)
    on = Afternoon(Clock(options.speed), people, Model(people))
    with tempfile.TemporaryDirectory() as name:
        async with ModelServer("openai", on.model, record=False) as stub:
            if options.history:
                async with service(Path(name), stub, options, options.history_days) as environ, on.client_of(environ):
                    print(f"{options.history_days} days ago")
                    await on.judge(range(options.history))
                    await on.label(options.history_labels)
                    await on.anchor()
                    await until(on.has_repeats, "enough judgments of the anchors", 900)
            async with service(Path(name), stub, options) as environ, on.client_of(environ):
                on.clock.start()
                await on.refreshed()
                await follow(on, options, environ)


async def follow(on: Afternoon, options: argparse.Namespace, environ: dict[str, str]) -> None:
    """The afternoon: jobs, sittings after the jobs that the options name, and the swap."""
    each_job, minutes = options.items // options.jobs, HOURS * 60 / options.jobs
    await on.pass_time(1)
    for job in range(options.jobs):
        if job == options.jobs // 2:
            on.model.served = AFTER
            print(f"\n[{on.clock}] the provider now serves {AFTER} under the same name ({options.swap})")
        start = options.history + job * each_job
        await on.judge(range(start, start + each_job))
        if job + 1 in options.sittings:
            await on.label(options.labels // len(options.sittings))
            if not on.anchored:
                await on.anchor()
            await report(on, environ)
        await on.pass_time((job + 1) * minutes)
    await report(on, environ)
    print("\nalerts, and when each fired first")
    for alert, minute in on.scrapes.first_firing().items():
        print(f"  {11 + minute // 60:02}:{minute % 60:02} {alert}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--labels", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=10, help="of both groups each; the model is swapped in the middle")
    parser.add_argument(
        "--sittings", type=int, nargs="+", default=[2, 4, 5, 6, 8, 10], help="after which jobs people label"
    )
    parser.add_argument("--swap", choices=["worse", "shifted", "same"], default="worse")
    parser.add_argument("--history", type=int, default=0, help="items that were judged days before, by the first model")
    parser.add_argument("--history-labels", type=int, default=440)
    parser.add_argument("--history-days", type=int, default=3)
    parser.add_argument("--speed", type=float, default=24, help="of the afternoon's clock")
    parser.add_argument("--anchors-per-day", type=int, default=ANCHORS_A_DAY)
    parser.add_argument("--refresh", type=float, default=1.0, help="seconds between two refreshes of the gauges")
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(simulate(parser.parse_args()))


if __name__ == "__main__":
    main()
