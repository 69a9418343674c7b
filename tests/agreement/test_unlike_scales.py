"""A judge whose values are others than the labels': ranks and correlations, and nothing that compares values."""

from typing import Any

import msgspec
import numpy as np
import pytest
import scipy.stats
from redis.asyncio import Redis

from service.agreement.axes import judge_axis, person_axis
from service.agreement.coding import Coding
from service.agreement.disagreements import LabelledItem, items_of_cell
from service.agreement.labelling import put_labels
from service.agreement.queries import JudgeAgreement, JudgesAgreement, SeriesQuery, judge_agreement, judge_estimate
from service.agreement.unlike_scales import OF_RANKS, measure_unlike, rank_table
from service.contracts.criteria import CriterionScale
from service.contracts.items import Item
from service.contracts.judges import Choice, Judge, Method, Scale
from service.contracts.refusals import Refused
from service.stats.table import Table
from service.store.criteria import StoredCriterion, set_criterion
from service.store.judges import put_judge
from tests.store.labelled import KEEP_S, judge_of, judged, label
from tests.store.made import MODEL

PASS_FAIL = CriterionScale(kind="labels", labels=["fail", "pass"], scores=[0, 1])
FIVE = CriterionScale(kind="numbers", min=1, max=5, step=1)
WORDS = CriterionScale(kind="labels", labels=["dull", "odd"], scores=[None, None])
RATING: dict[str, Any] = {"method": Method.RATING, "scale": Scale()}


async def scaled(redis: Redis, scale: CriterionScale) -> None:
    text = msgspec.json.encode(scale).decode()
    record = '{"source":"put"}'
    assert await set_criterion(redis, "wit", StoredCriterion("", ""), StoredCriterion(text, record), may_recode=False)


async def compared(redis: Redis, pairs: list[tuple[Any, Any]], **fields: Any) -> JudgeAgreement:
    """The report of a stored judge named `wit` on these pairs of a label and a score."""
    judge = judge_of(**fields)
    await put_judge(redis, "wit", judge.definition)
    for number, (human, score) in enumerate(pairs):
        await judged(redis, judge, Item(id=f"c-{number}", output="text"), [score])
        await put_labels(redis, [label(f"c-{number}", "ann", human)], keep_s=KEEP_S)
    return await report(redis)


async def report(redis: Redis, judge: str = "wit") -> JudgeAgreement:
    found = await judge_agreement(redis, SeriesQuery(judge, None, "all", [MODEL], KEEP_S), None, "all")
    assert isinstance(found, JudgeAgreement)
    return found


CLASSES = [("pass", 5), ("pass", 4), ("fail", 1), ("fail", 4), ("pass", 3), ("fail", 2), ("fail", 1), ("pass", 5)]


async def test_a_rating_against_pass_and_fail_has_ranks_and_the_area_under_the_curve(redis: Redis) -> None:
    import sklearn.metrics

    await scaled(redis, PASS_FAIL)
    found = await compared(redis, CLASSES)
    assert (found.table.values, found.table.columns) == (["fail", "pass"], [1, 2, 3, 4, 5])
    assert np.array(found.table.counts).tolist() == [[2, 1, 0, 1, 0], [0, 0, 1, 1, 2]]
    human = [int(value == "pass") for value, _ in CLASSES]
    judge = [score for _, score in CLASSES]
    expected = {
        "auc": sklearn.metrics.roc_auc_score(human, judge),
        "pearson": scipy.stats.pearsonr(human, judge).statistic,
        "spearman": scipy.stats.spearmanr(human, judge).statistic,
        "kendall_tau_b": scipy.stats.kendalltau(human, judge).statistic,
        "kendall_tau_c": scipy.stats.kendalltau(human, judge, variant="c").statistic,
        "somers_d": scipy.stats.somersd(human, judge).statistic,
    }
    for name, value in expected.items():
        measured = found.statistics[name]
        assert measured.value == pytest.approx(value), name
        assert measured.lower is not None
        assert measured.upper is not None
        assert measured.lower <= value <= measured.upper
    others = {name: each.reason for name, each in found.statistics.items() if name not in expected}
    assert {"exact", "cohen_kappa", "gwet_ac1", "sensitivity", "mcc"} <= others.keys()
    assert set(others.values()) == {"different_scales"}
    assert found.bias.self_preference.reason == found.bias.length_bias.spearman.reason == "different_scales"
    assert found.alt_test.duels == {}
    assert found.flags == ["insufficient", "too_few_of_a_class"]


