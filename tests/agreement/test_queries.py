"""Queries about a judge are answered even if it has no scores."""

import pytest
from redis.asyncio import Redis

from service.agreement.queries import JudgeAgreement, JudgesAgreement, SeriesQuery, judge_agreement, judge_estimate
from service.contracts.refusals import Refused

QUERY = SeriesQuery("politeness", None, "7d", ("control/length",))


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
