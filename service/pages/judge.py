"""`/judges/{name}`: a judge's figures with all that is behind them, and the labelled items of a cell."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from redis.asyncio import Redis

from service.agreement.anchor_reports import anchored_series, traffic_drift
from service.agreement.calibration import JudgeCalibration, judge_calibration
from service.agreement.disagreements import LabelledItems, items_of_cell
from service.agreement.drift_reports import Drift
from service.agreement.queries import JudgeAgreement, SeriesQuery, judge_agreement
from service.agreement.series import find_series
from service.agreement.series_names import token_of
from service.agreement.trends import JudgedSeries, agreement_trend, judged_series
from service.api.paths import decoded_name
from service.config.settings import Settings
from service.contracts.items import Item
from service.contracts.judges import JudgeRef, StoredJudge
from service.contracts.labels import ReportSelection, Window
from service.contracts.refusals import Kind, Refused
from service.jobs import View
from service.pages.access import shown_to
from service.pages.documents import document
from service.pages.figures import Headline, calibration_drawing, headline_of, trend_drawing
from service.pages.texts import TextBudget
from service.rendering.confusion_table import confusion_table
from service.rendering.judge_versions import ChangedField, changed_fields
from service.stats.values import Value
from service.store import judges
from service.store.item_texts import newest_texts
from service.threads import aside

ShownModel = Annotated[str | None, QueryParameter(max_length=300)]
ShownServed = Annotated[str | None, QueryParameter(max_length=2_000)]
CellValue = Annotated[str | None, QueryParameter(max_length=100)]

_MOST_VERSIONS = 6  # with their figures, the newest
_MOST_CELL_ITEMS = 100
_EXCERPT_BYTES = 600
_MAIN = (
    *("exact", "within_one", "bias", "pearson", "spearman", "cohen_kappa", "cohen_kappa_quadratic"),
    *("sensitivity", "specificity", "balanced_accuracy", "auc"),
)
_HEATS = 4  # shades of a cell
_MOST_CELLS = 600  # whose links are most of a page


class ConfusionCell(msgspec.Struct, frozen=True):
    """A cell of the confusion table; `heat` is its shade, 0 for an empty one, and `is_equal` says that both agree.

    `people` and `judge` are values, or the names of classes of them if `is_of_values` is false.
    """

    people: Any
    judge: Any
    count: int
    heat: int
    is_equal: bool
    is_of_values: bool


class VersionRow(msgspec.Struct, frozen=True):
    """A version of a judge with its report, None if it has not judged or has no agreement."""

    judge: StoredJudge
    is_used: bool
    report: JudgeAgreement | None
    headline: Headline | None


class JudgeView(msgspec.Struct, frozen=True):
    """The figures of one model of a judge version. `calibration` and its drawing are None if values are words."""

    report: JudgeAgreement
    headline: Headline
    rows: list[list[ConfusionCell]]
    calibration: JudgeCalibration | None
    calibration_drawing: str | None
    trend: Any
    trend_drawing: str | None
    drift: Drift

    @property
    def main_statistics(self) -> list[str]:
        """The statistics that most people read."""
        return [name for name in self.report.statistics if name in _MAIN]

    @property
    def other_statistics(self) -> list[str]:
        """All others."""
        return [name for name in self.report.statistics if name not in _MAIN]


class JudgePages(Controller):
    path = "/judges"
    opt = shown_to("read")

    @get("/{reference:str}")
    async def show(
        self,
        request: Request[Any, Any, Any],
        reference: FromPath[str],
        redis: NamedDependency[Redis],
        settings: NamedDependency[Settings],
        model: ShownModel = None,
        served: ShownServed = None,
        window: FromQuery[Window] = "7d",
        selection: FromQuery[ReportSelection] = "random",
        before: Annotated[int | None, QueryParameter(ge=1)] = None,
    ) -> Response[bytes]:
        """Shows a judge: `name`, `name@3` or the digest of a judge that was sent inline."""
        name = decoded_name(reference)
        query = SeriesQuery(name, model, window, settings.default_models, settings.store.keep_s, served)
        stored = await judges.judge_by_reference(redis, name)
        view, why_not = await _view(redis, query, selection, must_exist=stored is None)
        found = await judged_series(redis)
        ref = stored.ref if stored is not None else view.report.judge if view is not None else None
        shown_model = None if view is None else view.report.model
        versions = [] if stored is None else await _versions(redis, settings, stored, window, found, shown_model)
        older = None if stored is None else await judges.find_judge(redis, stored.name, before or stored.version - 1)
        return await document(
            request,
            "judge.html",
            name=name,
            ref=ref,
            stored=stored,
            retired_at=None if stored is None or stored.retired_at is msgspec.UNSET else stored.retired_at,
            view=view,
            why_not=why_not,
            window=window,
            selection=selection,
            served=served,
            models=_models(found, ref),
            versions=versions,
            older=older,
            changes=await aside(_changes, older, stored),
            budget=TextBudget(),
        )

    @get("/{reference:str}/items")
    async def items(
        self,
        request: Request[Any, Any, Any],
        reference: FromPath[str],
        redis: NamedDependency[Redis],
        view: NamedDependency[View],
        settings: NamedDependency[Settings],
        model: ShownModel = None,
        served: ShownServed = None,
        human: CellValue = None,
        said: CellValue = None,
        window: FromQuery[Window] = "all",
        selection: FromQuery[ReportSelection] = "all",
    ) -> Response[bytes]:
        """Shows the labelled items of a cell, or the largest disagreements."""
        name = decoded_name(reference)
        query = SeriesQuery(name, model, window, settings.default_models, settings.store.keep_s, served)
        found = await items_of_cell(redis, query, human, said, selection, _MOST_CELL_ITEMS)
        return await document(
            request,
            "cell.html",
            name=name,
            found=found,
            human=human,
            said=said,
            window=window,
            selection=selection,
            served=served,
            most=_MOST_CELL_ITEMS,
            texts=await _texts(redis, view, found),
            budget=TextBudget(most=_EXCERPT_BYTES),
        )


async def _texts(redis: Redis, view: View, found: LabelledItems) -> dict[str, Item]:
    """Returns the texts of items by id. Those who see their own key's jobs alone see texts on the items' own pages."""
    if view.owner is not None:
        return {}
    return await newest_texts(redis, list(dict.fromkeys(each.item_id for each in found.items)))


async def _view(
    redis: Redis, query: SeriesQuery, selection: ReportSelection, *, must_exist: bool
) -> tuple[JudgeView | None, str | None]:
    """Returns the figures, or the reason why a judge has none. Raises Refused if it must have some."""
    try:
        report = await judge_agreement(redis, query, None, selection)
        series = await find_series(redis, query.default_models, query.judge, query.model, query.served)
    except Refused as refused:
        if any(each.pointer != "/judge" for each in refused.faults):
            raise
        if must_exist:
            raise Refused(Kind.NOT_FOUND, detail=refused.faults[0].detail) from refused
        return None, "; ".join(each.detail for each in refused.faults)
    assert isinstance(report, JudgeAgreement), "there is no other judge"
    calibration = None
    with contextlib.suppress(Refused):  # words without numbers have none
        calibration = await judge_calibration(redis, query, "random" if selection == "weighted" else selection, None)
    trend = await agreement_trend(redis, series)
    view = JudgeView(
        report,
        headline_of(report),
        confusion_rows(report),
        calibration,
        None if calibration is None else calibration_drawing(calibration),
        trend,
        trend_drawing(trend),
        await traffic_drift(redis, anchored_series(series), query.window),
    )
    return view, None


def confusion_rows(report: JudgeAgreement) -> list[list[ConfusionCell]]:
    """Returns the table of counts, a row for each value of people.

    Of a table with very many cells, only the values that somebody gave are left, and if these are still too many, they
    are grouped into classes.
    """
    rows: Sequence[Value] = report.table.values
    columns: Sequence[Value] = report.table.columns if isinstance(report.table.columns, list) else rows
    counts = report.table.counts
    most = max((count for row in counts for count in row), default=0)
    is_of_values = True
    if len(rows) * len(columns) > _MOST_CELLS:
        given = [place for place, row in enumerate(counts) if any(row)]
        said = [place for place, column in enumerate(zip(*counts, strict=True)) if any(column)]
        if is_of_values := len(given) * len(said) <= _MOST_CELLS:
            counts = [[counts[row][column] for column in said] for row in given]
            rows, columns = [rows[place] for place in given], [columns[place] for place in said]
        else:
            rows, columns, counts = confusion_table({"values": rows, "columns": columns, "counts": counts})
            most = max(count for row in counts for count in row)
    return [
        [
            ConfusionCell(people, judge, count, _heat(count, most), people == judge, is_of_values)
            for judge, count in zip(columns, line, strict=True)
        ]
        for people, line in zip(rows, counts, strict=True)
    ]


def _heat(count: int, most: int) -> int:
    return 0 if not count else max(1, -(-_HEATS * count // most))


def _models(found: Sequence[JudgedSeries], ref: JudgeRef | None) -> list[str]:
    """Returns the models of a judge version that have judged."""
    return [] if ref is None else [each.model for each in found if each.token == token_of(ref)]


async def _versions(
    redis: Redis,
    settings: Settings,
    shown: StoredJudge,
    window: Window,
    found: Sequence[JudgedSeries],
    model: str | None,
) -> list[VersionRow]:
    """Returns the newest versions of a judge, the newest first, each with the report of `model`, or of its usual model
    if it has not judged by that one.
    """
    latest = await judges.find_judge(redis, shown.name)
    newest = shown.version if latest is None else latest.version
    numbers = range(newest, max(newest - _MOST_VERSIONS, 0), -1)
    stored = [each for number in numbers if (each := await judges.find_judge(redis, shown.name, number)) is not None]
    used = {each.token for each in found}
    by_model = {each.token for each in found if each.model == model}

    async def row(judge: StoredJudge) -> VersionRow:
        token = token_of(judge.ref)
        if token not in used:
            return VersionRow(judge, False, None, None)
        its_model = model if token in by_model else None
        query = SeriesQuery(token, its_model, window, settings.default_models, settings.store.keep_s)
        with contextlib.suppress(Refused):
            report = await judge_agreement(redis, query, None, "random")
            if isinstance(report, JudgeAgreement):
                return VersionRow(judge, True, report, headline_of(report))
        return VersionRow(judge, True, None, None)

    return list(await asyncio.gather(*map(row, stored)))


def _changes(older: StoredJudge | None, shown: StoredJudge | None) -> list[ChangedField]:
    return [] if older is None or shown is None else changed_fields(older.definition, shown.definition)