async def test_a_wider_scale_has_ranks_and_correlations(redis: Redis) -> None:
    await scaled(redis, FIVE)
    pairs = [(1, 2), (2, 5), (3, 4), (5, 10), (4, 7)]
    found = await compared(redis, pairs, scale=Scale(min=1, max=10))
    assert (found.table.values, found.table.columns) == ([1, 2, 3, 4, 5], list(range(1, 11)))
    human, judge = zip(*pairs, strict=True)
    assert found.statistics["pearson"].value == pytest.approx(scipy.stats.pearsonr(human, judge).statistic)
    assert found.statistics["spearman"].value == pytest.approx(scipy.stats.spearmanr(human, judge).statistic)
    assert "auc" not in found.statistics
    assert {name for name, each in found.statistics.items() if each.reason != "different_scales"} == set(OF_RANKS)


async def test_words_without_numbers_have_no_ranks(redis: Redis) -> None:
    await scaled(redis, WORDS)
    found = await compared(redis, [("dull", 1), ("odd", 5), ("dull", 2)])
    assert {name: each.reason for name, each in found.statistics.items() if name in OF_RANKS} == dict.fromkeys(
        OF_RANKS, "not_for_words"
    )
    assert found.statistics["exact"].reason == "different_scales"
    assert (
        found.trust.because[0]
        == "Its values are others than the labels', and words have no order that could be compared."
    )
    assert found.trust.because[1] == "No statistic compares such values with such labels: more labels do not help."
    assert found.trust.because[-1].startswith("Give the judge the labels' values")
    assert found.trust.more_labels is None


async def test_a_mean_needs_scores_of_the_judge_and_of_the_labels(redis: Redis) -> None:
    await scaled(redis, PASS_FAIL)
    choices = [Choice(label="red"), Choice(label="blue")]
    await compared(redis, [("pass", "red"), ("fail", "blue")], method=Method.CATEGORY, choices=choices)
    with pytest.raises(Refused) as refused:
        await judge_estimate(redis, SeriesQuery("wit", None, "all", [MODEL], KEEP_S), None)
    assert refused.value.faults[0].detail == "has no mean: the judge's values have no scores"


async def test_labels_of_one_item_say_as_much_as_one(redis: Redis) -> None:
    await scaled(redis, PASS_FAIL)
    alone = await compared(redis, CLASSES)
    for who in ("bob", "cid"):
        labels = [label(f"c-{number}", who, human) for number, (human, _) in enumerate(CLASSES)]
        await put_labels(redis, labels, keep_s=KEEP_S)
    together = await report(redis)
    assert (together.pairs, together.items) == (24, 8)
    assert together.statistics["auc"].value == alone.statistics["auc"].value
    widths = [each.statistics["auc"].upper - each.statistics["auc"].lower for each in (together, alone)]  # type: ignore[operator]
    assert widths[0] == pytest.approx(widths[1], rel=0.15)


async def test_the_same_words_in_another_order_are_the_same_values(redis: Redis) -> None:
    await scaled(redis, WORDS)
    choices = [Choice(label="odd", score=2), Choice(label="dull", score=1)]
    found = await compared(redis, [("dull", "dull"), ("odd", "dull")], method=Method.CATEGORY, choices=choices)
    assert found.statistics["exact"].value == 0.5
    assert found.table.values == ["dull", "odd"]


async def test_the_corrected_mean_is_on_the_labels_scale_and_the_judges_on_its_own(redis: Redis) -> None:
    await scaled(redis, PASS_FAIL)
    await compared(redis, CLASSES)
    found = await judge_estimate(redis, SeriesQuery("wit", None, "all", [MODEL], KEEP_S), None)
    assert found.judge_mean.value == pytest.approx(25 / 8)
    assert (found.corrected_mean.value, found.method, found.labels) == (0.5, "labels_only", 8)


async def test_a_judge_that_passes_and_fails_has_a_mean_beside_ratings(redis: Redis) -> None:
    await scaled(redis, FIVE)
    await compared(redis, [(5, "pass"), (2, "fail"), (4, "pass")], method=Method.PASS_FAIL, scale=None)
    found = await judge_estimate(redis, SeriesQuery("wit", None, "all", [MODEL], KEEP_S), None)
    assert found.judge_mean.value == pytest.approx(2 / 3)
    assert found.corrected_mean.value == pytest.approx(11 / 3)


