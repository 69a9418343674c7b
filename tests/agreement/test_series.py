"""A query names a judge and perhaps a model; the series is found, or the refusal says why not."""

import pytest
from redis.asyncio import Redis

from service.agreement.series import find_other, find_series
from service.contracts.judges import Judge, Method
from service.contracts.refusals import Fault, Kind, Refused
from service.store import judges

WIT = Judge(criterion="wit", method=Method.RATING, instructions="Is it funny?", models=["control/length"])
PANEL = Judge(
    criterion="wit", method=Method.RATING, instructions="Is it?", models=["control/length", "control/overlap"]
)
ORDER = Judge(criterion="order", method=Method.RANKING, instructions="Best first?", models=["control/length"])
ALONE = Judge(criterion="wit", method=Method.RATING, instructions="Funny?")


@pytest.fixture(autouse=True)
async def stored(redis: Redis) -> None:
    for name, judge in (("wit", WIT), ("panel", PANEL), ("order", ORDER), ("alone", ALONE)):
        await judges.put_judge(redis, name, judge)


async def fault_of(redis: Redis, reference: str) -> Fault:
    with pytest.raises(Refused) as refused:
        await find_series(redis, (), reference, None)
    assert refused.value.kind is Kind.IMPOSSIBLE
    [fault] = refused.value.faults
    return fault


async def test_the_model_is_the_only_one_else_the_panel(redis: Redis) -> None:
    assert (await find_series(redis, (), "wit", None)).model == "control/length"
    assert (await find_series(redis, (), "panel", None)).model == "panel"
    assert (await find_series(redis, (), "panel", "control/overlap")).model == "control/overlap"
    assert (await find_series(redis, ("control/overlap",), "alone", None)).model == "control/overlap"


async def test_a_judge_without_agreement_is_refused(redis: Redis) -> None:
    assert await fault_of(redis, "wut") == Fault("/judge", "there is no judge 'wut'; did you mean 'wit'?")
    assert (await fault_of(redis, "order")).pointer == "/judge"
    assert (await fault_of(redis, "sha256:" + "0" * 64)).pointer == "/judge"


@pytest.mark.parametrize(
    ("other", "kind", "detail"),
    [
        ("wit:control/length", Kind.IMPOSSIBLE, "the same judge and model as the first"),
        ("panel:gpt", Kind.INVALID, "'gpt' is neither a model (provider/name) nor 'panel'"),
        ("toxicity", Kind.IMPOSSIBLE, "its criterion is 'toxicity'; that of the first judge is 'wit'"),
        ("nothing-like-it", Kind.IMPOSSIBLE, "there is no judge 'nothing-like-it'"),
    ],
)
async def test_two_series_that_cannot_be_compared_are_refused(
    redis: Redis, other: str, kind: Kind, detail: str
) -> None:
    mine = await find_series(redis, (), "wit", None)
    with pytest.raises(Refused) as refused:
        await find_other(redis, (), other, mine)
    assert (refused.value.kind, refused.value.faults) == (kind, [Fault("/other", detail)])


async def test_another_series_of_the_same_criterion_is_found(redis: Redis) -> None:
    mine = await find_series(redis, (), "wit", None)
    assert (await find_other(redis, (), "panel@1:control/overlap", mine)).name == "panel@1 control/overlap"
