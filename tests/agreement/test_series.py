"""A query names a judge and perhaps a model; the series is found, or the refusal says why not."""

from datetime import timedelta

import msgspec
import pytest
from redis.asyncio import Redis

from service.agreement.series import find_other, find_series
from service.contracts.items import Item
from service.contracts.judges import Judge, Method
from service.contracts.refusals import Fault, Kind, Refused
from service.store import judges
from tests.store.labelled import FAILED, judge_of, judged
from tests.store.made import MODEL

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
        ("control/length", Kind.INVALID, "must be a judge and its model, such as wit:control/length"),
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


async def test_the_served_model_is_the_one_that_answered_last_unless_named(redis: Redis) -> None:
    judge = judge_of()
    for days, served in ((3, {}), (2, {MODEL: "m-1"}), (1, {MODEL: "m-2"})):
        await judged(redis, judge, Item(id="t", output="text"), [3], ago=timedelta(days=days), served=served)
    await judged(redis, judge, Item(id="t", output="text"), [FAILED])
    newest = await find_series(redis, (MODEL,), "wit@1", MODEL)
    assert (newest.served, newest.name) == ("m-2", f"wit@1 {MODEL} m-2")
    assert [each.served for each in newest.served_models] == ["m-2", "m-1", ""]
    assert [each.first_ms == each.last_ms for each in newest.served_models] == [True, True, False]
    assert (await find_series(redis, (MODEL,), "wit@1", MODEL, "m-1")).name == f"wit@1 {MODEL} m-1"
    assert (await find_series(redis, (MODEL,), "wit@1", MODEL, "unknown")).name == f"wit@1 {MODEL}"
    older = await find_series(redis, (MODEL,), "wit@1", MODEL, "m-1")
    assert (await find_other(redis, (MODEL,), f"wit@1:{MODEL}", older)).served == "m-2"
    with pytest.raises(Refused) as refused:
        await find_series(redis, (MODEL,), "wit@1", MODEL, "m-3")
    assert refused.value.faults == [
        Fault("/served", "there is no answer of the served model 'm-3' (known: unknown, m-1, m-2)")
    ]


async def test_a_model_of_which_a_judge_has_no_scores_is_refused_once_it_has_some_of_others(redis: Redis) -> None:
    named = await find_series(redis, (MODEL,), "wit", "stub/zzz")
    assert named.model == "stub/zzz"  # before there are any scores
    await judged(redis, judge_of(), Item(id="t", output="text"), [3])
    for known in (MODEL, "control/length", "control/overlap", "panel", "openai/by-default"):
        assert (await find_series(redis, ("openai/by-default",), "wit", known)).model == known
    wrong = f"{MODEL}s"
    detail = (
        f"the judge wit has no scores of the model {wrong!r} (known: control/length, {MODEL}); did you mean {MODEL!r}?"
    )
    for reference in ("wit", "wit@1"):
        with pytest.raises(Refused) as refused:
            await find_series(redis, (), reference, wrong)
        assert (refused.value.kind, refused.value.faults) == (Kind.IMPOSSIBLE, [Fault("/model", detail)])
    with pytest.raises(Refused) as refused:
        await find_other(redis, (), f"wit:{wrong}", await find_series(redis, (), "panel", None))
    assert refused.value.faults == [Fault("/other", detail)]


async def test_the_only_model_with_scores_is_one_model_however_many_answered_under_its_name(redis: Redis) -> None:
    judge = judge_of()
    judge = msgspec.structs.replace(judge, ref=msgspec.structs.replace(judge.ref, name="alone"))
    for served in ("m-1", "m-2"):
        await judged(redis, judge, Item(id="t", output="text"), [3], served={MODEL: served})
    found = await find_series(redis, (), "alone", None)
    assert (found.model, found.served) == (MODEL, "m-2")


async def test_what_jobs_asked_counts_for_a_judge_that_names_no_models(redis: Redis) -> None:
    async def default_of(models: tuple[str, ...], values: list[float | str | None]) -> str:
        judge = judge_of(models)
        judge = msgspec.structs.replace(judge, ref=msgspec.structs.replace(judge.ref, name="alone"))
        await judged(redis, judge, Item(id="t", output="text"), values)
        return (await find_series(redis, ("openai/by-default",), "alone", None)).model

    assert await default_of(("control/length",), [3]) == "control/length"
    assert await default_of((MODEL,), [3]) == MODEL  # not a default without scores, nor a baseline
    assert await default_of(("openai/by-default",), [3]) == "openai/by-default"
    assert await default_of((MODEL, "openai/by-default"), [3, 3]) == "panel"
