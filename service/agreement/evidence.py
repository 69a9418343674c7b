"""The evidence that a judgment gives to the counters of agreement: the value of each of its series, and events.

A series is one judge version and one model, or `panel` for the combined verdict of several models.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from service.agreement.coding import CodedValue, Coding, scale_of
from service.contracts.items import Item, content_digest
from service.contracts.judges import Judge, JudgeRef, ResolvedJudge, Scale
from service.contracts.judgments import Judgment, Vote
from service.contracts.outcomes import Outcome
from service.judging.combining import CombinedVerdict
from service.judging.methods import METHODS
from service.stats.drift import length_bucket

PANEL = "panel"
_FAMILY = re.compile(r"[a-z]+")
_MAX_CODINGS = 1024
_ANSWERS = (Outcome.SCORED, Outcome.UNSCORED)

_codings: dict[str, Coding | None] = {}

OwnText = Literal["y", "n", ""]


class SeriesValue(NamedTuple):
    """A series' scored value; `own` tells whether the text is by the judge's family of models: y, n, '' if unknown."""

    series: str
    value: CodedValue
    own: OwnText


class Evidence(NamedTuple):
    """All that the counters take from one judgment.

    `content` is the digest of the judged content, `length` the bucket of its length. `events` are (series, field) pairs
    that count one each. `doubt` is 0 or more: the higher, the more a label of the item would tell. `is_answered` means
    that at least one model answered, scored or not.
    """

    criterion: str
    content: str
    length: int
    values: list[SeriesValue]
    events: list[tuple[str, str]]
    doubt: float
    is_answered: bool


class _Part(NamedTuple):
    """The votes of one series and their verdict."""

    model: str
    verdict: CombinedVerdict | Judgment
    votes: Sequence[Vote]


def token_of(ref: JudgeRef) -> str:
    """Returns a judge's name in counters: `name@version`, or the digest of an inline judge."""
    return ref.digest if ref.name is None else f"{ref.name}@{ref.version}"


def series_of(ref: JudgeRef, model: str) -> str:
    """Returns a series' name in counters."""
    return f"{token_of(ref)} {model}"


def evidence_of(judge: ResolvedJudge, judgment: Judgment, item: Item) -> Evidence:
    """Returns the evidence of a judgment that was not cancelled."""
    coding = _coding(judge)
    length = length_bucket(_length(item))
    values, events = [], []
    for part in _parts(judge, judgment):
        series = series_of(judge.ref, part.model)
        events.append((series, "\t".join(("outcome", part.verdict.outcome, part.verdict.reason or ""))))
        value = _coded_value(coding, judge.definition, part.verdict)
        if value is not None:
            values.append(SeriesValue(series, value, _own(item, part.model)))
            events.append((series, f"score\t{value.key}\t{length}"))
        events += [(series, f"orders\t{first}\t{second}") for first, second in _both_orders(part.votes)]
    return Evidence(
        criterion=judge.definition.criterion,
        content=content_digest(item),
        length=length,
        values=values,
        events=events,
        doubt=_doubt(judge.definition, judgment),
        is_answered=any(vote.outcome in _ANSWERS for vote in judgment.votes),
    )


def _coding(judge: ResolvedJudge) -> Coding | None:
    """Returns the coding of the judge's scale, None for a ranking; cached by the judge's digest."""
    digest = judge.ref.digest
    if digest not in _codings:
        if len(_codings) >= _MAX_CODINGS:
            _codings.clear()
        scale = scale_of(judge.definition)
        _codings[digest] = None if scale is None else Coding(scale)
    return _codings[digest]


def _parts(judge: ResolvedJudge, judgment: Judgment) -> Iterator[_Part]:
    if len(judge.models) == 1:
        yield _Part(judge.models[0], judgment, judgment.votes)
        return
    yield _Part(PANEL, judgment, judgment.votes)
    votes: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in judgment.votes:
        votes[vote.model].append(vote)
    method = METHODS[judge.definition.method]
    for model, theirs in votes.items():
        yield _Part(model, method.combine(judge.definition, theirs), theirs)


def _coded_value(coding: Coding | None, judge: Judge, verdict: CombinedVerdict | Judgment) -> CodedValue | None:
    if coding is None or verdict.outcome is not Outcome.SCORED:
        return None
    return coding.by_judge(verdict.score, verdict.label, is_expected=judge.score_from == "logprobs")


def _both_orders(votes: Sequence[Vote]) -> Iterator[tuple[str, str]]:
    """Yields the verdicts in order AB and in order BA of each model and sample that has both."""
    by_order = {(vote.model, vote.sample, vote.order): vote.label for vote in votes if vote.label is not None}
    for (model, sample, order), label in by_order.items():
        other = by_order.get((model, sample, "BA"))
        if order == "AB" and label is not None and other is not None:
            yield label, other


def _length(item: Item) -> int:
    """Returns the number of characters of the judged outputs."""
    return len(item.output or "") + sum(map(len, item.outputs or ()))


def _own(item: Item, model: str) -> OwnText:
    """Whether `metadata.model` names a model of the same family as the judge."""
    author = item.metadata.get("model")
    if not isinstance(author, str) or model == PANEL:
        return ""
    return "y" if family_of(author) == family_of(model) else "n"


def family_of(model: str) -> str:
    """Returns the letters at the start of the model's own name: `gpt` for openai/gpt-4.1-mini."""
    own_name = model.rpartition("/")[2].lower()
    found = _FAMILY.match(own_name)
    return found.group() if found else own_name


def _doubt(judge: Judge, judgment: Judgment) -> float:
    """Returns how doubtful a judgment is, by votes that differ, orders that contradict each other and re-asks."""
    if judgment.outcome is not Outcome.SCORED:
        return float(judgment.outcome is Outcome.UNSCORED)
    doubt = 0.0
    if judgment.spread:
        scale = judge.scale or Scale()
        doubt += judgment.spread / (scale.max - scale.min)
    labels = {vote.label for vote in judgment.votes if vote.label is not None}
    if judgment.consistent is False or len(labels) > 1:
        doubt += 1.0
    if any(vote.asks > 1 for vote in judgment.votes):
        doubt += 0.5
    return doubt
