"""The increments of one item for the counts of a judge's pairs beside its rivals: see `rivals.py`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from service.agreement.counter_fields import field
from service.agreement.series_names import baseline_model, is_baseline, series_name, split_series

BASELINE_NAMES = ("length", "overlap")  # in the order of the fields
BASELINES_WORD = "beside"
RATER_WORD = "rater"
_Score = TypeVar("_Score")


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


def judges_scores(scores: Mapping[str, _Score]) -> Mapping[str, _Score]:
    """Returns the scores of judges alone, of the scores of a content by series."""
    beside = [name for name in scores if "~" in name and is_baseline(split_series(name).model)]
    return {name: score for name, score in scores.items() if name not in beside} if beside else scores


def baseline_series(token: str) -> list[str]:
    """Returns the series of a judge's baselines, in the order of `BASELINE_NAMES`."""
    return [series_name(token, baseline_model(name)) for name in BASELINE_NAMES]


def baseline_keys(scores: Mapping[str, _Keyed], series: str) -> list[str]:
    """Returns the keys of the baselines' scores beside a judge's series; empty if they are not known."""
    if len(scores) <= len(BASELINE_NAMES):
        return []
    names = baseline_series(split_series(series).token)
    return [scores[name].key for name in names] if all(name in scores for name in names) else []


def rival_fields(group: str, labels: Sequence[str], said: str, baselines: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yields the fields of an item with their increments, from the keys of its labels, of the judge and the baselines.

    `baselines` is empty if they are not known.
    """
    counts = Counter(labels)
    if baselines:
        for human, times in counts.items():
            yield field(BASELINES_WORD, group, human, said, *baselines), times
        yield from _sizes(BASELINES_WORD, group, len(labels))
    if len(labels) < 2:
        return
    for human, times in counts.items():
        for other, others in counts.items():
            if pairs := times * (others - (human == other)):
                yield field(RATER_WORD, group, human, said, other), pairs
    yield from _sizes(RATER_WORD, group, len(labels) * (len(labels) - 1))


def _sizes(word: str, group: str, pairs: int) -> Iterator[tuple[str, int]]:
    yield field(f"{word}_items", group, "items"), 1
    yield field(f"{word}_items", group, "squares"), pairs * pairs