async def test_two_judges_of_different_scales_are_compared_by_rank(redis: Redis) -> None:
    import sklearn.metrics

    await compared(redis, [])
    other = Judge(criterion="wit", method=Method.PASS_FAIL, instructions="Is it funny?")
    await put_judge(redis, "wit", other)
    for number, (word, score) in enumerate(CLASSES):
        item = Item(id=f"c-{number}", output="text")
        await judged(redis, judge_of(), item, [score])
        await judged(redis, judge_of(version=2, method=Method.PASS_FAIL, scale=None), item, [word])
    query = SeriesQuery("wit@1", None, "all", [MODEL], KEEP_S)
    found = await judge_agreement(redis, query, f"wit@2:{MODEL}", "all")
    assert isinstance(found, JudgesAgreement)
    assert (found.pairs, found.table.values, found.table.columns) == (8, ["fail", "pass"], [1, 2, 3, 4, 5])
    human = [int(word == "pass") for word, _ in CLASSES]
    assert found.statistics["auc"].value == sklearn.metrics.roc_auc_score(human, [score for _, score in CLASSES])
    turned = await judge_agreement(redis, query._replace(judge="wit@2"), f"wit@1:{MODEL}", "all")
    assert (turned.table.values, turned.table.columns) == ([1, 2, 3, 4, 5], ["fail", "pass"])
    assert turned.statistics["kendall_tau_b"].value == pytest.approx(found.statistics["kendall_tau_b"].value)


def test_numbers_that_descend_or_repeat_are_put_in_order() -> None:
    scale = CriterionScale(kind="labels", labels=["great", "poor", "bad"], scores=[3, 1, 1])
    rows, columns = person_axis(Coding(scale), ()), judge_axis(Coding(FIVE), ())
    counts = np.array([[0, 0, 0, 0, 4], [1, 0, 0, 0, 0], [0, 2, 0, 0, 0]])
    table = Table(rows.values, columns.values, counts)
    ranks = rank_table(table, rows, columns)
    assert ranks is not None
    assert ranks.values == (0, 1)
    assert ranks.counts.tolist() == [[1, 2, 0, 0, 0], [0, 0, 0, 0, 4]]
    assert measure_unlike(table, ranks, ["auc"])["auc"].value == 1


async def items(redis: Redis, human: str | None = None, said: str | None = None, limit: int = 10) -> list[LabelledItem]:
    found = await items_of_cell(redis, SeriesQuery("wit", None, "all", [MODEL], KEEP_S), human, said, "all", limit)
    assert (found.criterion, found.model) == ("wit", MODEL)
    return found.items


async def test_the_items_of_a_cell_and_the_largest_disagreements(redis: Redis) -> None:
    found = await compared(redis, [(1, 5), (4, 5), (3, 3), (4, 5), (2, 4)])
    assert found.table.counts[3][4] == 2
    assert [(each.item_id, each.human, each.said) for each in await items(redis)] == [
        ("c-0", 1, 5),
        ("c-4", 2, 4),
        ("c-1", 4, 5),
        ("c-3", 4, 5),
    ]
    assert [each.item_id for each in await items(redis, "4", "5")] == ["c-1", "c-3"]
    assert [each.item_id for each in await items(redis, "3")] == ["c-2"]
    assert [each.item_id for each in await items(redis, said="5", limit=2)] == ["c-0", "c-1"]
    [worst] = await items(redis, "1")
    assert (worst.annotator, worst.group) == ("ann", None)
    assert worst.judgment_id is not None
    assert worst.judgment_id.startswith("jdg_")
    for human, said, at in (("6", None, "/human"), ("x", None, "/human"), (None, "nan", "/said")):
        with pytest.raises(Refused) as refused:
            await items(redis, human, said)
        assert [fault.pointer for fault in refused.value.faults] == [at]


async def test_items_of_different_scales_are_ordered_by_their_places(redis: Redis) -> None:
    await scaled(redis, PASS_FAIL)
    await compared(redis, CLASSES)
    assert [(each.item_id, each.human, each.said) for each in await items(redis, limit=2)] == [
        ("c-3", "fail", 4),
        ("c-4", "pass", 3),
    ]
    assert [each.item_id for each in await items(redis, "fail", "4")] == ["c-3"]
