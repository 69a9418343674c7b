"""What to know before believing a table's statistics."""

from enum import StrEnum

import numpy as np

from service.agreement.table import Table

FEW_PAIRS = 30  # below, the interval of a correlation of .64 is wider than .4
PREVALENT = 0.9  # share of one human value, above which kappa is low however often both agree


class Flag(StrEnum):
    """Codes are append-only."""

    INSUFFICIENT = "insufficient"  # fewer than 30 pairs
    JUDGE_CONSTANT = "judge_constant"  # the judge says the same of everything: a finding, not missing data
    LOW_PREVALENCE = "low_prevalence"  # one human value has more than 90% of the pairs
    DEGENERATE = "degenerate"  # one side is constant: kappas are 0 or null, and tell nothing


def flags_of(table: Table) -> list[Flag]:
    """The flags that hold, in their own order. One pair is constant by itself: for it, and for none, only the first."""
    pairs = table.pairs
    human, judge = table.counts.sum(axis=1), table.counts.sum(axis=0)
    judge_varies, human_varies = np.count_nonzero(judge) > 1, np.count_nonzero(human) > 1
    holds = {
        Flag.INSUFFICIENT: pairs < FEW_PAIRS,
        Flag.JUDGE_CONSTANT: pairs > 1 and not judge_varies,
        Flag.LOW_PREVALENCE: pairs > 1 and int(human.max()) > PREVALENT * pairs,
        Flag.DEGENERATE: pairs > 1 and not (judge_varies and human_varies),
    }
    return [flag for flag, is_so in holds.items() if is_so]
