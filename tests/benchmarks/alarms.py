"""How often alerts on judges are false, and how soon a fall is found: `python -m tests.benchmarks.alarms [judges]`.

Judges of stationary traffic are watched for 30 days, after 60 days without alerts, with a look at every hour. For each
alert the first table prints the false alarms for each judge and week. The second table prints after how many labels a
fall of agreement from .80 to .65 is found, beside the best that is possible: a cumulative sum that knows both rates,
with a threshold of .02 false alarms a week. The third table prints both for other thresholds of the evidence.

An alert on agreement below a floor counts as false if the true agreement is above it.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.stats.arrays import Booleans, Floats, Integers
from service.stats.drift import score_shift
from service.stats.falls import FALL_ALARM, fall_evidence
from service.stats.intervals import measure
from service.stats.table import Table

DAY, WEEK = 24, 168
QUIET_DAYS, WATCHED_DAYS = 60, 30
HISTORY_DAYS = 90
FLOOR, CHANCE = 0.5, 0.2  # of Spearman's correlation
FAILING = 0.01  # share of judgments without a score, and of failed ones
ALIKE = 0.85  # exact agreement of the two models of a panel
FIVE = (0.05, 0.1, 0.25, 0.4, 0.2)
THRESHOLDS = (25.0, FALL_ALARM, 75.0)  # of the evidence of a fall
OPTIMAL = {3: 4.0, 9: 5.0, 20: 5.75, 60: 6.75}  # thresholds of a sum that knows .80 and .65, by labels a day


class Traffic(NamedTuple):
    """Judgments and labels a day; the pass rate, None for a scale of 5; the correlation of judge and human."""

    judgments: int
    labels: int
    passes: float | None
    correlation: float = 0.6

    def __str__(self) -> str:
        scale = "1 to 5" if self.passes is None else f"{self.passes:.2f} pass"
        return f"{self.judgments:>5} a day, {self.labels:>2} labels, {scale:<9}, r {self.correlation:.2f}"


TRAFFIC = [
    Traffic(judgments, labels, passes)
    for judgments, labels in ((35, 3), (200, 9), (600, 20), (2000, 60))
    for passes in (0.5, 0.8, 0.95, 0.98, None)
] + [Traffic(200, 9, 0.5, 0.36), Traffic(200, 9, None, 0.36)]


class Stream:
    """The counts of some judges, hour by hour, cumulative: entry h has all before hour h, shape (judges, hours + 1)."""

    def __init__(self, traffic: Traffic, judges: int, random: np.random.Generator) -> None:
        hours = (QUIET_DAYS + WATCHED_DAYS) * DAY
        self.traffic = traffic
        self.joint = joint(traffic)
        self.scale = tuple(range(len(self.joint)))
        self.correlation = spearman(self.joint[None])[0]
        judged = random.poisson(traffic.judgments / DAY, (judges, hours))
        labels = random.poisson(traffic.labels / DAY, (judges, hours))
        self.judged = cumulative(judged)
        self.scores = cumulative(random.multinomial(judged, self.joint.sum(axis=0)))
        self.pairs = cumulative(
            random.multinomial(labels, self.joint.ravel()).reshape(*labels.shape, *self.joint.shape)
        )
        self.unscored, self.failed, self.alike = (
            cumulative(random.binomial(judged, share)) for share in (FAILING, FAILING, ALIKE)
        )
        self.agreed, self.labels = np.trace(self.pairs, axis1=2, axis2=3), self.pairs.sum(axis=(2, 3))


def joint(traffic: Traffic) -> Floats:
    """The shares of (human, judge): with equal margins, a share `correlation` copies and the rest is independent."""
    margin = np.array(FIVE if traffic.passes is None else (1 - traffic.passes, traffic.passes))
    return np.asarray(traffic.correlation * np.diag(margin) + (1 - traffic.correlation) * np.outer(margin, margin))


def cumulative(counts: Integers) -> Integers:
    return np.concatenate([np.zeros_like(counts[:, :1]), np.cumsum(counts, axis=1)], axis=1)


def within(counts: Integers, window: str, hour: int) -> Integers:
    """Of the window that ends with this hour, in the buckets that the service reads."""
    first = hour - DAY if window == "24h" else (hour // DAY - int(window.removesuffix("d"))) * DAY
    return counts[:, hour + 1] - counts[:, max(first, 0)]


def before(counts: Integers, window: str, hour: int) -> Integers:
    """Of the reference of the window."""
    first, last = {"24h": (-31, -2), "7d": (-37, -8)}[window]
    today = hour // DAY
    return counts[:, (today + last + 1) * DAY] - counts[:, max(today + first, 0) * DAY]


def spearman(tables: NDArray[np.generic]) -> Floats:
    """Of each table, 0 if a side is constant."""
    counts = tables.astype(np.float64)
    total = np.maximum(counts.sum(axis=(1, 2)), 1.0)
    sides = []
    for axis in (2, 1):
        share = counts.sum(axis=axis) / total[:, None]
        ranks = np.cumsum(share, axis=1) - share / 2
        sides.append((ranks - 0.5, np.sqrt((share * (ranks - 0.5) ** 2).sum(axis=1))))
    (rows, one), (columns, other) = sides
    covariance = np.einsum("nij,ni,nj->n", counts / total[:, None, None], rows, columns)
    return np.asarray(covariance / np.maximum(one * other, 1e-12) * (one * other > 1e-12))


def with_enough(stream: Stream, hour: int) -> Integers:
    """The tables of 30 days; empty if they have fewer than 60 pairs."""
    month = within(stream.pairs, "30d", hour)
    return np.where((month.sum(axis=(1, 2)) >= 60)[:, None, None], month, 0)


def ends(stream: Stream, table: Integers) -> tuple[float | None, float | None]:
    found = measure(Table.from_counts(stream.scale, table), ["spearman", "cohen_kappa_quadratic"])
    known = found["spearman"] if found["spearman"].value is not None else found["cohen_kappa_quadratic"]
    return known.lower, known.upper


def below(floor: float, tables_of: Callable[[Stream, int], Integers]) -> Callable[[Stream, int], Booleans]:
    """Whether the upper end is below the floor. Tables far from that are not computed: it is above the value."""

    def rule(stream: Stream, hour: int) -> Booleans:
        found = np.zeros(len(stream.pairs), dtype=bool)
        if stream.correlation < floor:
            return found  # it would be a true alarm
        tables = tables_of(stream, hour)
        total = tables.sum(axis=(1, 2))
        transformed = np.arctanh(np.clip(spearman(tables), -0.99, 0.99)) + 1 / np.sqrt(np.maximum(total - 3, 1))
        for judge in np.flatnonzero((total > 0) & (np.tanh(transformed) < floor)):
            upper = ends(stream, tables[judge])[1]
            found[judge] = upper is not None and upper < floor
        return found

    return rule


def moments(stream: Stream, counts: Integers) -> tuple[Floats, Floats, Floats]:
    values = np.array(stream.scale, dtype=np.float64)
    total = np.maximum(counts.sum(axis=1), 1)
    mean = counts @ values / total
    return total, mean, counts @ values**2 / total - mean**2


def drift(window: str) -> Callable[[Stream, int], Booleans]:
    def rule(stream: Stream, hour: int) -> Booleans:
        now, usual = (part(stream.scores, window, hour) for part in (within, before))
        shift = np.abs(moments(stream, now)[1] - moments(stream, usual)[1])
        found = np.zeros(len(now), dtype=bool)
        for judge in np.flatnonzero(shift >= 0.09 * (len(stream.scale) - 1)):
            found[judge] = score_shift(usual[judge], now[judge], stream.scale).drifted
        return found

    return rule


def fell(stream: Stream, hour: int) -> Booleans:
    return fallen(stream.agreed, stream.labels, hour) & (within(stream.labels, "30d", hour) >= 30)


def fallen(agreed: Integers, labels: Integers, hour: int, alarm: float = FALL_ALARM) -> Booleans:
    """The service's detector on cumulative counts: all before, then days, then the hours since yesterday."""
    today = hour // DAY
    first = max(today - HISTORY_DAYS, 0)
    days = list(range(first * DAY, (today - 1) * DAY, DAY))
    hours = list(range(max(today - 1, 0) * DAY, hour + 1))
    bounds = [*days, *hours, hour + 1]
    kept, counts = (
        np.column_stack([each[:, bounds[0]], np.diff(each[:, bounds], axis=1)]).astype(np.float64)
        for each in (agreed, labels)
    )
    weeks = np.array([DAY / WEEK] * len(days) + [1 / WEEK] * len(hours))
    return np.asarray(fall_evidence(kept, counts, weeks) >= alarm)


