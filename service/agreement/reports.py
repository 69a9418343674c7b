"""Agreement reports of a series: with humans, with another series, and among humans, from its counters."""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import UNSET, UnsetType

from service.agreement.assessment import Assessment, assess
from service.agreement.biases import Biases, biases
from service.agreement.coding import Coding
from service.agreement.counters import Agreed, Coders, read_agreed, read_ceiling, read_pairs, read_panel, read_seen
from service.agreement.rivals import Rivals, read_rivals
from service.agreement.trust import LabelledPairs, LabelSupply, Trust, trust_in_words
from service.agreement.unlike_scales import measure_unlike, rank_table
from service.agreement.weighted import WeightedAgreed, read_weighted
from service.contracts.benchmarks import EXPERT_EPSILON
from service.contracts.judges import CONTROL
from service.contracts.labels import ReportSelection, Selection
from service.stats.alphas import Alpha, Level, alpha
from service.stats.alt_test import AltTest, alt_test
from service.stats.ceiling import Ceiling, LeaveOneOut, disattenuated, leave_one_out, pair_table
from service.stats.clustered import SharedItems
from service.stats.flags import Flag, flags_of
from service.stats.intervals import Design, FixedEffect, Measure, measure
from service.stats.statistics import STATISTICS, Domain, names_for
from service.stats.table import Table
from service.stats.trust import chance_flags
from service.stats.undefined import Undefined
from service.stats.values import Value

_LEVELS = {
    "krippendorff_alpha_nominal": Level.NOMINAL,
    "krippendorff_alpha_ordinal": Level.ORDINAL,
    "krippendorff_alpha_interval": Level.INTERVAL,
}
_OF_LEVELS = frozenset({Domain.CATEGORIES, Domain.SCALE})


class Confusion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The table of counts: rows are humans' values, columns the judge's; `columns` is given if they differ."""

    values: list[Value]
    counts: list[list[int]]
    columns: list[Value] | UnsetType = UNSET


class HumanCeiling(msgspec.Struct, frozen=True, kw_only=True):
    """How well humans agree with each other, over all ordered `pairs` of annotators of the `items` that have two.

    The alphas in `statistics` are over all annotators of an item. Intervals treat the items as a sample.
    """

    pairs: int
    items: int
    statistics: dict[str, Measure]
    leave_one_out: LeaveOneOut


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Judgments by outcome; `by_reason` sums to `unscored` + `failed`."""

    judged: int
    scored: int
    unscored: int
    failed: int
    by_reason: dict[str, int]


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """The agreement of a series with humans.

    `pairs` counts labels with a score of the same content, `items` the items with at least one, and `alt_test` tests
    whether the judge may replace an annotator. `trust` says in words whether the judge can be trusted. `baselines` has
    the same statistics of `control/length` and `control/overlap` on the same items, and `without_baselines` the number
    of pairs that they lack because the texts are not stored any more. `resolution` is the grid, in points, that
    continuous scores are counted on, else None. `disattenuated_pearson` estimates the correlation with error-free
    humans: a note, which can exceed 1.
    """

    pairs: int
    items: int
    annotators: int
    table: Confusion
    statistics: dict[str, Measure]
    trust: Trust
    baselines: dict[str, dict[str, Measure]]
    without_baselines: int
    human_ceiling: HumanCeiling
    alt_test: AltTest
    coverage: Coverage
    flags: list[Flag]
    bias: Biases
    resolution: float | None
    disattenuated_pearson: Ceiling


class Between(msgspec.Struct, frozen=True, kw_only=True):
    """Two series on the contents that both judged: rows are the other's scores, and bias is judge minus other."""

    pairs: int
    items: int
    table: Confusion
    statistics: dict[str, Measure]
    flags: list[Flag]
    resolution: float | None


