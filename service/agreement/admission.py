"""Notes the judges that may be used: the scales of their scores, and the scales that they give their criteria.

A judge of any scale or method may carry any criterion. Its scale becomes that of the criterion's labels only if none
that goes before it is known.
"""

import asyncio
from collections.abc import Sequence

from redis.asyncio import Redis

from service.agreement.coding import scale_of
from service.agreement.criteria import built_in_criterion, encoded, goes_before, record_in, record_of_judge
from service.agreement.recoding import recode_labels
from service.agreement.series_names import token_of
from service.contracts.criteria import CriterionSource
from service.contracts.judges import Judge, JudgeRef, ResolvedJudge
from service.store.criteria import StoredCriterion, note_judge_scales, set_criterion, stored_criteria


async def admit_judges(redis: Redis, judges: Sequence[ResolvedJudge], *, keep_s: int) -> None:
    """Notes the scales of the judges of a job, and gives a criterion without a scale that of its first judge.

    Labels that were put before are checked against a new scale, and counted if they are on it. Raises BusyError if an
    item changed at each of several attempts.
    """
    scales = {token_of(each.ref): scale for each in judges if (scale := scale_of(each.definition)) is not None}
    await asyncio.gather(
        note_judge_scales(redis, {token: encoded(scale) for token, scale in scales.items()}),
        _admit_in_turn(redis, judges, keep_s),
    )


async def _admit_in_turn(redis: Redis, judges: Sequence[ResolvedJudge], keep_s: int) -> None:
    for each in judges:
        await admit_judge(redis, each.ref, each.definition, keep_s=keep_s)


async def admit_judge(redis: Redis, ref: JudgeRef, judge: Judge, *, keep_s: int) -> None:
    """Gives the criterion of a judge the judge's scale if it has none, or only that of an inline judge."""
    source: CriterionSource = "inline_judge" if ref.name is None else "judge"
    criterion, scale = judge.criterion, scale_of(judge)
    while built_in_criterion(criterion) is None:
        [stored] = await stored_criteria(redis, [criterion])
        if not goes_before(source, record_in(stored)) and (stored.scale or scale is None):
            break
        if scale is None and stored.is_known:
            break
        record = record_of_judge(judge, source, token_of(ref))
        new = StoredCriterion("" if scale is None else encoded(scale), encoded(record))
        if await set_criterion(redis, criterion, stored, new, may_recode=True) == "set":
            break
    await recode_labels(redis, criterion, keep_s=keep_s)
