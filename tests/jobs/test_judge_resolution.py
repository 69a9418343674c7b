"""Judges of a request are pinned to versions; unknown judges and models are named with the nearest known ones."""

from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis

from service.config.settings import Settings
from service.contracts.jobs import JobOrder
from service.contracts.judges import Example, Judge, JudgeRef, Method, judge_digest
from service.contracts.refusals import Fault, Kind, Refused
from service.jobs import existing_judge, resolve_judges, store_judge

WIT = Judge(criterion="wit", method=Method.RATING, instructions="Is it funny?", models=["control/length"])


async def faults(redis: Redis, settings: Settings, **order: Any) -> list[Fault]:
    with pytest.raises(Refused) as refused:
        await resolve_judges(redis, settings, JobOrder(**order))
    assert refused.value.kind is Kind.IMPOSSIBLE
    return refused.value.faults


async def test_a_name_is_pinned_to_its_latest_version(redis: Redis, settings: Settings) -> None:
    await store_judge(redis, settings, "wit", WIT)
    second = msgspec.structs.replace(WIT, instructions="Is it very funny?")
    stored, is_new = await store_judge(redis, settings, "wit", second)
    assert (stored.version, is_new) == (2, True)
    [judge] = await resolve_judges(redis, settings, JobOrder(judge="wit"))
    assert judge.ref == stored.ref == JudgeRef(name="wit", version=2, digest=judge_digest(second))
    assert judge.definition == stored.definition == second
    [judge] = await resolve_judges(redis, settings, JobOrder(judge="wit@1"))
    assert judge.definition == WIT


async def test_the_models_are_those_of_the_order_else_of_the_judge_else_the_default(
    redis: Redis, settings: Settings
) -> None:
    named = await resolve_judges(redis, settings, JobOrder(judge=[WIT, "toxicity"]))
    assert [judge.models for judge in named] == [["control/length"], list(settings.default_models)]
    [judge] = await resolve_judges(redis, settings, JobOrder(judge=WIT, models=["control/overlap"]))
    assert judge.models == ["control/overlap"]


async def test_an_unknown_judge_is_named_with_the_nearest(redis: Redis, settings: Settings) -> None:
    assert await faults(redis, settings, judge=["helpfulnes", "wit"]) == [
        Fault("/judge/0", "there is no judge 'helpfulnes'; did you mean 'helpfulness'?"),
        Fault("/judge/1", "there is no judge 'wit'"),
    ]


async def test_an_unknown_version_is_named_with_the_latest(redis: Redis, settings: Settings) -> None:
    detail = "there is no judge 'helpfulness@7': the latest version of 'helpfulness' is 1"
    assert await faults(redis, settings, judge="helpfulness@7") == [Fault("/judge", detail)]
    with pytest.raises(Refused, match="the latest version of 'helpfulness' is 1") as refused:
        await existing_judge(redis, "helpfulness@7")
    assert refused.value.kind is Kind.NOT_FOUND


async def test_a_model_of_an_unknown_provider_is_named_with_the_known_ones(redis: Redis, settings: Settings) -> None:
    detail = "no provider 'opnai' is configured (control)"
    assert await faults(redis, settings, judge="toxicity", models=["opnai/m"]) == [Fault("/models/0", detail)]
    inline = msgspec.structs.replace(WIT, models=["control/length", "opnai/m"])
    assert await faults(redis, settings, judge=inline) == [Fault("/judge/models/1", detail)]


async def test_a_baseline_of_another_name_is_refused_with_the_known_ones(redis: Redis, settings: Settings) -> None:
    detail = "'control' has no model 'legth' (length, overlap)"
    assert await faults(redis, settings, judge="toxicity", models=["control/legth"]) == [Fault("/models/0", detail)]
    inline = msgspec.structs.replace(WIT, models=["control/length", "control/legth"])
    assert await faults(redis, settings, judge=inline) == [Fault("/judge/models/1", detail)]


async def test_default_models_that_cannot_be_asked_are_refused(redis: Redis, settings: Settings) -> None:
    """As they are where an API without `[providers]` is started alone."""
    defaults = msgspec.structs.replace(settings.defaults, models=("control/legth", "opnai/m"))
    wrong = msgspec.structs.replace(settings, defaults=defaults)
    assert await faults(redis, wrong, judge="toxicity") == [
        Fault(
            "/judge/models", "of [defaults] models, as none is named: 'control' has no model 'legth' (length, overlap)"
        ),
        Fault("/judge/models", "of [defaults] models, as none is named: no provider 'opnai' is configured (control)"),
    ]
    [judge] = await resolve_judges(redis, wrong, JobOrder(judge="toxicity", models=["control/length"]))
    assert judge.models == ["control/length"]


async def test_without_any_model_there_is_nobody_to_ask(redis: Redis, settings: Settings) -> None:
    alone = msgspec.structs.replace(settings, defaults=msgspec.structs.replace(settings.defaults, models=()))
    [fault] = await faults(redis, alone, judge=msgspec.structs.replace(WIT, models=[]))
    assert fault.pointer == "/judge/models"


async def test_the_definitions_of_a_request_have_a_size_together(redis: Redis, settings: Settings) -> None:
    examples = [Example(output="x" * 50_000, score=3)] * 20
    each = [
        Judge(criterion=name, method=Method.RATING, instructions="?", models=["control/length"], examples=examples)
        for name in "abcde"
    ]
    assert len(await resolve_judges(redis, settings, JobOrder(judge=list(each[:3])))) == 3
    [fault] = await faults(redis, settings, judge=each)
    assert (fault.pointer, fault.detail) == (
        "/judge",
        "the definitions of the judges of one request have at most 4000000 bytes of JSON together",
    )
