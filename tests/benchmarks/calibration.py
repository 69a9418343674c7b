"""How honest calibrations are: `python -m tests.benchmarks.calibration [samples]`.

For each kind of judge and number of labelled items it prints, over many samples: the share of further items whose label
lies inside their 90% interval (all items together, and the lowest of the judge's values that at least one item in
twenty has) and the mean width; the true error of the judge's values before and after calibration, and the errors that
the calibration reports for itself. Last come the coverage of the 95% intervals of the means at each value of the judge,
and of the prevalence of Rogan and Gladen.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Booleans, Floats
from service.stats.calibration import LEAST_CALIBRATED, Calibrated, CalibrationPoint, HumanScale, calibrate
from service.stats.estimates import LabelledCells
from service.stats.prevalence import LabelledVerdicts, rogan_gladen

SIZES = (50, 100, 300)
FIVE = HumanScale(1, 5, (1, 2, 3, 4, 5))
PASS = HumanScale(0, 1, (0, 1))
FIVE_SCORES = (1, 2, 3, 4, 5)
FURTHER = 4000  # items of one sample on which its intervals are tried
FREQUENT = 0.05


class Sample(NamedTuple):
    """Human values and judge's scores of the same items."""

    human: Floats
    judge: Floats


class Judge(NamedTuple):
    """A kind of judge: how it and people value items, and its values and theirs."""

    draw: Callable[[np.random.Generator, int], Sample]
    scores: Sequence[float]
    scale: HumanScale
    is_like: bool = True


def _levels(values: Floats, low: float = 1, high: float = 5) -> Floats:
    return np.clip(np.round(values), low, high)


def _noisy(shift: float, slope: float, noise: float, centre: float = 3.2, spread: float = 1.2) -> Judge:
    """People and the judge see an item's quality with noise; the judge shifts and stretches it."""

    def draw(random: np.random.Generator, items: int) -> Sample:
        quality = random.normal(centre, spread, items)
        human = _levels(quality + random.normal(0, 0.5, items))
        return Sample(human, _levels(3 + slope * (quality - 3) + shift + random.normal(0, noise, items)))

    return Judge(draw, FIVE_SCORES, FIVE)


def _of_several(random: np.random.Generator, items: int) -> Sample:
    """Three annotators an item, of whom the mean counts."""
    quality = random.normal(3.2, 1.2, items)
    people = _levels(quality[:, None] + random.normal(0, 0.7, (items, 3)))
    return Sample(people.mean(axis=1), _levels(quality + 0.6 + random.normal(0, 0.7, items)))


def _guessing(random: np.random.Generator, items: int) -> Sample:
    return Sample(_levels(random.normal(3, 1.2, items)), _levels(random.normal(4, 0.8, items)))


def _of_ten(random: np.random.Generator, items: int) -> Sample:
    quality = random.normal(3.2, 1.2, items)
    human = _levels(quality + random.normal(0, 0.5, items))
    return Sample(human, _levels(2 * quality + random.normal(0, 1, items), 1, 10))


def _expected(random: np.random.Generator, items: int) -> Sample:
    """Expected scores: any number from 1 to 5."""
    quality = random.normal(3.2, 1.2, items)
    human = _levels(quality + random.normal(0, 0.5, items))
    return Sample(human, np.clip(np.round(quality + 0.5 + random.normal(0, 0.4, items), 2), 1, 5))


def _rating_of_passes(random: np.random.Generator, items: int) -> Sample:
    quality = random.normal(0, 1, items)
    human = (quality + random.normal(0, 0.5, items) > -0.5).astype(np.float64)
    return Sample(human, _levels(3 + 1.2 * quality + random.normal(0, 0.5, items)))


JUDGES = {
    "good": _noisy(0, 1, 0.5),
    "lenient": _noisy(0.8, 1, 0.6),
    "narrow": _noisy(0.5, 0.4, 0.4),
    "near perfect": _noisy(0, 1, 0.1, spread=1.6),
    "skewed": _noisy(0.5, 1, 0.6, centre=4.5, spread=0.8),
    "guessing": Judge(_guessing, FIVE_SCORES, FIVE),
    "means of three": Judge(_of_several, FIVE_SCORES, FIVE),
    "1 to 10": Judge(_of_ten, tuple(range(1, 11)), FIVE, is_like=False),
    "expected": Judge(_expected, (), FIVE),
    "pass by rating": Judge(_rating_of_passes, FIVE_SCORES, PASS, is_like=False),
}


def calibrated(judge: Judge, sample: Sample) -> Calibrated:
    pairs, counts = np.unique(np.stack([sample.human, sample.judge]), axis=1, return_counts=True)
    scores = judge.scores or np.unique(sample.judge).tolist()
    cells = LabelledCells(pairs[0], pairs[1], counts.astype(np.float64))
    return calibrate(cells, scores, judge.scale, is_like=judge.is_like)