def constant(days: int, share: float, least: int) -> Callable[[Stream, int], Booleans]:
    def rule(stream: Stream, hour: int) -> Booleans:
        counts = stream.scores[:, hour + 1] - stream.scores[:, hour + 1 - days * DAY]
        total = counts.sum(axis=1)
        return np.asarray((total >= least) & (counts.max(axis=1) > share * total))

    return rule


def failing(which: str, share: float, least: int, sure: float) -> Callable[[Stream, int], Booleans]:
    def rule(stream: Stream, hour: int) -> Booleans:
        counts: Integers = getattr(stream, which)
        bad, total = (each[:, hour + 1] - each[:, hour] for each in (counts, stream.judged))
        limit = share + sure * np.sqrt(share * (1 - share) / np.maximum(total, 1))
        return np.asarray((total >= least) & (bad > limit * total))

    return rule


def unlabelled(window: str) -> Callable[[Stream, int], Booleans]:
    return lambda stream, hour: np.asarray(within(stream.labels, window, hour) < 30)


def apart(sure: float, least: int) -> Callable[[Stream, int], Booleans]:
    def rule(stream: Stream, hour: int) -> Booleans:
        day, month = (
            within(stream.alike, window, hour) / np.maximum(within(stream.judged, window, hour), 1)
            for window in ("24h", "30d")
        )
        total = within(stream.judged, "24h", hour)
        error = np.sqrt(month * (1 - month) / np.maximum(total, 1))
        return np.asarray((total >= max(least, 1)) & (month - day > 0.1) & (month - day > sure * error))

    return rule


