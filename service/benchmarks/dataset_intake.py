"""Takes datasets in: all items and all people's values checked, then all of them stored or none."""

from collections.abc import AsyncIterable, Callable
from typing import NamedTuple

from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.datasets import MOST_VALUES_OF_AN_ITEM, Dataset, DatasetItem, HumanValue
from service.contracts.decoding import Batch
from service.contracts.ids import new_id
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, Refused, invalid, pointer_to
from service.jobs import ItemChecks
from service.store import clock, datasets
from service.store.errors import StoreConflictError
from service.threads import aside

_STAGE_TOGETHER = 10  # chunks in one round trip
_STAGE_BYTES = 4_000_000  # of chunks, after which they are stored: the memory of an upload does not grow with it

LineOf = Callable[[int], int]


class StoredDataset(NamedTuple):
    """A dataset that was stored, and whether its name is new."""

    dataset: Dataset
    is_new: bool


async def store_dataset(
    redis: Redis,
    settings: Settings,
    name: str,
    batches: AsyncIterable[Batch[DatasetItem]],
    line_of: LineOf | None = None,
) -> StoredDataset:
    """Stores the items as the dataset of this name, in place of an earlier one.

    `line_of` returns the line of an item in the uploaded file, for messages. Raises Refused that names each fault, and
    StagingExpiredError if the upload took too long; nothing is stored then.
    """
    intake = _DatasetIntake(redis, settings, name, line_of)
    try:
        await intake.take(batches)
        return await intake.commit()
    except (Refused, StoreConflictError):
        await intake.discard()
        raise


