"""Whether agreement fell: a sequential detector that may be looked at as often as one likes."""

import numpy as np

from service.stats.arrays import Floats

FALL_ALARM = 50.0  # by chance reached about once in 50 weeks or more, for any number of labels a day
MOST_EVIDENCE = 1e6  # more is not told apart
LEAST_REFERENCE = 200  # labels before a fall; the error of fewer makes false alarms

_TYPICAL_FALL = 0.15  # that the detector is tuned to; larger ones are found sooner
_REACH = 0.75  # standard errors from the reference to its lower end


def fall_evidence(agreed: Floats, labels: Floats, weeks: Floats) -> Floats:
    """Returns the evidence that agreement fell, at least `FALL_ALARM` on an alarm; shape (...).

    It is that of all buckets in which the fall may have begun: see `log_evidence_by_start`.
    """
    return summed_evidence(log_evidence_by_start(agreed, labels, weeks))


def summed_evidence(logarithms: Floats) -> Floats:
    """Returns the sum over the last axis of evidence given by its natural logarithms, at most MOST_EVIDENCE."""
    evidence: Floats = np.exp(np.minimum(logarithms, np.log(MOST_EVIDENCE))).sum(axis=-1)
    return np.asarray(np.minimum(evidence, MOST_EVIDENCE), dtype=np.float64)


def log_evidence_by_start(
    agreed: Floats, labels: Floats, weeks: Floats, *, least_reference: float = LEAST_REFERENCE
) -> Floats:
    """Returns the natural logarithm of the evidence of a fall since the start of each bucket; shape (..., buckets).

    `agreed` and `labels` have shape (..., 1 + buckets), in the order of time: everything before the first bucket, then
    each bucket. `weeks` are the lengths of the buckets. If several labels are of one item, pass effective numbers.

    This is the Shiryaev-Roberts e-detector of Shin, Ramdas and Rinaldo (2022, E-detectors: a nonparametric framework
    for sequential change detection): R <- (R + w) * product of (1 + lambda (m - x)), with x = 1 for a label that agrees
    and 0 otherwise, and w the length of a bucket in weeks. It adds up, over all times at which the fall may have begun,
    the winnings of a bet against an agreement of m or more since then. m is the lower end of the agreement in all
    labels before that time (compare Shekhar and Ramdas 2023, arXiv:2309.09111), here of Wilson's interval of three
    quarters of a standard error; lambda is the one that grows fastest after a fall by .15, or by half if that is less.

    While agreement is at least m, the evidence grows on average by no more than the time that passes, whenever one
    looks: R reaches c on average not before c weeks. Since m is estimated, agreement may be a little below it without a
    fall, and such a bet gains slowly: `python -m tests.benchmarks.alarms` prints the rate of false alarms.
    """
    before = np.cumsum(labels, axis=-1)[..., :-1]
    agreed_before = np.cumsum(agreed, axis=-1)[..., :-1]
    kept = agreed.sum(axis=-1, keepdims=True) - agreed_before
    lost = labels.sum(axis=-1, keepdims=True) - before - kept
    usual = (agreed_before + 0.5) / (before + 1)  # never 1, at which a single label would prove a fall
    least = _lower_end(usual, before + 1)
    fallen = np.minimum(np.maximum(usual - _TYPICAL_FALL, least / 2), least)
    # of lambda = (least - fallen) / (least (1 - least)): 1 + lambda (least - x) is fallen / least if the label agrees
    growth = kept * np.log(fallen / least) + lost * np.log((1 - fallen) / (1 - least))
    begun = (before >= least_reference) & (kept + lost > 0) & (weeks > 0)
    return np.asarray(np.where(begun, growth + np.log(np.where(weeks > 0, weeks, 1.0)), -np.inf), dtype=np.float64)


def _lower_end(share: Floats, total: Floats) -> Floats:
    """Returns the lower end of Wilson's interval of `_REACH` standard errors."""
    middle = share + _REACH**2 / (2 * total)
    reach = _REACH * np.sqrt(share * (1 - share) / total + _REACH**2 / (4 * total**2))
    return np.asarray((middle - reach) / (1 + _REACH**2 / total), dtype=np.float64)
