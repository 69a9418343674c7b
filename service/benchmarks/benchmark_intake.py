"""Takes benchmarks in: the judges checked against the dataset, then one job over all items, judges and models."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from service.agreement import Coding, scale_of
from service.benchmarks.human_scores import misfit, statistics_for
from service.benchmarks.results import benchmark_id, new_benchmark, stored_benchmark
from service.config.settings import Settings
from service.contracts.benchmarks import MOST_ROWS, Benchmark, BenchmarkEstimate, BenchmarkOrder, BenchmarkRequest
from service.contracts.datasets import Dataset, DatasetItem, item_to_judge
from service.contracts.decoding import Batch
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.judges import CONTROL, ResolvedJudge
from service.contracts.names import did_you_mean
from service.contracts.refusals import Fault, Refused, impossible
from service.costs import SAMPLE, Prices
from service.jobs import Caller, JobIntake, TakenIn, job_of_repeat, resolve_judges
from service.store import benchmarks, clock, datasets
from service.store.errors import StoreConflictError

_MOST_NAMES = 1000  # of datasets, among which one is looked for that was meant
_PART = 1000  # items that are stored together: a step of the event loop each
CONTROLS = (f"{CONTROL}length", f"{CONTROL}overlap")


class BegunBenchmark(NamedTuple):
    """A new benchmark; or the one that an earlier request with the same Idempotency-Key began, if `is_repeat`."""

    benchmark: Benchmark
    is_repeat: bool


async def begin_benchmark(
    redis: Redis, settings: Settings, request: BenchmarkRequest, caller: Caller, fingerprint: str
) -> BegunBenchmark:
    """Checks and begins a benchmark.

    Raises Refused (impossible) that names each judge and each item that does not fit, and IdempotencyConflictError.
    """
    try:
        return await _begun(redis, await _taken(redis, settings, request, caller), fingerprint)
    except Refused:
        if (earlier := await job_of_repeat(redis, caller, fingerprint)) is None:
            raise
        return BegunBenchmark(await stored_benchmark(redis, benchmark_id(earlier.id)), is_repeat=True)


async def begin_labelled_benchmark(
    redis: Redis,
    settings: Settings,
    request: BenchmarkRequest,
    items: Sequence[DatasetItem],
    caller: Caller,
    fingerprint: str,
) -> BegunBenchmark:
    """Checks and begins a benchmark on these items; `request.dataset` is a title, and no dataset is stored.

    Raises Refused (impossible) if there are no items, else as `begin_benchmark`.
    """
    if not items:
        raise impossible([Fault("/dataset", "no labelled item that may be seen has its texts")])
    criteria = sorted({name for each in items for name in each.human})
    annotators = max(len(values) for each in items for values in each.human.values())
    title = Dataset(
        name=request.dataset, items=len(items), criteria=criteria, annotators=annotators, created_at=clock.now()
    )
    judges = await _measurable_judges(redis, settings, request, title)
    intake = _BenchmarkIntake(redis, settings, request, title, judges, caller)
    await intake.take(_in_parts(items))
    return await _begun(redis, intake, fingerprint)


async def estimate_benchmark(redis: Redis, settings: Settings, request: BenchmarkRequest) -> BenchmarkEstimate:
    """Checks a benchmark and returns its size and cost, without beginning it. Raises Refused as `begin_benchmark`."""
    intake = await _taken(redis, settings, request, Caller(None, None))
    order = await intake.order()
    await intake.discard()
    return BenchmarkEstimate(
        judgments=intake.judgments, estimated_cost_usd=order.estimated_cost_usd, warning=order.warning
    )


def judge_rows(judges: Sequence[ResolvedJudge], *, with_controls: bool) -> list[ResolvedJudge]:
    """Returns each judge with one of its models at a time, followed by the baselines that are not among its models."""
    rows = []
    for judge in judges:
        rows += [msgspec.structs.replace(judge, models=[model]) for model in judge.models]
        if with_controls:
            # A baseline gives the same answer each time, so one sample is enough.
            once = msgspec.structs.replace(judge.definition, samples=1, score_from="answer")
            others = [model for model in CONTROLS if model not in judge.models]
            rows += [msgspec.structs.replace(judge, definition=once, models=[model]) for model in others]
    return rows


async def _begun(redis: Redis, intake: "_BenchmarkIntake", fingerprint: str) -> BegunBenchmark:
    (record, is_repeat), order = await intake.commit(fingerprint)
    if is_repeat:
        return BegunBenchmark(await stored_benchmark(redis, benchmark_id(record.id)), is_repeat)
    return BegunBenchmark(new_benchmark(record, order), is_repeat)


async def _in_parts(items: Sequence[DatasetItem]) -> AsyncIterator[Sequence[DatasetItem]]:
    for start in range(0, len(items), _PART):
        yield items[start : start + _PART]


async def _taken(redis: Redis, settings: Settings, request: BenchmarkRequest, caller: Caller) -> "_BenchmarkIntake":
    """The benchmark, checked and staged."""
    dataset = await datasets.find_dataset(redis, request.dataset)
    if dataset is None:
        known, _ = await datasets.list_datasets(redis, after=None, limit=_MOST_NAMES)
        near = did_you_mean(request.dataset, [each.name for each in known])
        raise impossible([Fault("/dataset", f"there is no dataset {request.dataset!r}{near}")])
    judges = await _measurable_judges(redis, settings, request, dataset)
    intake = _BenchmarkIntake(redis, settings, request, dataset, judges, caller)
    await intake.take(datasets.read_dataset(redis, dataset.name))
    return intake


async def _measurable_judges(
    redis: Redis, settings: Settings, request: BenchmarkRequest, dataset: Dataset
) -> list[ResolvedJudge]:
    """The judges of a request, pinned. Raises Refused (impossible) that names each that can't be measured."""
    try:
        judges = await resolve_judges(redis, settings, JobOrder(judge=request.judges, models=request.models))
    except Refused as error:
        raise impossible([Fault(_own_pointer(each.pointer), each.detail) for each in error.faults]) from error
    faults = []
    for index, judge in enumerate(judges):
        criterion, scale = judge.definition.criterion, scale_of(judge.definition)
        at = f"/judges/{index}"
        if scale is None:
            faults.append(Fault(at, "it ranks, and agreement is not defined for rankings"))
        elif criterion not in dataset.criteria:
            known = ", ".join(dataset.criteria)
            faults.append(Fault(at, f"the dataset has no labels for {criterion!r} (it has: {known})"))
        elif request.sort is not None and request.sort not in statistics_for(scale):
            names = ", ".join(statistics_for(scale))
            detail = f"{request.sort!r} is not a statistic of the answers of judge {index} ({names})"
            faults.append(Fault("/sort", detail))
    rows = len(judge_rows(judges, with_controls=request.controls)) if not faults else 0
    if rows > MOST_ROWS:
        faults.append(Fault("/judges", f"{rows} pairs of a judge and a model: at most {MOST_ROWS}"))
    if faults:
        raise impossible(faults)
    return judges