class _DatasetIntake:
    """The intake of one dataset. Items are staged as they arrive, so that an upload of any size takes little memory."""

    def __init__(self, redis: Redis, settings: Settings, name: str, line_of: LineOf | None) -> None:
        self._redis = redis
        self._name = name
        self._line_of = line_of
        self._version = new_id("dst")
        self._checks = ItemChecks(settings.server.max_items)
        self._values: dict[str, _CriterionValues] = {}  # by criterion
        self._with_output = 0
        self._without_output: list[int] = []  # the numbers of the first such items
        self._chunk: list[DatasetItem] = []  # the one that is not full
        self._chunks: list[bytes] = []  # to be staged
        self._staged = 0

    async def take(self, batches: AsyncIterable[Batch[DatasetItem]]) -> None:
        """Checks and stages the items. Raises Refused that names each fault, and once there are MOST_FAULTS."""
        async for batch in batches:
            while await aside(self._add, batch):
                await self._stage()
        self._check_whole()
        if self._chunk:
            await aside(self._close_chunk)
        await self._stage()

    async def commit(self) -> StoredDataset:
        """Makes the staged items the dataset of its name. Raises StagingExpiredError."""
        dataset = Dataset(
            name=self._name,
            items=self._checks.items,
            criteria=sorted(self._values),
            annotators=len(set().union(*(each.annotators for each in self._values.values()))),
            created_at=clock.now(),
        )
        return StoredDataset(dataset, await datasets.put_dataset(self._redis, dataset, self._version, self._staged))

    async def discard(self) -> None:
        """Removes the staged items."""
        await datasets.discard_dataset(self._redis, self._version, self._staged)

    def _add(self, batch: Batch[DatasetItem]) -> bool:
        """Takes items from a batch. Returns whether enough chunks are full to stage them; if not, the batch is empty.

        Raises Refused once there are as many faults as are named.
        """
        for number, item in batch:
            if isinstance(item, list):
                self._checks.note(item)
            else:
                self._check(item, number)
            if len(self._checks.unfit) >= MOST_FAULTS:
                raise invalid(self._checks.unfit)
            if self._checks.unfit:
                self._chunk.clear()
                self._chunks.clear()
            elif len(self._chunk) == datasets.CHUNK_ITEMS:
                self._close_chunk()
                if len(self._chunks) == _STAGE_TOGETHER or sum(map(len, self._chunks)) >= _STAGE_BYTES:
                    return True
        return False

    def _check(self, item: DatasetItem, number: int) -> None:
        known = len(self._checks.unfit)
        self._checks.check(item, f"/items/{number}")
        if sum(map(len, item.human.values())) > MOST_VALUES_OF_AN_ITEM:
            detail = f"more than {MOST_VALUES_OF_AN_ITEM} values of people in one item"
            self._checks.note([Fault(f"/items/{number}/human", detail)])
        for position, fault in enumerate(self._checks.unfit[known:], known):
            self._checks.unfit[position] = self._fault(fault.pointer, number, fault.detail)
        for criterion, values in item.human.items():
            if any(value is not None for value in values):
                self._values.setdefault(criterion, _CriterionValues()).add(number, values)
        if item.output is not None or item.outputs:
            self._with_output += 1
        elif len(self._without_output) < MOST_FAULTS:
            self._without_output.append(number)
        self._chunk.append(item)

    def _close_chunk(self) -> None:
        chunk = datasets.encoded_part(self._chunk)
        self._checks.check_chunk(len(self._chunk), len(chunk))
        self._chunks.append(chunk)
        self._chunk = []

    def _check_whole(self) -> None:
        """Checks the items together: one that is not like the others would fail every benchmark on the dataset."""
        checks = self._checks
        for criterion, values in self._values.items():
            for number, position, detail in values.misfits():
                at = pointer_to(pointer_to(f"/items/{number}/human", criterion), position)
                checks.note([self._fault(at, number, detail)])
        if not checks.unfit and self._with_output:
            detail = "is missing, and so is outputs: other items have one of them"
            checks.note(self._fault(f"/items/{number}/output", number, detail) for number in self._without_output)
        if not checks.unfit and not checks.items:
            checks.note([Fault("/items", "at least one item is needed")])
        elif not checks.unfit and not self._values:
            checks.note([Fault("/items", "no item has a value of anybody in `human`")])
        if checks.unfit:
            raise invalid(checks.unfit)

    def _fault(self, at: str, number: int, detail: str) -> Fault:
        return Fault(at, detail if self._line_of is None else f"line {self._line_of(number)}: {detail}")

    async def _stage(self) -> None:
        await datasets.stage_dataset(self._redis, self._version, self._staged, self._chunks)
        self._staged += len(self._chunks)
        self._chunks = []


class _CriterionValues:
    """The values of one criterion, which must be all numbers or all labels."""

    def __init__(self) -> None:
        self.annotators = set[int]()  # the positions at which somebody gave a value
        self._counts = {False: 0, True: 0}  # of numbers, and of labels
        self._first: dict[bool, list[tuple[int, int, HumanValue]]] = {False: [], True: []}

    def add(self, number: int, values: list[HumanValue]) -> None:
        """Adds the values of the item of a number; the position of a value identifies its annotator."""
        for position, value in enumerate(values):
            if value is None:
                continue
            is_label = isinstance(value, str)
            self.annotators.add(position)
            self._counts[is_label] += 1
            if len(self._first[is_label]) < MOST_FAULTS:
                self._first[is_label].append((number, position, value))

    def misfits(self) -> list[tuple[int, int, str]]:
        """Returns (number of the item, position, problem) for the values of the rarer kind.

        If both are equally frequent, the kind that came first is right.
        """
        numbers, labels = self._counts[False], self._counts[True]
        if not numbers or not labels:
            return []
        are_labels = labels < numbers or (labels == numbers and self._first[False][0][:2] < self._first[True][0][:2])
        if are_labels:
            detail = "{!r} is a label, but this criterion has numbers (leave the value out if it is missing)"
        else:
            detail = "{!r} is a number, but this criterion has labels"
        return [(number, position, detail.format(value)) for number, position, value in self._first[are_labels]]
