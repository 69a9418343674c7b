"""What a judgment is evidence of: what each of its series said of the item, for the counters of agreement.

A series is one judge version and one model, or `panel` for what several models said together.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from service.agreement.coding import Coding, Said, scale_of
from service.contracts.items import Item, content_digest
from service.contracts.judges import Judge, JudgeRef, ResolvedJudge, Scale
from service.contracts.judgments import Judgment, Vote
from service.contracts.outcomes import Outcome
from service.judging.combining import CombinedVerdict
from service.judging.methods import METHODS
from service.stats.drift import length_bucket

PANEL = "panel"
_FAMILY = re.compile(r"[a-z]+")
_MOST_CODINGS = 1024

_codings: dict[str, Coding | None] = {}


class Testimony(NamedTuple):
    """What a series said. `own`: whether the text is by the judge's own family of models, y, n, or '' if unknown."""

    series: str
    said: Said
    own: str


class Evidence(NamedTuple):
    """`content` is the digest of what was judged, `length` the bucket of its length.

    `events` are (series, field) that count one each. `doubt` says how much a label of the item would tell, from 0 on.
    """

    criterion: str
    content: str
    length: int
    testimonies: list[Testimony]
    events: list[tuple[str, str]]
    doubt: float


class _Part(NamedTuple):
    """What one series' votes amount to."""

    model: str
    verdict: CombinedVerdict | Judgment
    votes: Sequence[Vote]


def token_of(ref: JudgeRef) -> str:
    """A judge's name in counters: `name@version`, or the digest of one that was sent inline."""
    return ref.digest if ref.name is None else f"{ref.name}@{ref.version}"


def series_of(ref: JudgeRef, model: str) -> str:
    """A series' name in counters."""
    return f"{token_of(ref)} {model}"


def evidence_of(judge: ResolvedJudge, judgment: Judgment, item: Item) -> Evidence:
    """What to count of a judgment that was not cancelled."""
    coding = _coding(judge)
    length = length_bucket(_length(item))
    testimonies, events = [], []
    for part in _parts(judge, judgment):
        series = series_of(judge.ref, part.model)
        events.append((series, "\t".join(("outcome", part.verdict.outcome, part.verdict.reason or ""))))
        said = _said(coding, judge.definition, part.verdict)
        if said is not None:
            testimonies.append(Testimony(series, said, _own(item, part.model)))
            events.append((series, f"score\t{said.key}\t{length}"))
        events += [(series, f"orders\t{first}\t{second}") for first, second in _both_orders(part.votes)]
    return Evidence(
        criterion=judge.definition.criterion,
        content=content_digest(item),
        length=length,
        testimonies=testimonies,
        events=events,
        doubt=_doubt(judge.definition, judgment),
    )


def _coding(judge: ResolvedJudge) -> Coding | None:
    """Of the judge's scale, None for a ranking; remembered by the judge's digest."""
    digest = judge.ref.digest
    if digest not in _codings:
        if len(_codings) >= _MOST_CODINGS:
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


def _said(coding: Coding | None, judge: Judge, verdict: CombinedVerdict | Judgment) -> Said | None:
    if coding is None or verdict.outcome is not Outcome.SCORED:
        return None
    return coding.by_judge(verdict.score, verdict.label, is_expected=judge.score_from == "logprobs")


def _both_orders(votes: Sequence[Vote]) -> Iterator[tuple[str, str]]:
    """The verdicts of each model and sample that was read in both orders."""
    by_order = {(vote.model, vote.sample, vote.order): vote.label for vote in votes if vote.label is not None}
    for (model, sample, order), label in by_order.items():
        other = by_order.get((model, sample, "BA"))
        if order == "AB" and label is not None and other is not None:
            yield label, other


def _length(item: Item) -> int:
    """In characters, of all that is judged."""
    return len(item.output or "") + sum(map(len, item.outputs or ()))


def _own(item: Item, model: str) -> str:
    """Whether `metadata.model` names a model of the same family as the judge."""
    author = item.metadata.get("model")
    if not isinstance(author, str) or model == PANEL:
        return ""
    return "y" if family_of(author) == family_of(model) else "n"


def family_of(model: str) -> str:
    """`gpt` for openai/gpt-4.1-mini: the letters that the model's own name begins with."""
    own_name = model.rpartition("/")[2].lower()
    found = _FAMILY.match(own_name)
    return found.group() if found else own_name


def _doubt(judge: Judge, judgment: Judgment) -> float:
    """Votes that differ, orders that contradict each other, answers that could not be read at first or at all."""
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