class _BenchmarkIntake:
    """The intake of one benchmark. `judges` are those of the request, one after the other."""

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        request: BenchmarkRequest,
        dataset: Dataset,
        judges: Sequence[ResolvedJudge],
        caller: Caller,
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._request = request
        self._dataset = dataset
        self._rows = judge_rows(judges, with_controls=request.controls)
        order = JobOrder(judge=request.judges, cache=request.cache, budget_usd=request.budget_usd)
        self._intake = JobIntake(redis, settings, order, self._rows, caller, purpose="benchmark")
        self._scale_checks = _ScaleChecks(judges)
        self._sample: list[Item] = []

    @property
    def judgments(self) -> int:
        """The number of judgments that the benchmark takes."""
        return self._dataset.items * len(self._rows)

    async def take(self, parts: AsyncIterator[Sequence[DatasetItem]]) -> None:
        """Stages the items and people's values, which come in parts.

        Raises Refused (impossible); nothing remains staged then.
        """
        try:
            await self._intake.take(self._items(parts))
            if self._scale_checks.faults:
                raise impossible(self._scale_checks.faults)
        except Refused:
            await self.discard()
            raise

    async def commit(self, fingerprint: str) -> tuple[TakenIn, BenchmarkOrder]:
        """Makes the staged items a benchmark and queues its job. Raises IdempotencyConflictError."""
        order = await self.order()
        await benchmarks.stage_order(self._redis, self._intake.job_id, order)
        try:
            taken = await self._intake.commit(fingerprint)
        except StoreConflictError:
            await benchmarks.discard_benchmark(self._redis, self._intake.job_id)
            raise
        if taken.is_repeat:
            await benchmarks.discard_benchmark(self._redis, self._intake.job_id)
        return taken, order

    async def discard(self) -> None:
        """Removes everything that is staged."""
        await self._intake.discard()
        await benchmarks.discard_benchmark(self._redis, self._intake.job_id)

    async def order(self) -> BenchmarkOrder:
        """Returns the part of the request to store, with the estimated cost. Call it after `take`."""
        request = self._request
        prices, models = Prices(self._settings), [model for judge in self._rows for model in judge.models]
        await prices.learn(models)
        cost = await asyncio.to_thread(prices.estimated_cost_usd, self._rows, self._sample, self._dataset.items)
        warning = prices.unknown(models)
        if request.budget_usd is not None and cost is not None and request.budget_usd < cost:
            warning = (
                f"budget_usd is {request.budget_usd:g}, and the estimated cost is {cost:.2g}: "
                "judgments that remain once the budget is spent will fail with reason budget"
            )
        return BenchmarkOrder(
            dataset=request.dataset,
            epsilon=request.epsilon,
            sort=request.sort,
            estimated_cost_usd=cost,
            warning=warning,
        )

    async def _items(self, parts: AsyncIterator[Sequence[DatasetItem]]) -> AsyncIterator[Batch[Item]]:
        """The dataset's items. On the way people's values are staged, and a sample is kept to estimate the cost by."""
        apart = max(1, self._dataset.items // SAMPLE)
        criteria = {judge.definition.criterion for judge in self._rows}
        part = position = 0
        async for entries in parts:
            humans = [{name: each.human[name] for name in criteria & each.human.keys()} for each in entries]
            await benchmarks.stage_humans(self._redis, self._intake.job_id, part, humans)
            part += 1
            yield self._placed(entries, position, apart)
            position += len(entries)

    def _placed(self, entries: Sequence[DatasetItem], first: int, apart: int) -> Batch[Item]:
        for position, entry in enumerate(entries, first):
            item = item_to_judge(entry)
            self._scale_checks.check(entry, position)
            if position % apart == 0 and len(self._sample) < SAMPLE:
                self._sample.append(item)
            yield position, item


class _ScaleChecks:
    """Checks people's values against each judge's scale."""

    def __init__(self, judges: Sequence[ResolvedJudge]) -> None:
        self.faults: list[Fault] = []
        self._left = [
            (f"/judges/{index}", judge.definition.criterion, Coding(scale))
            for index, judge in enumerate(judges)
            if (scale := scale_of(judge.definition)) is not None
        ]

    def check(self, entry: DatasetItem, position: int) -> None:
        """Adds a fault for each judge's first value that is not on its scale."""
        for place in list(self._left):
            at, criterion, coding = place
            wrong = (misfit(coding, value) for value in entry.human.get(criterion, ()) if value is not None)
            problem = next((each for each in wrong if each is not None), None)
            if problem is not None:
                item = f"item {position}" if entry.id is None else f"item {entry.id!r}"
                self.faults.append(Fault(at, f"people's values are not on the judge's scale: {item}: {problem}"))
                self._left.remove(place)


def _own_pointer(pointer: str) -> str:
    """A job's `judge` is a benchmark's `judges`."""
    return pointer.replace("/judge/", "/judges/", 1) if pointer.startswith("/judge/") else pointer
