"""`/v1/compare` and `/v1/groups`: groups of items, and whether one of them is better than another."""

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from redis.asyncio import Redis

from service.agreement.comparisons import ChangedCases, GroupComparison, changed_cases, compare
from service.agreement.queries import SeriesQuery
from service.api.access import needs
from service.api.agreement import JudgeQuery, ModelQuery, ServedQuery, WindowQuery
from service.api.parameters import Limit
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.items import MOST_GROUP_LENGTH
from service.store import clock, groups

GroupA = Annotated[
    str, QueryParameter(min_length=1, max_length=MOST_GROUP_LENGTH, description="The group to compare with.")
]
GroupB = Annotated[
    str,
    QueryParameter(
        min_length=1, max_length=MOST_GROUP_LENGTH, description="The group that may be better: differences are b - a."
    ),
]
CriterionQuery = Annotated[
    str, QueryParameter(min_length=1, max_length=100, description="The criterion by which the items were judged.")
]


class SeenGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group, the number of its judged items that are kept, and the time of its newest judgment."""

    group: str
    items: int
    last_judged_at: datetime | None


class GroupList(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of a criterion, the one that was judged last first."""

    criterion: str
    groups: list[SeenGroup]


class CompareController(Controller):
    path = "/v1/compare"
    tags = ("agreement",)

    @get(
        operation_id="compareGroups",
        summary="Compare two groups of items",
        opt=needs("read"),
        response_description="The difference by the judge and corrected by labels, and which group is better.",
        responses=documented(400, 401, 403, 422, 503),
    )
    async def show(
        self,
        judge: JudgeQuery,
        a: GroupA,
        b: GroupB,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        model: ModelQuery = None,
        served: ServedQuery = None,
        window: WindowQuery = "all",
        anytime: FromQuery[bool] = False,
    ) -> GroupComparison:
        """Compares the group b with the group a: cases that both have are paired; if none is, they are two samples.

        `corrected_difference` is corrected by labels of items drawn at random (PPI++), and null with fewer than 20 of
        them on a side; then the judge decides. Intervals are 95%. With `anytime=true` they may be looked at as often as
        one likes while items and labels come in; they are wider.
        """
        query = SeriesQuery(judge, model, window, settings.default_models, settings.store.keep_s, served)
        return await compare(redis, query, a, b, anytime=anytime)

    @get(
        "/cases",
        operation_id="listChangedCases",
        summary="List the cases in which two groups differ",
        opt=needs("read"),
        response_description="The cases that are worse in b, and those that are better, the largest differences first.",
        responses=documented(400, 401, 403, 422, 503),
    )
    async def cases(
        self,
        judge: JudgeQuery,
        a: GroupA,
        b: GroupB,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        model: ModelQuery = None,
        served: ServedQuery = None,
        window: WindowQuery = "all",
        limit: Limit = 100,
    ) -> ChangedCases:
        """Lists the paired cases that got worse and better from a to b by the judge, at most `limit` of each."""
        query = SeriesQuery(judge, model, window, settings.default_models, settings.store.keep_s, served)
        return await changed_cases(redis, query, a, b, limit)


@get(
    "/v1/groups",
    operation_id="listGroups",
    summary="List the groups of items",
    opt=needs("read"),
    tags=["agreement"],
    response_description="The groups, newest first.",
    responses=documented(400, 401, 403, 503),
)
async def list_groups(
    criterion: CriterionQuery,
    redis: NamedDependency[Redis],
    settings: NamedDependency[Settings],
    limit: Limit = 100,
) -> GroupList:
    """Lists the groups whose items were judged by a criterion, as long as the judgments are kept."""
    found = await groups.newest_groups(redis, criterion, keep_s=settings.store.keep_s, limit=limit)
    shown = [SeenGroup(group=each.name, items=each.items, last_judged_at=clock.at(each.newest_ms)) for each in found]
    return GroupList(criterion=criterion, groups=shown)