def agreement(
    coding: Coding,
    agreed: Mapping[str, int],
    seen: Mapping[str, int],
    ceiling: Mapping[str, int],
    selection: ReportSelection,
    known: Mapping[str, float] | None = None,
    labels: Coding | None = None,
    model: str = "",
    supply: LabelSupply | None = None,
    epsilon: float = EXPERT_EPSILON,
) -> Agreement:
    """Returns the report of one series, from its counters `agreed` and `seen` and the criterion's `ceiling`.

    `coding` is that of the judge's scores; `labels` that of the labels, if their values are others. `known` holds
    statistics known more exactly than from the counters. `model` is the judge's: a baseline has no trust verdict
    against itself. If weighted, the table has the numbers of real pairs, the statistics are those of the weighted ones,
    and the trust verdict, the ceiling, the alternative annotator test and the biases are those of the random labels.
    `supply` tells of labels that the report does not rest on, as far as the caller knows. `epsilon` is that of the
    alternative annotator test.
    """
    plain: Selection = "random" if selection == "weighted" else selection
    against = paired = read_agreed(coding, agreed, plain, labels)
    doings = read_seen(coding, seen)
    unweighted = statistics = _statistics(coding, against, None, known or {})
    if selection == "weighted":
        drawn = read_weighted(coding, agreed, seen, labels, sampling_design)
        paired, statistics = drawn.agreed, _weighted_statistics(coding, drawn)
    rivals = read_rivals(coding, agreed, plain, labels)
    assessed = _assessed(coding, against, unweighted, rivals, model)
    coverage = _coverage(doings.outcomes)
    supply = supply or LabelSupply()
    if not against.table.pairs:
        supply = supply._replace(otherwise=read_agreed(coding, agreed, "all", labels).table.pairs)
    labelled = LabelledPairs(against.table, against.items, against.is_unlike, coverage.scored > 0, supply)
    people = human_ceiling(labels or coding, ceiling, plain)
    return Agreement(
        pairs=paired.table.pairs,
        items=paired.items,
        annotators=paired.annotators,
        table=_shown(paired.table),
        statistics=statistics,
        trust=trust_in_words(coding, labelled, unweighted, assessed, model),
        baselines=_baselines(coding, against, rivals, assessed, list(statistics)),
        without_baselines=_without_baselines(against, assessed),
        human_ceiling=people,
        alt_test=alt_test(against.wins, epsilon=epsilon),
        coverage=coverage,
        flags=[*flags_of(paired.table), *([Flag.NOT_BETTER_THAN_CHANCE] if assessed.is_chance else [])],
        bias=biases(coding, against, doings, design=sampling_design(coding, against)),
        resolution=coding.grid if coding.is_continuous or paired.moments else None,
        disattenuated_pearson=_disattenuated(statistics, people.statistics),
    )


def count_labelled_pairs(
    coding: Coding,
    agreed: Mapping[str, int],
    seen: Mapping[str, int],
    selection: ReportSelection,
    labels: Coding | None,
) -> int:
    """Returns the number of pairs that `agreement` has for the same counters."""
    if selection == "weighted":
        return read_weighted(coding, agreed, seen, labels, sampling_design).agreed.table.pairs
    return read_agreed(coding, agreed, selection, labels).table.pairs


def assessment_of(
    coding: Coding, agreed: Mapping[str, int], statistics: Mapping[str, Measure], model: str
) -> Assessment:
    """Returns the verdict on a series by random labels, from its counters `agreed` and the statistics that decide."""
    against = read_agreed(coding, agreed, "random")
    return _assessed(coding, against, statistics, read_rivals(coding, agreed, "random"), model)


def headline_statistics(
    coding: Coding,
    agreed: Mapping[str, int],
    names: Iterable[str],
    labels: Coding | None = None,
) -> tuple[int, dict[str, Measure]]:
    """Returns the number of pairs and the named statistics only, with the values of `agreement` by random labels."""
    against = read_agreed(coding, agreed, "random", labels)
    return against.table.pairs, _statistics(coding, against, names, {})


