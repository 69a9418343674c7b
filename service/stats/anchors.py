"""Whether a judge changed, from judgments of the same few items (anchors) that are repeated at a steady rate.

Each repeat is compared with the anchor's first judgment, so differences between the items cancel out, and a change of
the judge is told from a change of the judged texts.
"""

import math
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np

from service.stats.arrays import Booleans, Floats, Integers
from service.stats.distributions import student_t_quantile
from service.stats.drift import Share
from service.stats.falls import log_evidence_by_start, summed_evidence
from service.stats.intervals import wilson

ANCHOR_ALARM = 100.0  # by chance reached about once in 100 weeks or more, for any number of judgments a day
LEAST_REPEATS = 60  # before a change; the error of fewer makes false alarms
LEAST_MOVE = 0.05  # of the scale's range: a smaller difference is none
PSEUDO_ANCHORS = 2  # of half the range, up and down: differences that are all 0 would have no error

_NOISE = 1e-9


class AnchorVerdict(StrEnum):
    """The answer to the question whose change it is."""

    JUDGE_CHANGED = "judge_changed"
    TRAFFIC_CHANGED = "traffic_changed"
    STEADY = "steady"
    TOO_FEW = "too_few"


class Repeated(NamedTuple):
    """N judgments of anchors in the order of time, as arrays of length N.

    `anchors` are the numbers of the items from 0, `values` the numbers on the scale, or codes of words, and `weeks` the
    times in weeks. `span` is the range of the scale, 0 for codes of words.
    """

    anchors: Integers
    values: Floats
    weeks: Floats
    span: float


class JudgeChange(NamedTuple):
    """The evidence that a judge changed, `ANCHOR_ALARM` or more on an alarm, and the likeliest start of the change.

    `evidence` is None if there are too few repeats. `start` is a place in `Repeated`, None without evidence.
    """

    evidence: float | None
    start: int | None
    repeats: int


class AnchorShift(msgspec.Struct, frozen=True, kw_only=True):
    """The mean change of the `anchors` in points of the scale, with its 95% interval; None with a `reason`."""

    value: float | None
    lower: float | None
    upper: float | None
    anchors: int
    reason: str | None = None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies above or below 0."""
        return self.lower is not None and self.upper is not None and not self.lower <= 0 <= self.upper


class ShiftOfTraffic(NamedTuple):
    """The shift of the scores of all judged items: in points, None for words; and whether it is sure and matters."""

    points: float | None
    drifted: bool


def first_judgments(repeated: Repeated) -> tuple[Booleans, Floats]:
    """Returns which judgments are the first of their anchor, and the first value of each judgment's anchor."""
    _, firsts, inverse = np.unique(repeated.anchors, return_index=True, return_inverse=True)
    is_first = np.zeros(len(repeated.anchors), dtype=bool)
    is_first[firsts] = True
    return is_first, repeated.values[firsts][inverse]


def moves(repeated: Repeated) -> Integers:
    """Returns 1 for each judgment above the anchor's first, -1 for one below, 0 otherwise; 1 for any other word.

    Numbers that differ by less than a twentieth of the scale's range count as equal.
    """
    _, first = first_judgments(repeated)
    if not repeated.span:
        return np.asarray(repeated.values != first, dtype=np.int64)
    moved = repeated.values - first
    is_moved = np.abs(moved) >= LEAST_MOVE * repeated.span - _NOISE
    return np.asarray(np.sign(moved) * is_moved, dtype=np.int64)


def judge_change(repeated: Repeated) -> JudgeChange:
    """Returns the evidence that the judge changed at some time after its first judgments.

    A repeat may move up or down from the anchor's first judgment. The share of those that did not move up is watched
    by the detector of `falls.log_evidence_by_start`, and so is the share of those that did not move down. The evidence
    is the mean of both, which is a detector with the same guarantee: while neither share falls, it reaches c on average
    not before c weeks, however often one looks. Items have different shares, but as each has its turn, their mean is as
    steady as the judge; `python -m tests.benchmarks.anchors` prints the rate of false alarms and the delay.
    """
    is_first, _ = first_judgments(repeated)
    places = np.flatnonzero(~is_first)
    if len(places) <= LEAST_REPEATS:
        return JudgeChange(None, None, len(places))
    moved, at = moves(repeated)[places], repeated.weeks[places]
    elapsed = np.maximum(np.diff(at, prepend=repeated.weeks[0]), 0.0)
    one_each = np.concatenate([[0.0], np.ones(len(places))])  # nothing before the first, then a bucket for each
    by_start = [
        log_evidence_by_start(
            np.concatenate([[0.0], moved != direction]), one_each, elapsed, least_reference=LEAST_REPEATS
        )
        for direction in ((1, -1) if repeated.span else (1,))
    ]
    together = np.logaddexp.reduce(by_start, axis=0) - math.log(len(by_start))
    return JudgeChange(float(summed_evidence(together)), int(places[together.argmax()]), len(places))


