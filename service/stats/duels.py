"""The duels of the alternative annotator test: the increments of one item for its counters, see `alt_test.py`."""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

SAME_SUMS = 1e-9  # relative: sums of squares closer than this differ by rounding only and are a draw


class Alignment(StrEnum):
    """How near a value is to the others': the share of equal values, or minus the root mean squared error."""

    ACCURACY = "accuracy"
    RMSE = "rmse"


class Wins(msgspec.Struct, frozen=True, kw_only=True):
    """One annotator's items by who was nearer to the other annotators: counters that add up over windows."""

    judge: int = 0
    draw: int = 0
    human: int = 0

    @property
    def items(self) -> int:
        """The number of items compared."""
        return self.judge + self.draw + self.human


def duels_of(judge: float, annotators: Mapping[str, float], alignment: Alignment) -> dict[str, Wins]:
    """Returns the counts that one item adds for each annotator; empty if fewer than two annotators rated it.

    A new annotator changes the item's other duels too: subtract the old counts, add the new.
    """
    if len(annotators) < 2:
        return {}
    result = {}
    for name, value in annotators.items():
        others = [each for other, each in annotators.items() if other != name]
        judges, humans = _distance(judge, others, alignment), _distance(value, others, alignment)
        if math.isclose(judges, humans, rel_tol=SAME_SUMS):
            result[name] = Wins(draw=1)
        else:
            result[name] = Wins(judge=1) if judges < humans else Wins(human=1)
    return result


def _distance(value: float, others: Sequence[float], alignment: Alignment) -> float:
    """Returns how many others differ, or the sum of squares; both order values as the paper's score does."""
    if alignment is Alignment.ACCURACY:
        return sum(value != each for each in others)
    return math.fsum((value - each) ** 2 for each in others)
