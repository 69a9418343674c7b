"""Items whose baselines are known, for the tests of trust."""

from collections.abc import Sequence

import msgspec
import numpy as np

from service.agreement.coding import Coding
from service.agreement.contributions import CodedItem
from tests.agreement.items import SERIES, Item, Value, judged, rows_of

SHARES = {2: [0.3, 0.7], 3: [0.2, 0.3, 0.5], 5: [0.1, 0.2, 0.3, 0.2, 0.2]}


def beside(coding: Coding, items: Sequence[Item], length: Sequence[Value], overlap: Sequence[Value]) -> list[CodedItem]:
    """The items with the scores that the baselines gave."""
    found = []
    for row, one, other in zip(rows_of(coding, items), length, overlap, strict=True):
        judge = SERIES.split(" ")[0]
        known = {f"{judge} ~length": judged(coding, one), f"{judge} ~overlap": judged(coding, other)}
        scores = {content: {**theirs, **known} for content, theirs in row.scores.items() if theirs}
        found.append(msgspec.structs.replace(row, scores=scores))
    return found


def simulated_beside(
    coding: Coding, size: int, *, judge: float, baseline: float = 0.0, people: Sequence[float] = (0.9,), seed: int = 0
) -> list[CodedItem]:
    """Each copies the true value with its probability, else it guesses; `people` has one for each annotator."""
    random = np.random.default_rng(seed)
    values = coding.values
    assert values is not None
    shares = SHARES[len(values)]
    true = random.choice(len(values), size, p=shares)

    def copied(copies: float) -> list[Value]:
        places = np.where(random.random(size) < copies, true, random.choice(len(values), size, p=shares))
        return [values[int(place)] for place in places]

    humans = [copied(each) for each in people]
    said = copied(judge)
    items = [
        Item({f"p{who}": (theirs[place], "r") for who, theirs in enumerate(humans)}, said[place])
        for place in range(size)
    ]
    return beside(coding, items, copied(baseline), copied(baseline))
