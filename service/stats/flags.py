"""Warnings about a table that limit the meaning of its statistics."""

from enum import StrEnum

import numpy as np

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
    SERVED_MODEL_CHANGED = "served_model_changed"  # another model answered under the same name too: see the report
    NOT_BETTER_THAN_CHANCE = "not_better_than_chance"  # shown to be hardly better: see `trust.is_chance`


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
