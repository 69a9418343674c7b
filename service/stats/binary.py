"""Statistics of two values of which the second is the positive one: pass of fail and pass, 1 of 0 and 1.

tp counts the pairs that both sides find positive, fp those that the judge alone does, fn those that the human alone
does, and tn the rest.
"""

from service.stats.tallies import Numbers, Tallies, correlation


def sensitivity(t: Tallies) -> Numbers:
    """The share of the human's positives that are the judge's too: tp / (tp + fn)."""
    return t.true_positives / positives(t)


def specificity(t: Tallies) -> Numbers:
    """The share of the human's negatives that are the judge's too: tn / (tn + fp)."""
    return t.true_negatives / negatives(t)


def precision(t: Tallies) -> Numbers:
    """The share of the judge's positives that are the human's too: tp / (tp + fp)."""
    return t.true_positives / judged_positives(t)


def npv(t: Tallies) -> Numbers:
    """The negative predictive value, the share of the judge's negatives that are the human's too: tn / (tn + fn)."""
    return t.true_negatives / judged_negatives(t)


def f1(t: Tallies) -> Numbers:
    """2 tp / (2 tp + fp + fn), van Rijsbergen 1979. Undefined only where neither side has a positive."""
    return 2 * t.true_positives / (2 * t.true_positives + t.false_positives + t.false_negatives)


def balanced_accuracy(t: Tallies) -> Numbers:
    """The mean of sensitivity and specificity, Brodersen et al. 2010. Needs labels of both classes."""
    return (sensitivity(t) + specificity(t)) / 2


def mcc(t: Tallies) -> Numbers:
    """(tp tn - fp fn) / root of the product of the four sums, Matthews 1975. Needs both sides to vary."""
    product = t.true_positives * t.true_negatives - t.false_positives * t.false_negatives
    return correlation(product, positives(t) * negatives(t), judged_positives(t) * judged_negatives(t))


def positives(t: Tallies) -> Numbers:
    """How many the human finds positive."""
    return t.true_positives + t.false_negatives


def negatives(t: Tallies) -> Numbers:
    return t.true_negatives + t.false_positives


def judged_positives(t: Tallies) -> Numbers:
    """How many the judge finds positive."""
    return t.true_positives + t.false_positives


def judged_negatives(t: Tallies) -> Numbers:
    return t.true_negatives + t.false_negatives
