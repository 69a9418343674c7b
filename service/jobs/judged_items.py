"""Draws items from the newest jobs, for people to look at without knowing which ones they are."""

import random

import msgspec
from redis.asyncio import Redis

from service.contracts.items import Item
from service.contracts.judges import Judge
from service.jobs.lookup import View
from service.judging.methods import METHODS
from service.store import jobs

_NEWEST_JOBS = 50

_chance = random.SystemRandom()


async def draw_judged_item(redis: Redis, view: View, judge: Judge) -> Item | None:
    """Returns an item of the newest jobs that may be seen and that the judge can judge, None if none is found.

    It has no id, group or case: they could lead to its earlier judgments. Of each job, one chunk is looked at.
    """
    wanted = jobs.JobFilter(owner=view.owner)
    newest, _ = await jobs.list_jobs(redis, before=None, limit=_NEWEST_JOBS, wanted=wanted)
    for job in _chance.sample(newest, len(newest)):
        loaded = await jobs.load_job(redis, job.id)
        items = [] if loaded is None else await jobs.load_chunk(redis, job.id, _chance.randrange(loaded[0].chunks))
        fitting = [item for item in items if not METHODS[judge.method].item_problems(judge, item)]
        if fitting:
            return msgspec.structs.replace(_chance.choice(fitting), id=None, group=None, case=None)
    return None
