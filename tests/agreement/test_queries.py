"""Queries about a judge are answered even if it has no scores."""

import pytest
from redis.asyncio import Redis

from service.agreement.labelling import put_labels
from service.agreement.queries import JudgeAgreement, JudgesAgreement, SeriesQuery, judge_agreement, judge_estimate
from service.contracts.items import Item
from service.contracts.refusals import Refused
from service.store.judges import put_judge
from tests.store.labelled import KEEP_S, judge_of, judged, label
from tests.store.made import MODEL

QUERY = SeriesQuery("politeness", None, "7d", ("control/length",), KEEP_S)


async def test_without_another_judge_it_is_the_agreement_with_people(redis: Redis) -> None:
    shown = await judge_agreement(redis, QUERY, None, "random")
    assert isinstance(shown, JudgeAgreement)
    assert (shown.model, shown.criterion, shown.window, shown.selection) == (
        "control/length",
        "politeness",
        "7d",
        "random",
    )
    assert (shown.pairs, shown.panel_alpha) == (0, None)


async def test_a_panel_has_the_agreement_of_its_models(redis: Redis) -> None:
    shown = await judge_agreement(redis, QUERY._replace(model="panel"), None, "all")
    assert isinstance(shown, JudgeAgreement)
    assert shown.panel_alpha is not None


async def test_with_another_judge_it_is_the_agreement_of_both(redis: Redis) -> None:
    shown = await judge_agreement(redis, QUERY, "politeness:control/overlap", "random")
    assert isinstance(shown, JudgesAgreement)
    assert (shown.pairs, shown.other.model) == (0, "control/overlap")


async def test_an_estimate_of_nothing_needs_no_number_of_labels(redis: Redis) -> None:
    estimate = await judge_estimate(redis, QUERY, None)
    assert (estimate.judge_mean.value, estimate.labels_needed) == (None, None)


async def test_an_unknown_judge_is_refused(redis: Redis) -> None:
    with pytest.raises(Refused, match="did you mean 'politeness'"):
        await judge_estimate(redis, QUERY._replace(judge="polite-ness"), None)


async def test_labels_of_earlier_texts_are_named_and_their_items_are_to_be_labelled_again(redis: Redis) -> None:
    judge = judge_of()
    await put_judge(redis, "wit", judge.definition)
    query = SeriesQuery("wit", MODEL, "all", (MODEL,), KEEP_S)
    await judged(redis, judge, Item(id="c", output="old"), [3])
    await put_labels(redis, [label("c", "ann", 3)], keep_s=KEEP_S)
    again = judge_of(version=2, instructions="Is it new?")
    await put_judge(redis, "wit", again.definition)
    await judged(redis, again, Item(id="c", output="new"), [3])
    found = await judge_agreement(redis, query, None, "random")
    assert isinstance(found, JudgeAgreement)
    assert (found.judge.version, found.pairs) == (2, 0)
    assert found.trust.because[1].startswith("1 label belongs to an earlier text of its item")
    assert found.trust.because[2].startswith("Label at least 30 of the items that it judged")
    await put_labels(redis, [label("c", "ann", 3)], keep_s=KEEP_S)
    found = await judge_agreement(redis, query, None, "random")
    assert isinstance(found, JudgeAgreement)
    assert found.pairs == 1
    assert "Judge more items first" in found.trust.because[-1]
