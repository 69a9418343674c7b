"""The served models in a report: their times, and the judgments and pairs of the window."""

from datetime import timedelta

from redis.asyncio import Redis

from service.agreement.labelling import put_labels
from service.agreement.queries import JudgeAgreement, SeriesQuery, ServedModel, judge_agreement
from service.contracts.items import Item
from service.contracts.labels import ReportSelection, Window
from service.store import judges
from tests.store.labelled import KEEP_S, judge_of, judged, label
from tests.store.made import MODEL


async def shown(redis: Redis, window: Window, selection: ReportSelection = "random") -> list[ServedModel]:
    found = await judge_agreement(redis, SeriesQuery("wit", None, window, [MODEL], KEEP_S), None, selection)
    assert isinstance(found, JudgeAgreement)
    return found.served_models


async def test_scores_and_pairs_are_those_of_the_window_and_the_selection(redis: Redis) -> None:
    judge = judge_of()
    await judges.put_judge(redis, "wit", judge.definition)
    for number, (days, served) in enumerate([(40, "m-1"), (5, "m-1"), (4, "m-2"), (3, "m-2"), (2, "m-3")]):
        item = Item(id=f"t/{number}", output=f"text {number}")
        await judged(redis, judge, item, [3], ago=timedelta(days=days), served={MODEL: served})
    labels = [label(f"t/{number}", "ann", 3, selection="targeted") for number in range(5)]
    await put_labels(redis, labels, keep_s=KEEP_S)

    counts = {
        window: [(each.served_model, each.scored, each.pairs) for each in await shown(redis, window, "targeted")]
        for window in ("24h", "7d", "all")
    }
    assert counts == {
        "24h": [("m-3", 0, 0), ("m-2", 0, 0), ("m-1", 0, 0)],
        "7d": [("m-3", 1, 1), ("m-2", 2, 2), ("m-1", 1, 1)],
        "all": [("m-3", 1, 1), ("m-2", 2, 2), ("m-1", 2, 2)],
    }
    assert [each.pairs for each in await shown(redis, "all")] == [0, 0, 0]
    times = [(each.first_seen, each.last_seen) for each in await shown(redis, "24h")]
    spans = [(last - first).days for first, last in times if first is not None and last is not None]
    assert spans == [0, 1, 35]
