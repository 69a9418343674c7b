"""The evidence that a judgment gives to the counters of agreement: the value of each of its series, and events.

A series is one judge version, one model, or `panel` for the combined verdict of several models, and the served model:
the one that answered under the model's name, as the provider names it. Votes that failed name none.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Literal, NamedTuple

from service.agreement.coding import CodedValue, Coding, scale_of
from service.agreement.doubt import doubt_level, doubt_of
from service.agreement.rival_fields import BASELINE_NAMES, baseline_series
from service.agreement.series_names import PANEL, series_name, served_together, token_of
from service.contracts.items import Item, content_digest, item_case
from service.contracts.judges import ResolvedJudge
from service.contracts.judgments import Judgment, Vote
from service.contracts.outcomes import Outcome, Reason
from service.judging.baselines import baseline_answer
from service.judging.combining import CombinedVerdict
from service.judging.methods import METHODS
from service.stats.length_buckets import length_bucket

_FAMILY = re.compile(r"[a-z]+")
_MAX_CODINGS = 1024
_ANSWERS = (Outcome.SCORED, Outcome.UNSCORED)

_NOT_KNOWN: Mapping[str, str] = MappingProxyType({})

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
    that count one each. `doubt` is a level: see `doubt.py`. `is_answered` means that at least one model answered,
    scored or not; `answered` are the series that did. `group` is the item's group, empty if it has none, and `case` its
    case. `baselines` computes the baselines' scores, which only labelled items need.
    """

    criterion: str
    content: str
    length: int
    values: Sequence[SeriesValue]
    events: Sequence[tuple[str, str]]
    doubt: int
    is_answered: bool
    answered: Sequence[str] = ()
    group: str = ""
    case: str = ""
    baselines: Callable[[], Sequence[SeriesValue]] = tuple


class _Part(NamedTuple):
    """The votes of one series and their verdict; `served` is empty if no vote names its served model."""

    model: str
    served: str
    verdict: CombinedVerdict | Judgment
    votes: Sequence[Vote]


def evidence_of(
    judge: ResolvedJudge, judgment: Judgment, item: Item, last_served: Mapping[str, str] = _NOT_KNOWN
) -> Evidence:
    """Returns the evidence of a judgment that was not cancelled.

    `last_served` has the served model that each model last named. A panel's series has it for a model that failed, so
    that its verdicts without that model stay in the same series.
    """
    coding, token = _coding(judge), token_of(judge.ref)
    is_expected = judge.definition.score_from == "logprobs"
    length = length_bucket(_length(item))
    values: list[SeriesValue] = []
    events: list[tuple[str, str]] = []
    answered = []
    for model, served, verdict, votes in _parts(judge, judgment, last_served):
        series = series_name(token, model, served)
        if verdict.outcome in _ANSWERS:
            answered.append(series)
        said = (verdict.outcome, verdict.reason, verdict.score, verdict.label)
        its_values, its_events = _of_series(series, coding, said, is_expected, _own(item, model), length)
        values += its_values
        events += its_events
        events += [(series, f"orders\t{first}\t{second}") for first, second in _both_orders(votes)]
    return Evidence(
        criterion=judge.definition.criterion,
        content=content_digest(item),
        length=length,
        values=values,
        events=events,
        doubt=doubt_level(doubt_of(judge.definition, judgment)),
        is_answered=any(vote.outcome in _ANSWERS for vote in judgment.votes),
        answered=answered,
        group="" if item.group is None else str(item.group),
        case=item_case(item),
        baselines=partial(baseline_values, judge, item),
    )


@lru_cache(maxsize=8192)
def _of_series(
    series: str,
    coding: Coding | None,
    said: tuple[Outcome, Reason | None, float | None, str | None],
    is_expected: bool,
    own: OwnText,
    length: int,
) -> tuple[Sequence[SeriesValue], Sequence[tuple[str, str]]]:
    """Returns the value of a series that said this, if it has one, and its events. Most judgments repeat each other."""
    outcome, reason, score, label = said
    events = [(series, f"outcome\t{outcome}\t{reason or ''}")]
    value = None
    if coding is not None and outcome is Outcome.SCORED:
        value = coding.by_judge(score, label, is_expected=is_expected)
    if value is None:
        return (), events
    return (SeriesValue(series, value, own),), [*events, (series, f"score\t{value.key}\t{length}")]


def baseline_values(judge: ResolvedJudge, item: Item) -> list[SeriesValue]:
    """Returns the scores that baselines give an item on the judge's scale, as series of the judge, without a call.

    Empty if there are none, as for a ranking or for an item without the texts that the method compares.
    """
    coding = _coding(judge)
    if coding is None:
        return []
    found = []
    for name, series in zip(BASELINE_NAMES, baseline_series(token_of(judge.ref)), strict=True):
        try:
            answer = baseline_answer(name, judge.definition, item).fields
        except ValueError:  # not two outputs: a template of the judge's own may need none
            return []
        value = coding.by_judge(answer.get("score"), answer.get("label"))
        if value is None:
            return []
        found.append(SeriesValue(series, value, ""))
    return found


def _coding(judge: ResolvedJudge) -> Coding | None:
    """Returns the coding of the judge's scale, None for a ranking; cached by the judge's digest."""
    digest = judge.ref.digest
    if digest not in _codings:
        if len(_codings) >= _MAX_CODINGS:
            _codings.clear()
        scale = scale_of(judge.definition)
        _codings[digest] = None if scale is None else Coding(scale)
    return _codings[digest]


def _parts(judge: ResolvedJudge, judgment: Judgment, last_served: Mapping[str, str]) -> Iterator[_Part]:
    if len(judge.models) == 1:
        yield _Part(judge.models[0], _served(judgment.votes), judgment, judgment.votes)
        return
    votes: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in judgment.votes:
        votes[vote.model].append(vote)
    yield _Part(PANEL, _served_of_panel(votes, last_served), judgment, judgment.votes)
    method = METHODS[judge.definition.method]
    for model, theirs in votes.items():
        yield _Part(model, _served(theirs), method.combine(judge.definition, theirs), theirs)


def _served(votes: Sequence[Vote]) -> str:
    return served_together(vote.served_model for vote in votes)


def _served_of_panel(votes: Mapping[str, Sequence[Vote]], last_served: Mapping[str, str]) -> str:
    answered = {model for model, theirs in votes.items() if any(vote.outcome in _ANSWERS for vote in theirs)}
    if not answered:
        return ""
    named = [vote.served_model for theirs in votes.values() for vote in theirs]
    return served_together([*named, *(last_served.get(model) for model in votes if model not in answered)])


def _both_orders(votes: Sequence[Vote]) -> Iterator[tuple[str, str]]:
    """Yields the verdicts in order AB and in order BA of each model and sample that has both."""
    if len(votes) == 1:
        return
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
    """Returns the letters at the start of the model's own name: `gpt` for openai/gpt-6-luna."""
    own_name = model.rpartition("/")[2].lower()
    found = _FAMILY.match(own_name)
    return found.group() if found else own_name