def paired_shift(repeated: Repeated, start: int) -> AnchorShift:
    """Returns the mean, over the anchors, of each one's mean score from place `start` on minus its mean before.

    The first judgment of an anchor always counts as one before. The interval is Student's t over the anchors, together
    with two pseudo-anchors of half the scale's range, up and down.
    """
    is_first, _ = first_judgments(repeated)
    is_after = (np.arange(len(repeated.anchors)) >= start) & ~is_first
    before, after = (_means(repeated, part) for part in (~is_after, is_after))
    shifts = (after - before)[~np.isnan(after)]
    if not repeated.span:
        return AnchorShift(value=None, lower=None, upper=None, anchors=len(shifts), reason="no_numbers")
    if not len(shifts):
        return AnchorShift(value=None, lower=None, upper=None, anchors=0, reason="no_repeats")
    value, half = float(shifts.mean()), repeated.span / 2
    padded = np.concatenate([shifts, np.tile([half, -half], PSEUDO_ANCHORS // 2)])
    error = math.sqrt(float(padded.var(ddof=1)) / len(padded))
    reach = student_t_quantile(0.975, len(padded) - 1) * error
    limits = max(value - reach, -repeated.span), min(value + reach, repeated.span)
    return AnchorShift(value=value, lower=limits[0], upper=limits[1], anchors=len(shifts))


def anchor_share(repeated: Repeated, part: Booleans, hits: Booleans) -> Share:
    """Returns the mean, over the anchors judged in a part of the judgments, of the share of each one's hits there.

    The interval is Wilson's as if each anchor was judged once; `total` is the number of anchors.
    """
    shares = _means(repeated._replace(values=np.asarray(hits, dtype=np.float64)), part)
    known = shares[~np.isnan(shares)]
    if not len(known):
        return Share(value=None, lower=None, upper=None, total=0, reason="no_judgments")
    lower, upper = wilson(float(known.sum()), len(known))
    return Share(value=float(known.mean()), lower=lower, upper=upper, total=len(known))


def anchor_verdict(change: JudgeChange, shift: AnchorShift, traffic: ShiftOfTraffic) -> AnchorVerdict:
    """Returns whose change it is.

    A shift of the traffic is the traffic's own only if the anchors exclude it: it lies outside of the interval of their
    shift over the same time, on the far side from 0. A judge is not steady if that interval excludes 0, although there
    is no alarm: a change before `LEAST_REPEATS` repeats raises none.
    """
    if change.evidence is not None and change.evidence >= ANCHOR_ALARM:
        return AnchorVerdict.JUDGE_CHANGED
    if change.evidence is None or not shift.anchors:
        return AnchorVerdict.TOO_FEW
    if not traffic.drifted:
        return AnchorVerdict.TOO_FEW if shift.excludes_zero else AnchorVerdict.STEADY
    return AnchorVerdict.TRAFFIC_CHANGED if _excludes(shift, traffic.points) else AnchorVerdict.TOO_FEW


def _excludes(shift: AnchorShift, points: float | None) -> bool:
    """Words have no interval: that the anchors raise no alarm must do."""
    if points is None or shift.lower is None or shift.upper is None:
        return True
    return points > shift.upper if points > 0 else points < shift.lower


def _means(repeated: Repeated, part: Booleans) -> Floats:
    """Returns the mean value of each anchor in a part of the judgments, NaN if it has none there."""
    size = int(repeated.anchors.max(initial=-1)) + 1
    sums = np.bincount(repeated.anchors[part], weights=repeated.values[part], minlength=size)
    counts = np.bincount(repeated.anchors[part], minlength=size)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
