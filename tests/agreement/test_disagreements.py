"""The items of a cell are those that its number counts, for each window and selection of the report."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from redis.asyncio import Redis

from service.agreement.disagreements import items_of_cell
from service.agreement.labelling import put_labels
from service.agreement.queries import JudgeAgreement, SeriesQuery, judge_agreement
from service.contracts.items import Item
from service.contracts.labels import ReportSelection, Window
from service.store.judges import put_judge
from tests.store.labelled import KEEP_S, judge_of, judged, label
from tests.store.made import MODEL

DRAWS: tuple[dict[str, Any], ...] = ({}, {"selection": "targeted"}, {"selection": "targeted", "probability": 0.5})
AGES = (timedelta(), timedelta(days=3), timedelta(days=20))


@pytest.mark.parametrize("selection", get_args(ReportSelection))
async def test_a_cell_lists_the_labels_that_its_number_counts(redis: Redis, selection: ReportSelection) -> None:
    judge = judge_of()
    await put_judge(redis, "wit", judge.definition)
    for number in range(18):
        await judged(redis, judge, Item(id=f"i-{number}", output="text"), [number % 2 + 3], ago=AGES[number % 3])
        drawn = DRAWS[number // 3 % 3]
        given = [label(f"i-{number}", name, number // 9 + 3, **drawn) for name in ("ann", "bob")]
        await put_labels(redis, given, keep_s=KEEP_S)
    numbers = set()
    for window in get_args(Window):
        query = SeriesQuery("wit", None, window, [MODEL], KEEP_S)
        report = await judge_agreement(redis, query, None, selection)
        assert isinstance(report, JudgeAgreement)
        for human, row in zip(report.table.values, report.table.counts, strict=True):
            for said, count in zip(report.table.values, row, strict=True):
                found = (await items_of_cell(redis, query, str(human), str(said), selection, 100)).items
                assert len(found) == count, (window, human, said)
                numbers.add(count)
    assert len(numbers) > 2
