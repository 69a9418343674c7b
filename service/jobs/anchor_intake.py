"""Takes anchors in, and submits them one by one to be judged again."""

from collections.abc import AsyncIterable, Mapping

from redis.asyncio import Redis

from service.agreement import scale_of
from service.config.settings import Settings
from service.contracts.anchors import MOST_ANCHORS, AnchorSet
from service.contracts.decoding import Batch, numbered
from service.contracts.items import Item
from service.contracts.jobs import JobOrder
from service.contracts.judges import StoredJudge
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, impossible, invalid
from service.jobs.budgets import check_budget
from service.jobs.intake import Caller, JobIntake
from service.jobs.item_checks import ItemChecks, add_faults
from service.jobs.judge_resolution import existing_judge, resolve_judges
from service.jobs.lookup import View
from service.judging.methods import METHODS
from service.store import anchors, clock
from service.store.item_texts import newest_texts
from service.threads import aside

WAIT_S = 3600.0  # for a provider that limits calls: the next turn of the anchor comes anyway


async def store_anchors(
    redis: Redis,
    settings: Settings,
    judge: str,
    batches: AsyncIterable[Batch[Item]],
    owner: str | None,
    view: View,
) -> tuple[AnchorSet, bool]:
    """Makes items the anchors of a judge in place of earlier ones. Returns the set, and whether the judge had none.

    An item of which only the id is given gets the texts of its newest judgment in `view`. Raises Refused that names
    each fault; nothing changes then.
    """
    asked = await existing_judge(redis, judge)
    await resolve_judges(redis, settings, JobOrder(judge=judge))
    if scale_of(asked.definition) is None:
        raise impossible([Fault("/judge", "the answers of its method are not scores: a change can't be measured")])
    taken = await _with_texts(redis, await _read(batches), view)
    await aside(_check_fitness, asked, taken)
    is_new = await anchors.put_anchors(redis, judge, list(taken.values()), owner)
    found = await anchors.find_anchors(redis, judge)
    assert found is not None, "a set that was just stored is there"
    return found, is_new


async def submit_anchor(redis: Redis, settings: Settings, found: AnchorSet) -> None:
    """Submits a job that judges the next anchor of a set, without the cache.

    Raises Refused if it can't be judged at present: if its judge is retired, a model is not configured any more, or its
    owner has spent the budget of this day.
    """
    key = next((each for each in settings.keys if each.name == found.owner), None)
    await check_budget(redis, key)
    order = JobOrder(judge=found.judge, cache=False, deadline_s=WAIT_S)
    resolved = await resolve_judges(redis, settings, order)
    item = await anchors.next_anchor(redis, found.judge, clock.now_ms())
    if item is None:
        return
    intake = JobIntake(redis, settings, order, resolved, Caller(found.owner, None), purpose="anchor")
    await intake.take(numbered([item]))
    taken = await intake.commit("")
    await anchors.list_anchor_job(redis, found.judge, taken.record.id)


async def _read(batches: AsyncIterable[Batch[Item]]) -> dict[str, Item]:
    """Returns the items by their pointers. Raises Refused (invalid) that names each fault."""
    checks, taken = ItemChecks(MOST_ANCHORS), dict[str, Item]()
    async for batch in batches:
        await aside(_check, batch, checks, taken)
    if not taken and not checks.unfit:
        checks.note([Fault("/items", "at least one item is needed")])
    if checks.unfit:
        raise invalid(checks.unfit)
    return taken


def _check(batch: Batch[Item], checks: ItemChecks, taken: dict[str, Item]) -> None:
    for number, item in batch:
        if isinstance(item, list):
            checks.note(item)
        else:
            taken[f"/items/{number}"] = item
            checks.check(item, f"/items/{number}")
        if len(checks.unfit) >= MOST_FAULTS:
            raise invalid(checks.unfit)


async def _with_texts(redis: Redis, items: Mapping[str, Item], view: View) -> dict[str, Item]:
    """Returns the items, those of which only the id is given with the texts of their newest judgment.

    Raises Refused (impossible) for those that nobody judged, or whose texts have expired.
    """
    bare = {at: str(item.id) for at, item in items.items() if item.id is not None and item == Item(id=item.id)}
    texts = await newest_texts(redis, list(bare.values()), view.owner) if bare else {}
    unknown = [Fault(f"{at}/id", "no texts are stored of this item: send them") for at in bare if bare[at] not in texts]
    if unknown:
        raise impossible(unknown[:MOST_FAULTS])
    return {at: texts[bare[at]] if at in bare else item for at, item in items.items()}


def _check_fitness(judge: StoredJudge, items: Mapping[str, Item]) -> None:
    """Raises Refused (impossible) for items that the judge can't judge."""
    faults: list[Fault] = []
    for at, item in items.items():
        wrong = METHODS[judge.method].item_problems(judge.definition, item)
        add_faults(faults, [Fault(at + pointer, detail) for pointer, detail in wrong])
    if faults:
        raise impossible(faults)
