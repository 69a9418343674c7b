"""How often the alarm of anchors is false, and how soon a changed judge is found: `python -m tests.benchmarks.anchors`.

Judges of several kinds judge some anchors in turn, in a random order that stays the same. The first table prints the
false alarms for each judge and week of stationary judges, watched for half a year with a look every twelve hours. The
second prints after how many judgments of anchors a change three weeks after the start is found, with a look after each
fourth judgment. The last column is the time of the median at the default rate.

The number of judges of each row may be given: `python -m tests.benchmarks.anchors 200`.
"""

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from service.config.sections import AnchorSettings
from service.stats.anchors import ANCHOR_ALARM, LEAST_REPEATS, Repeated, judge_change
from service.stats.arrays import Booleans, Floats, Integers

WEEKS, CHANGE_WEEK, AFTER_WEEKS = 26, 3, 6
SCALE = (1.0, 5.0)

Judge = Callable[[Integers, Booleans, np.random.Generator], Floats]  # anchors and whether changed -> scores


def steady_hand(unsure: float, moved: float) -> Judge:
    """Gives the same score again but for a share `unsure`; a change moves a share `moved` of the scores up by one."""

    def judge(anchors: Integers, changed: Booleans, random: np.random.Generator) -> Floats:
        usual = random.integers(1, 6, int(anchors.max()) + 1)[anchors]
        noise = (random.random(len(anchors)) < unsure) * random.choice([-1, 1], len(anchors))
        rises = changed & (random.random(len(anchors)) < moved)
        return np.asarray(np.clip(usual + noise + rises, *SCALE), dtype=np.float64)

    return judge


def noisy_hand(deviation: float, shift: float) -> Judge:
    """Errs by a normal error and rounds; a change shifts all scores."""

    def judge(anchors: Integers, changed: Booleans, random: np.random.Generator) -> Floats:
        usual = random.normal(3, 1, int(anchors.max()) + 1)[anchors]
        scores = usual + random.normal(0, deviation, len(anchors)) + shift * changed
        return np.asarray(np.clip(np.round(scores), *SCALE), dtype=np.float64)

    return judge


def pass_fail(shift: float) -> Judge:
    """Passes seven anchors in ten with probability .95, the others with .1; a change shifts both probabilities."""

    def judge(anchors: Integers, changed: Booleans, random: np.random.Generator) -> Floats:
        passes = np.where(random.random(int(anchors.max()) + 1) < 0.7, 0.95, 0.1)[anchors]
        share = np.clip(passes + shift * changed, 0, 1)
        return np.asarray(1 + 4 * (random.random(len(anchors)) < share), dtype=np.float64)

    return judge


JUDGES: dict[str, Judge] = {
    "same score but for 2%, 30% up": steady_hand(0.02, 0.3),
    "same score but for 20%, 30% up": steady_hand(0.2, 0.3),
    "deviation .5, shift .5": noisy_hand(0.5, 0.5),
    "deviation 1, shift .5": noisy_hand(1.0, 0.5),
    "pass or fail, .2 fewer pass": pass_fail(-0.2),
}


def histories(
    judge: str, judges: int, anchors: int, a_day: int, weeks: int, change_week: int | None, random: np.random.Generator
) -> Iterator[Repeated]:
    """Yields the judgments of anchors of some judges, which change after `change_week` weeks if it is given."""
    count = weeks * 7 * a_day
    for _ in range(judges):
        turns = random.permutation(anchors)[np.arange(count) % anchors]
        at = np.arange(count) / (7 * a_day)
        changed = np.full(count, False) if change_week is None else at >= change_week
        yield Repeated(turns, JUDGES[judge](turns, changed, random), at, SCALE[1] - SCALE[0])


def alarm_after(history: Repeated, start: int, every: int | None = None) -> float:
    """Returns the judgments after place `start` until the alarm, infinite if there is none."""
    every = every or (4 if start else 24)
    for end in range(start + every, len(history.anchors) + 1, every):
        seen = history._replace(anchors=history.anchors[:end], values=history.values[:end], weeks=history.weeks[:end])
        evidence = judge_change(seen).evidence
        if evidence is not None and evidence >= ANCHOR_ALARM:
            return end - start
    return np.inf


def false_alarms(judges: int) -> Iterator[str]:
    """The first table."""
    yield "False alarms for each judge and week"
    yield f"{'judge':<34}{'10 anchors':>12}{'30 anchors':>12}{'100 anchors':>12}{'30, 12 a day':>14}"
    for name in JUDGES:
        rates = []
        for anchors, a_day in ((10, 48), (30, 48), (100, 48), (30, 12)):
            found = [
                alarm_after(each, 0, max(a_day // 2, 1))
                for each in histories(name, judges, anchors, a_day, WEEKS, None, np.random.default_rng(anchors))
            ]
            rates.append(np.isfinite(found).sum() / (judges * WEEKS))
        yield f"{name:<34}{rates[0]:>12.4f}{rates[1]:>12.4f}{rates[2]:>12.4f}{rates[3]:>14.4f}"


def delays(judges: int) -> Iterator[str]:
    """The second table."""
    a_day = AnchorSettings().judgments_per_day
    yield f"\nJudgments of {LEAST_REPEATS} repeats and more until a change is found: median, 90% of cases"
    yield f"{'change':<34}{'10 anchors':^14}{'30 anchors':^14}{'100 anchors':^14}{'days (30)':>10}"
    for name in JUDGES:
        cells, days = "", 0.0
        for anchors in (10, 30, 100):
            random = np.random.default_rng(anchors)
            start = CHANGE_WEEK * 7 * a_day
            changed = histories(name, judges, anchors, a_day, CHANGE_WEEK + AFTER_WEEKS, CHANGE_WEEK, random)
            half, most = np.quantile([alarm_after(each, start) for each in changed], [0.5, 0.9], method="higher")
            cells += f"{half:>7.0f}{most:>7.0f}"
            days = half / a_day if anchors == 30 else days
        yield f"{name:<34}{cells}{days:>10.1f}"


def main() -> None:
    judges = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    started = time.perf_counter()
    for lines in (false_alarms(judges), delays(judges)):
        for line in lines:
            print(line, flush=True)
    print(f"\n{judges} judges each, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
