"""Warnings about a table that limit the meaning of its statistics."""

from collections.abc import Mapping
from enum import StrEnum

import numpy as np

from service.stats.intervals import Measure
from service.stats.table import Table

FEW_PAIRS = 30  # below it, the interval of a correlation of .64 is wider than .4
FEW_OF_A_CLASS = 5  # below it, no interval covers reliably
PREVALENT = 0.9  # share of one human value above which kappa is low even for frequent agreement


class Flag(StrEnum):
    """Codes are append-only."""

    INSUFFICIENT = "insufficient"  # fewer than 30 pairs
    JUDGE_CONSTANT = "judge_constant"  # the judge always gives the same value: a finding, not missing data
    LOW_PREVALENCE = "low_prevalence"  # one human value has more than 90% of the pairs
    DEGENERATE = "degenerate"  # one side is constant: kappas are 0 or null, and mean nothing
    TOO_FEW_OF_A_CLASS = "too_few_of_a_class"  # a side has fewer than five pairs outside its most frequent value
    LABELS_OFF_SCALE = "labels_off_scale"  # labels from before the criterion had its scale are off it, and not counted
    NOT_BETTER_THAN_CHANCE = "not_better_than_chance"  # enough pairs, and the interval reaches down to 0


def flags_of(table: Table) -> list[Flag]:
    """Returns the flags that hold, in the order of `Flag`; of tables with fewer than two pairs, only `insufficient`."""
    pairs = table.pairs
    human, judge = table.counts.sum(axis=1), table.counts.sum(axis=0)
    judge_varies, human_varies = np.count_nonzero(judge) > 1, np.count_nonzero(human) > 1
    rarer = pairs - max(int(human.max()), int(judge.max()))
    holds = {
        Flag.INSUFFICIENT: pairs < FEW_PAIRS,
        Flag.JUDGE_CONSTANT: pairs > 1 and not judge_varies,
        Flag.LOW_PREVALENCE: pairs > 1 and int(human.max()) > PREVALENT * pairs,
        Flag.DEGENERATE: pairs > 1 and not (judge_varies and human_varies),
        Flag.TOO_FEW_OF_A_CLASS: bool(judge_varies and human_varies) and rarer < FEW_OF_A_CLASS,
    }
    return [flag for flag, is_so in holds.items() if is_so]


def chance_flags(table: Table, statistics: Mapping[str, Measure]) -> list[Flag]:
    """Returns `not_better_than_chance` if the judge can't be distinguished from one that guesses.

    Decided by Spearman's correlation, or by Cohen's kappa for words; empty if that statistic is not in `statistics`.
    """
    leading = statistics.get("cohen_kappa" if table.are_words else "spearman")
    lower = None if leading is None else leading.lower
    is_guess = table.pairs >= FEW_PAIRS and lower is not None and lower <= 0
    return [Flag.NOT_BETTER_THAN_CHANCE] if is_guess else []
