"""The share of passes, from a judge's verdicts on all items and its errors on a set of labelled ones.

The labelled set may have any number of passes and fails (a quota of each, say): only the judge's sensitivity and
specificity are taken from it, never its own share of passes.

Sources: Rogan and Gladen 1978, Estimating Prevalence from the Results of a Screening Test; Lang and Reiczigel 2014,
Confidence Limits for Prevalence of Disease Adjusted for Estimated Sensitivity and Specificity.
"""

import math
from typing import Literal

import msgspec

from service.stats.intervals import Z

LEAST_OF_EACH = 20  # labelled passes, and labelled fails

PrevalenceReason = Literal["few_of_a_class", "no_judgments", "not_better_than_chance"]


class Prevalence(msgspec.Struct, frozen=True, kw_only=True):
    """The share of passes over all judged items, corrected by the judge's errors, with its 95% interval.

    `judge_rate` is the share of the judge's passes. All are null with a reason if there are too few labels of a class,
    or if the judge passes failed items as often as passed ones.
    """

    value: float | None
    lower: float | None
    upper: float | None
    reason: PrevalenceReason | None
    judge_rate: float | None = None
    sensitivity: float | None = None
    specificity: float | None = None


class LabelledVerdicts(msgspec.Struct, frozen=True):
    """The numbers of labelled passes and fails, and how many of each the judge found right."""

    passes: float
    passes_found: float
    fails: float
    fails_found: float


def rogan_gladen(labelled: LabelledVerdicts, judged: int, judged_passes: int) -> Prevalence:
    """Returns (q + sp - 1) / (se + sp - 1) for the judge's rate q over all items, limited to 0..1.

    The interval adds Z^2 items to the judged ones, half of them passes, and one right and one wrong verdict to each
    class of labels; it is widened to contain the value.
    """
    if judged <= 0:
        return Prevalence(value=None, lower=None, upper=None, reason="no_judgments")
    rate = judged_passes / judged
    if min(labelled.passes, labelled.fails) < LEAST_OF_EACH:
        return Prevalence(value=None, lower=None, upper=None, reason="few_of_a_class", judge_rate=rate)
    sensitivity, specificity = labelled.passes_found / labelled.passes, labelled.fails_found / labelled.fails
    known = Prevalence(
        value=None,
        lower=None,
        upper=None,
        reason="not_better_than_chance",
        judge_rate=rate,
        sensitivity=sensitivity,
        specificity=specificity,
    )
    if sensitivity + specificity <= 1:
        return known
    value = _limited((rate + specificity - 1) / (sensitivity + specificity - 1))
    lower, upper = _interval(labelled, judged, judged_passes)
    return msgspec.structs.replace(known, value=value, lower=min(lower, value), upper=max(upper, value), reason=None)


def _interval(labelled: LabelledVerdicts, judged: int, judged_passes: int) -> tuple[float, float]:
    """Returns the interval by the delta method, of counts to which a few were added."""
    trials, passes, fails = judged + Z**2, labelled.passes + 2, labelled.fails + 2
    rate = (judged_passes + Z**2 / 2) / trials
    sensitivity, specificity = (labelled.passes_found + 1) / passes, (labelled.fails_found + 1) / fails
    gain = sensitivity + specificity - 1
    if gain <= 0:
        return 0.0, 1.0
    value = (rate + specificity - 1) / gain
    variance = (
        rate * (1 - rate) / trials
        + value**2 * sensitivity * (1 - sensitivity) / passes
        + (1 - value) ** 2 * specificity * (1 - specificity) / fails
    )
    half = Z * math.sqrt(variance) / gain
    return _limited(value - half), _limited(value + half)


def _limited(share: float) -> float:
    return min(max(share, 0.0), 1.0)
