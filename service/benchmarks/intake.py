"""Takes a benchmark in: its judges checked against its dataset, then one job over all of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
from redis.asyncio import Redis

from service.agreement.coding import Coding, scale_of
from service.benchmarks.human_scores import misfit, statistics_for
from service.config.settings import Settings
from service.contracts.benchmarks import MOST_ROWS, BenchmarkOrder, BenchmarkRequest
from service.contracts.datasets import Dataset, DatasetItem, item_of
from service.contracts.decoding import Numbered
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.judges import ResolvedJudge
from service.contracts.refusals import Fault, Refused, impossible
from service.costs import SAMPLE, Prices
from service.jobs import Caller, JobIntake, TakenIn, resolve_judges
from service.store import benchmarks, datasets
from service.store.errors import StoreConflictError

CONTROLS = ("control/length", "control/overlap")


class BenchmarkIntake:
    """One benchmark on its way in. `judges` are those that the request names, one after the other."""

    def __init__(
        self,
        redis: Redis,
        settings: Settings,
        asked: BenchmarkRequest,
        dataset: Dataset,
        judges: Sequence[ResolvedJudge],
        caller: Caller,
    ) -> None:
        self._redis = redis
        self._settings = settings
        self._asked = asked
        self._dataset = dataset
        self._rows = rows_of(judges, with_controls=asked.controls)
        order = JobOrder(judge=asked.judges, cache=asked.cache, budget_usd=asked.budget_usd)
        self._intake = JobIntake(redis, settings, order, self._rows, caller, purpose="benchmark")
        self._fit = _Fit(judges)
        self._sample: list[Item] = []

    @property
    def judgments(self) -> int:
        """How many it takes."""
        return self._dataset.items * len(self._rows)

    async def take(self) -> None:
        """Stages all of it. Raises a 422 problem that names each item and each judge that does not fit."""
        await self._intake.take(self._items())
        if self._fit.faults:
            raise impossible(self._fit.faults)

    async def commit(self, fingerprint: str) -> tuple[TakenIn, BenchmarkOrder]:
        """Makes it a benchmark; the id of its job, which is an earlier one where the request is a repeat."""
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
        """Removes what was staged."""
        await self._intake.discard()
        await benchmarks.discard_benchmark(self._redis, self._intake.job_id)

    async def _items(self) -> AsyncIterator[Numbered[Item]]:
        """The dataset's items; on their way what people said is staged, and a sample is kept to guess the cost by."""
        apart = max(1, self._dataset.items // SAMPLE)
        criteria = {judge.definition.criterion for judge in self._rows}
        part = position = 0
        async for entries in datasets.read_dataset(self._redis, self._dataset.name):
            humans = [{name: each.human[name] for name in criteria & each.human.keys()} for each in entries]
            await benchmarks.stage_humans(self._redis, self._intake.job_id, part, humans)
            part += 1
            for entry in entries:
                item = item_of(entry)
                self._fit.check(entry, position)
                if position % apart == 0 and len(self._sample) < SAMPLE:
                    self._sample.append(item)
                yield position, item
                position += 1

    async def order(self) -> BenchmarkOrder:
        """What to keep of the request, with what it will cost about. Needs what `take` has seen of the items."""
        asked = self._asked
        prices = Prices(self._settings)
        cost = await asyncio.to_thread(prices.estimated_cost_usd, self._rows, self._sample, self._dataset.items)
        warning = prices.unknown([model for judge in self._rows for model in judge.models])
        if asked.budget_usd is not None and cost is not None and asked.budget_usd < cost:
            warning = (
                f"budget_usd is {asked.budget_usd:g}, and this will cost about {cost:.2g}: "
                "what is not judged when the budget is spent will be failed for that reason"
            )
        return BenchmarkOrder(
            dataset=asked.dataset,
            epsilon=asked.epsilon,
            sort=asked.sort,
            estimated_cost_usd=cost,
            warning=warning,
        )


class _Fit:
    """Whether people's values can be compared with each judge's."""

    def __init__(self, judges: Sequence[ResolvedJudge]) -> None:
        self.faults: list[Fault] = []
        self._left = [
            (f"/judges/{index}", judge.definition.criterion, Coding(scale))
            for index, judge in enumerate(judges)
            if (scale := scale_of(judge.definition)) is not None
        ]

    def check(self, entry: DatasetItem, position: int) -> None:
        """Notes for each judge the first value that does not fit."""
        for place in list(self._left):
            at, criterion, coding = place
            wrong = (misfit(coding, value) for value in entry.human.get(criterion, ()) if value is not None)
            problem = next((each for each in wrong if each is not None), None)
            if problem is not None:
                self.faults.append(Fault(at, f"people's values do not fit its answers: item {position}: {problem}"))
                self._left.remove(place)


async def judges_of(redis: Redis, settings: Settings, asked: BenchmarkRequest, dataset: Dataset) -> list[ResolvedJudge]:
    """The judges that a request names, pinned. Raises a 422 problem that names each that can't be measured."""
    try:
        judges = await resolve_judges(redis, settings, JobOrder(judge=asked.judges, models=asked.models))
    except Refused as error:
        renamed = [msgspec.structs.replace(each, pointer=_renamed(each.pointer)) for each in error.faults]
        raise impossible(renamed) from error
    faults = []
    for index, judge in enumerate(judges):
        criterion, scale = judge.definition.criterion, scale_of(judge.definition)
        at = f"/judges/{index}"
        if scale is None:
            faults.append(Fault(at, "no agreement is defined for the answers of its method"))
        elif criterion not in dataset.criteria:
            known = ", ".join(dataset.criteria)
            faults.append(Fault(at, f"the dataset says nothing of {criterion}: it has people's values of {known}"))
        elif asked.sort is not None and asked.sort not in statistics_for(scale):
            names = ", ".join(statistics_for(scale))
            faults.append(Fault("/sort", f"is no statistic of the answers of judge {index}: those are {names}"))
    if not faults and len(rows_of(judges, with_controls=asked.controls)) > MOST_ROWS:
        faults.append(Fault("/judges", f"judges times models are more than {MOST_ROWS}"))
    if faults:
        raise impossible(faults)
    return judges


def rows_of(judges: Sequence[ResolvedJudge], *, with_controls: bool) -> list[ResolvedJudge]:
    """Each judge with each of its models alone, and then with the baselines that are not among these."""
    rows = []
    for judge in judges:
        rows += [msgspec.structs.replace(judge, models=[model]) for model in judge.models]
        if with_controls:
            # A baseline says the same each time: once will do.
            once = msgspec.structs.replace(judge.definition, samples=1, score_from="answer")
            others = [model for model in CONTROLS if model not in judge.models]
            rows += [msgspec.structs.replace(judge, definition=once, models=[model]) for model in others]
    return rows


def _renamed(pointer: str) -> str:
    """Jobs have `judge` where a benchmark has `judges`."""
    return pointer.replace("/judge/", "/judges/", 1) if pointer.startswith("/judge/") else pointer