def human_ceiling(
    coding: Coding, ceiling: Mapping[str, int], selection: Selection, names: Iterable[str] | None = None
) -> HumanCeiling:
    """Returns how well humans agree, from the criterion's counters `ceiling`; only the named statistics if given."""
    people = read_ceiling(coding, ceiling, selection)
    counts = pair_table(people.coincidences, len(people.axis.values))
    table = Table(people.axis.values, people.axis.values, counts, coding.step)
    alphas = {name: _alpha(people, level) for name, level in _LEVELS.items()}
    known = {name: each.value for name, each in alphas.items() if each.value is not None}
    statistics = measure_table(coding, table, names, design=people.design, known=known)
    return HumanCeiling(
        pairs=table.pairs, items=people.items, statistics=statistics, leave_one_out=_leave_one_out(people)
    )


def between(
    coding: Coding,
    fields: Mapping[str, int],
    names: Iterable[str] | None = None,
    *,
    other_is_first: bool = False,
    other: Coding | None = None,
) -> Between:
    """Returns two series compared with each other, from their counters `between`.

    The other series, whose scores are the rows, is the second in the counters' name unless `other_is_first`. `other` is
    the coding of its scores, if their values are others.
    """
    table, rows, columns = read_pairs(coding, fields, transposed=other_is_first, other=other)
    ranks = None if other is None else rank_table(table, rows, columns)
    statistics = measure_table(coding, table, names) if other is None else measure_unlike(table, ranks, names)
    return Between(
        pairs=table.pairs,
        items=table.pairs,
        table=_shown(table),
        statistics=statistics,
        flags=[*flags_of(table), *chance_flags(ranks or table, statistics)],
        resolution=coding.grid if coding.is_continuous else None,
    )


def panel_alpha(coding: Coding, fields: Mapping[str, int]) -> Alpha:
    """Returns the alpha of a judge's models with its interval, from its counters `panel`: ordinal, or nominal."""
    models = read_panel(coding, fields)
    name = "krippendorff_alpha_nominal" if coding.is_words else "krippendorff_alpha_ordinal"
    found = _alpha(models, _LEVELS[name])
    if found.value is None:
        return found
    values = models.axis.values
    table = Table(values, values, pair_table(models.coincidences, len(values)))
    [interval] = measure(table, [name], design=models.design, known={name: found.value}).values()
    return msgspec.structs.replace(found, lower=interval.lower, upper=interval.upper)


def sampling_design(coding: Coding, agreed: Agreed) -> SharedItems | None:
    """Returns how the pairs depend on each other, None if no item has two."""
    if agreed.table.pairs <= agreed.items:
        return None
    return SharedItems(agreed.exact, agreed.pearson, coding.scale.min, coding.range)


def _constant_design(design: SharedItems | None) -> FixedEffect | None:
    """Returns the design under which the pairs of an item say as much as one: no sums tell how alike they are."""
    return None if design is None else FixedEffect(design.worth, design.same_for_all)


def _statistics(
    coding: Coding, agreed: Agreed, names: Iterable[str] | None, known: Mapping[str, float]
) -> dict[str, Measure]:
    """Moments are exact for the scores that a table rounds to a grid; `known` replaces them."""
    if agreed.is_unlike:
        ranks = rank_table(agreed.table, agreed.people, agreed.judges)
        constant = _constant_design(sampling_design(coding, agreed))
        return measure_unlike(agreed.table, ranks, names, design=constant)
    moments = agreed.moments
    exact = moments.statistics(coding.unit) if moments is not None and moments.n == agreed.table.pairs else {}
    design = sampling_design(coding, agreed)
    return measure_table(coding, agreed.table, names, design=design, known={**exact, **known})


def _weighted_statistics(coding: Coding, drawn: WeightedAgreed) -> dict[str, Measure]:
    agreed = drawn.agreed
    if agreed.is_unlike:
        ranks = rank_table(drawn.table, agreed.people, agreed.judges)
        return measure_unlike(drawn.table, ranks, None, design=drawn.constant_design)
    return measure_table(coding, drawn.table, design=drawn.pairs)


def _flagged_table(agreed: Agreed) -> Table:
    """Returns the table that decides by its values which statistic tells the judge from chance."""
    ranks = rank_table(agreed.table, agreed.people, agreed.judges) if agreed.is_unlike else None
    return ranks or agreed.table


