"""Lists criteria, and puts and deletes them: the scale of people's labels, which binds no judge."""

from collections import defaultdict
from collections.abc import Sequence

from redis.asyncio import Redis

from service.agreement.admission import admit_judge
from service.agreement.coding import scale_of
from service.agreement.counters import LabelStates, read_label_states
from service.agreement.criteria import decoded_scale, encoded, is_firm, scale_in
from service.agreement.recoding import recode_labels
from service.contracts.criteria import CriteriaPage, CriterionRecord, CriterionScale, NewCriterion, SeenCriterion
from service.contracts.judges import Judge, Method
from service.contracts.names import did_you_mean
from service.contracts.refusals import Fault, Kind, Refused, impossible, invalid
from service.judging.methods import METHODS
from service.store import agreement_counters as tallies
from service.store.agreement_counters import Wanted
from service.store.criteria import (
    StoredCriterion,
    criterion_names,
    remove_criterion,
    set_criterion,
    stored_criteria,
)
from service.store.judges import every_judge
from service.store.label_queue import count_waiting
from service.store.records import readable

_PASS_FAIL = {"pass", "fail"}


async def page_of_criteria(redis: Redis, *, after: str | None, limit: int) -> CriteriaPage:
    """Returns criteria by name: all that have labels or judges, or were put."""
    judges = await _judges_by_criterion(redis)
    following = sorted(name for name in await criterion_names(redis) | judges.keys() if after is None or name > after)
    page = following[:limit]
    stored = dict(zip(page, await stored_criteria(redis, page), strict=True))
    known = [name for name, _ in readable(page, lambda name: scale_in(stored[name], name))]
    return CriteriaPage(
        criteria=await _seen(redis, known, judges), next_cursor=page[-1] if len(following) > limit else None
    )


async def find_criterion(redis: Redis, name: str) -> SeenCriterion:
    """Returns one criterion. Raises Refused (not-found) if nobody has put or labelled it and no judge has it."""
    judges = await _judges_by_criterion(redis)
    names = await criterion_names(redis) | judges.keys()
    if name not in names:
        raise Refused(Kind.NOT_FOUND, detail=f"there is no criterion {name!r}{did_you_mean(name, names)}")
    [found] = await _seen(redis, [name], judges)
    return found


async def put_criterion(
    redis: Redis, name: str, wanted: NewCriterion, *, may_recode: bool, keep_s: int
) -> SeenCriterion:
    """Sets the scale of a criterion's labels and its description, and checks the labels that are there against it.

    Raises Refused: impossible with the faults of the scale; forbidden if the criterion has labels, the scale is another
    one, and not `may_recode`.
    """
    scale = _scale_of_wanted(name, wanted)
    record = CriterionRecord(source="put", scale=wanted.scale, choices=wanted.choices, description=wanted.description)
    while True:
        [stored] = await stored_criteria(redis, [name])
        new = StoredCriterion(_text_of(scale, stored.scale), encoded(record))
        may = may_recode or not is_firm(stored)
        answer = await set_criterion(redis, name, stored, new, may_recode=may)
        if answer == "labelled":
            detail = f"the criterion {name!r} has labels: another scale for them needs a key with the scope admin"
            raise Refused(Kind.FORBIDDEN, detail=detail)
        if answer == "set":
            break
    await recode_labels(redis, name, keep_s=keep_s)
    return await find_criterion(redis, name)


async def delete_criterion(redis: Redis, name: str, *, keep_s: int) -> None:
    """Deletes a criterion without labels. Its judges stay, and the first stored one gives it its scale again.

    Raises Refused: in-use if it has labels, not-found if nobody has put it and no stored judge has it.
    """
    answer = await remove_criterion(redis, name)
    if answer == "labelled":
        raise Refused(Kind.IN_USE, detail=f"the criterion {name!r} has labels: delete them first")
    if answer == "unknown":
        names = await criterion_names(redis)
        raise Refused(Kind.NOT_FOUND, detail=f"there is no criterion {name!r} to delete{did_you_mean(name, names)}")
    theirs = [judge for judge in await every_judge(redis) if judge.criterion == name and judge.created_at is not None]
    for judge in sorted(theirs, key=lambda each: each.created_at or 0)[:1]:
        await admit_judge(redis, judge.ref, judge.definition, keep_s=keep_s)


def _scale_of_wanted(name: str, wanted: NewCriterion) -> CriterionScale:
    """Returns the scale of a request. Raises Refused: invalid if it has none or two, impossible with its faults."""
    if wanted.scale is not None and wanted.choices:
        raise invalid([Fault("/choices", "not allowed together with `scale`: send one of them")])
    if wanted.scale is None and not wanted.choices:
        raise invalid([Fault("/scale", "missing, and so are `choices`: send one of them")])
    method = Method.RATING if wanted.scale is not None else Method.CATEGORY
    judge = Judge(criterion=name, method=method, instructions=name, scale=wanted.scale, choices=wanted.choices)
    if faults := METHODS[method].definition_problems(judge):
        raise impossible([Fault(pointer, detail) for pointer, detail in faults])
    if {choice.label for choice in wanted.choices} == _PASS_FAIL:
        judge = Judge(criterion=name, method=Method.PASS_FAIL, instructions=name)
    scale = scale_of(judge)
    assert scale is not None, "ratings and categories have scales"
    return scale


def _text_of(scale: CriterionScale, stored: str) -> str:
    """Returns the scale as it is stored; the stored one itself if it is the same, so that no label is checked anew."""
    return stored if stored and decoded_scale(stored).is_as(scale) else encoded(scale)


async def _seen(redis: Redis, names: Sequence[str], judges: dict[str, list[str]]) -> list[SeenCriterion]:
    stored = await stored_criteria(redis, names)
    counted = await tallies.read_windows(redis, [Wanted("labels", "", name) for name in names], ["all"])
    waiting = [await count_waiting(redis, name) for name in names]
    return [
        _one(name, *scale_in(each, name), read_label_states(counts), many, judges.get(name, []))
        for name, each, counts, many in zip(names, stored, counted, waiting, strict=True)
    ]


def _one(
    name: str,
    scale: CriterionScale | None,
    record: CriterionRecord | None,
    counts: LabelStates,
    waiting: int,
    judges: list[str],
) -> SeenCriterion:
    return SeenCriterion(
        name=name,
        description=record.description if record else None,
        scale=record.scale if record else None,
        choices=record.choices if record else [],
        source=record.source if record and scale else None,
        source_judge=record.judge if record and scale else None,
        labels=counts.labels,
        unmatched=counts.unmatched,
        labels_off_scale=counts.off_scale,
        waiting=waiting,
        judges=judges,
    )


async def _judges_by_criterion(redis: Redis) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for judge in await every_judge(redis):
        found[judge.criterion].append(judge.name)
    return found
