"""`/v1/agreement` and `/v1/estimates`: how far a judge can be trusted, and what is so of all items in spite of it."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from redis.asyncio import Redis

from service.agreement import reports
from service.agreement.evidence import PANEL, token_of
from service.agreement.reports import Agreement, Between
from service.agreement.series import JudgeOfQuery, ModelOfQuery, OtherOfQuery, Series, find_other, find_series
from service.api.access import needs
from service.api.problems import documented
from service.config.settings import Settings
from service.contracts.judges import JudgeRef
from service.contracts.labels import Selection, Window
from service.contracts.refusals import Fault, Kind, Refused, impossible
from service.stats.alphas import Alpha
from service.stats.estimates import Estimate
from service.stats.labels_needed import more_labels
from service.store import agreement_counters as tallies
from service.store import clock
from service.store.agreement_counters import Wanted
from service.store.errors import BusyError
from service.store.rebuilding import Rebuilt, rebuild

HalfWidth = Annotated[
    float | None, QueryParameter(gt=0, description="How narrow an interval is wished: +- so many points.")
]

_REFUSALS = (400, 401, 403, 422, 503)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The other judge, whose scores stand in the rows."""

    judge: JudgeRef
    model: str


class JudgeAgreement(Agreement, frozen=True, kw_only=True):
    """How far one model of a judge, or its panel, agrees with people.

    `panel_alpha` is how far the models of a panel agree with each other, null where one model is looked at.
    """

    judge: JudgeRef
    model: str
    criterion: str
    window: Window
    selection: Selection
    panel_alpha: Alpha | None


class JudgesAgreement(Between, frozen=True, kw_only=True):
    """How far one model of a judge, or its panel, agrees with another judge."""

    judge: JudgeRef
    model: str
    criterion: str
    window: Window
    other: Compared


class LabelsNeeded(msgspec.Struct, frozen=True, kw_only=True):
    """About how many `more` items to label for a corrected mean of +- `half_width`."""

    half_width: float
    more: int


class JudgeEstimate(Estimate, frozen=True, kw_only=True):
    """The mean of one model of a judge, or its panel, and what people's labels make of it.

    `labels_needed` is for the half-width that was asked for, else half of the present one; null without an interval.
    """

    judge: JudgeRef
    model: str
    criterion: str
    window: Window
    labels_needed: LabelsNeeded | None


class AgreementController(Controller):
    path = "/v1/agreement"
    tags = ("agreement",)

    @get(opt=needs("read"), responses=documented(*_REFUSALS))
    async def show(
        self,
        judge: JudgeOfQuery,
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        model: ModelOfQuery = None,
        window: FromQuery[Window] = "7d",
        selection: FromQuery[Selection] = "random",
        other: OtherOfQuery = None,
    ) -> JudgeAgreement | JudgesAgreement:
        """How far a judge agrees with people, with how far they agree with each other; or, with `other`, two judges.

        Every statistic with its 95% interval, from the newest scored judgment of each labelled content. `window` is the
        time of the judgments, `selection` how the labelled items were drawn: what holds of items drawn at random holds
        of all.
        """
        mine = await find_series(redis, settings, judge, model)
        if other is not None:
            return await _of_two(redis, mine, await find_other(redis, settings, other, mine), window)
        wanted = [
            Wanted("agreed", mine.name, mine.criterion),
            Wanted("seen", mine.name, mine.criterion),
            Wanted("ceiling", "", mine.criterion),
            Wanted("panel", token_of(mine.judge), mine.criterion),
        ]
        agreed, seen, ceiling, panel = await tallies.read(redis, wanted, tallies.buckets_of(window, clock.now_ms()))
        key = f"{mine.name} {mine.criterion} {window} {selection}"
        report = await asyncio.to_thread(reports.agreement, mine.coding, agreed, seen, ceiling, selection, key)
        alpha = reports.panel_alpha(mine.coding, panel) if mine.model == PANEL else None
        return JudgeAgreement(**_fields(report), **_named(mine), window=window, selection=selection, panel_alpha=alpha)

    @post(
        "/rebuild",
        opt=needs("admin"),
        status_code=200,
        responses=documented(400, 401, 403, 409, 503),
    )
    async def rebuild(self, redis: NamedDependency[Redis], repair: FromQuery[bool] = False) -> Rebuilt:
        """Recounts the counters of agreement from the stored labels, and says whether they are equal.

        With `repair=true` those that are not are put right. 409 where labels keep changing meanwhile.
        """
        try:
            return await rebuild(redis, repair=repair)
        except BusyError as error:
            raise Refused(Kind.BUSY, detail=str(error)) from error


@get("/v1/estimates", opt=needs("read"), tags=["agreement"], responses=documented(*_REFUSALS))
async def estimates(
    judge: JudgeOfQuery,
    redis: NamedDependency[Redis],
    settings: NamedDependency[Settings],
    model: ModelOfQuery = None,
    window: FromQuery[Window] = "7d",
    half_width: HalfWidth = None,
) -> JudgeEstimate:
    """A judge's mean and what labels drawn at random make of it (PPI++), both with 95% intervals."""
    mine = await find_series(redis, settings, judge, model)
    agreed, seen = await tallies.read(
        redis,
        [Wanted(kind, mine.name, mine.criterion) for kind in ("agreed", "seen")],
        tallies.buckets_of(window, clock.now_ms()),
    )
    key = f"{mine.name} {mine.criterion} {window} random"
    try:
        found = await asyncio.to_thread(reports.estimate_of, mine.coding, agreed, seen, key)
    except ValueError as error:
        raise impossible([Fault("/judge", str(error))]) from error
    needed = _needed(found, half_width)
    return JudgeEstimate(**_fields(found), **_named(mine), window=window, labels_needed=needed)


def _needed(found: Estimate, half_width: float | None) -> LabelsNeeded | None:
    lower, upper = found.corrected_mean.lower, found.corrected_mean.upper
    if lower is None or upper is None or lower == upper:
        return None
    present = (upper - lower) / 2
    wished = present / 2 if half_width is None else half_width
    return LabelsNeeded(half_width=wished, more=more_labels(found.labels, present, wished))


async def _of_two(redis: Redis, mine: Series, other: Series, window: Window) -> JudgesAgreement:
    first, second = sorted((mine.name, other.name), key=str.encode)
    wanted = Wanted("between", f"{first}|{second}", mine.criterion)
    [met] = await tallies.read(redis, [wanted], tallies.buckets_of(window, clock.now_ms()))
    key = f"{mine.name} {mine.criterion} {window} {other.name}"
    report = await asyncio.to_thread(reports.between, mine.coding, met, key, other_is_first=first == other.name)
    compared = Compared(judge=other.judge, model=other.model)
    return JudgesAgreement(**_fields(report), **_named(mine), window=window, other=compared)


def _named(series: Series) -> dict[str, Any]:
    return {"judge": series.judge, "model": series.model, "criterion": series.criterion}


def _fields(report: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(report, name) for name in report.__struct_fields__}