class Honesty:
    """What a kind of judge showed at one number of labels."""

    def __init__(self) -> None:
        self.inside: list[bool] = []
        self.judged: list[float] = []
        self.widths: list[float] = []
        self.true_before: list[float] = []
        self.true_after: list[float] = []
        self.said_before: list[float] = []
        self.said_after: list[float] = []
        self.means: list[bool] = []

    def add(self, judge: Judge, found: Calibrated, further: Sample) -> None:
        """Tries a calibration on items that it has not seen."""
        known = [point for point in found.points if point.fitted is not None]
        at = np.array([point.score for point in known])
        near = np.argmin(np.abs(further.judge[:, None] - at[None, :]), axis=1)
        inside = (further.judge >= at[0] - 1e-9) & (further.judge <= at[-1] + 1e-9)
        fitted = np.interp(further.judge, found.curve.scores, found.curve.fitted)
        self._errors(judge, further, fitted, inside)
        self.said_before.append(found.error_before or 0.0)
        self.said_after.append(found.error_after or 0.0)
        self._means(judge, known, further)
        if not judge.scale.is_two_valued:
            lower = np.array([point.lower for point in known], dtype=np.float64)[near]
            upper = np.array([point.upper for point in known], dtype=np.float64)[near]
            covers = (lower - 1e-9 <= further.human) & (further.human <= upper + 1e-9)
            self.inside += covers[inside].tolist()
            self.judged += further.judge[inside].tolist()
            self.widths += (upper - lower)[inside].tolist()

    def _errors(self, judge: Judge, further: Sample, fitted: Floats, inside: Booleans) -> None:
        _, places = np.unique(np.round(further.judge[inside], 1), return_inverse=True)
        counts = np.bincount(places)
        truth = (np.bincount(places, further.human[inside]) / counts)[places]
        self.true_after.append(float(np.sqrt(np.mean((truth - fitted[inside]) ** 2))))
        if judge.is_like:
            self.true_before.append(float(np.sqrt(np.mean((truth - further.judge[inside]) ** 2))))

    def _means(self, judge: Judge, known: Sequence[CalibrationPoint], further: Sample) -> None:
        if judge.scores:
            for point in known:
                here = further.human[further.judge == point.score]
                lower, upper = point.mean.lower, point.mean.upper
                if lower is not None and upper is not None and len(here) > 100:
                    self.means.append(bool(lower <= here.mean() <= upper))

    @property
    def lowest(self) -> float:
        """The lowest coverage among the judge's frequent values."""
        _, places = np.unique(np.round(self.judged), return_inverse=True)
        counts, hits = np.bincount(places), np.bincount(places, np.array(self.inside, dtype=np.float64))
        frequent = counts >= FREQUENT * counts.sum()
        return float((hits[frequent] / counts[frequent]).min())


def honesty(judge: Judge, items: int, samples: int) -> Honesty:
    found = Honesty()
    random = np.random.default_rng(items)
    for _ in range(samples):
        one = calibrated(judge, judge.draw(random, items))
        found.add(judge, one, judge.draw(random, FURTHER))
    return found


def prevalences(samples: int) -> Iterator[tuple[str, float, float]]:
    """Yields the coverage and the mean width of Rogan and Gladen's prevalence, for quotas of passes and fails."""
    random = np.random.default_rng(7)
    for sensitivity, specificity in ((0.95, 0.9), (0.9, 0.7), (0.7, 0.6)):
        for quota in (20, 50, 150):
            for share in (0.05, 0.5, 0.9):
                hits, widths = [], []
                for _ in range(samples):
                    passed = random.random(2000) < share
                    verdicts = np.where(passed, random.random(2000) < sensitivity, random.random(2000) >= specificity)
                    right = random.binomial(quota, (sensitivity, specificity))
                    labelled = LabelledVerdicts(quota, int(right[0]), quota, int(right[1]))
                    one = rogan_gladen(labelled, 2000, int(verdicts.sum()))
                    if one.value is not None and one.lower is not None and one.upper is not None:
                        hits.append(one.lower <= share <= one.upper)
                        widths.append(one.upper - one.lower)
                name = f"sensitivity {sensitivity}, specificity {specificity}, {quota} of each, {share:.0%} pass"
                yield name, float(np.mean(hits)), float(np.mean(widths))


def main() -> None:
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    assert min(SIZES) >= LEAST_CALIBRATED
    print("judge            labels  items inside  lowest  width   before: true  said   after: true  said   means")
    for name, judge in JUDGES.items():
        for items in SIZES:
            one = honesty(judge, items, samples)
            inside = " " * 27
            if one.inside:
                inside = f"{np.mean(one.inside):12.3f}  {one.lowest:6.3f}  {np.mean(one.widths):5.2f}"
            before = f"{np.mean(one.true_before):14.3f} {np.mean(one.said_before):5.3f}" if judge.is_like else " " * 20
            after = f"{np.mean(one.true_after):13.3f} {np.mean(one.said_after):5.3f}"
            means = f"{np.mean(one.means):7.3f}" if one.means else ""
            print(f"{name:16} {items:6}  {inside}  {before}  {after} {means}", flush=True)
    for name, coverage, width in prevalences(samples):
        print(f"{name}: {coverage:.3f}, {width:.3f} wide")


if __name__ == "__main__":
    main()
