"""`/`: each judge with its verdict of trust, its figure beside people and baselines, and the next step."""

import asyncio
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from redis.asyncio import Redis

from service.agreement.queries import JudgeAgreement, SeriesQuery, judge_agreement
from service.agreement.series import find_series
from service.agreement.series_names import PANEL
from service.agreement.trends import JudgedSeries, Trend, agreement_trend, judged_series, leading_series
from service.config.settings import Settings
from service.contracts.jobs import Job, JobRecord
from service.contracts.judges import CONTROL
from service.contracts.labels import Window
from service.contracts.refusals import Refused
from service.jobs import View
from service.pages.access import shown_to
from service.pages.documents import document
from service.pages.figures import Headline, headline_of, newest_point, trend_drawing
from service.pages.job_pages import MOST_FOLLOWED, judges_of
from service.store import jobs, judges, workers

_MOST_CARDS = 24  # on one page: each takes a report
_MOST_UNUSED = 60
_JOBS_FOR_COST = 10
_NEWEST_JOBS = 50  # among which those under way are looked for


class KnownCost(msgspec.Struct, frozen=True):
    """The cost of 1,000 judgments in US dollars, and the number of judgments that it is known from."""

    per_thousand: float
    judgments: int


class JudgeCard(msgspec.Struct, frozen=True):
    """One judge on the page. `trend_drawing` is None if there is no line to draw yet, and `cost` if it is unknown."""

    series: JudgedSeries
    report: JudgeAgreement
    headline: Headline
    trend: Trend
    trend_drawing: str | None
    cost: KnownCost | None
    next_step: str | None

    @property
    def other_model(self) -> str | None:
        """The served model; None if it has the name that was asked for, or is not known."""
        served = self.report.served_model
        return None if served == self.report.model.partition("/")[2] else served


@get("/", opt=shown_to("read"))
async def show_overview(
    request: Request[Any, Any, Any],
    redis: NamedDependency[Redis],
    view: NamedDependency[View],
    settings: NamedDependency[Settings],
    window: FromQuery[Window] = "7d",
) -> Response[bytes]:
    """Shows the judges that have judged, the last one first; without any, how to begin."""
    found = await judged_series(redis)
    leading = leading_series(found)
    cards = await asyncio.gather(*(_card(redis, settings, view, each, window) for each in leading[:_MOST_CARDS]))
    used = {each.judge for each in found}
    uncounted = [series for series, card in zip(leading, cards, strict=False) if card is None]
    under_way = await _under_way(redis, view)
    unused = [each for each in await judges.every_judge(redis) if each.name not in used]
    return await document(
        request,
        "overview.html",
        cards=sorted((card for card in cards if card is not None), key=_place),
        uncounted=list(dict.fromkeys(each.token for each in uncounted)),
        under_way=under_way,
        is_idle=bool(under_way) and not await workers.count_alive(redis),
        judges_of=judges_of,
        earlier=list(dict.fromkeys(each.token for each in leading[_MOST_CARDS:]))[:_MOST_UNUSED],
        unused=unused[:_MOST_UNUSED],
        window=window,
        address=str(request.base_url).rstrip("/"),
        newest_point=newest_point,
    )


async def _card(redis: Redis, settings: Settings, view: View, series: JudgedSeries, window: Window) -> JudgeCard | None:
    """Returns None for a judge whose answers have no agreement, such as rankings."""
    query = SeriesQuery(series.token, series.model, window, settings.default_models, settings.store.keep_s)
    try:
        report = await judge_agreement(redis, query, None, "random")
        known = await find_series(redis, settings.default_models, series.token, series.model)
    except Refused:
        return None
    assert isinstance(report, JudgeAgreement), "there is no other judge"
    trend = await agreement_trend(redis, known)
    cost = await _cost(redis, view, series)
    return JudgeCard(series, report, headline_of(report), trend, trend_drawing(trend), cost, next_step_of(report))


def _place(card: JudgeCard) -> bool:
    """Judges with labelled pairs come first, else in the order in which they judged."""
    return not card.report.pairs


async def _cost(redis: Redis, view: View, series: JudgedSeries) -> KnownCost | None:
    """Returns the cost by the newest jobs of this judge and model alone, None if the price of a call is unknown."""
    wanted = jobs.JobFilter(judge=series.token, owner=view.owner, suits=partial(_asks_alone, series.model))
    found, _ = await jobs.list_jobs(redis, before=None, limit=_JOBS_FOR_COST, wanted=wanted)
    done = [(each.usage.cost_usd, each.counts.total - each.counts.pending - each.counts.cancelled) for each in found]
    costs = [cost for cost, _ in done if cost is not None]
    judgments = sum(count for _, count in done)
    if not judgments or len(costs) < len(done):
        return None
    return KnownCost(1000 * sum(costs) / judgments, judgments)


def _asks_alone(model: str, record: JobRecord) -> bool:
    """Whether a job has a single judge, which asks this model alone; for a panel, which asks several models."""
    models = {each for judge in record.judges for each in judge.models}
    return len(record.judges) == 1 and (len(models) > 1 if model == PANEL else models == {model})


async def _under_way(redis: Redis, view: View) -> list[Job]:
    """Returns the newest jobs that are not over."""
    newest, _ = await jobs.list_jobs(redis, before=None, limit=_NEWEST_JOBS, wanted=jobs.JobFilter(owner=view.owner))
    return [each for each in newest if not each.is_over][:MOST_FOLLOWED]


def next_step_of(report: JudgeAgreement) -> str | None:
    """Returns the last of the reasons of a verdict, which says what to do next; None for a baseline."""
    return None if report.model.startswith(CONTROL) else report.trust.because[-1]
