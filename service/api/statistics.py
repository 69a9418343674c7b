"""`/v1/statistics`: the statistics of agreement of pairs that are sent along, with nothing stored."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from msgspec import UNSET, Meta, UnsetType

from service.api.access import needs
from service.api.bodies import read_json
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.pointing import MOST_FAULTS
from service.contracts.refusals import Fault, invalid
from service.stats.flags import Flag, chance_flags, flags_of
from service.stats.intervals import Measure, measure
from service.stats.table import GREATEST_VALUE, MOST_A_CELL, Table, TableError

MOST_VALUES = 101  # a scale from 0 to 100
MOST_PAIRS = 1_000_000

_SEED = "/v1/statistics"  # the same for all: equal requests have equal answers

Value = (
    Annotated[int, Meta(ge=int(-GREATEST_VALUE), le=int(GREATEST_VALUE))]
    | Annotated[float, Meta(ge=-GREATEST_VALUE, le=GREATEST_VALUE)]
    | Annotated[str, Meta(min_length=1, max_length=100)]
)
Row = Annotated[list[Annotated[int, Meta(ge=0, le=MOST_A_CELL)]], Meta(max_length=MOST_VALUES)]


class StatisticsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a human and a judge said of the same items, as either `pairs` or `counts`.

    `values` are all that may be said: numbers in ascending order, or words. A pair is [human, judge]. `counts` has a
    row for each value of the human and in it a column for each value of the judge, in the order of `values`.
    """

    values: Annotated[list[Value], Meta(min_length=1, max_length=MOST_VALUES)]
    pairs: Annotated[list[tuple[Value, Value]], Meta(max_length=MOST_PAIRS)] | UnsetType = UNSET
    counts: Annotated[list[Row], Meta(min_length=1, max_length=MOST_VALUES)] | UnsetType = UNSET


class StatisticsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """`pairs` is how many there are; `statistics` has those that have a meaning for such values."""

    pairs: int
    statistics: dict[str, Measure]
    flags: list[Flag]


@post(
    "/v1/statistics",
    opt=needs("read"),
    status_code=200,
    tags=["agreement"],
    responses=documented(400, 401, 403, 413, 415, 422),
)
async def statistics(request: Request[Any, Any, Any], settings: NamedDependency[Settings]) -> StatisticsResponse:
    """Computes every statistic of agreement that the values have a meaning for, with 95% intervals; stores nothing."""
    asked = await read_json(request, StatisticsRequest, settings.server.max_body_bytes)
    return await asyncio.to_thread(_computed, asked)  # a million pairs take a second


def _computed(asked: StatisticsRequest) -> StatisticsResponse:
    table = _table(asked)
    measured = measure(table, _SEED)
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
        raise invalid([Fault("/pairs", "is missing, and so is counts: send one of them")])
    raise invalid([Fault("/counts", "can't be there beside pairs: send one of them")])