def _assessed(
    coding: Coding, against: Agreed, statistics: Mapping[str, Measure], rivals: Rivals, model: str
) -> Assessment:
    design = sampling_design(coding, against)
    pairs = against.table.pairs if design is None else design.worth
    return assess(_flagged_table(against), statistics, pairs, rivals, model)


def _baselines(
    coding: Coding, against: Agreed, rivals: Rivals, assessed: Assessment, names: list[str]
) -> dict[str, dict[str, Measure]]:
    """Returns the judge's statistics for each baseline that it was compared with."""
    found = {}
    for name in assessed.baselines:
        counts = rivals.baselines[name]
        design = FixedEffect(counts.worth, counts.effect) if counts.effect > 1 else None
        found[CONTROL + name] = (
            measure_unlike(counts.rival, counts.rival, names, design=design)
            if against.is_unlike
            else measure_table(coding, counts.rival, names, design=design)
        )
    return found


def _without_baselines(against: Agreed, assessed: Assessment) -> int:
    compared = [each.labels for each in assessed.baselines.values()]
    return against.table.pairs - max(compared, default=0)


def _alpha(coders: Coders, level: Level) -> Alpha:
    """For labels, only the nominal level has a meaning."""
    places = range(len(coders.axis.values))
    numbers = places if isinstance(coders.axis.values[0], str) else coders.axis.numbers
    return alpha(coders.coincidences, level, numbers or places)


def _leave_one_out(people: Coders) -> LeaveOneOut:
    if people.axis.numbers is not None:
        return leave_one_out(people.coincidences, people.axis.numbers, people.design)
    ratings = sum(int(pairs.sum()) // (coders - 1) for coders, pairs in people.coincidences.items())
    nothing = Ceiling(value=None, reason=Undefined.NOT_FOR_WORDS)
    return LeaveOneOut(ratings=ratings, pearson=nothing, rmse=nothing)


def _disattenuated(judge: Mapping[str, Measure], people: Mapping[str, Measure]) -> Ceiling:
    if "pearson" not in judge or "pearson" not in people:
        return Ceiling(value=None, reason=Undefined.NOT_FOR_WORDS)
    return disattenuated(judge["pearson"].value, people["pearson"].value)


def _coverage(outcomes: Mapping[tuple[str, str], int]) -> Coverage:
    ended = dict.fromkeys(("scored", "unscored", "failed"), 0)
    by_reason: dict[str, int] = {}
    for (outcome, reason), count in outcomes.items():
        if outcome not in ended:
            continue
        ended[outcome] += count
        if outcome != "scored":
            by_reason[reason] = by_reason.get(reason, 0) + count
    return Coverage(judged=sum(ended.values()), by_reason=dict(sorted(by_reason.items())), **ended)


def _shown(table: Table) -> Confusion:
    columns = UNSET if table.columns == table.values else list(table.columns)
    return Confusion(values=list(table.values), counts=table.counts.tolist(), columns=columns)


def measure_table(
    coding: Coding,
    table: Table,
    names: Iterable[str] | None = None,
    *,
    design: Design | None = None,
    known: Mapping[str, float] | None = None,
) -> dict[str, Measure]:
    """Returns the statistics as `intervals.measure` does; those that need categories or steps are null without any."""
    chosen = tuple(names_for(table) if names is None else names)
    lacking = {name: reason for name in chosen if (reason := _why_not(coding, table, name)) is not None}
    found = {name: Measure(value=None, lower=None, upper=None, reason=reason) for name, reason in lacking.items()}
    found |= measure(table, [name for name in chosen if name not in lacking], design=design, known=known)
    return {name: found[name] for name in chosen}


def _why_not(coding: Coding, table: Table, name: str) -> Undefined | None:
    domain = STATISTICS[name].domain
    if coding.is_words:
        return None  # the table itself excludes statistics of numbers
    if name == "within_one" and coding.step is None:
        return Undefined.NO_STEP
    if domain in _OF_LEVELS and (coding.is_continuous or table.is_fractional or table.values != coding.values):
        return Undefined.FRACTIONAL
    return None
