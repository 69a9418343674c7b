"""Takes a dataset in: every item and every value checked, all of it stored or nothing."""

from collections.abc import AsyncIterable, Iterable

import msgspec
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.datasets import Dataset, DatasetItem, HumanValue
from service.contracts.decoding import ndjson
from service.contracts.ids import new_id
from service.contracts.pointing import faults_in
from service.contracts.refusals import Fault, invalid, pointer_to, too_large
from service.files.items import CellError, Columns, ColumnsError, Record, RecordError, Records
from service.jobs import ItemChecks
from service.store import clock, datasets
from service.store.errors import StoreConflictError

_STAGE_TOGETHER = 10  # chunks a round trip


class DatasetIntake:
    """One dataset on its way in. Items are staged as they come: an upload of any size takes little memory."""

    def __init__(self, redis: Redis, settings: Settings, name: str) -> None:
        self._redis = redis
        self._settings = settings
        self._name = name
        self._version = new_id("dst")
        self._checks = ItemChecks(settings.server.max_items)
        self._are_words: dict[str, bool] = {}  # by criterion; of which no value was seen it is not there
        self._annotators: dict[str, int] = {}
        self._buffer: list[DatasetItem] = []
        self._staged = 0

    async def take_json(self, items: Iterable[DatasetItem]) -> None:
        """Takes decoded items. Raises a problem that names each bad place."""
        for index, item in enumerate(items):
            await self._add(item, f"/items/{index}")
        await self._end()

    async def take_lines(self, lines: AsyncIterable[bytes]) -> None:
        """Takes one item a line; empty lines are passed over. Raises a problem that names each bad place."""
        async for number, item in ndjson(lines, DatasetItem, "/items"):
            if isinstance(item, list):
                self._checks.note(item)
            else:
                await self._add(item, f"/items/{number}")
        await self._end()

    async def take_csv(self, lines: AsyncIterable[bytes]) -> None:
        """Takes the lines of a CSV. Raises a problem that names each bad column, or each bad record by its number."""
        columns: Columns | None = None
        number = 0
        async for record in self._records(lines):
            if columns is None:
                columns = _columns(record)
                continue
            if isinstance(record, RecordError):
                self._checks.note([Fault(f"/items/{number}", str(record))])
            else:
                await self._add_cells(columns, record, f"/items/{number}")
            number += 1
        await self._end()

    async def commit(self) -> tuple[Dataset, bool]:
        """Makes it the dataset of its name; and whether the name is new. Raises StagingExpiredError."""
        dataset = Dataset(
            name=self._name,
            items=self._checks.items,
            criteria=sorted(self._annotators),
            annotators=max(self._annotators.values(), default=0),
            created_at=clock.now(),
        )
        try:
            return dataset, await datasets.put_dataset(self._redis, dataset, self._version, self._staged)
        except StoreConflictError:
            await self.discard()
            raise

    async def discard(self) -> None:
        """Removes what was staged."""
        await datasets.discard_dataset(self._redis, self._version, self._staged)

    async def _records(self, lines: AsyncIterable[bytes]) -> AsyncIterable[Record | RecordError]:
        records = Records()
        most_bytes = self._settings.server.max_body_bytes
        async for line in lines:
            try:
                record: Record | RecordError | None = records.feed(line)
            except RecordError as error:
                record = error
            if records.open_bytes > most_bytes:
                raise too_large(f"more than {most_bytes} bytes in one record")
            if record is not None:
                yield record
        try:
            records.end()
        except RecordError as error:
            yield error

    async def _add_cells(self, columns: Columns, record: Record, at: str) -> None:
        try:
            cells = columns.item(record.cells)
        except CellError as error:
            self._checks.note([Fault(at + error.pointer, f"line {record.line}: {error}")])
            return
        try:
            item = msgspec.convert(cells, DatasetItem)
        except msgspec.ValidationError as error:
            found = faults_in(msgspec.json.encode(cells), DatasetItem, at) or [Fault(at, str(error))]
            self._checks.note(Fault(each.pointer, f"line {record.line}: {each.detail}") for each in found)
            return
        await self._add(item, at)

    async def _add(self, item: DatasetItem, at: str) -> None:
        self._checks.check(item, at)
        for criterion, values in item.human.items():
            self._note_values(criterion, values, pointer_to(at + "/human", criterion))
        if self._checks.unfit:
            self._buffer.clear()
            return
        self._buffer.append(item)
        if len(self._buffer) >= datasets.CHUNK_ITEMS * _STAGE_TOGETHER:
            await self._stage()

    def _note_values(self, criterion: str, values: list[HumanValue], at: str) -> None:
        """People say numbers on a criterion or labels, not now one and now the other."""
        said = [(index, isinstance(value, str)) for index, value in enumerate(values) if value is not None]
        if not said:
            return
        are_words = self._are_words.setdefault(criterion, said[0][1])
        kinds = "a label, where numbers stand before it", "a number, where labels stand before it"
        self._checks.note(
            Fault(pointer_to(at, index), f"is {kinds[are_words]}")
            for index, is_word in said
            if is_word is not are_words
        )
        self._annotators[criterion] = max(self._annotators.get(criterion, 0), said[-1][0] + 1)

    async def _end(self) -> None:
        checks = self._checks
        if not checks.items and not checks.unfit:
            checks.note([Fault("/items", "there is no item")])
        elif not self._annotators and not checks.unfit:
            checks.note([Fault("/items", "no item has a value of anybody in `human`")])
        if checks.unfit:
            raise invalid(checks.unfit)
        await self._stage()

    async def _stage(self) -> None:
        size = datasets.CHUNK_ITEMS
        chunks = [self._buffer[start : start + size] for start in range(0, len(self._buffer), size)]
        await datasets.stage_dataset(self._redis, self._version, self._staged, chunks)
        self._staged += len(chunks)
        self._buffer.clear()


def _columns(record: Record | RecordError) -> Columns:
    """What the header says. Raises a 400 problem."""
    if isinstance(record, RecordError):
        raise invalid([Fault("/columns", str(record))])
    try:
        return Columns(record.cells)
    except ColumnsError as error:
        raise invalid([Fault(f"/columns/{position}", detail) for position, detail in error.problems]) from error
