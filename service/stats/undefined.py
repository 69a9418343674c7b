"""Reasons for undefined statistics: a value is null with one of these, never NaN."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from service.stats.arrays import Booleans
from service.stats.tallies import Tallies


class Undefined(StrEnum):
    """Codes are append-only. Positive is the second of a binary scale's two values, negative the first."""

    NO_PAIRS = "no_pairs"
    ONE_PAIR = "one_pair"
    HUMAN_CONSTANT = "human_constant"
    JUDGE_CONSTANT = "judge_constant"
    BOTH_CONSTANT = "both_constant"
    NO_POSITIVES = "no_positives"  # among the labels
    NO_NEGATIVES = "no_negatives"
    NO_JUDGED_POSITIVES = "no_judged_positives"
    NO_JUDGED_NEGATIVES = "no_judged_negatives"
    NOT_FOR_WORDS = "not_for_words"
    NOT_BINARY = "not_binary"
    FRACTIONAL = "fractional"  # needs categories, and the judge's scores are between them
    ONE_ITEM = "one_item"  # no interval: one item shows no variation between items
    FEW_PAIRS = "few_pairs"  # no interval: its formula needs more pairs
    NO_STEP = "no_step"  # needs steps, and the scale has none
    ERROR_CONSTANT = "error_constant"  # the judge's error is the same on all items
    LENGTH_CONSTANT = "length_constant"  # all judged texts are in one length bucket
    NO_OWN_TEXTS = "no_own_texts"  # no labelled text is by the judge's own family of models
    DIFFERENT_SCALES = "different_scales"  # compares values, and the judge's are others than the labels'
    NO_OTHER_TEXTS = "no_other_texts"  # all labelled texts are by the judge's own family of models


class Lack(NamedTuple):
    """A condition under which a statistic is 0/0; `holds` returns a boolean for each table of a stack."""

    reason: Undefined
    holds: Callable[[Tallies], Booleans]


BOTH_CONSTANT = Lack(Undefined.BOTH_CONSTANT, lambda t: (t.human_values < 2) & (t.judge_values < 2))
HUMAN_CONSTANT = Lack(Undefined.HUMAN_CONSTANT, lambda t: t.human_values < 2)
JUDGE_CONSTANT = Lack(Undefined.JUDGE_CONSTANT, lambda t: t.judge_values < 2)
ONE_VALUE = Lack(Undefined.BOTH_CONSTANT, lambda t: t.pooled_values < 2)
ONE_DECLARED = Lack(
    Undefined.BOTH_CONSTANT, lambda t: np.full(len(t.counts), len(t.layout.declared) < 2, dtype=np.bool_)
)
NO_POSITIVES = Lack(Undefined.NO_POSITIVES, lambda t: t.true_positives + t.false_negatives == 0)
NO_NEGATIVES = Lack(Undefined.NO_NEGATIVES, lambda t: t.true_negatives + t.false_positives == 0)
NO_JUDGED_POSITIVES = Lack(Undefined.NO_JUDGED_POSITIVES, lambda t: t.true_positives + t.false_positives == 0)
NO_JUDGED_NEGATIVES = Lack(Undefined.NO_JUDGED_NEGATIVES, lambda t: t.true_negatives + t.false_negatives == 0)
NEITHER_POSITIVE = Lack(Undefined.NO_POSITIVES, lambda t: t.true_positives + t.false_positives + t.false_negatives == 0)

VARYING = (BOTH_CONSTANT, HUMAN_CONSTANT, JUDGE_CONSTANT)  # of every correlation

_OF_CONSTANCY = frozenset({Undefined.HUMAN_CONSTANT, Undefined.JUDGE_CONSTANT, Undefined.BOTH_CONSTANT})


def constancy(reason: Undefined, pairs: int) -> Undefined:
    """Returns the reason to report: a single pair is reported as `one_pair` rather than as constant."""
    return Undefined.ONE_PAIR if pairs == 1 and reason in _OF_CONSTANCY else reason
