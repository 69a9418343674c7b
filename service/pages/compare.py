"""`/compare`: two groups of items, the difference with its interval, and the cases that got better and worse."""

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import minijinja
import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from redis.asyncio import Redis

from service.agreement.comparisons import (
    ChangedCase,
    ChangedCases,
    GroupComparison,
    changed_cases,
    compare,
    with_means,
)
from service.agreement.queries import SeriesQuery
from service.agreement.trends import JudgedSeries, judged_series, leading_series
from service.config.settings import Settings
from service.contracts.items import MOST_GROUP_LENGTH, Item
from service.contracts.labels import Window
from service.jobs import View
from service.pages.access import shown_to
from service.pages.documents import document
from service.pages.texts import TextBudget
from service.pages.words import figure_text
from service.rendering import comparison_words as words
from service.rendering.drawing import IntervalRow, forest_plot
from service.store.groups import newest_groups
from service.store.item_texts import newest_texts

GroupOnPage = Annotated[str | None, QueryParameter(max_length=MOST_GROUP_LENGTH)]
JudgeOnPage = Annotated[str | None, QueryParameter(max_length=400)]

_MOST_CRITERIA = 50  # the ones that were judged last
_MOST_GROUPS = 100  # of a criterion
_MOST_CASES = 50  # better, and as many worse
_FEWEST_GROUPS = 2
_EXCERPT_BYTES = 600


class ComparableCriterion(msgspec.Struct, frozen=True):
    """A criterion with the judges and the groups that they judged; `groups` has the number of items by group."""

    name: str
    series: list[JudgedSeries]
    groups: dict[str, int]

    def has(self, *names: str) -> bool:
        """Returns whether it has these groups."""
        return {*names} <= self.groups.keys()


class ShownComparison(msgspec.Struct, frozen=True):
    """A comparison with its changed cases, in words and as a drawing."""

    found: GroupComparison
    cases: ChangedCases
    decision: str
    design: str
    outcomes: str | None
    warning: str | None
    steps: list[str]
    drawing: str


@get("/compare", opt=shown_to("read"))
async def show_comparison(
    request: Request[Any, Any, Any],
    redis: NamedDependency[Redis],
    settings: NamedDependency[Settings],
    view: NamedDependency[View],
    a: GroupOnPage = None,
    b: GroupOnPage = None,
    judge: JudgeOnPage = None,
    window: FromQuery[Window] = "all",
    anytime: FromQuery[bool] = False,
) -> Response[bytes]:
    """Compares the group b with the group a; without them, asks which ones.

    `judge` is `name`, `name@3` or a digest, with the model after a space if it has several; without it, the judge that
    judged both groups last is taken.
    """
    comparable = await _comparable(redis, settings)
    fitting = [series for each in comparable if a and b and each.has(a, b) for series in each.series]
    chosen = judge or (_reference(fitting[0]) if fitting else None)
    compared, texts = None, {}
    if a and b and chosen:
        reference, _, model = chosen.partition(" ")
        query = SeriesQuery(reference, model or None, window, settings.default_models, settings.store.keep_s)
        compared = await _compared(redis, query, a, b, anytime=anytime)
        texts = await _texts(redis, view, [*compared.cases.worse, *compared.cases.better])
    return await document(
        request,
        "compare.html",
        compared=compared,
        a=a or None,
        b=b or None,
        chosen=chosen,
        choices=[(_reference(each), each) for each in fitting],
        reference=_reference,
        comparable=comparable,
        window=window,
        anytime=anytime,
        most=_MOST_CASES,
        texts=texts,
        budget=TextBudget(most=_EXCERPT_BYTES),
    )


async def _comparable(redis: Redis, settings: Settings) -> list[ComparableCriterion]:
    """Returns the criteria whose groups can be compared, the one that was judged last first."""
    by_criterion: dict[str, list[JudgedSeries]] = {}
    for each in await judged_series(redis):
        by_criterion.setdefault(each.criterion, []).append(each)
    found = []
    for name, series in list(by_criterion.items())[:_MOST_CRITERIA]:
        groups = await newest_groups(redis, name, keep_s=settings.store.keep_s, limit=_MOST_GROUPS)
        if len(groups) < _FEWEST_GROUPS:
            continue
        if leading := await with_means(redis, settings.default_models, leading_series(series)):
            counts = {each.name: each.items for each in groups}
            found.append(ComparableCriterion(name, leading, counts))
    return found


def _reference(series: JudgedSeries) -> str:
    return f"{series.token} {series.model}"


async def _compared(redis: Redis, query: SeriesQuery, a: str, b: str, *, anytime: bool) -> ShownComparison:
    found = await compare(redis, query, a, b, anytime=anytime)
    told = msgspec.to_builtins(found)
    return ShownComparison(
        found,
        await changed_cases(redis, query, a, b, _MOST_CASES),
        words.decision(told),
        words.design_text(told),
        words.outcomes_text(told),
        words.served_text(told),
        list(words.next_steps(told)),
        minijinja.safe(_drawing(found)),
    )


def _drawing(found: GroupComparison) -> str:
    labels = found.a.labelled + found.b.labelled
    rows = [("by the judge", found.judge_difference, "accent")]
    if found.corrected_difference.value is not None:
        rows.append((f"by {labels} labels", found.corrected_difference, "people"))
    ends = [abs(end) for _, each, _ in rows for end in (each.value, each.lower, each.upper) if end is not None]
    most = _round_end(max(ends, default=1.0))
    told = "; ".join(f"{name} {figure_text(each)}" for name, each, _ in rows)
    shown = [IntervalRow(name, each.value, each.lower, each.upper, style) for name, each, style in rows]
    title = f"Difference of the means, {found.b.group} minus {found.a.group}: {told}"
    return forest_plot(shown, title, low=-most, high=most)


def _round_end(least: float) -> float:
    """Returns the end of an axis that holds a value: 1, 2 or 4 times a power of ten."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(times * power for times in (1, 2, 4, 10) if least <= times * power * (1 + 1e-9))


async def _texts(redis: Redis, view: View, cases: Iterable[ChangedCase]) -> dict[str, Item]:
    """Returns the texts of the cases' first items by id; none to those who see their own key's jobs alone."""
    if view.owner is not None:
        return {}
    ids: Sequence[str] = [item_id for each in cases for item_id in (*each.items_a[:1], *each.items_b[:1])]
    return await newest_texts(redis, list(dict.fromkeys(ids)))
