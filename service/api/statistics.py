"""`/v1/statistics`: the statistics of agreement of pairs in the request."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from msgspec import UNSET, Meta, UnsetType

from service.api.access import needs
from service.api.bodies import read_json
from service.api.openapi import json_body, operation
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, invalid
from service.stats.flags import Flag, flags_of
from service.stats.intervals import Measure, measure
from service.stats.table import GREATEST_VALUE, MOST_A_CELL, Table, TableError
from service.stats.trust import chance_flags

MOST_VALUES = 101  # a scale from 0 to 100
MOST_PAIRS = 1_000_000

StatisticsValue = (
    Annotated[int, Meta(ge=int(-GREATEST_VALUE), le=int(GREATEST_VALUE))]
    | Annotated[float, Meta(ge=-GREATEST_VALUE, le=GREATEST_VALUE)]
    | Annotated[str, Meta(min_length=1, max_length=100)]
)
CountsRow = Annotated[list[Annotated[int, Meta(ge=0, le=MOST_A_CELL)]], Meta(max_length=MOST_VALUES)]


class StatisticsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The values of a human and a judge for the same items, as either `pairs` or `counts`.

    `values` lists all possible values: numbers in ascending order, or words. A pair is [human, judge]. `counts` has a
    row for each value of the human, with a column for each value of the judge, both in the order of `values`.
    """

    values: Annotated[list[StatisticsValue], Meta(min_length=1, max_length=MOST_VALUES)]
    pairs: Annotated[list[tuple[StatisticsValue, StatisticsValue]], Meta(max_length=MOST_PAIRS)] | UnsetType = UNSET
    counts: Annotated[list[CountsRow], Meta(min_length=1, max_length=MOST_VALUES)] | UnsetType = UNSET


class StatisticsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The number of pairs, and the statistics that are defined for such values, by name."""

    pairs: int
    statistics: dict[str, Measure]
    flags: list[Flag]


_EXAMPLE = {"values": [1, 2, 3, 4, 5], "pairs": [[4, 5], [3, 3], [1, 2], [5, 5]]}


@post(
    "/v1/statistics",
    operation_id="computeStatistics",
    summary="Compute statistics of agreement",
    opt=needs("read"),
    status_code=200,
    tags=["agreement"],
    response_description="The statistics by name; null with a reason if undefined.",
    responses=documented(400, 401, 403, 413, 415, 422),
    operation_class=operation(body=json_body(StatisticsRequest, _EXAMPLE)),
)
async def statistics(request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> StatisticsResponse:
    """Computes every statistic of agreement that is defined for the values, with 95% intervals. Nothing is stored."""
    asked = await read_json(request, StatisticsRequest, settings.server.max_body_bytes)
    return await asyncio.to_thread(_computed, asked)  # a million pairs take a second


def _computed(asked: StatisticsRequest) -> StatisticsResponse:
    table = _table(asked)
    measured = measure(table)
    flags = [*flags_of(table), *chance_flags(table, measured)]
    return StatisticsResponse(pairs=table.pairs, statistics=measured, flags=flags)


def _table(asked: StatisticsRequest) -> Table:
    try:
        if asked.pairs is not UNSET and asked.counts is UNSET:
            return Table.from_pairs(asked.values, asked.pairs)
        if asked.counts is not UNSET and asked.pairs is UNSET:
            return Table.from_counts(asked.values, asked.counts)
    except TableError as error:
        raise invalid([Fault(*problem) for problem in error.problems[:MOST_FAULTS]]) from error
    if asked.counts is UNSET:
        raise invalid([Fault("/pairs", "missing, and so is `counts`: send one of them")])
    raise invalid([Fault("/counts", "not allowed together with `pairs`: send one of them")])
