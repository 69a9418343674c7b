"""The served models in an agreement report: which ones answered, when, and how many of the judgments are theirs."""

from datetime import datetime

import msgspec

from service.agreement.counter_fields import field
from service.agreement.group_counters import ReadCounters
from service.agreement.reports import Agreement, count_labelled_pairs
from service.agreement.series import Series
from service.agreement.series_names import series_name, token_of
from service.agreement.served_series import ServedSeries
from service.contracts.labels import ReportSelection, Window
from service.store import agreement_counters as tallies
from service.store import clock
from service.store.agreement_counters import Wanted

_MOST_LISTED = 20
_SCORED = field("outcome", "scored", "")
_KINDS = ("agreed", "seen")


class ServedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that answered under the model's name, and when it first and last did.

    `scored` counts the judgments with a score in the report's window, and `pairs` the labels compared with them.
    `served_model` and `first_seen` are null for answers that name no served model.
    """

    served_model: str | None
    first_seen: datetime | None
    last_seen: datetime | None
    scored: int
    pairs: int


async def served_models(
    read: ReadCounters, series: Series, window: Window, selection: ReportSelection, report: Agreement
) -> list[ServedModel]:
    """Returns the served models of a judge and model, at most 20, the one that answered last first.

    `read` reads the counters of the items that are meant, and `report` is that of the series itself.
    """
    now_ms = clock.now_ms()
    start_ms, listed = tallies.window_start_ms(window, now_ms), series.served_models[:_MOST_LISTED]
    others = [each for each in listed if each.served != series.served and each.last_ms >= start_ms]
    token = token_of(series.judge)
    names = [series_name(token, series.model, each.served) for each in others]
    wanted = [Wanted(kind, name, series.criterion) for name in names for kind in _KINDS]
    counted = await read(wanted)
    numbers = {series.served: (report.coverage.scored, report.pairs)}
    for each, agreed, seen in zip(others, counted[::2], counted[1::2], strict=True):
        pairs = count_labelled_pairs(series.coding, agreed, seen, selection, series.labels)
        numbers[each.served] = seen.get(_SCORED, 0), pairs
    return [_shown(each, *numbers.get(each.served, (0, 0))) for each in listed]


def _shown(known: ServedSeries, scored: int, pairs: int) -> ServedModel:
    return ServedModel(
        served_model=known.served or None,
        first_seen=clock.at(known.first_ms),
        last_seen=clock.at(known.last_ms),
        scored=scored,
        pairs=pairs,
    )