class Rule(NamedTuple):
    """An alert; it goes on for so many hours after its condition."""

    alert: str
    holds: Callable[[Stream, int], Booleans]
    keeps: int = 0


RULES = [
    Rule("JudgeAgreementBelowFloor", below(FLOOR, with_enough)),
    Rule("JudgeIndistinguishableFromChance", below(CHANCE, with_enough)),
    Rule("JudgeAgreementFell", fell, keeps=3 * DAY),
    *(Rule("JudgeScoreDrift", drift(window), keeps=6) for window in ("24h", "7d")),
    Rule("JudgeParseFailures", failing("unscored", 0.02, 50, 3.8)),
    *(Rule("JudgeConstant", constant(days, 0.998, 600)) for days in (1, 7)),
    Rule("JudgeUnlabelled", unlabelled("30d")),
    Rule("PanelDriftsApart", apart(3.8, 100)),
    Rule("JudgmentsFailed", failing("failed", 0.05, 20, 3.8)),
]
ALERTS = list(dict.fromkeys(rule.alert for rule in RULES))


def raised(stream: Stream) -> dict[str, float]:
    """How often each alert begins, for each judge and week."""
    found = dict.fromkeys(ALERTS, 0.0)
    judge_weeks = len(stream.judged) * WATCHED_DAYS / 7
    for rule in RULES:
        until = np.full(len(stream.judged), -1)
        for hour in range(QUIET_DAYS * DAY, (QUIET_DAYS + WATCHED_DAYS) * DAY):
            holds = rule.holds(stream, hour)
            found[rule.alert] += float((holds & (until < hour)).sum()) / judge_weeks
            until = np.where(holds, hour + 1 + rule.keeps, until)
    return found


def false_alarms(judges: int) -> Iterator[str]:
    """The first table."""
    yield "False alarms for each judge and week: all alerts of each traffic"
    sums = dict.fromkeys(ALERTS, 0.0)
    for number, traffic in enumerate(TRAFFIC):
        found = raised(Stream(traffic, judges, np.random.default_rng(number)))
        yield f"{traffic!s:<44}{sum(found.values()):>9.3f}"
        for alert, rate in found.items():
            sums[alert] += rate / len(TRAFFIC)
    yield "\nFalse alarms for each judge and week: each alert, over all traffic"
    for alert, rate in sums.items():
        yield f"{alert:<44}{rate:>9.4f}"
    yield f"{'all':<44}{sum(sums.values()):>9.4f}"


