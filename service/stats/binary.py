"""Statistics of two values, the second of them positive: pass of fail and pass, 1 of 0 and 1.

tp counts the pairs that both sides find positive, fp those that only the judge does, fn those that only the human does,
and tn the rest. Each function returns an array with one entry for each table of the stack.
"""

from service.stats.arrays import Floats
from service.stats.tallies import Tallies, correlation


def sensitivity(t: Tallies) -> Floats:
    """The share of the human's positives that the judge finds positive: tp / (tp + fn)."""
    return t.true_positives / positives(t)


def specificity(t: Tallies) -> Floats:
    """The share of the human's negatives that the judge finds negative: tn / (tn + fp)."""
    return t.true_negatives / negatives(t)


def precision(t: Tallies) -> Floats:
    """The share of the judge's positives that the human finds positive: tp / (tp + fp)."""
    return t.true_positives / judged_positives(t)


def npv(t: Tallies) -> Floats:
    """Negative predictive value: the share of the judge's negatives that the human finds negative, tn / (tn + fn)."""
    return t.true_negatives / judged_negatives(t)


def f1(t: Tallies) -> Floats:
    """2 tp / (2 tp + fp + fn), van Rijsbergen 1979. Undefined only if neither side has a positive."""
    return 2 * t.true_positives / (2 * t.true_positives + t.false_positives + t.false_negatives)


def balanced_accuracy(t: Tallies) -> Floats:
    """The mean of sensitivity and specificity, Brodersen et al. 2010. Needs labels of both classes."""
    return (sensitivity(t) + specificity(t)) / 2


def mcc(t: Tallies) -> Floats:
    """(tp tn - fp fn) / root of the product of the four marginals, Matthews 1975. Needs both sides to vary."""
    product = t.true_positives * t.true_negatives - t.false_positives * t.false_negatives
    return correlation(product, positives(t) * negatives(t), judged_positives(t) * judged_negatives(t))


def positives(t: Tallies) -> Floats:
    """The number of pairs that the human finds positive."""
    return t.true_positives + t.false_negatives


def negatives(t: Tallies) -> Floats:
    """The number of pairs that the human finds negative."""
    return t.true_negatives + t.false_positives


def judged_positives(t: Tallies) -> Floats:
    """The number of pairs that the judge finds positive."""
    return t.true_positives + t.false_positives


def judged_negatives(t: Tallies) -> Floats:
    """The number of pairs that the judge finds negative."""
    return t.true_negatives + t.false_negatives