def delays(
    labels_a_day: int, reference: int, judges: int, random: np.random.Generator, alarm: float = FALL_ALARM
) -> Floats:
    """The labels between a fall and its alarm, infinite if there is none within 400 labels."""
    quiet = 7
    hours = (quiet + 400 // labels_a_day) * DAY
    counts = random.poisson(labels_a_day / DAY, (judges, hours))
    share = np.where(np.arange(hours) < quiet * DAY, 0.8, 0.65)
    labels, agreed = (cumulative(each) for each in (counts, random.binomial(counts, share)))
    agreed, labels = agreed + random.binomial(reference, 0.8, (judges, 1)), labels + reference
    found = np.full(judges, np.inf)
    for hour in range(quiet * DAY, hours):
        left = np.flatnonzero(np.isinf(found))
        raised_now = left[fallen(agreed[left], labels[left], hour, alarm)] if len(left) else left
        found[raised_now] = labels[raised_now, hour + 1] - labels[raised_now, quiet * DAY]
    return found


def best_delays(labels_a_day: int, judges: int, random: np.random.Generator) -> Floats:
    agreed = random.random((judges, 1000)) < 0.65
    sums, found = np.zeros(judges), np.full(judges, np.inf)
    for label in range(agreed.shape[1]):
        sums = np.maximum(sums + np.where(agreed[:, label], np.log(0.65 / 0.8), np.log(0.35 / 0.2)), 0)
        found = np.where(np.isinf(found) & (sums >= OPTIMAL[labels_a_day]), label + 1, found)
    return found


def described(found: Floats) -> str:
    half, most = np.quantile(found, [0.5, 0.9], method="higher")
    return f"{half:>8.0f}{most:>8.0f}{np.mean(found <= 130):>8.2f}"


def falls(judges: int) -> Iterator[str]:
    """The second table."""
    yield "\nLabels until a fall of agreement from .80 to .65 is found: median, 90% of cases, share within 130 labels"
    yield f"{'labels a day':<14}{'reference':>10}{'detector':^24}{'best possible':^24}"
    for labels_a_day in OPTIMAL:
        best = described(best_delays(labels_a_day, 4000, np.random.default_rng(labels_a_day)))
        for reference in (200, 600, 2000):
            found = delays(labels_a_day, reference, judges, np.random.default_rng(reference + labels_a_day))
            yield f"{labels_a_day:<14}{reference:>10}{described(found)}{best}"


def false_falls(labels_a_day: int, judges: int, random: np.random.Generator, alarm: float) -> float:
    """How often the alert on a fall begins for each judge and week of an agreement of .80; a look every six hours."""
    counts = random.poisson(labels_a_day / DAY, (judges, (QUIET_DAYS + WATCHED_DAYS) * DAY))
    labels, agreed = cumulative(counts), cumulative(random.binomial(counts, 0.8))
    until, begun = np.full(judges, -1), 0
    for hour in range(QUIET_DAYS * DAY, (QUIET_DAYS + WATCHED_DAYS) * DAY, 6):
        holds = fallen(agreed, labels, hour, alarm) & (within(labels, "30d", hour) >= 30)
        begun += int((holds & (until < hour)).sum())
        until = np.where(holds, hour + 6 + 3 * DAY, until)
    return begun / (judges * WATCHED_DAYS / 7)


def trade_off(judges: int) -> Iterator[str]:
    """The third table."""
    yield "\nThresholds of the evidence of a fall: false alarms for each judge and week at .80, and the share of falls"
    yield "to .65 that is found within 130 labels, after 600"
    yield f"{'labels a day':<14}" + "".join(f"{alarm:^16g}" for alarm in THRESHOLDS)
    for labels_a_day in OPTIMAL:
        shown = ""
        for alarm in THRESHOLDS:
            false = false_falls(labels_a_day, judges, np.random.default_rng(labels_a_day), alarm)
            found = delays(labels_a_day, 600, judges, np.random.default_rng(600 + labels_a_day), alarm)
            shown += f"{false:>8.3f}{np.mean(found <= 130):>6.2f}  "
        yield f"{labels_a_day:<14}{shown}"


def main() -> None:
    judges = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    started = time.perf_counter()
    tables: Mapping[str, Iterator[str]] = {
        "false alarms": false_alarms(judges),
        "falls": falls(5 * judges),
        "trade-off": trade_off(5 * judges),
    }
    for lines in tables.values():
        for line in lines:
            print(line, flush=True)
    print(f"\n{judges} judges each, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
